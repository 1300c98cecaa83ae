//! A copy of the whole store at one moment, in a folder of its own, while others write.

use super::disk::Disk;
use super::keys::{OWN, RoomBytes, split_room};
use super::messages::messages;
use super::runs::Way;
use super::space::{Nth, Space};
use super::view::View;
use super::{EmbeddedOptions, marks};
use crate::Seq;
use crate::ask::Position;
use crate::settled::Fault;
use bytes::Bytes;
use std::path::Path;

/// Told after so much was copied.
const STEP: u64 = 16 * 1024 * 1024;

type Put<'a> = &'a mut dyn FnMut(Nth, Space, &[u8], Bytes) -> Result<(), Fault>;

/// Copies what one moment shows, and says how far it reaches. The copy needs no segments: its messages are kept one by
/// one. `progress` is told how many bytes there are so far; what it says no to is left half done.
pub fn copy(disk: &Disk, folder: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<Position, Fault> {
    let view = disk.view();
    let target = Disk::open(folder, &EmbeddedOptions::default())?;
    let (mut bytes, mut told) = (0u64, 0u64);
    target.fill(|put| {
        let put: Put<'_> = &mut |nth, space, key, value| {
            bytes += (key.len() + value.len()) as u64;
            if bytes - told >= STEP {
                told = bytes;
                if !progress(bytes) {
                    return Err(Fault::Io("the copy was given up".to_owned()));
                }
            }
            put(nth, space, key, value)
        };
        copy_space(&view, Space::Rooms, Nth::Second, put)?;
        copy_messages(&view, put)?;
        for space in [Space::Changes, Space::Rows, Space::Rooms, Space::Index] {
            copy_space(&view, space, Nth::First, put)?;
        }
        Ok(())
    })?;
    progress(bytes);
    marks::check(&target)
}

fn copy_space(view: &View<'_>, space: Space, nth: Nth, put: Put<'_>) -> Result<(), Fault> {
    for pair in view.range(space, &[], &[u8::MAX]) {
        let (key, value) = pair?;
        // The copy is of this layout, whichever the store has.
        let value = if space == Space::Rooms { marks::of_a_copy(&key, value) } else { value };
        put(nth, space, &key, value)?;
    }
    Ok(())
}

fn copy_messages(view: &View<'_>, put: Put<'_>) -> Result<(), Fault> {
    for pair in view.range(Space::Rooms, &[OWN + 1], &[u8::MAX]) {
        let (key, _) = pair?;
        let Some((room, [])) = split_room(&key) else {
            return Err(Fault::Damaged { room: None, place: None, what: "a room's key is none".to_owned() });
        };
        let bytes = RoomBytes::new(&room);
        let Some(meta) = view.meta(&room, &bytes)? else { continue };
        for found in messages(view, &room, &bytes, &meta, (Seq(0), meta.newest.seq), Way::Up) {
            let record = found?.record;
            let mut value = Vec::with_capacity(record.encoded_size());
            record.encode(&mut value);
            put(Nth::First, Space::Messages, &bytes.seq(record.place.seq), value.into())?;
        }
    }
    Ok(())
}
