//! `rookery store stats`: what a stopped node's folder holds, by kinds of rooms and tables; its largest rooms; the
//! journal.

use super::frozen::{self, Stopped, Unsettled};
use super::{failure, names};
use crate::exit::Exit;
use crate::start::Failure;
use rookery_storage::embedded::Embedded;
use rookery_storage::journal::SegmentLook;
use rookery_storage::walk::{self, END};
use rookery_storage::{Fault, RoomKey, RoomKind, Table};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Rooms that are named one by one.
const LARGEST: usize = 10;

#[derive(Default, Serialize)]
struct Stats {
    rooms: u64,
    messages: u64,
    changes: u64,
    /// Of records and rows, their keys included, without what the store adds.
    bytes: u64,
    /// Of the settled store's files.
    settled_file_bytes: u64,
    kinds: BTreeMap<&'static str, Kind>,
    tables: BTreeMap<&'static str, Rows>,
    largest: Vec<Room>,
    journal: Journal,
}

#[derive(Default, Serialize)]
struct Kind {
    rooms: u64,
    messages: u64,
    changes: u64,
    bytes: u64,
}

#[derive(Default, Serialize)]
struct Rows {
    rows: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Room {
    realm: String,
    kind: &'static str,
    name: String,
    messages: u64,
    changes: u64,
    bytes: u64,
}

#[derive(Default, Serialize)]
struct Journal {
    segments: u64,
    bytes: u64,
    unsettled_entries: u64,
    unsettled_bytes: u64,
}

pub fn run(data: &Path, json: bool) -> Result<(), Failure> {
    let stopped = Stopped::open(data)?;
    let settled_file_bytes = size_of(stopped.scratch());
    let (settled, journal, unsettled) = stopped.whole()?;
    let stats = Stats { settled_file_bytes, journal: journal_of(&journal.segments, &unsettled), ..gather(&settled)? };
    if json {
        let text = serde_json::to_string(&stats).map_err(Failure::system)?;
        println!("{text}");
    } else {
        print(&stats);
    }
    Ok(())
}

fn gather(settled: &Embedded) -> Result<Stats, Failure> {
    let mut stats = Stats::default();
    let mut answer = frozen::answer(settled);
    let gone = walk::rooms::<Fault>(&mut answer, &mut |ask, room| {
        let state = walk::state(ask, &room)?;
        let (mut messages, mut changes, mut bytes) = (0, 0, 0);
        walk::records::<Fault>(ask, &room, &state, END, &mut |record| {
            if record.is_message() {
                messages += 1
            } else {
                changes += 1
            }
            bytes += (record.payload.len() + record.key.as_ref().map_or(0, |key| key.len())) as u64;
            Ok(())
        })?;
        for row in &state.rows {
            let size = (row.key.len() + row.value.len()) as u64;
            let table = stats.tables.entry(row.table.word()).or_default();
            table.rows += 1;
            table.bytes += size;
            bytes += size;
        }
        let kind = stats.kinds.entry(room.kind.word()).or_default();
        kind.rooms += 1;
        kind.messages += messages;
        kind.changes += changes;
        kind.bytes += bytes;
        stats.rooms += 1;
        stats.messages += messages;
        stats.changes += changes;
        stats.bytes += bytes;
        let RoomKey { realm, kind, name } = room;
        let (realm, name) = (realm.as_str().to_owned(), name.as_str().to_owned());
        stats.largest.push(Room { realm, kind: kind.word(), name, messages, changes, bytes });
        if stats.largest.len() >= 2 * LARGEST {
            keep_largest(&mut stats.largest);
        }
        Ok(())
    });
    gone.map_err(|fault| failure(Exit::Disk, format!("{fault} - `rookery store verify` says all that is damaged")))?;
    keep_largest(&mut stats.largest);
    Ok(stats)
}

/// Equal ones stay in the order of their keys.
fn keep_largest(rooms: &mut Vec<Room>) {
    rooms.sort_by_key(|room| std::cmp::Reverse(room.bytes));
    rooms.truncate(LARGEST);
}

fn journal_of(segments: &[SegmentLook], unsettled: &Unsettled) -> Journal {
    Journal {
        segments: segments.len() as u64,
        bytes: segments.iter().map(|segment| segment.bytes).sum(),
        unsettled_entries: unsettled.entries,
        unsettled_bytes: unsettled.bytes,
    }
}

/// What cannot be looked at counts nothing: this is for a person's eye.
fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size_of(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn print(stats: &Stats) {
    println!("{:<32}{:>10}{:>12}{:>12}{:>12}", "rooms", "rooms", "messages", "changes", "bytes");
    for kind in RoomKind::ALL {
        if let Some(Kind { rooms, messages, changes, bytes }) = stats.kinds.get(kind.word()) {
            println!("{:<32}{rooms:>10}{messages:>12}{changes:>12}{:>12}", kind.word(), size(*bytes));
        }
    }
    println!("{:<32}{:>10}{:>12}{:>12}{:>12}", "all", stats.rooms, stats.messages, stats.changes, size(stats.bytes));
    println!("\n{:<32}{:>10}{:>36}", "tables", "rows", "bytes");
    for table in Table::ALL {
        if let Some(Rows { rows, bytes }) = stats.tables.get(table.word()) {
            println!("{:<32}{rows:>10}{:>36}", table.word(), size(*bytes));
        }
    }
    println!("\n{:<42}{:>12}{:>12}{:>12}", "largest rooms", "messages", "changes", "bytes");
    for room in &stats.largest {
        let name = shortened(&named(room), 41);
        println!("{name:<42}{:>12}{:>12}{:>12}", room.messages, room.changes, size(room.bytes));
    }
    let Journal { segments, bytes, unsettled_entries, unsettled_bytes } = &stats.journal;
    println!("\njournal: {segments} segments of {}", size(*bytes));
    println!("not settled yet: {unsettled_entries} entries of {}", size(*unsettled_bytes));
    println!("settled store: files of {}", size(stats.settled_file_bytes));
}

fn named(room: &Room) -> String {
    use rookery_storage::Name;
    let key = || {
        let (realm, name) = (Name::new(&room.realm).ok()?, Name::new(&room.name).ok()?);
        Some(RoomKey { realm, kind: RoomKind::from_word(room.kind)?, name })
    };
    key().map(|key| names::room(&key)).unwrap_or_default()
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
