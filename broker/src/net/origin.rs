//! Which web pages may open a socket: the policy on the `Origin` header.
//!
//! A browser sends the page's origin and lets no script change it; that is what protects a logged-in user from a
//! stranger's page. Anything that is not a browser can send what it likes, or nothing: the header says nothing about
//! who is there, so its absence is always allowed and tokens do the rest.

use hyper::header::{HeaderMap, ORIGIN};

/// A page's scheme, host and port (RFC 6454 section 4), in the form in which they are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    /// None for schemes that have no port of their own and were given none, such as an app's.
    port: Option<u16>,
}

/// Not an origin: anything but `scheme://host` or `scheme://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOrigin(pub String);

/// One that may, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    All,
    Page(Origin),
}

impl From<&[Allowed]> for OriginPolicy {
    fn from(allowed: &[Allowed]) -> OriginPolicy {
        let pages = allowed.iter().map(|one| match one {
            Allowed::All => None,
            Allowed::Page(origin) => Some(origin.clone()),
        });
        match pages.collect::<Option<Vec<Origin>>>() {
            None => OriginPolicy::Any,
            Some(none) if none.is_empty() => OriginPolicy::None,
            Some(list) => OriginPolicy::List(list),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) if default_port(&self.scheme) != Some(port) => write!(f, ":{port}"),
            Some(_) | None => Ok(()),
        }
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Allowed::All => f.write_str("*"),
            Allowed::Page(origin) => origin.fmt(f),
        }
    }
}

/// Which origins may open a socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OriginPolicy {
    /// Every page of the web. For development, and for realms whose tokens a foreign page cannot have.
    Any,
    /// No page at all; only clients that send no origin.
    #[default]
    None,
    /// These, compared exactly: no patterns, no suffixes.
    List(Vec<Origin>),
}

impl Origin {
    /// Reads `scheme://host` or `scheme://host:port`. Case and a default port make no difference; a path, user, query
    /// or an empty part is an error. Hosts are ASCII: browsers send the encoded form of others.
    ///
    /// # Errors
    /// [`BadOrigin`] for anything else, `null` included.
    pub fn parse(text: &str) -> Result<Origin, BadOrigin> {
        Origin::read(text).ok_or_else(|| BadOrigin(text.to_owned()))
    }

    /// Whether its host is this machine by what it says, not by what a name resolves to.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn read(text: &str) -> Option<Origin> {
        let (scheme, rest) = text.split_once("://")?;
        let mut letters = scheme.bytes();
        if !letters.next()?.is_ascii_alphabetic()
            || !letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        {
            return None;
        }
        let (host, port) = split_port(rest)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = match port {
            Some(digits) => Some(read_port(digits)?),
            None => default_port(&scheme),
        };
        Some(Origin { scheme, host: host.to_ascii_lowercase(), port })
    }
}

/// Splits `host[:port]`; the host may be an address in brackets.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            let end = inner.find(']')?;
            let address = &inner[..end];
            address.parse::<std::net::Ipv6Addr>().ok()?;
            text.split_at(end + 2)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let host = &text[..end];
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            if host.is_empty() || !host.bytes().all(plain) {
                return None;
            }
            text.split_at(end)
        }
    };
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None if rest.is_empty() => Some((host, None)),
        None => None,
    }
}

fn read_port(digits: &str) -> Option<u16> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

impl OriginPolicy {
    /// Whether a request with these headers may open a socket.
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(first) = origins.next() else {
            return true;
        };
        match self {
            OriginPolicy::Any => true,
            OriginPolicy::None => false,
            // Two origins are none: a browser sends one.
            OriginPolicy::List(_) if origins.next().is_some() => false,
            OriginPolicy::List(list) => {
                first.to_str().ok().and_then(Origin::read).is_some_and(|origin| list.contains(&origin))
            }
        }
    }
}

impl std::fmt::Display for BadOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is not an origin: write scheme://host or scheme://host:port", self.0)
    }
}

impl std::error::Error for BadOrigin {}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(policy: &OriginPolicy, origins: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, hyper::header::HeaderValue::from_bytes(origin.as_bytes()).unwrap());
        }
        policy.allows(&headers)
    }

    #[test]
    fn a_list_is_exact() {
        let list = OriginPolicy::List(vec![
            Origin::parse("https://chat.example.com").unwrap(),
            Origin::parse("http://localhost:3000").unwrap(),
            Origin::parse("http://[::1]:3000").unwrap(),
            Origin::parse("capacitor://localhost").unwrap(),
        ]);
        for good in [
            "https://chat.example.com",
            "HTTPS://Chat.Example.COM",
            "https://chat.example.com:443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "capacitor://localhost",
        ] {
            assert!(asks(&list, &[good]), "{good}");
        }
        for bad in [
            "",
            "null",
            "http://chat.example.com",
            "https://chat.example.com:444",
            "https://example.com",
            "https://evil.chat.example.com",
            "https://chat.example.com.evil.org",
            "https://evilchat.example.com",
            "https://chat.example.com.",
            "https://chat.example.com/",
            "https://chat.example.com/path",
            "https://chat.example.com:",
            "https://chat.example.com:0443x",
            "https://chat.example.com:65979",
            "https://user@chat.example.com",
            "https://chat.example.com@evil.org",
            "https://chat.example.com evil.org",
            "https://chat.example.com,https://evil.org",
            "https://ch\u{430}t.example.com",
            "https://",
            "://chat.example.com",
            "1https://chat.example.com",
            "chat.example.com",
            "http://localhost",
            "http://localhost:3001",
            "http://[::1",
            "http://[::1]x",
            "http://[::2]:3000",
            "http://[localhost]:3000",
            "file://",
        ] {
            assert!(!asks(&list, &[bad]), "{bad:?}");
        }
        assert!(!asks(&list, &["https://chat.example.com", "https://chat.example.com"]));
    }

    #[test]
    fn no_origin_is_always_allowed_and_none_allows_nothing_else() {
        let list = OriginPolicy::List(Vec::new());
        for policy in [&OriginPolicy::Any, &OriginPolicy::None, &list] {
            assert!(asks(policy, &[]));
        }
        for origin in ["https://chat.example.com", "null", "\u{fffd}"] {
            assert!(asks(&OriginPolicy::Any, &[origin]));
            assert!(!asks(&OriginPolicy::None, &[origin]));
            assert!(!asks(&list, &[origin]));
        }
        assert_eq!(OriginPolicy::default(), OriginPolicy::None);
    }
}
