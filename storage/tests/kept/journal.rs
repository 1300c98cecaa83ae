//! A look at the journal's files, flipped byte by byte; and how far its writer has told.

use parking_lot::Mutex;
use rookery_storage::ask::Position;
use rookery_storage::dice::Dice;
use rookery_storage::journal::{Journal, Listener, Log, Options, RealDisk, Written, look};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Notes how far the journal says that everybody was told, while it tells.
#[derive(Default)]
struct Ear {
    log: OnceLock<Log>,
    told: Mutex<Vec<(Position, Position)>>,
}

impl Listener for Ear {
    fn written(&self, results: &mut Vec<Written>) {
        for written in results.drain(..) {
            let so_far = self.log.get().map_or(Position(u64::MAX), Log::told);
            self.told.lock().push((written.result.unwrap(), so_far));
        }
    }
}

fn write(folder: &Path, count: u64) -> Arc<Ear> {
    let ears = [Arc::new(Ear::default()), Arc::new(Ear::default())];
    let listeners = ears.iter().map(|ear| ear.clone() as Arc<dyn Listener>).collect();
    let options = Options { segment_bytes: 32 * 1024, ..Options::new(folder.to_owned()) };
    let (journal, _) = Journal::open(options, Arc::new(RealDisk), listeners).unwrap();
    ears.iter().for_each(|ear| drop(ear.log.set(journal.log())));
    let intake = journal.intake();
    for n in 0..count {
        let mut entry = format!("entry {n} ").repeat(20);
        entry.push('.');
        let source = (n % 2) as usize;
        while intake.append(source, n, entry.clone().into_bytes()).is_err() {
            std::thread::yield_now();
        }
    }
    journal.close();
    let [first, second] = ears;
    let more = std::mem::take(&mut *second.told.lock());
    first.told.lock().extend(more);
    first
}

/// The settling thread takes this for the bound of what the backlog knows. Were it the end of what is written, a batch
/// could be taken for settled before the backlog has it.
#[test]
fn what_is_told_comes_after_the_telling() {
    let folder = tempfile::tempdir().unwrap();
    let ear = write(folder.path(), 2000);
    let told = ear.told.lock();
    assert_eq!(told.len(), 2000);
    for (position, so_far) in &*told {
        assert!(so_far < position, "{position:?} is told of while {so_far:?} is said to be told");
    }
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = all.filter(|path| path.extension().is_some_and(|ext| ext == "segment")).collect();
    found.sort();
    found
}

#[test]
fn every_flip_in_the_journal_is_seen_and_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 600);
    let files = segments(folder.path());
    assert!(files.len() > 3, "{} segments", files.len());
    let sound = look(folder.path(), Arc::new(RealDisk), Position(0)).unwrap();
    assert_eq!((sound.found.damaged.len(), sound.found.torn, sound.found.end), (0, false, Position(600)));
    assert!(sound.segments.iter().all(|segment| segment.strange.is_empty() && segment.rest.is_none()));
    let mut dice = Dice::new(3);
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        for round in 0..60 {
            // The heads are small: they get their share.
            let at = if round < 8 { dice.below(64) } else { dice.below(bytes.len() as u64) } as usize;
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << dice.below(8);
            std::fs::write(file, &flipped).unwrap();
            let seen = match look(folder.path(), Arc::new(RealDisk), Position(0)) {
                Err(_) => true,
                Ok(looked) => {
                    let page = looked.log.read(Position(0), usize::MAX).unwrap();
                    let strange = looked.segments.iter().any(|s| !s.strange.is_empty() || s.rest.is_some());
                    !looked.found.damaged.is_empty() || looked.found.torn || !page.damaged.is_empty() || strange
                }
            };
            assert!(seen, "byte {at} of {}", file.display());
            assert_eq!(std::fs::read(file).unwrap(), flipped, "it was only looked at");
        }
        std::fs::write(file, &bytes).unwrap();
    }
}

#[test]
fn a_copy_of_the_journal_is_a_journal() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("one");
    write(&folder, 600);
    let looked = look(&folder, Arc::new(RealDisk), Position(0)).unwrap();
    let target = root.path().join("two");
    looked.log.copy_to(&target, &mut |_| true).unwrap();
    let all = |log: &Log| log.read(Position(0), usize::MAX).unwrap().entries;
    let (journal, found) = Journal::open(Options::new(target), Arc::new(RealDisk), vec![]).unwrap();
    assert_eq!((found.end, found.damaged.len()), (Position(600), 0));
    assert_eq!(all(&journal.log()), all(&looked.log));
}
