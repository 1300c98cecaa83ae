//! The rooms of a shard that somebody touched: by handle, and by key.

use super::line::Waiting;
use super::parked::Sought;
use super::room::Room;
use super::world::{Due, Map, World};
use crate::message::{Envelope, RoomAddress, ToHome, realms_directory};
use crate::placement;
use crate::settings::Settings;
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Place, RoomHandle, RoomKey, RoomKind};

/// A room that nobody touched for this long is forgotten, if nothing of it is under way.
const IDLE_MS: u64 = 60_000;

#[derive(Default)]
pub(crate) struct Rooms {
    by_handle: Map<RoomHandle, Box<Room>>,
    by_key: Map<RoomKey, RoomHandle>,
    given: u32,
}

impl Rooms {
    pub fn get(&mut self, handle: RoomHandle) -> Option<&mut Room> {
        self.by_handle.get_mut(&handle).map(|room| &mut **room)
    }

    pub fn configure(&mut self, settings: &Settings) {
        for room in self.by_handle.values_mut() {
            // A realm that is gone stays as it was for those who are in it.
            if let Some(class) = settings.class_of(&room.key) {
                room.class = class;
            }
        }
    }

    /// Only if it was touched before.
    pub fn loaded(&mut self, key: &RoomKey) -> Option<&mut Room> {
        let handle = *self.by_key.get(key)?;
        self.get(handle)
    }

    pub fn of(&mut self, w: &mut World<'_>, address: &RoomAddress) -> Option<&mut Room> {
        match address {
            RoomAddress::Handle(handle) => self.get(*handle),
            RoomAddress::Key(key) => self.by_key(w, key),
        }
    }

    /// None in a realm that this node does not have.
    pub fn by_key(&mut self, w: &mut World<'_>, key: &RoomKey) -> Option<&mut Room> {
        let handle = match self.by_key.get(key) {
            Some(handle) => *handle,
            None => self.begin(w, key)?,
        };
        self.get(handle)
    }

    fn begin(&mut self, w: &mut World<'_>, key: &RoomKey) -> Option<RoomHandle> {
        let class = w.shared.settings.class_of(key)?;
        let next = self.given.checked_add(1)?;
        let handle = placement::handle(next, w.shared.settings.shard, w.shared.settings.shards)?;
        self.given = next;
        let room = Room::new(handle, key.clone(), class, w.shared.run, w.now.mono);
        self.by_handle.insert(handle, Box::new(room));
        self.by_key.insert(key.clone(), handle);
        w.after(IDLE_MS, Due::Idle(handle));
        Some(handle)
    }

    pub fn command(&mut self, w: &mut World<'_>, mut envelope: Box<Envelope>) {
        let to = envelope.reply_to;
        // A backend means the user's inbox, whichever way the command came.
        if let Command::Disconnect { user } | Command::Erase { user } = &envelope.command {
            let inbox = RoomKey { realm: envelope.who.realm.clone(), kind: RoomKind::Inbox, name: user.clone() };
            envelope.room = RoomAddress::Key(inbox.clone());
            let home = w.shared.shard_of(&inbox);
            if home != w.shared.settings.shard {
                return w.out.to_home(home, ToHome::Command(envelope));
            }
        }
        // What is revoked is revoked in the whole realm, whatever organisation its backend belongs to: edges ask one
        // directory before they welcome anybody.
        if matches!(envelope.command, Command::Revoke(_)) {
            let directory = realms_directory(&envelope.who.realm);
            envelope.room = RoomAddress::Key(directory.clone());
            let home = w.shared.shard_of(&directory);
            if home != w.shared.settings.shard {
                return w.out.to_home(home, ToHome::Command(envelope));
            }
        }
        match self.of(w, &envelope.room) {
            Some(room) => room.enter(w, Waiting::Command(envelope, Sought::new())),
            None => w.refuse_code(to, ErrorCode::NoSuchRoom),
        }
    }

    pub fn due(&mut self, w: &mut World<'_>, due: Due) {
        let handle = match &due {
            Due::Offline(inbox) => return w.offline(inbox),
            Due::Idle(handle) => return self.idle(w, *handle),
            Due::Grace(handle, _)
            | Due::Presence(handle)
            | Due::Summary(handle)
            | Due::Effects(handle)
            | Due::Store(handle)
            | Due::Expiry(handle)
            | Due::Retention(handle)
            | Due::Chore(handle)
            | Due::Gather(handle, _)
            | Due::Settling(handle)
            | Due::Patience(handle) => *handle,
        };
        let Some(room) = self.get(handle) else { return };
        match due {
            Due::Grace(_, user) => room.grace_over(w, user),
            Due::Presence(_) => room.tell_batch(w),
            Due::Summary(_) => room.tell_summary(w),
            Due::Effects(_) => room.effects_timer(w),
            Due::Store(_) => room.store_timer(w),
            Due::Expiry(_) => room.expiry_timer(w),
            Due::Retention(_) => room.retention_timer(w),
            Due::Chore(_) => room.chore_timer(w),
            Due::Gather(_, ticket) => room.finish_gather(w, ticket),
            Due::Patience(_) => room.patience_over(w),
            Due::Settling(_) => room.settling_timer(w),
            Due::Idle(_) | Due::Offline(_) => {}
        }
    }

    /// Forgets a room that nobody touched, or looks again later.
    fn idle(&mut self, w: &mut World<'_>, handle: RoomHandle) {
        let Some(room) = self.get(handle) else { return };
        let rested = w.now.mono.saturating_sub(room.touched);
        room.pages.clear();
        if rested < IDLE_MS {
            return w.after(IDLE_MS - rested, Due::Idle(handle));
        }
        if !room.can_be_forgotten() {
            return w.after(IDLE_MS, Due::Idle(handle));
        }
        let key = room.key.clone();
        if room.state.is_large() {
            w.ports.rests(&key);
        }
        self.by_handle.remove(&handle);
        self.by_key.remove(&key);
    }

    pub fn len(&self) -> usize {
        self.by_handle.len()
    }

    pub fn end_of(&self, handle: RoomHandle) -> Option<Place> {
        self.by_handle.get(&handle).map(|room| room.end())
    }
}
