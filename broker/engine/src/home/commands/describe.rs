//! What a room is, for whoever does not subscribe: as far as it is confirmed.

use super::talk;
use crate::home::decide::{Context, Decision, Go};
use rookery_protocol::event::RoomInfo;
use rookery_protocol::reply::{Described, Reply};
use std::sync::Arc;

pub(crate) fn decide(c: &Context<'_>) -> Decision {
    talk(c)?;
    let plain = || Arc::new(RoomInfo { access: c.room.class.access, ..RoomInfo::default() });
    Ok(Go::Answer(Reply::Described(Box::new(Described {
        room: c.room.key.clone(),
        info: c.state().info.clone().unwrap_or_else(plain),
        end: c.room.confirm.place,
        messages: c.room.confirm.messages,
        count: c.state().members.len() as u64,
        present: c.room.here.count() as u64,
        role: c.state().role(&c.who.user),
    }))))
}
