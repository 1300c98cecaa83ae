//! Status of users, at their lobby: kept in memory, told to the lobby's subscribers.

use super::{fits, text};
use crate::home::decide::{Context, Decision, Go};
use rookery_protocol::command::Status;
use rookery_protocol::event::PresenceOf;
use rookery_protocol::ids::{RoomKind, UserId};
use rookery_protocol::limits;
use rookery_protocol::reply::Reply;

pub(crate) fn set(c: &Context<'_>, status: Status, words: &str) -> Decision {
    c.only(&[RoomKind::Lobby])?;
    c.enter()?;
    text("status text", words)?;
    Ok(Go::Status { status, text: words.to_owned() })
}

pub(crate) fn query(c: &Context<'_>, users: &[UserId]) -> Decision {
    c.only(&[RoomKind::Lobby])?;
    c.enter()?;
    fits("users", users.len(), limits::PRESENCE_QUERY_USERS)?;
    let users: Vec<PresenceOf> = users.iter().map(|user| c.room.presence_of(user)).collect();
    Ok(Go::Answer(Reply::Presence { users }))
}
