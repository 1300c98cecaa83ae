//! What a hook is asked, and its JSON. `docs/reference/hook.md` describes it for whoever writes a backend.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rookery_engine::ports::Consulted;
use rookery_protocol::ids::{Millis, Realm, RoomKey};
use rookery_protocol::message::BodyKind;
use rookery_protocol::principal::Principal;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;

/// Never shown: there may be a credential or a body in it.
pub struct Question {
    pub realm: Realm,
    pub verb: Verb,
    pub at: Millis,
    pub address: Option<IpAddr>,
}

pub enum Verb {
    /// Somebody shows a token that is good.
    Connect(Box<Principal>),
    /// Somebody shows something, and the backend says who that is.
    Enter { credential: String },
    /// One ruling for each room.
    Talk { what: Consulted, who: Arc<Principal>, rooms: Vec<RoomKey>, said: Option<(BodyKind, Arc<[u8]>)> },
}

impl Question {
    /// How many rulings it asks for.
    pub fn size(&self) -> usize {
        match &self.verb {
            Verb::Connect(_) | Verb::Enter { .. } => 1,
            Verb::Talk { rooms, .. } => rooms.len(),
        }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    verb: &'static str,
    realm: &'a str,
    at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Who<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<Vec<Room<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Room<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
}

/// In the words of a token's claims.
#[derive(Serialize)]
struct Who<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    avatar: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    backend: bool,
}

#[derive(Serialize)]
struct Room<'a> {
    kind: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    kind: &'static str,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// As it goes to the backend.
pub fn written(question: &Question, with_body: bool) -> Vec<u8> {
    let Question { realm, verb, at, address } = question;
    let mut written = Written {
        verb: "connect",
        realm: realm.as_str(),
        at: *at,
        address: *address,
        principal: None,
        credential: None,
        rooms: None,
        room: None,
        message: None,
    };
    match verb {
        Verb::Connect(who) => written.principal = Some(self::who(who)),
        Verb::Enter { credential } => written.credential = Some(credential),
        Verb::Talk { what, who, rooms, said } => {
            written.principal = Some(self::who(who));
            let mut rooms = rooms.iter().map(|room| Room { kind: room.kind.word(), name: room.name.as_str() });
            match what {
                Consulted::Subscribe => {
                    written.verb = "subscribe";
                    written.rooms = Some(rooms.collect());
                }
                Consulted::Post => {
                    written.verb = "post";
                    written.room = rooms.next();
                }
            }
            written.message = said.as_ref().map(|(kind, body)| message(*kind, body, with_body));
        }
    }
    // Texts, numbers and lists of them: nothing that cannot be written.
    serde_json::to_vec(&written).unwrap_or_default()
}

fn who(who: &Principal) -> Who<'_> {
    Who {
        sub: who.user.as_str(),
        jti: who.token_id.as_ref().map(|id| id.as_str()),
        org: who.organisation.as_ref().map(|name| name.as_str()),
        name: &who.profile.display,
        avatar: &who.profile.avatar,
        exp: who.expires_at.map(|at| at / 1000),
        backend: who.powers.backend,
    }
}

fn message(kind: BodyKind, body: &[u8], with_body: bool) -> Message<'_> {
    let text = std::str::from_utf8(body).ok().filter(|_| kind != BodyKind::Binary);
    Message {
        kind: kind.word(),
        bytes: body.len(),
        body: text.filter(|_| with_body),
        body_base64: (with_body && text.is_none()).then(|| STANDARD.encode(body)),
    }
}
