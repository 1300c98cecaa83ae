//! Ready again after kill -9, with a gigabyte settled and 64 MiB that are not.

use super::node::Node;
use super::shard::{record, room};
use super::{line, size};
use rookery_storage::ask::Position;
use rookery_storage::dice::Dice;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{Journal, Listener, Options, RealDisk, Written};
use rookery_storage::{Batch, Entry, Settled, entry};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

const SETTLED_BYTES: u64 = 1 << 30;
const UNSETTLED_BYTES: usize = 64 << 20;
const BODY: usize = 200;
const ROOMS: u64 = 1000;
const STARTS: usize = 5;

struct Ear(Sender<usize>);

impl Listener for Ear {
    fn written(&self, results: &mut Vec<Written>) {
        assert!(results.iter().all(|written| written.result.is_ok()), "the disk failed");
        let _ = self.0.send(results.len());
    }
}

struct Filler {
    dice: Dice,
    position: u64,
}

impl Filler {
    /// The next message. Bodies do not compress.
    fn batch(&mut self) -> Batch {
        let (at, seq) = (self.position % ROOMS, self.position / ROOMS + 1);
        self.position += 1;
        let noise = std::iter::repeat_with(|| self.dice.roll().to_le_bytes()).flatten();
        let body: Vec<u8> = noise.map(|byte| b'a' + byte % 26).take(BODY).collect();
        let mut batch = Batch::new(room(&format!("room-{at}")));
        batch.events.push(record(seq, &body));
        batch
    }

    fn settled(&mut self, data: &Path) {
        let settled = Embedded::open(&data.join("store"), &EmbeddedOptions::default()).unwrap();
        while self.position < 1_000_000 || size(data) < SETTLED_BYTES {
            for _ in 0..16 {
                let entries = (0..1024).map(|_| {
                    let batch = self.batch();
                    Entry::new(Position(self.position), batch)
                });
                settled.apply(entries.collect()).unwrap();
            }
            settled.sync(Position(self.position)).unwrap();
        }
    }

    /// Entries that the settled store has not, in a journal that nobody closed.
    fn unsettled(&mut self, data: &Path) {
        let aside = tempfile::tempdir_in(data).unwrap();
        let (sender, told) = channel();
        let options = Options { above: Position(self.position), ..Options::new(aside.path().to_owned()) };
        let (journal, _) = Journal::open(options, Arc::new(RealDisk), vec![Arc::new(Ear(sender))]).unwrap();
        let intake = journal.intake();
        let mut written = 0;
        while written < UNSETTLED_BYTES {
            let mut handed = 0;
            while handed < 512 {
                let mut bytes = Vec::new();
                entry::encode(&self.batch(), &mut bytes);
                written += bytes.len();
                intake.append(0, self.position, bytes).unwrap();
                handed += 1;
            }
            while handed > 0 {
                handed -= told.recv().unwrap();
            }
        }
        let folder = data.join("journal");
        std::fs::create_dir_all(&folder).unwrap();
        for file in std::fs::read_dir(aside.path()).unwrap().flatten() {
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        drop(journal);
    }
}

pub fn run(folder: &Path, broker: &Path) {
    let mut filler = Filler { dice: Dice::new(1), position: 0 };
    filler.settled(folder);
    let settled = size(folder) >> 20;
    filler.unsettled(folder);
    println!(
        "{settled} MiB settled, {} MiB unsettled in the journal, {} messages",
        UNSETTLED_BYTES >> 20,
        filler.position
    );
    for n in 1..=STARTS {
        // Killed as soon as it listens, so most of it is unsettled for the next one, too.
        let node = Node::start(broker, folder);
        let ms = |field: &str| format!("{field} {:.0} ms", node.opened(field));
        let parts = ["settled_ms", "journal_ms", "unsettled_ms"].map(ms).join(", ");
        let unsettled = node.opened("unsettled");
        line(
            &format!("start {n}: from exec to listening, {unsettled} entries unsettled"),
            &format!("{:.0} ms", node.ready.as_secs_f64() * 1e3),
            &format!("{parts} (target 1,000 ms)"),
        );
    }
}
