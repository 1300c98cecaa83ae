//! Stored files with bytes changed: nothing wrong is ever served, and what is not served is reported.

use crate::rig::{copy, keys, small, tree};
use crate::told::{Listener, Step, questions, scans};
use crate::written::write;
use lsm_tree::{AbstractTree, SeqNo};
use rookery_storage::ask::{Ask, PageAsk, PageFrom, Position};
use rookery_storage::conformance::bench::END;
use rookery_storage::conformance::say::{events, keyed, message, room};
use rookery_storage::dice::Dice;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::Journal;
use rookery_storage::{Entry, Fault, Name, Outcome, RoomKey, Settled, Store, Ticket};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MUTATIONS: u64 = 400;
/// Entries that are applied and synced together.
const GROUP: usize = 7;

struct Whole {
    folder: tempfile::TempDir,
    _journal: Journal,
    _files: tempfile::TempDir,
    entries: Vec<Entry>,
    asks: Vec<(Ask, Outcome)>,
}

/// A store with every kind of row, in tables and above them, closed; and what it answers.
fn whole() -> Whole {
    let mut heard = Listener::new();
    let rooms = [room("a"), room("b")];
    for step in Listener::hear(3, &rooms, 500).steps {
        if let Step::Write(entry) = step {
            heard.submit(entry.batch, Ticket(0));
        }
    }
    let long = room("long");
    for seq in 1..=400 {
        let text = format!("{seq} {}", "words ".repeat(50));
        heard.submit(events(&long, vec![keyed(message((1, seq), seq, &text), &format!("key {seq}"))]), Ticket(0));
    }
    let asks = rooms.iter().chain([&long]).flat_map(|room| questions(&mut heard, room, 5000)).chain(scans());
    let asks: Vec<Ask> = asks.collect();
    keep(heard, asks)
}

/// So many rooms that where they stand fills blocks of its own.
fn many_rooms() -> Whole {
    let mut heard = Listener::new();
    let named = |name: &str| RoomKey { name: Name::new(name).unwrap(), ..room("a") };
    let rooms: Vec<RoomKey> = (0..400).map(|n| named(&format!("room {n}"))).collect();
    for room in &rooms {
        let some = (1..=5).map(|seq| message((1, seq), seq, "hello"));
        heard.submit(events(room, some.collect()), Ticket(0));
    }
    let page = |room: &RoomKey| {
        let (room, from) = (room.clone(), PageFrom::Newest);
        Ask::Page(PageAsk { room, thread: None, from, limit: 9, fence: END, now: 0 })
    };
    let asks = rooms.iter().flat_map(|room| [Ask::Load { room: room.clone() }, page(room)]);
    let asks: Vec<Ask> = asks.chain(scans()).collect();
    keep(heard, asks)
}

/// Writes what was heard, and asks the model.
fn keep(mut heard: Listener, asks: Vec<Ask>) -> Whole {
    let files = tempfile::tempdir().unwrap();
    // What is handed over by the name of its place lies in runs, the rest one by one.
    let journal = write(files.path(), heard.entries());
    heard.entries().filter(|entry| entry.position.0.is_multiple_of(3)).for_each(|entry| entry.spot = None);
    let entries: Vec<Entry> = heard.entries().map(|entry| entry.clone()).collect();
    let folder = tempfile::tempdir().unwrap();
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    for some in entries.chunks(GROUP) {
        settled.apply(some.to_vec()).unwrap();
        settled.sync(some.last().unwrap().position).unwrap();
    }
    drop(settled);
    let asks = asks.into_iter().map(|ask| (ask.clone(), heard.ask(ask))).collect();
    Whole { folder, _journal: journal, _files: files, entries, asks }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Changes one byte, where something is written.
fn damage(folder: &Path, dice: &mut Dice) -> (PathBuf, u64) {
    loop {
        let mut all = files(folder);
        // As often what holds most as any of the small ones.
        let inside = |path: &Path, folder: &str| path.parent().is_some_and(|parent| parent.ends_with(folder));
        match dice.below(3) {
            0 => all.retain(|path| inside(path, "tables")),
            1 => all.retain(|path| inside(path, "segments")),
            _ => all.retain(|path| !inside(path, "tables") && !inside(path, "segments")),
        }
        let path = &all[dice.below(all.len() as u64) as usize];
        let mut bytes = std::fs::read(path).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
        if used == 0 {
            continue;
        }
        let at = dice.below(used);
        bytes[at as usize] ^= 1 + dice.below(255) as u8;
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(&bytes[at as usize..=at as usize], at).unwrap();
        return (path.strip_prefix(folder).unwrap().to_owned(), at);
    }
}

fn change(file: &Path, at: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x11], at).unwrap();
}

#[derive(Debug, Default)]
struct Tally {
    refused: u64,
    refilled: u64,
    unharmed: u64,
    harmed: u64,
    served: u64,
    reported: u64,
}

fn judge(whole: &Whole, folder: &Path, what: &str, tally: &mut Tally) {
    let settled = match Embedded::open(folder, &small()) {
        Ok(settled) => settled,
        Err(Fault::OutOfOrder { .. } | Fault::NotHere) => panic!("{what}: no answer to opening a store"),
        Err(_) => {
            tally.refused += 1;
            return;
        }
    };
    let end = whole.entries.last().unwrap().position;
    let found = settled.watermark();
    assert!(found <= end, "{what}: {found:?} was never reached");
    // Only what may have been written while the machine went down is ever cut off.
    assert!(end.0 - found.0 <= 2 * GROUP as u64, "{what}: {found:?} of {end:?}");
    if found < end {
        // The owner sees that something was lost, and has it.
        tally.refilled += 1;
        let rest = whole.entries.iter().filter(|entry| entry.position > found).cloned().collect();
        if settled.apply(rest).is_err() {
            tally.refused += 1;
            return;
        }
    }
    let before = tally.reported;
    for (ask, want) in &whole.asks {
        match settled.answer(ask) {
            Ok(got) => {
                assert_eq!(&got, want, "{what}: {ask:?}");
                tally.served += 1;
            }
            Err(Fault::OutOfOrder { .. } | Fault::NotHere) => panic!("{what}: no answer to {ask:?}"),
            Err(_) => tally.reported += 1,
        }
    }
    if tally.reported == before { tally.unharmed += 1 } else { tally.harmed += 1 }
}

#[test]
fn nothing_wrong_is_served_from_damaged_files() {
    let whole = whole();
    let mut tally = Tally::default();
    judge(&whole, whole.folder.path(), "nothing", &mut tally);
    assert_eq!((tally.reported, tally.refused, tally.refilled), (0, 0, 0));
    let mut dice = Dice::new(11);
    for n in 0..MUTATIONS {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("store");
        copy(whole.folder.path(), &folder);
        let (path, at) = damage(&folder, &mut dice);
        judge(&whole, &folder, &format!("mutation {n}, byte {at} of {}", path.display()), &mut tally);
    }
    println!("{tally:?}");
    assert!(tally.harmed > 0 && tally.unharmed > 0, "{tally:?}");
    // What everything hangs on has a spare.
    assert!(tally.refused <= MUTATIONS / 100, "{tally:?}");
    // One byte costs one block: most of what is asked has nothing to do with it.
    assert!(tally.served > 3 * tally.reported, "{tally:?}");
}

/// The watermark that a closed store is opened with is the one that was synced last.
#[test]
fn a_store_that_is_closed_ends_where_it_was_synced() {
    let whole = whole();
    let settled = Embedded::open(whole.folder.path(), &small()).unwrap();
    assert_eq!(settled.watermark(), Position(whole.entries.len() as u64));
    let again = Embedded::open(whole.folder.path(), &small());
    assert_eq!(again.err(), Some(Fault::Locked));
}

/// Two small files lead to all tables; each has a spare.
#[test]
fn a_damaged_list_of_tables_costs_nothing() {
    let whole = whole();
    let root = tempfile::tempdir().unwrap();
    let current = whole.folder.path().join("tree/current");
    let number = std::fs::read(current).unwrap()[..8].try_into().unwrap();
    for (n, name) in ["current".to_owned(), format!("v{}", u64::from_le_bytes(number))].iter().enumerate() {
        let folder = root.path().join(n.to_string());
        copy(whole.folder.path(), &folder);
        let file = folder.join("tree").join(name);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        std::fs::write(&file, &bytes).unwrap();
        let mut tally = Tally::default();
        judge(&whole, &folder, name, &mut tally);
        assert_eq!((tally.unharmed, tally.served), (1, whole.asks.len() as u64), "{name}");
        // Both of them are too much.
        std::fs::write(&file, bytes).unwrap();
        std::fs::write(folder.join("spare"), "nothing").unwrap();
        judge(&whole, &folder, name, &mut tally);
        assert_eq!(tally.refused, 1, "{name}");
    }
}

/// What leads to a table's blocks lies behind them; there is a spare of it, which takes its place when the folder is opened or
/// a running store comes upon the damage.
#[test]
fn a_damaged_end_of_a_table_costs_nothing() {
    let whole = whole();
    let root = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(12);
    let tables = |folder: &Path| files(&folder.join("tree/tables"));
    let count = tables(whole.folder.path()).len();
    assert!(count > 0);
    let mut met = 0;
    for n in 0..60 {
        let folder = root.path().join(n.to_string());
        copy(whole.folder.path(), &folder);
        // Each of them, stopped and running.
        let table = &tables(&folder)[n / 2 % count];
        let length = std::fs::metadata(table).unwrap().len();
        let data = {
            let archive = sfa::Reader::new(table).unwrap();
            let data = archive.toc().section(b"data").unwrap();
            data.pos() + data.len()
        };
        let at = data + dice.below(length - data);
        let whole_table = std::fs::read(table).unwrap();
        let what = format!("byte {at} of {data}..{length} of {}", table.display());
        let mut tally = Tally::default();
        if n % 2 == 0 {
            change(table, at);
            judge(&whole, &folder, &what, &mut tally);
        } else {
            // Nothing of it is in memory when it is wanted again.
            let options = EmbeddedOptions { cache_bytes: 0, ..small() };
            let settled = Embedded::open(&folder, &options).unwrap();
            change(table, at);
            for (ask, want) in &whole.asks {
                assert_eq!(settled.answer(ask).as_ref(), Ok(want), "{what}: {ask:?}");
            }
            drop(settled);
            met += u64::from(std::fs::read(table).unwrap() == whole_table);
            judge(&whole, &folder, &what, &mut tally);
        }
        assert_eq!((tally.unharmed, tally.served), (1, whole.asks.len() as u64), "{what}");
        // With its spare gone too, it is refused or reported.
        change(table, at);
        std::fs::remove_dir_all(folder.join("ends")).unwrap();
        judge(&whole, &folder, &what, &mut tally);
    }
    assert!(met > 0, "no running store came upon the damage");
}

/// The keys of a tree that its engine cannot read in another folder.
fn unreadable(keys: &[Vec<u8>], folder: &Path) -> Vec<Vec<u8>> {
    let tree = tree(folder);
    keys.iter().filter(|key| tree.get(key, SeqNo::MAX).is_err()).cloned().collect()
}

/// Where rooms stand and where runs lie stands twice: a block with nothing else may be lost.
#[test]
fn a_damaged_block_of_what_leads_to_others_costs_nothing() {
    // The store's own marks have a spare of their own.
    let leads = |key: &[u8]| matches!(key, [0, 0, 3 | 5, ..] | [3 | 5, ..]);
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("store");
    let mut lost_of: BTreeMap<[u8; 3], u64> = BTreeMap::new();
    for whole in [whole(), many_rooms()] {
        let keys = keys(whole.folder.path());
        for table in files(&whole.folder.path().join("tree/tables")) {
            let data = sfa::Reader::new(&table).unwrap().toc().section(b"data").unwrap().len();
            for at in (0..data).step_by(1024) {
                copy(whole.folder.path(), &folder);
                change(&folder.join(table.strip_prefix(whole.folder.path()).unwrap()), at);
                let lost = unreadable(&keys, &folder);
                let twice = |key: &Vec<u8>| lost.contains(&[&[0, 0], &key[..]].concat());
                if lost.iter().all(|key| leads(key)) && !lost.iter().any(twice) {
                    let mut tally = Tally::default();
                    let what = format!("byte {at} of {}", table.display());
                    judge(&whole, &folder, &what, &mut tally);
                    assert_eq!((tally.unharmed, tally.served), (1, whole.asks.len() as u64), "{what}: {tally:?}");
                    for key in lost {
                        let copy = if key[0] == 0 { [0, 0, key[2]] } else { [key[0], 0, 0] };
                        *lost_of.entry(copy).or_default() += 1;
                    }
                }
                std::fs::remove_dir_all(&folder).unwrap();
            }
        }
    }
    assert_eq!(lost_of.len(), 4, "of each, some were lost: {lost_of:?}");
}

/// A damaged block costs what lies in it: what has nothing to do with it is written and read for as long as one likes, though
/// tables cannot be merged any more.
#[test]
fn a_store_with_damaged_blocks_goes_on() {
    let whole = whole();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("store");
    copy(whole.folder.path(), &folder);
    for table in files(&folder.join("tree/tables")) {
        let archive = sfa::Reader::new(&table).unwrap();
        let middle = archive.toc().section(b"data").unwrap().len() / 2;
        change(&table, middle);
    }
    let settled = Embedded::open(&folder, &small()).unwrap();
    let end = settled.watermark().0;
    // Behind all rooms that are there, so that none of their blocks is between its keys.
    let other = room("zzz");
    let mut posted = 0;
    for n in 1..=60 {
        let some = (1..=20).map(|_| {
            posted += 1;
            message((1, posted), posted, &format!("{posted} {}", "words ".repeat(40)))
        });
        let batch = events(&other, some.collect());
        settled.apply(vec![Entry::new(Position(end + n), batch)]).unwrap();
        settled.sync(Position(end + n)).unwrap();
    }
    drop(settled);
    let settled = Embedded::open(&folder, &small()).unwrap();
    let places = (1..=posted).map(|seq| rookery_storage::Place::new(1, seq)).collect();
    let Outcome::Fetched(records) = settled.answer(&Ask::Fetch { room: other, places, now: 0 }).unwrap() else {
        panic!("not fetched");
    };
    assert!(records.iter().all(Option::is_some));
    assert_eq!(settled.watermark(), Position(end + 60));
}

/// Memory may be written out before anybody says how far everything is: what rooms have taken is taken all the same.
#[test]
fn no_position_is_free_that_a_room_has_taken() {
    let whole = whole();
    let folder = tempfile::tempdir().unwrap();
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    let end = whole.entries.last().unwrap().position;
    settled.apply(whole.entries.clone()).unwrap();
    // With what has to be durable at once.
    settled.seal(&room("else"), rookery_storage::Epoch(9)).unwrap();
    drop(settled);
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    assert_eq!((settled.watermark(), settled.highest()), (Position(0), Ok(end)));
}
