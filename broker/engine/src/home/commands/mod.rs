//! One file per command, or per tight family: from a room's state and a command to a decision. Nothing here changes
//! anything.

pub(crate) mod backend;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod delete_room;
pub(crate) mod describe;
pub(crate) mod direct_room;
pub(crate) mod edit;
pub(crate) mod history;
pub(crate) mod lists;
pub(crate) mod mark_read;
pub(crate) mod membership;
pub(crate) mod names;
pub(crate) mod pin;
pub(crate) mod post;
pub(crate) mod react;
pub(crate) mod roster;
pub(crate) mod status;
pub(crate) mod typing;
pub(crate) mod update;

use super::decide::{Context, Stop};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::RoomKind;
use rookery_protocol::limits;
use rookery_protocol::reply::Refusal;

/// The rooms that people talk in.
pub(crate) const TALK: [RoomKind; 2] = [RoomKind::Room, RoomKind::Direct];

fn fits(what: &str, size: usize, most: u64) -> Result<(), Stop> {
    if size as u64 <= most {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::TooLarge, format!("{what}: {size}, at most {most}")).into())
}

fn text(what: &str, field: &str) -> Result<(), Stop> {
    fits(what, field.len(), limits::TEXT_FIELD_BYTES)
}

/// Of the rooms that people talk in, and let in.
fn talk(c: &Context<'_>) -> Result<(), Stop> {
    c.only(&TALK)?;
    c.enter()
}
