//! From what a client calls a room to where the room lives.

use super::Edge;
use super::awaited::Await;
use super::connection::Connection;
use crate::message::{RoomAddress, ShardId};
use crate::placement;
use rookery_protocol::command::RoomRef;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Name, RoomHandle, RoomKey, RoomKind, UserId};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Refusal;

/// Lobby and directory of those who belong to no organisation.
const EVERYBODY: Name = Name::literal("*");

/// The principal's inbox, lobby or directory.
pub(super) fn own_room(who: &Principal, kind: RoomKind) -> RoomKey {
    let name = match kind {
        RoomKind::Lobby | RoomKind::Directory => who.organisation.clone().unwrap_or(EVERYBODY),
        RoomKind::Inbox | RoomKind::Room | RoomKind::Direct => who.user.clone(),
    };
    RoomKey { realm: who.realm.clone(), kind, name }
}

pub(super) fn inbox_of(who: &Principal, user: &UserId) -> RoomKey {
    RoomKey { realm: who.realm.clone(), kind: RoomKind::Inbox, name: user.clone() }
}

impl Edge {
    pub(super) fn shard_of(&self, key: &RoomKey) -> ShardId {
        placement::shard_of(key, self.settings.placement_key, self.settings.shards)
    }

    pub(super) fn shard_of_handle(&self, room: RoomHandle) -> ShardId {
        placement::shard_of_handle(room, self.settings.shards)
    }

    /// Where a command about this room goes. A handle is good only where its room is subscribed to: on a connection.
    pub(super) fn address(
        &self,
        connection: Option<&Connection>,
        who: &Principal,
        room: &RoomRef,
    ) -> Result<(ShardId, RoomAddress), Refusal> {
        if let RoomRef::Handle(handle) = room {
            self.subscribed(connection, *handle).ok_or_else(not_subscribed)?;
            return Ok((self.shard_of_handle(*handle), RoomAddress::Handle(*handle)));
        }
        let key = self.key(connection, who, room)?;
        Ok((self.shard_of(&key), RoomAddress::Key(key)))
    }

    pub(super) fn key(
        &self,
        connection: Option<&Connection>,
        who: &Principal,
        room: &RoomRef,
    ) -> Result<RoomKey, Refusal> {
        let realm = who.realm.clone();
        Ok(match room {
            RoomRef::Handle(handle) => self.subscribed(connection, *handle).ok_or_else(not_subscribed)?.clone(),
            RoomRef::Room { realm: Some(other), name } if *other != realm => {
                if !who.powers.any_realm {
                    return Err(Refusal::because(ErrorCode::NotAllowed, "a room of another realm"));
                }
                RoomKey { realm: other.clone(), kind: RoomKind::Room, name: name.clone() }
            }
            RoomRef::Room { name, .. } => RoomKey { realm, kind: RoomKind::Room, name: name.clone() },
            RoomRef::Direct { name } => RoomKey { realm, kind: RoomKind::Direct, name: name.clone() },
            RoomRef::Inbox => own_room(who, RoomKind::Inbox),
            RoomRef::Lobby => own_room(who, RoomKind::Lobby),
            RoomRef::Directory => own_room(who, RoomKind::Directory),
        })
    }

    /// A subscription that only waits for its end is none any more; one that is being attached anew still is.
    fn subscribed(&self, connection: Option<&Connection>, room: RoomHandle) -> Option<&RoomKey> {
        let connection = connection?;
        if let Some(sub) = connection.sub(room) {
            return if self.ending(sub).is_some() { None } else { self.rooms.get(room).map(|r| &r.key) };
        }
        let under_way = connection.attaching.iter().filter_map(|n| self.awaited.get(*n as usize));
        under_way.into_iter().find_map(|awaited| match awaited {
            Await::Attach(attach) if attach.again.is_some_and(|(again, _)| again == room) => Some(&attach.key),
            Await::Attach(_) | Await::Session { .. } | Await::Part { .. } | Await::Call { .. } => None,
        })
    }
}

pub(super) fn not_subscribed() -> Refusal {
    Refusal::new(ErrorCode::NotSubscribed)
}
