//! The engine's files, flipped byte by byte; and a copy while somebody writes.

use crate::story::{rooms, small, tell};
use rookery_storage::checksum::room_sum;
use rookery_storage::conformance::say::{events, message, room};
use rookery_storage::dice::Dice;
use rookery_storage::embedded::{Embedded, check_files};
use rookery_storage::walk::END;
use rookery_storage::{Entry, Fault, Settled, ask::Position};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// One that nothing names any more is removed by whoever opens the folder: no damage.
fn is_old_version(file: &Path) -> bool {
    let number = file.file_name().unwrap().to_str().unwrap().strip_prefix('v').and_then(|n| n.parse::<u64>().ok());
    let current = || std::fs::read(file.with_file_name("current")).unwrap();
    number.is_some_and(|number| current()[..8] != number.to_le_bytes())
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

#[test]
fn every_flip_in_every_file_is_found() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sound");
    let (_, embedded) = tell(&folder, 200);
    embedded.compact().unwrap();
    // And something in a table of its own.
    let batch = events(&room("new"), vec![message((1, 1), 1, "at last")]);
    embedded.apply(vec![Entry::new(Position(10_000), batch)]).unwrap();
    embedded.sync(Position(10_000)).unwrap();
    drop(embedded);
    let sound = root.path().join("copy");
    copy(&folder, &sound);
    let look = check_files(&sound).unwrap();
    assert_eq!(look.damaged, Vec::<String>::new());
    assert!(look.tables >= 2 && look.bytes > 10_000, "{} tables, {} bytes", look.tables, look.bytes);
    let mut dice = Dice::new(11);
    let mut tables = 0;
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).unwrap().to_owned();
        let bytes = std::fs::read(&file).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1) as u64;
        if is_old_version(&file) {
            continue;
        }
        let rounds = if name.to_string_lossy().contains("tables") { 6 } else { 4 };
        for _ in 0..rounds.min(used) {
            let at = dice.below(used);
            let target = root.path().join("flipped");
            copy(&folder, &target);
            let mut flipped = bytes.clone();
            flipped[at as usize] ^= 1 << dice.below(8);
            std::fs::write(target.join(&name), &flipped).unwrap();
            let found = match check_files(&target) {
                Err(_) => true,
                Ok(look) => !look.damaged.is_empty(),
            };
            // Whatever it is, the process lives on when the store is opened.
            let found = Embedded::open(&target, &small()).is_err() || found;
            assert!(found, "byte {at} of {} bytes of {}", used, name.display());
            tables += u64::from(name.to_string_lossy().contains("tables"));
            std::fs::remove_dir_all(&target).unwrap();
        }
    }
    assert!(tables >= 10, "{tables} flips in tables");
}

#[test]
fn a_copy_has_whole_batches_while_somebody_writes() {
    let root = tempfile::tempdir().unwrap();
    let (_, embedded) = tell(&root.path().join("one"), 200);
    let watermark = embedded.watermark();
    let (written, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let room = room("busy");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut seq = 0;
            while !over.load(Ordering::Relaxed) && seq < 100_000 {
                let two = vec![message((1, seq + 1), seq + 1, "one"), message((1, seq + 2), seq + 2, "two")];
                let batch = events(&room, two);
                let position = Position(watermark.0 + 1 + seq / 2);
                embedded.apply(vec![Entry::new(position, batch)]).unwrap();
                seq += 2;
                written.store(seq, Ordering::Release);
            }
        });
        while written.load(Ordering::Acquire) < 20 {
            std::thread::yield_now();
        }
        for n in 0..3 {
            let before = written.load(Ordering::Acquire);
            let target = root.path().join(format!("copy {n}"));
            let mut told = 0;
            let from = embedded.copy_to(&target, &mut |bytes| {
                told = bytes;
                true
            });
            assert_eq!(from, Ok(watermark));
            assert!(told > 10_000);
            let copy = Embedded::open(&target, &small()).unwrap();
            assert_eq!(copy.watermark(), watermark);
            for room in rooms() {
                let sum = |store: &Embedded| room_sum(&mut |ask| store.answer(ask), &room, END).unwrap();
                assert_eq!(sum(&copy), sum(&embedded));
            }
            let busy = room_sum(&mut |ask| copy.answer(ask), &room, END).unwrap();
            assert!(busy.messages >= before && busy.messages.is_multiple_of(2), "{} of {before}", busy.messages);
            // The rest comes again, and what is there already is passed over.
            let again = |n: u64| {
                let two = vec![message((1, 2 * n + 1), 2 * n + 1, "one"), message((1, 2 * n + 2), 2 * n + 2, "two")];
                Entry::new(Position(watermark.0 + 1 + n), events(&room, two))
            };
            copy.apply((0..busy.messages / 2 + 5).map(again).collect()).unwrap();
            let more = room_sum(&mut |ask| copy.answer(ask), &room, END).unwrap();
            assert_eq!(more.messages, busy.messages + 10);
        }
        over.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    });
    let new = Embedded::open(&root.path().join("new"), &small()).unwrap();
    new.copy_to(&root.path().join("copy of new"), &mut |_| true).unwrap();
    Embedded::open(&root.path().join("copy of new"), &small()).unwrap();
    let given_up = embedded.copy_to(&root.path().join("given up"), &mut |_| false);
    assert!(matches!(given_up, Ok(_) | Err(Fault::Io(_))));
}
