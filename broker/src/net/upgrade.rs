//! The rules of the WebSocket handshake (RFC 6455 section 4.2), and the answer when one is broken.
//!
//! fastwebsockets computes the accept key and the response; of the request it checks the version and that a key is
//! there. The rest is checked here. No extension is negotiated, whatever is offered.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::origin::OriginPolicy;

/// What a listener or realm allows.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub origins: &'a OriginPolicy,
    /// Subprotocols that we speak, the one we like best first.
    pub protocols: &'a [&'static str],
}

/// A handshake that kept all rules.
#[derive(Debug)]
pub struct Accepted {
    /// The 101, with the chosen subprotocol.
    pub response: Response<Empty<Bytes>>,
    /// The best of ours that the client offered; none if it offered none of them.
    pub protocol: Option<&'static str>,
}

/// The rule that a request broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    NotGet,
    OldHttp,
    /// No `Upgrade: websocket`: an ordinary request to a WebSocket's address.
    NotAnUpgrade,
    /// `Upgrade` without `Connection: upgrade`: a proxy on the way has dropped it.
    NotConnected,
    WrongVersion,
    BadKey,
    /// A request with a body: what follows the head would be taken for frames.
    HasBody,
    BadProtocols,
    ForeignOrigin,
}

impl Refusal {
    /// Every refusal, for documents and tests.
    pub const ALL: [Refusal; 9] = [
        Refusal::NotGet,
        Refusal::OldHttp,
        Refusal::NotAnUpgrade,
        Refusal::NotConnected,
        Refusal::WrongVersion,
        Refusal::BadKey,
        Refusal::HasBody,
        Refusal::BadProtocols,
        Refusal::ForeignOrigin,
    ];

    pub const fn status(self) -> StatusCode {
        match self {
            Refusal::NotGet => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::NotAnUpgrade | Refusal::WrongVersion => StatusCode::UPGRADE_REQUIRED,
            Refusal::ForeignOrigin => StatusCode::FORBIDDEN,
            Refusal::OldHttp | Refusal::NotConnected | Refusal::BadKey | Refusal::HasBody | Refusal::BadProtocols => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    pub const fn why(self) -> &'static str {
        match self {
            Refusal::NotGet => "a WebSocket is opened with GET",
            Refusal::OldHttp => "a WebSocket needs HTTP/1.1",
            Refusal::NotAnUpgrade => "this address speaks WebSocket: send Upgrade: websocket",
            Refusal::NotConnected => "Connection: upgrade is missing (does a proxy on the way drop it?)",
            Refusal::WrongVersion => "Sec-WebSocket-Version must be 13",
            Refusal::BadKey => "Sec-WebSocket-Key must be one base64 value of 16 bytes",
            Refusal::HasBody => "the upgrade request must not have a body",
            Refusal::BadProtocols => "Sec-WebSocket-Protocol must be a list of distinct names",
            Refusal::ForeignOrigin => "pages of this origin may not connect here",
        }
    }

    /// The whole answer, headers that tell a client how to do better included.
    pub fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from_static(self.why().as_bytes())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status() == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        if self.status() == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}

/// Judges a handshake and builds its 101.
///
/// # Errors
/// The first rule broken, in the order of [`Refusal::ALL`].
pub fn accept<B>(request: &mut Request<B>, rules: &Rules<'_>) -> Result<Accepted, Refusal> {
    let protocol = check(request, rules)?;
    let (mut response, _later) = fastwebsockets::upgrade::upgrade(&mut *request).map_err(|_| Refusal::BadKey)?;
    if let Some(name) = protocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    Ok(Accepted { response, protocol })
}

fn check<B>(request: &Request<B>, rules: &Rules<'_>) -> Result<Option<&'static str>, Refusal> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(Refusal::NotGet);
    }
    if request.version() != Version::HTTP_11 {
        return Err(Refusal::OldHttp);
    }
    if !lists(headers, &header::UPGRADE, "websocket") {
        return Err(Refusal::NotAnUpgrade);
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(Refusal::NotConnected);
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        return Err(Refusal::WrongVersion);
    }
    if !only(headers, &header::SEC_WEBSOCKET_KEY).is_some_and(is_key) {
        return Err(Refusal::BadKey);
    }
    let empty = headers.get_all(header::CONTENT_LENGTH).iter().all(|length| length.as_bytes() == b"0");
    if !empty || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Refusal::HasBody);
    }
    let protocol = choose(headers, rules.protocols)?;
    if !rules.origins.allows(headers) {
        return Err(Refusal::ForeignOrigin);
    }
    Ok(protocol)
}

/// The elements of a comma-separated header, which may be given several times (RFC 9110 section 5.3).
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    elements(headers, name).any(|element| element.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The header's value, if it is given exactly once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Bits beyond the 16th byte are not looked at: there are clients that do not clear them.
const KEY_ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

fn is_key(value: &HeaderValue) -> bool {
    // Room for what 24 characters may hold, and refused above that before anything is decoded.
    let mut key = [0; 18];
    value.len() == 24 && KEY_ENGINE.decode_slice(value.as_bytes(), &mut key) == Ok(16)
}

/// The first of ours that was offered. Names are compared exactly (RFC 6455 section 11.3.4 makes no exception of case).
fn choose(headers: &HeaderMap, ours: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
    let mut best = None;
    let mut seen: Vec<&[u8]> = Vec::new();
    if !headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        return Ok(None);
    }
    for offered in elements(headers, &header::SEC_WEBSOCKET_PROTOCOL) {
        if offered.is_empty() || !offered.iter().all(|byte| is_token(*byte)) || seen.contains(&offered) {
            return Err(Refusal::BadProtocols);
        }
        seen.push(offered);
        let place = ours.iter().position(|name| name.as_bytes() == offered);
        best = match (best, place) {
            (Some(best), Some(place)) => Some(usize::min(best, place)),
            (best, place) => best.or(place),
        };
    }
    Ok(best.and_then(|place| ours.get(place).copied()))
}

/// A character of a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
