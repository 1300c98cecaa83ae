//! `GET /v1/ws`: the native languages. A subprotocol chooses which; a header may bring the token; `?realm=` names the realm
//! whose tokens it shows; `?room=` the one room that it is mostly for, so that it is carried to that room's shard.

use super::{FrontSettings, Greeting, text};
use crate::net::front::Answer;
use crate::net::origin::OriginPolicy;
use crate::net::own_page;
use crate::net::upgrade::{self, Rules};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Request, StatusCode};
use rookery_protocol::dialect::registry::{self, Chosen};
use rookery_protocol::ids::{Name, Realm, RoomKey, RoomKind};

pub const PATH: &str = "/v1/ws";

pub fn upgrade(settings: &FrontSettings, mut request: Request<Incoming>) -> Answer<Greeting, Full<Bytes>> {
    let (dialect, named) = match registry::choose(offered(request.headers()).as_deref()) {
        Chosen::Named(dialect, name) => (dialect, Some(name)),
        Chosen::Unnamed(dialect) => (dialect, None),
        Chosen::Unknown(sentence) => return Answer::Plain(text(StatusCode::BAD_REQUEST, format!("{sentence}\n"))),
    };
    let query = request.uri().query().unwrap_or("").to_owned();
    let asked = value_of(&query, "realm");
    // What cannot be read is the name of none.
    let asked = asked.as_ref().map(|name| name.as_deref().unwrap_or_default());
    let Some((realm, origins)) = settings.realm(asked) else {
        return Answer::Plain(text(StatusCode::NOT_FOUND, "This node has no such realm.\n"));
    };
    let realm = realm.clone();
    let protocols = named.as_slice();
    let own = own_page::is_own_page(&request);
    let origins = if own { &OriginPolicy::Any } else { origins };
    match upgrade::accept(&mut request, &Rules { origins, protocols }) {
        Ok(accepted) => {
            let room = room_of(&query, &realm);
            let greeting =
                Greeting { dialect, realm, path: PATH.to_owned(), room, query, token: bearer(request.headers()) };
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
fn room_of(query: &str, realm: &Realm) -> Option<RoomKey> {
    let name = Name::new(&value_of(query, "room")??).ok()?;
    Some(RoomKey { realm: realm.clone(), kind: RoomKind::Room, name })
}

/// None: it is not there. None in it: it cannot be read.
fn value_of(query: &str, name: &str) -> Option<Option<String>> {
    let of_name =
        |pair: &str| pair.split_once('=').filter(|(given, _)| *given == name).map(|(_, v)| percent_decoded(v));
    query.split('&').find_map(of_name)
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
