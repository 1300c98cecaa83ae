//! `GET /v1/ws`: the native languages. A subprotocol chooses which; a header may bring the token; `?room=` names the
//! one room that this connection is mostly for, so that it is carried to that room's shard.

use super::{FrontSettings, Greeting, text};
use crate::net::front::Answer;
use crate::net::upgrade::{self, Rules};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Request, StatusCode};
use rookery_protocol::dialect::registry::{self, Chosen};
use rookery_protocol::ids::{Name, RoomKey, RoomKind};

pub const PATH: &str = "/v1/ws";

pub fn upgrade(settings: &FrontSettings, mut request: Request<Incoming>) -> Answer<Greeting, Full<Bytes>> {
    let (dialect, named) = match registry::choose(offered(request.headers()).as_deref()) {
        Chosen::Named(dialect, name) => (dialect, Some(name)),
        Chosen::Unnamed(dialect) => (dialect, None),
        Chosen::Unknown(sentence) => return Answer::Plain(text(StatusCode::BAD_REQUEST, format!("{sentence}\n"))),
    };
    let protocols = named.as_slice();
    match upgrade::accept(&mut request, &Rules { origins: &settings.origins, protocols }) {
        Ok(accepted) => {
            let query = request.uri().query().unwrap_or("").to_owned();
            let greeting = Greeting {
                dialect,
                realm: settings.realm.clone(),
                path: PATH.to_owned(),
                room: room_of(&query, settings),
                query,
                token: bearer(request.headers()),
            };
            Answer::Upgrade(accepted.response, greeting)
        }
        Err(refusal) => Answer::Plain(refusal.response()),
    }
}

/// Several headers of this name are one list (RFC 9110, 5.3).
fn offered(headers: &HeaderMap) -> Option<String> {
    let values: Vec<_> = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|v| v.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// A hint and no more: what it names is not opened by it.
fn room_of(query: &str, settings: &FrontSettings) -> Option<RoomKey> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("room="))?;
    let name = Name::new(&percent_decoded(value)?).ok()?;
    Some(RoomKey { realm: settings.realm.clone(), kind: RoomKind::Room, name })
}

pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_decoding_takes_what_is_right_and_refuses_the_rest() {
        assert_eq!(percent_decoded("a%20b+c%F0%9F%90%A6").as_deref(), Some("a b c🐦"));
        for bad in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }
}
