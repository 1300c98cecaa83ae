//! How rooms and places are written where people read them.

use rookery_storage::{Place, RoomKey, RoomKind};

/// As `main/general`, with its kind where that is no ordinary room.
pub fn room(key: &RoomKey) -> String {
    match key.kind {
        RoomKind::Room => format!("{}/{}", key.realm, key.name),
        RoomKind::Direct | RoomKind::Inbox | RoomKind::Lobby | RoomKind::Directory => {
            format!("{}/{} ({})", key.realm, key.name, key.kind.word())
        }
    }
}

pub fn at(key: &RoomKey, place: Option<Place>) -> String {
    match place {
        Some(place) => format!("{} at {place}", room(key)),
        None => room(key),
    }
}
