//! Which pages are the node's own: those that a browser on this machine got from this very listener.
//!
//! The demo page at `/` connects to the node that served it, so its origin must pass where foreign ones are refused.
//! A request comes from an own page if all of this holds:
//!
//! 1. `Origin` is given once and is `http://` or `https://` and exactly what `Host` names, given once: same host, same
//!    port. So a page of another port of this machine (somebody's development server) is foreign.
//! 2. That host is a loopback address written out, or `localhost`. So DNS rebinding gets nowhere: a page of
//!    `evil.example`, whose name resolves to 127.0.0.1 by now, has its own name in both headers, and a browser lets no
//!    script change either. A name that resolves to loopback is not loopback; nor is `localhost.evil.example`.
//! 3. The request's target is a path. With an absolute one (as to a proxy), `Host` says nothing.
//!
//! Pages under any other name of the node are listed as allowed origins: only who runs it knows its names.

use super::origin::Origin;
use hyper::Request;
use hyper::header::{HOST, HeaderName, ORIGIN};

pub fn is_own_page<B>(request: &Request<B>) -> bool {
    let Some(origin) = only(request, &ORIGIN) else { return false };
    let Some((scheme @ ("http" | "https"), _)) = origin.split_once("://") else { return false };
    let Some(own) = addressed(request, scheme) else { return false };
    own.is_loopback() && Origin::parse(origin).is_ok_and(|origin| origin == own)
}

/// Whether a program, or a browser's address bar, asked for this machine by a name that nobody else can have.
pub fn is_asked_at_loopback<B>(request: &Request<B>) -> bool {
    addressed(request, "http").is_some_and(|own| own.is_loopback())
}

/// The origin of a page that would have been served by this request.
fn addressed<B>(request: &Request<B>, scheme: &str) -> Option<Origin> {
    if request.uri().authority().is_some() {
        return None;
    }
    Origin::parse(&format!("{scheme}://{}", only(request, &HOST)?)).ok()
}

/// The header's value, if it is given exactly once.
fn only<'r, B>(request: &'r Request<B>, name: &HeaderName) -> Option<&'r str> {
    let mut values = request.headers().get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn own(host: &str, origin: &str) -> bool {
        is_own_page(&asks("/v1/ws", &[("host", host), ("origin", origin)]))
    }

    #[test]
    fn a_page_of_this_listener_by_a_loopback_name_is_own() {
        for (host, origin) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("127.8.9.1:8080", "http://127.8.9.1:8080"),
            ("localhost:8080", "http://localhost:8080"),
            ("LocalHost:8080", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("localhost:8443", "https://localhost:8443"),
            ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost"),
            ("localhost", "https://localhost"),
        ] {
            assert!(own(host, origin), "{host} {origin}");
        }
    }

    #[test]
    fn every_other_page_is_foreign() {
        for (host, origin) in [
            // Rebinding: equal, and not loopback by its name.
            ("evil.example:8080", "http://evil.example:8080"),
            ("localhost.evil.example:8080", "http://localhost.evil.example:8080"),
            ("127.0.0.1.evil.example:8080", "http://127.0.0.1.evil.example:8080"),
            ("evil.localhost:8080", "http://evil.localhost:8080"),
            ("localhost.:8080", "http://localhost.:8080"),
            ("127.1:8080", "http://127.1:8080"),
            ("2130706433:8080", "http://2130706433:8080"),
            ("0.0.0.0:8080", "http://0.0.0.0:8080"),
            ("[::]:8080", "http://[::]:8080"),
            ("192.168.1.5:8080", "http://192.168.1.5:8080"),
            ("[fe80::1]:8080", "http://[fe80::1]:8080"),
            // Another page of this machine.
            ("localhost:8080", "http://localhost:3000"),
            ("localhost:8080", "http://localhost"),
            ("localhost", "http://localhost:8080"),
            ("localhost:8080", "http://127.0.0.1:8080"),
            ("127.0.0.1:8080", "http://[::1]:8080"),
            // A foreign page that addresses this machine.
            ("127.0.0.1:8080", "https://evil.example"),
            ("localhost:8080", "http://localhost.evil.example:8080"),
            ("localhost:8080", "http://localhost:8080.evil.example"),
            ("localhost:8080", "http://localhost:8080@evil.example"),
            ("localhost:8080", "http://localhost:8080/"),
            ("localhost:8080", "http://localhost:8080, https://evil.example"),
            // No page at all.
            ("localhost:8080", "null"),
            ("localhost:8080", ""),
            ("localhost:8080", "file://localhost:8080"),
            ("localhost:8080", "ws://localhost:8080"),
            ("localhost:8080", "chrome-extension://localhost:8080"),
            ("", "http://"),
            ("user@localhost:8080", "http://user@localhost:8080"),
        ] {
            assert!(!own(host, origin), "{host} {origin}");
        }
    }

    #[test]
    fn both_headers_count_once_and_the_target_is_a_path() {
        let good = [("host", "localhost:1"), ("origin", "http://localhost:1")];
        assert!(is_own_page(&asks("/v1/ws", &good)));
        assert!(!is_own_page(&asks("http://localhost:1/v1/ws", &good)));
        for twice in ["host", "origin"] {
            let more = good.iter().find(|(name, _)| *name == twice).unwrap();
            assert!(!is_own_page(&asks("/v1/ws", &[good[0], good[1], *more])), "{twice}");
        }
        assert!(!is_own_page(&asks("/v1/ws", &good[..1])));
        assert!(!is_own_page(&asks("/v1/ws", &good[1..])));
    }

    #[test]
    fn who_asks_at_loopback_needs_no_origin_for_it() {
        for (host, is) in [("localhost:1", true), ("127.0.0.1", true), ("[::1]:1", true), ("evil.example:1", false)] {
            assert_eq!(is_asked_at_loopback(&asks("/", &[("host", host)])), is, "{host}");
        }
        assert!(!is_asked_at_loopback(&asks("/", &[])));
    }
}
