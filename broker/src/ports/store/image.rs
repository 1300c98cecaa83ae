//! A room's rows as the engine's picture of the room.

use super::codec::bytes::{Reader, Unreadable, name_of};
use super::codec::keys;
use super::codec::values::{take_effect, take_effect_id, take_fact, take_info};
use bytes::Bytes;
use rookery_engine::ports::RoomImage;
use rookery_protocol::command::Role;
use rookery_protocol::ids::{Name, Place, UserId};
use rookery_protocol::limits;
use rookery_storage::{RoomState, Row, Table};
use std::cmp::Reverse;
use std::sync::Arc;

/// Everything but the newest events. A row that cannot be read fails the room: without a member or a number, it would
/// decide wrongly.
pub fn image_of(state: RoomState) -> Result<RoomImage, Unreadable> {
    let mut image = RoomImage {
        last: state.newest,
        messages: state.next_ordinal.saturating_sub(1),
        replay_from: state.floor,
        ..RoomImage::default()
    };
    if !is_wiped(&state) {
        image.epochs = state.epochs;
    }
    let mut taken = Vec::new();
    for row in &state.rows {
        if row.table == Table::SeenEffects {
            taken.push(value(row, |from| Some((from.place()?, take_effect_id(from)?)))?);
        } else {
            take_row(row, &mut image)?;
        }
    }
    // A room keeps the newest ones, which it takes to be the last.
    taken.sort_by_key(|(place, _): &(Place, _)| *place);
    image.effects_taken = taken.into_iter().map(|(_, id)| id).collect();
    keep_newest_streams(&mut image.streams);
    Ok(image)
}

/// The room was deleted and nothing came since: its epochs belong to a life that is over.
fn is_wiped(state: &RoomState) -> bool {
    state.sealed.is_some() && state.next_ordinal == 1 && state.floor == state.newest
}

fn take_row(row: &Row, image: &mut RoomImage) -> Result<(), Unreadable> {
    match row.table {
        Table::Meta => image.info = Some(Arc::new(value(row, take_info)?)),
        Table::Members => image.members.push((name(row)?, value(row, role)?)),
        Table::Memberships => image.belongs.push((key(keys::room_of(&row.key))?, value(row, role)?)),
        Table::Reactions => image.reactions.push(key(keys::reaction_of(&row.key))?),
        Table::Pins => image.pins.push(key(keys::whole_place_of(&row.key))?),
        Table::Watermarks => {
            let (user, mark) = key(keys::watermark_of(&row.key))?;
            let (place, ordinal) = value(row, |from| Some((from.place()?, from.number()?)))?;
            image.watermarks.push((user, mark, place, ordinal));
        }
        Table::Streams => {
            let (user, stream) = key(keys::stream_of(&row.key))?;
            let (n, place) = stream_value(&row.value)?;
            image.streams.push((user, stream, n, place));
        }
        Table::PendingEffects => image.effects_pending.push(value(row, take_effect)?),
        Table::Users | Table::Names | Table::Counters | Table::Pairs | Table::Listings => {
            image.facts.push(value(row, take_fact)?);
        }
        // Those that were written first do not say when.
        Table::Revocations => {
            image.revoked.push(value(row, |from| Some((take_fact(from)?, from.number().unwrap_or(0))))?);
        }
        // Read on their own, where they are asked for.
        Table::SeenEffects | Table::Attachments => {}
    }
    Ok(())
}

/// The highest number of a stream, and its place.
pub fn stream_value(value: &Bytes) -> Result<(u64, Place), Unreadable> {
    Reader::value(value, |from| Some((from.number()?, from.place()?)))
}

fn value<T>(row: &Row, read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, Unreadable> {
    Reader::value(&row.value, read)
}

fn key<T>(key: Option<T>) -> Result<T, Unreadable> {
    key.ok_or(Unreadable::Impossible)
}

fn name(row: &Row) -> Result<Name, Unreadable> {
    key(name_of(&row.key))
}

fn role(from: &mut Reader<'_>) -> Option<Role> {
    Role::from_number(u64::from(from.byte()?))
}

/// More streams than a room keeps at hand need not come along: it looks the others up.
fn keep_newest_streams(streams: &mut Vec<(UserId, u64, u64, Place)>) {
    let most = limits::STREAMS_PER_ROOM as usize;
    if streams.len() > most {
        streams.select_nth_unstable_by_key(most, |(_, _, _, place)| Reverse(*place));
        streams.truncate(most);
    }
}
