//! Another settled store takes the place of the present one while a shard writes and reads: nobody is refused, nothing is missing.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use rookery_storage::ask::{Ask, Keep, Position};
use rookery_storage::both::Both;
use rookery_storage::checksum::{RoomSum, room_sum};
use rookery_storage::conformance::say::{events, message, room};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{Moving, Options, Persistent, Wake};
use rookery_storage::{Completion, Entry, Fault, Outcome, RoomKey, Settled, Store, Ticket, Trimmed, walk};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const ROOMS: u64 = 5;

fn embedded(folder: &Path) -> Arc<Embedded> {
    Arc::new(Embedded::open(folder, &EmbeddedOptions::default()).unwrap())
}

fn open(journal: &Path, store: &Path) -> (Persistent, Receiver<()>) {
    let store = store.to_owned();
    let open_settled = move || Ok(embedded(&store) as Arc<dyn Settled>);
    let (call, called) = channel();
    let wake: Wake = Box::new(move || {
        let _ = call.send(());
    });
    let options = Options::new(journal::Options::new(journal.to_owned()));
    let opened = Persistent::open(options, Arc::new(RealDisk), Box::new(open_settled), vec![wake]);
    (opened.unwrap(), called)
}

fn room_of(n: u64) -> RoomKey {
    room(["a", "b", "c", "d", "e"][n as usize])
}

/// Writes to all rooms in turn and reads them, until it is told to end; how many messages each has. Nothing may fail.
fn talk(persistent: &Persistent, called: &Receiver<()>, from: u64, is_over: &AtomicBool) -> u64 {
    let mut store = persistent.shard(0).unwrap();
    let mut done: Vec<Completion> = Vec::new();
    let (mut seq, mut ticket) = (from, 0);
    while !is_over.load(Ordering::Acquire) {
        let mut asked = 0;
        for n in 0..ROOMS {
            let batch = events(&room_of(n), vec![message((1, seq), seq, "words")]);
            store.submit(batch, Ticket(ticket));
            store.ask(Ask::Load { room: room_of(n) }, Ticket(ticket + 1));
            ticket += 2;
            asked += 2;
        }
        while asked > 0 {
            called.recv_timeout(Duration::from_secs(20)).unwrap();
            store.poll(&mut done);
            for Completion { outcome, .. } in done.drain(..) {
                assert!(matches!(outcome, Outcome::Stored(_) | Outcome::Loaded(_)), "{outcome:?}");
                asked -= 1;
            }
        }
        seq += 1;
    }
    seq - 1
}

fn follow(moving: &Moving, new: &dyn Settled) -> Position {
    let mut cursor = new.watermark();
    loop {
        let tail = moving.tail(cursor).unwrap();
        assert!(!tail.has_gap);
        new.apply(tail.entries).unwrap();
        cursor = tail.reached;
        if tail.lag <= 64 {
            new.sync(cursor).unwrap();
            return cursor;
        }
    }
}

fn sum(settled: &dyn Settled, room: &RoomKey) -> Result<RoomSum, Fault> {
    room_sum(&mut |ask| settled.answer(ask), room, walk::END)
}

/// While somebody talks.
fn meanwhile<T>(persistent: &Persistent, called: Receiver<()>, work: impl FnOnce() -> T) -> (T, u64) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let over = &is_over;
        let talking = threads.spawn(move || talk(persistent, &called, 1, over));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        is_over.store(true, Ordering::Release);
        let last = talking.join().unwrap();
        (done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), last)
    })
}

/// A store that is told when to fail.
struct Frail {
    store: Arc<Embedded>,
    left: AtomicUsize,
}

impl Settled for Frail {
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        let spend = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        spend.map_err(|_| Fault::Io("told to fail".to_owned()))?;
        self.store.apply(entries)
    }

    fn watermark(&self) -> Position {
        self.store.watermark()
    }

    fn sync(&self, watermark: Position) -> Result<(), Fault> {
        if self.left.load(Ordering::Acquire) == 0 {
            return Err(Fault::Io("told to fail".to_owned()));
        }
        self.store.sync(watermark)
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        self.store.answer(ask)
    }
}

#[test]
fn another_store_takes_its_place_while_a_shard_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let [journal, old, copy] = ["journal", "old", "copy"].map(|name| folder.path().join(name));
    let (persistent, called) = open(&journal, &old);
    let moving = persistent.moving();
    let (losses, last) = meanwhile(&persistent, called, || {
        moving.hold_trims(true);
        let trim = Ask::Trim { room: room_of(0), keep: Keep { messages: 0, ..Keep::ALL }, now: 0 };
        assert_eq!(persistent.reader().answer(&trim).unwrap(), Outcome::Trimmed(Trimmed::default()));
        let feed = moving.feed("move", u64::MAX).unwrap();
        let position = moving.copy_settled(&copy, &mut |_| true).unwrap();
        assert!(position >= feed.cursor());
        let new = embedded(&copy);
        let mut losses = 0;
        for left in [3, 40, usize::MAX] {
            let has = follow(&moving, &*new);
            let frail = Arc::new(Frail { store: new.clone(), left: AtomicUsize::new(left) });
            let present = moving.present().unwrap();
            let both = Arc::new(Both::new(present.clone(), frail));
            let both_present: Arc<dyn Settled> = both.clone();
            assert!(moving.exchange(&present, both_present.clone(), has, || Ok(())).unwrap());
            // From here on each takes it, or one is lost and the other one goes on.
            let mut compared = 0;
            while both.lost().is_none() && (left < usize::MAX || compared < 40) {
                let agree = moving.alone(&room_of(compared % ROOMS), |settled| {
                    assert!(Arc::ptr_eq(settled, &both_present));
                    let sums =
                        (sum(&*both.old, &room_of(compared % ROOMS))?, sum(&*both.new, &room_of(compared % ROOMS))?);
                    Ok(both.lost().is_some() || sums.0 == sums.1)
                });
                assert!(agree.unwrap());
                compared += 1;
            }
            let refused: Result<bool, Fault> =
                moving.exchange(&both_present, new.clone(), Position(u64::MAX), || Err(Fault::NotHere));
            assert_eq!(refused, Err(Fault::NotHere));
            assert!(Arc::ptr_eq(&moving.present().unwrap(), &both_present), "who says no changes nothing");
            let next: Arc<dyn Settled> = if left == usize::MAX { new.clone() } else { present.clone() };
            losses += usize::from(both.lost().is_some());
            assert!(moving.exchange(&both_present, next, Position(u64::MAX), || Ok(())).unwrap());
            assert!(
                !moving.exchange(&both_present, present, Position(0), || Ok(())).unwrap(),
                "it is not the present one"
            );
        }
        feed.end().unwrap();
        losses
    });
    assert_eq!(losses, 2);
    persistent.close();
    // The old one is not needed any more.
    std::fs::remove_dir_all(&old).unwrap();
    drop(moving);
    let (persistent, _called) = open(&journal, &copy);
    for n in 0..ROOMS {
        let Outcome::Loaded(state) = persistent.reader().answer(&Ask::Load { room: room_of(n) }).unwrap() else {
            panic!()
        };
        assert_eq!((state.messages, state.newest.seq.0), (last, last));
    }
    persistent.close();
}
