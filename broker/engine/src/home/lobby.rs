//! Status of users: what they do now, told to the lobby's subscribers. Kept in memory: sessions say it again.

use super::room::Room;
use super::world::World;
use crate::message::Envelope;
use rookery_protocol::command::Status;
use rookery_protocol::event::{PresenceOf, Signal};
use rookery_protocol::ids::{Millis, UserId};
use rookery_protocol::reply::Reply;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Lobby {
    users: BTreeMap<UserId, Seen>,
    online: usize,
}

/// What a user does, or did last.
#[derive(Clone, Debug)]
struct Seen {
    status: Status,
    text: String,
    at: Millis,
}

/// Users that are offline are remembered up to this many, for when they were last seen.
const KEPT: usize = 65_536;

impl Lobby {
    /// Nobody is here: what it knows may be forgotten.
    pub fn is_empty(&self) -> bool {
        self.online == 0
    }

    /// Answers whether something changed that others can see.
    fn set(&mut self, user: &UserId, status: Status, text: String, at: Millis) -> bool {
        let full = self.users.len() >= KEPT;
        let before = self.users.get(user);
        let was = before.map_or(Status::Offline, |p| p.status);
        let same = before.is_some_and(|p| p.status == status && p.text == text);
        self.online -= usize::from(was != Status::Offline);
        self.online += usize::from(status != Status::Offline);
        if status == Status::Offline && full && was != Status::Offline {
            self.users.remove(user);
            return true;
        }
        self.users.insert(user.clone(), Seen { status, text, at });
        !same
    }
}

impl Room {
    /// What an inbox says of its user's connections. Who has chosen a status keeps it while online.
    pub(crate) fn seen(&mut self, w: &mut World<'_>, user: &UserId, status: Status, text: String, at: Millis) {
        let before = self.lobby.as_ref().and_then(|lobby| lobby.users.get(user));
        let (status, text) = match before {
            Some(known) if status == Status::Online && known.status != Status::Offline => {
                (known.status, known.text.clone())
            }
            Some(known) if text.is_empty() => (status, known.text.clone()),
            Some(_) | None => (status, text),
        };
        self.set_presence(w, user, status, text, at);
    }

    pub(crate) fn set_status(&mut self, w: &mut World<'_>, envelope: &Envelope, status: Status, text: String) {
        let user = envelope.who.user.clone();
        self.set_presence(w, &user, status, text, envelope.at);
        w.reply(envelope.reply_to, Reply::Done);
    }

    fn set_presence(&mut self, w: &mut World<'_>, user: &UserId, status: Status, text: String, at: Millis) {
        if self.lobby.get_or_insert_default().set(user, status, text, at) {
            let presence = self.presence_of(user);
            self.signal(w, &Signal::Presence(presence), None);
        }
    }

    pub(crate) fn presence_of(&self, user: &UserId) -> PresenceOf {
        let known = self.lobby.as_ref().and_then(|lobby| lobby.users.get(user)).cloned();
        let Seen { status, text, at } = known.unwrap_or(Seen { status: Status::Offline, text: String::new(), at: 0 });
        PresenceOf { user: user.clone(), status, text, last_seen: at }
    }
}
