//! Where each command goes: the one list of all of them on this side.

use super::session::Purpose;
use rookery_protocol::command::{Command, Post, RoomRef, SubscribeRoom};
use rookery_protocol::ids::{RoomKind, UserId};

pub(super) enum Route {
    // --- answered or split here
    Enter {
        token: String,
        purpose: Purpose,
    },
    Ping,
    Subscribe(Vec<SubscribeRoom>),
    Unsubscribe(Vec<RoomRef>),
    Broadcast(Vec<RoomRef>, Box<Post>),

    // --- decided by a room
    Room(RoomRef, Command),
    /// The principal's own.
    Own(RoomKind, Command),
    InboxOf(UserId, Command),
}

pub(super) fn of(command: Command) -> Route {
    match command {
        Command::Authenticate { token } => Route::Enter { token, purpose: Purpose::Enter(Vec::new()) },
        Command::Refresh { token } => Route::Enter { token, purpose: Purpose::Refresh },
        Command::Resume { token: Some(token), rooms } => Route::Enter { token, purpose: Purpose::Enter(rooms) },
        Command::Resume { token: None, rooms } | Command::Subscribe { rooms } => Route::Subscribe(rooms),
        Command::Unsubscribe { rooms } => Route::Unsubscribe(rooms),
        Command::Broadcast { rooms, post } => Route::Broadcast(rooms, post),
        Command::Ping => Route::Ping,
        Command::Post(ref post) => {
            let room = post.room.clone();
            Route::Room(room, command)
        }
        Command::Edit { ref room, .. }
        | Command::Delete { ref room, .. }
        | Command::React { ref room, .. }
        | Command::Unreact { ref room, .. }
        | Command::Pin { ref room, .. }
        | Command::Unpin { ref room, .. }
        | Command::MarkRead { ref room, .. }
        | Command::Typing { ref room, .. }
        | Command::History { ref room, .. }
        | Command::Roster { ref room, .. }
        | Command::Create { ref room, .. }
        | Command::Update { ref room, .. }
        | Command::Archive { ref room, .. }
        | Command::DeleteRoom { ref room }
        | Command::Join { ref room }
        | Command::Leave { ref room }
        | Command::Invite { ref room, .. }
        | Command::RemoveMember { ref room, .. }
        | Command::SetRole { ref room, .. }
        | Command::Describe { ref room } => {
            let room = room.clone();
            Route::Room(room, command)
        }
        Command::SetStatus { .. } | Command::QueryPresence { .. } => Route::Own(RoomKind::Lobby, command),
        Command::ListRooms { .. }
        | Command::DirectRoom { .. }
        | Command::Users { .. }
        | Command::Search { .. }
        | Command::Revoke(_)
        | Command::TakeName { .. }
        | Command::ReleaseName { .. }
        | Command::TakeNumbers { .. } => Route::Own(RoomKind::Directory, command),
        Command::UnreadSummary { .. } => Route::Own(RoomKind::Inbox, command),
        Command::Disconnect { ref user } | Command::Erase { ref user } => {
            let user = user.clone();
            Route::InboxOf(user, command)
        }
    }
}
