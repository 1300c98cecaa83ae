//! `rookery store verify`: reads everything that a stopped node left, in every way it can be asked for, and says what is
//! damaged, where, and what to do about it.

use super::frozen::{self, Stopped, Unsettled};
use super::{failure, names};
use crate::exit::Exit;
use crate::ports::store::codec::message::message_of;
use crate::ports::store::codec::records::event_of;
use crate::ports::store::image::image_of;
use crate::start::Failure;
use rookery_storage::embedded::{Embedded, check_files};
use rookery_storage::journal::{Damage, Looked};
use rookery_storage::verify::{self, Finding};
use rookery_storage::walk::{self, Asker};
use rookery_storage::{Ask, Fault, Item, Outcome, Record, RoomKey, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What helps where a room is damaged.
const TAKE_ROOM: &str = "a node serves the rest of the room; take it from a backup: export it there, and import it here \
                         into a new folder";
const TAKE_FOLDER: &str = "start from a backup, or keep this folder and ask for help";
const STAND_IN: &str = "the next start puts places without content there; take what was lost from a backup";

/// Says what it finds, and counts it.
#[derive(Default)]
struct Report {
    damaged: u64,
    notes: u64,
    rooms: u64,
    messages: u64,
    changes: u64,
    rows: u64,
}

impl Report {
    fn damaged(&mut self, place: &str, what: &str, todo: &str) {
        self.damaged += 1;
        println!("damaged: {place}: {what} - {todo}");
    }

    fn note(&mut self, place: &str, what: &str) {
        self.notes += 1;
        println!("note: {place}: {what}");
    }
}

pub fn run(data: &Path) -> Result<(), Failure> {
    let stopped = Stopped::open(data)?;
    let mut report = Report::default();
    files(&stopped, &mut report);
    match stopped.settled() {
        Ok(settled) => {
            if let Some(journal) = journal(&stopped, &settled, &mut report) {
                match frozen::settle(&settled, &journal) {
                    Ok(unsettled) => unsettled_entries(&unsettled, &mut report),
                    Err(fault) => report.damaged("journal", &fault.to_string(), TAKE_FOLDER),
                }
            }
            rooms(&settled, &mut report);
        }
        Err(fault) => {
            report.damaged("settled store", &fault.to_string(), TAKE_FOLDER);
            // What the journal still has is said all the same.
            if let Ok(looked) = stopped.journal(rookery_storage::ask::Position(0)) {
                segments(&looked, &mut report);
            }
        }
    }
    let Report { damaged, notes, rooms, messages, changes, rows } = report;
    println!("{rooms} rooms, {messages} messages, {changes} changes, {rows} rows");
    if damaged > 0 {
        return Err(failure(Exit::Found, format!("{}: {damaged} damaged, {notes} notes", data.display())));
    }
    println!("sound{}", if notes > 0 { ", with notes" } else { "" });
    Ok(())
}

/// The engine's files, as bytes.
fn files(stopped: &Stopped, report: &mut Report) {
    match check_files(stopped.scratch()) {
        Ok(files) => {
            for what in &files.damaged {
                report.damaged("settled store", what, TAKE_ROOM);
            }
        }
        Err(fault) => report.damaged("settled store", &fault.to_string(), TAKE_FOLDER),
    }
}

fn journal(stopped: &Stopped, settled: &Embedded, report: &mut Report) -> Option<Looked> {
    use rookery_storage::Settled;
    let looked = match stopped.journal(settled.watermark()) {
        Ok(looked) => looked,
        Err(error) => {
            report.damaged("journal", &error.to_string(), TAKE_FOLDER);
            return None;
        }
    };
    segments(&looked, report);
    // What has settled is not needed any more; that it cannot be read is said all the same.
    let mut after = rookery_storage::ask::Position(0);
    while after < settled.watermark() {
        match looked.log.read(after, 4 << 20) {
            Ok(page) => {
                page.damaged.iter().filter(|damage| damage.from <= settled.watermark()).for_each(|damage| {
                    report.damaged(&place_of(damage), "settled entries cannot be read", "nothing: no start needs them");
                });
                if page.reached <= after {
                    break;
                }
                after = page.reached;
            }
            Err(error) => {
                report.damaged("journal", &error.to_string(), "see whether the disk is failing");
                break;
            }
        }
    }
    Some(looked)
}

fn segments(looked: &Looked, report: &mut Report) {
    for damage in &looked.found.damaged {
        report.damaged(&place_of(damage), &format!("{:?}", damage.what).to_lowercase(), STAND_IN);
    }
    for segment in &looked.segments {
        let name = segment.path.file_name().unwrap_or_default().to_string_lossy();
        for offset in &segment.strange {
            report.damaged(&format!("{name} byte {offset}"), "not what was written", STAND_IN);
        }
        if let Some(offset) = segment.rest {
            let what = "bytes behind its end: what was being written when the node stopped; nobody was promised it";
            report.note(&format!("{name} byte {offset}"), what);
        }
    }
}

fn place_of(damage: &Damage) -> String {
    let Damage { from, until, segment, offset, .. } = damage;
    let entries = if from == until { String::new() } else { format!(" entries {} to {}", from.0, until.0 - 1) };
    format!("journal segment {segment:016x} byte {offset}{entries}")
}

fn unsettled_entries(unsettled: &Unsettled, report: &mut Report) {
    if let Some((from, to)) = unsettled.missing {
        let what = "they are in neither the settled store nor the journal";
        report.damaged(&format!("entries {} to {}", from.0, to.0), what, TAKE_FOLDER);
    }
    for damage in &unsettled.damaged {
        report.damaged(&place_of(damage), "entries that had not settled cannot be read", STAND_IN);
    }
    for (position, what) in &unsettled.senseless {
        report.damaged(&format!("journal entry {}", position.0), what, STAND_IN);
    }
    for (room, position) in &unsettled.stuck {
        let what = format!("entry {} of the journal does not continue it", position.0);
        report.damaged(&names::room(room), &what, STAND_IN);
    }
}

fn rooms(settled: &Embedded, report: &mut Report) {
    let mut answer = frozen::answer(settled);
    let mut rows: BTreeMap<Table, u64> = BTreeMap::new();
    let mut known: BTreeSet<RoomKey> = BTreeSet::new();
    let gone = walk::rooms::<Fault>(&mut answer, &mut |ask, room| {
        one_room(ask, &room, &mut rows, report);
        known.insert(room);
        Ok(())
    });
    if let Err(fault) = gone {
        report.damaged("settled store", &fault.to_string(), TAKE_FOLDER);
    }
    for table in Table::ALL {
        scan(&mut answer, *table, rows.get(table).copied().unwrap_or(0), &known, report);
    }
}

fn one_room(ask: &mut Asker<'_>, room: &RoomKey, rows: &mut BTreeMap<Table, u64>, report: &mut Report) {
    let (mut unreadable, mut found) = (Vec::new(), Vec::new());
    let (mut messages, mut changes) = (0, 0);
    let mut seen = |record: &Record| {
        if record.is_message() {
            messages += 1
        } else {
            changes += 1
        }
        let why = if record.is_message() {
            message_of(record).err()
        } else {
            event_of(&Item { record: record.clone(), current: None }).err()
        };
        unreadable.extend(why.map(|why| (record.place, why.to_string())));
    };
    let state = verify::room(ask, room, &mut seen, &mut |finding| found.push(finding));
    for Finding { place, what, .. } in found {
        report.damaged(&names::at(room, place), &what, TAKE_ROOM);
    }
    for (place, why) in unreadable {
        report.damaged(&names::at(room, Some(place)), &why, TAKE_ROOM);
    }
    report.rooms += 1;
    report.messages += messages;
    report.changes += changes;
    let Some(state) = state else { return };
    report.rows += state.rows.len() as u64;
    for row in &state.rows {
        *rows.entry(row.table).or_default() += 1;
    }
    if let Err(why) = image_of(state) {
        report.damaged(&names::room(room), &format!("a row: {why}"), TAKE_ROOM);
    }
}

/// Rows as a start looks for them: the same ones that the rooms have.
fn scan(ask: &mut Asker<'_>, table: Table, want: u64, known: &BTreeSet<RoomKey>, report: &mut Report) {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = match ask(&Ask::Scan { table, after, limit: usize::MAX }) {
            Ok(Outcome::Scanned(page)) => page,
            Ok(other) => return report.damaged(table.word(), &walk::unexpected(&other).to_string(), TAKE_FOLDER),
            Err(fault) => return report.damaged(table.word(), &fault.to_string(), TAKE_ROOM),
        };
        for (room, _) in page.rows.iter().filter(|(room, _)| !known.contains(room)) {
            report.damaged(&names::room(room), &format!("a row of {} is of no room", table.word()), TAKE_ROOM);
        }
        count += page.rows.len() as u64;
        after = page.rows.into_iter().next_back().map(|(room, row)| (room, row.key));
        if !page.more {
            break;
        }
    }
    if count != want {
        report.damaged(table.word(), &format!("the rooms have {want} rows and a scan finds {count}"), TAKE_ROOM);
    }
}
