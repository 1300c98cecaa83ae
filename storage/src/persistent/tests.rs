//! The journal and what is behind it, with the memory model as the settled store: the whole conformance suite, a settled
//! store that fails and comes back, and what a crash leaves.

use super::*;
use crate::answer::Replay;
use crate::answer::{Completion, Failure};
use crate::ask::{PageAsk, PageFrom, ReplayAsk};
use crate::batch::Batch;
use crate::conformance::bench::END;
use crate::conformance::say::{change, events, message, room};
use crate::conformance::{self, Rig};
use crate::embedded::{Embedded, EmbeddedOptions};
use crate::journal::{self, RealDisk};
use crate::memory::{Memory, MemoryOptions};
use crate::settled::Entry;
use crate::store::{Store, Ticket};
use crate::{Place, RoomKey};
use crossbeam::channel::{Receiver, unbounded};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tempfile::TempDir;

/// The memory model behind the door of a settled store. It forgets with its process, so it always begins at the
/// beginning of the journal.
struct Model {
    state: Mutex<(Memory, HashMap<RoomKey, Position>)>,
    /// So many applies work until one fails; none: all do.
    left: Mutex<Option<usize>>,
}

impl Model {
    fn new(left: Option<usize>) -> Model {
        Model { state: Mutex::new((Memory::new(MemoryOptions::default()), HashMap::new())), left: Mutex::new(left) }
    }
}

impl Settled for Model {
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        if let Some(left) = &mut *self.left.lock() {
            if *left == 0 {
                return Err(Fault::Poisoned("told to fail".to_owned()));
            }
            *left -= 1;
        }
        let (memory, applied) = &mut *self.state.lock();
        let mut done = Vec::new();
        for Entry { position, batch, .. } in entries {
            let last = applied.entry(batch.room.clone()).or_insert(Position(0));
            if position > *last {
                let room = batch.room.clone();
                memory.submit(batch, Ticket(0));
                memory.poll(&mut done);
                if !done.drain(..).all(|c| matches!(c.outcome, Outcome::Stored(_))) {
                    return Err(Fault::OutOfOrder { room, position });
                }
                *last = position;
            }
        }
        Ok(())
    }

    fn watermark(&self) -> Position {
        Position(0)
    }

    fn sync(&self, _: Position) -> Result<(), Fault> {
        Ok(())
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        let (memory, _) = &mut *self.state.lock();
        let mut done = Vec::new();
        memory.ask(ask.clone(), Ticket(0));
        memory.poll(&mut done);
        Ok(done.remove(0).outcome)
    }
}

/// What the rigs share: a folder, the store on it, and a bell that its shard is called with.
struct Opened {
    folder: TempDir,
    synced: AckLevel,
    persistent: Option<Persistent>,
    store: Option<ShardStore>,
    called: Receiver<()>,
}

impl Opened {
    fn new(settled: impl Fn(&Path) -> OpenSettled) -> Opened {
        Opened::on(tempfile::tempdir().unwrap(), AckLevel::Durable, settled)
    }

    /// Before a store that reaches more than the journal does.
    fn far(settled: impl Fn(&Path) -> OpenSettled) -> Opened {
        Opened::on(tempfile::tempdir().unwrap(), AckLevel::Local, settled)
    }

    fn on(folder: TempDir, synced: AckLevel, settled: impl Fn(&Path) -> OpenSettled) -> Opened {
        let (call, called) = unbounded();
        let mut options = Options::new(journal::Options::new(folder.path().join("journal")));
        // Some batches are read from the journal again.
        options.held_bytes = 4096;
        options.unsettled_bytes = 32 << 20;
        options.synced = synced;
        let wake: Wake = Box::new(move || {
            let _ = call.send(());
        });
        let open_settled = settled(folder.path());
        let persistent = Persistent::open(options, Arc::new(RealDisk), open_settled, vec![wake]).unwrap();
        let store = persistent.shard(0);
        Opened { folder, synced, persistent: Some(persistent), store, called }
    }

    fn store(&mut self) -> &mut ShardStore {
        self.store.as_mut().unwrap()
    }

    fn wait(&self) {
        let _ = self.called.recv_timeout(Duration::from_millis(20));
        while self.called.try_recv().is_ok() {}
    }

    fn close(&mut self) {
        self.store = None;
        if let Some(persistent) = self.persistent.take() {
            persistent.close();
        }
    }

    /// What became of this batch.
    fn write(&mut self, ticket: u64, batch: Batch) -> Outcome {
        self.store().submit(batch, Ticket(ticket));
        self.answer_to(ticket)
    }

    fn ask(&mut self, ticket: u64, ask: Ask) -> Outcome {
        self.store().ask(ask, Ticket(ticket));
        self.answer_to(ticket)
    }

    fn answer_to(&mut self, ticket: u64) -> Outcome {
        let mut done: Vec<Completion> = Vec::new();
        while done.iter().all(|completion| completion.ticket.0 != ticket) {
            self.wait();
            self.store().poll(&mut done);
        }
        done.pop().unwrap().outcome
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.close();
    }
}

fn model(_: &Path) -> OpenSettled {
    Box::new(|| Ok(Arc::new(Model::new(None)) as Arc<dyn Settled>))
}

fn embedded(folder: &Path) -> OpenSettled {
    let folder = folder.join("store");
    let options = EmbeddedOptions { memtable_bytes: 64 << 10, least_run: 1, ..EmbeddedOptions::default() };
    Box::new(move || Ok(Arc::new(Embedded::open(&folder, &options)?) as Arc<dyn Settled>))
}

/// A store that is killed where it stands: its journal is copied while it works, torn as it may be.
struct Killed(Opened);

impl Rig for Killed {
    fn open(&mut self) {
        self.0 = Opened::on(tempfile::tempdir().unwrap(), self.0.synced, model);
    }

    fn store(&mut self) -> &mut dyn Store {
        self.0.store()
    }

    fn wait(&mut self) {
        self.0.wait();
    }

    fn crash(&mut self) -> bool {
        let left = tempfile::tempdir().unwrap();
        let (from, to) = (self.0.folder.path().join("journal"), left.path().join("journal"));
        std::fs::create_dir(&to).unwrap();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        self.0 = Opened::on(left, self.0.synced, model);
        true
    }
}

/// A store that is closed and opened again, with the embedded store behind its journal.
struct Closed(Opened);

impl Rig for Closed {
    fn open(&mut self) {
        self.0 = Opened::new(embedded);
    }

    fn store(&mut self) -> &mut dyn Store {
        self.0.store()
    }

    fn wait(&mut self) {
        self.0.wait();
    }

    fn crash(&mut self) -> bool {
        self.0.close();
        let folder = std::mem::replace(&mut self.0.folder, tempfile::tempdir().unwrap());
        self.0 = Opened::on(folder, AckLevel::Durable, embedded);
        true
    }
}

fn judge(rig: &mut dyn Rig) {
    let report = conformance::run(rig);
    let breaches: Vec<String> = report.breaches.iter().map(|breach| breach.to_string()).collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
    assert!(report.not_applicable.is_empty(), "{:?}", report.not_applicable);
    assert!(report.passed.len() > 40, "{}", report.passed.len());
}

#[test]
fn every_promise_is_kept_over_kills() {
    judge(&mut Killed(Opened::new(model)));
}

#[test]
fn every_promise_is_kept_before_a_store_that_reaches_more() {
    judge(&mut Killed(Opened::far(model)));
}

#[test]
fn every_promise_is_kept_on_the_embedded_store() {
    judge(&mut Closed(Opened::new(embedded)));
}

fn load(room: RoomKey) -> Ask {
    Ask::Load { room }
}

fn newest(outcome: Outcome) -> Option<Place> {
    if let Outcome::Loaded(state) = outcome { Some(state.newest) } else { None }
}

/// The first three that it opens take so many applies each and then nothing more.
fn failing(opened_so_far: &Arc<AtomicUsize>, takes: usize) -> impl Fn(&Path) -> OpenSettled {
    let count = opened_so_far.clone();
    move |_| {
        let count = count.clone();
        Box::new(move || {
            let left = (count.fetch_add(1, Ordering::Relaxed) < 3).then_some(takes);
            Ok(Arc::new(Model::new(left)) as Arc<dyn Settled>)
        })
    }
}

#[test]
fn each_batch_is_told_to_have_settled_once_and_in_order_however_often_the_settled_store_fails() {
    let opened_so_far = Arc::default();
    let mut opened = Opened::far(failing(&opened_so_far, 0));
    for seq in 1..=40 {
        opened.store().submit(events(&room("a"), vec![message((1, seq), seq, "words")]), Ticket(seq));
    }
    let mut done: Vec<Completion> = Vec::new();
    for _ in 0..1000 {
        opened.wait();
        opened.store().poll(&mut done);
        if done.len() >= 80 {
            break;
        }
    }
    for level in [AckLevel::Local, AckLevel::Durable] {
        let told: Vec<u64> = done.iter().filter(|c| c.outcome == Outcome::Stored(level)).map(|c| c.ticket.0).collect();
        assert_eq!(told, (1..=40).collect::<Vec<_>>(), "{level:?}");
    }
    assert!(opened_so_far.load(Ordering::Relaxed) >= 3, "the store never failed");
}

#[test]
fn a_settled_store_that_fails_is_opened_again_and_filled_from_the_journal() {
    let opened_so_far = Arc::default();
    let mut opened = Opened::new(failing(&opened_so_far, 2));
    for seq in 1..=40 {
        let stored = opened.write(seq, events(&room("a"), vec![message((1, seq), seq, "words")]));
        assert_eq!(stored, Outcome::Stored(REACH), "an ack waits for the journal only");
        // Until the store is open again nobody is told anything wrong.
        match opened.ask(1000 + seq, load(room("a"))) {
            Outcome::Failed(failure) => assert_eq!(failure, Failure::Unavailable),
            other => assert_eq!(newest(other), Some(Place::new(1, seq))),
        }
    }
    let mut ticket = 2000;
    let last = loop {
        ticket += 1;
        if let Some(place) = newest(opened.ask(ticket, load(room("a")))) {
            break place;
        }
    };
    assert_eq!(last, Place::new(1, 40));
    assert!(opened_so_far.load(Ordering::Relaxed) >= 2, "the store never failed");
}

#[test]
fn what_has_not_settled_is_bounded() {
    let settled = |_: &Path| -> OpenSettled {
        // It opens once, takes nothing, and does not open again.
        let opens = AtomicUsize::new(0);
        Box::new(move || match opens.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(Arc::new(Model::new(Some(0))) as Arc<dyn Settled>),
            _ => Err(Fault::Io("away".to_owned())),
        })
    };
    let mut opened = Opened::new(settled);
    let bound = opened.store().window();
    let mut taken = 0;
    let full = loop {
        taken += 1;
        let batch = events(&room("a"), vec![message((1, taken), taken, &"x".repeat(1 << 20))]);
        match opened.write(taken, batch) {
            Outcome::Stored(_) => assert!(opened.store().window() <= bound),
            outcome => break outcome,
        }
        assert!(taken < 1000, "it takes for ever");
    };
    assert_eq!(full, Outcome::Failed(Failure::Full));
}

/// A journal with one entry for each batch, opened again without its settled store, after a byte of the entries that hold
/// these words was turned over.
fn damaged(batches: Vec<Batch>, words: &[&str]) -> Opened {
    let mut opened = Opened::new(embedded);
    for (ticket, batch) in (1..).zip(batches) {
        assert_eq!(opened.write(ticket, batch), Outcome::Stored(REACH));
    }
    opened.close();
    let (folder, synced) = (std::mem::replace(&mut opened.folder, tempfile::tempdir().unwrap()), opened.synced);
    std::fs::remove_dir_all(folder.path().join("store")).unwrap();
    let segments = std::fs::read_dir(folder.path().join("journal")).unwrap().map(|file| file.unwrap().path());
    for segment in segments {
        let mut bytes = std::fs::read(&segment).unwrap();
        for word in words {
            let at = bytes.windows(word.len()).position(|window| window == word.as_bytes());
            at.into_iter().for_each(|at| bytes[at] ^= 1);
        }
        std::fs::write(&segment, bytes).unwrap();
    }
    Opened::on(folder, synced, embedded)
}

#[test]
fn what_damage_took_stands_without_content_and_the_room_goes_on() {
    let a = || room("a");
    let mut opened = damaged(
        vec![
            events(&a(), vec![message((1, 1), 1, "first")]),
            events(&a(), vec![message((1, 2), 2, "lost words"), change((1, 3), "lost change")]),
            events(&a(), vec![message((1, 4), 3, "other words")]),
            events(&a(), vec![change((1, 5), "change")]),
            events(&a(), vec![message((1, 6), 4, "last")]),
            events(&room("b"), vec![message((1, 1), 1, "elsewhere")]),
        ],
        &["lost words", "other words"],
    );
    let ask = PageAsk { room: a(), thread: None, from: PageFrom::Newest, limit: 10, fence: END, now: 0 };
    let Outcome::Page(page) = opened.ask(1, Ask::Page(ask)) else { panic!("no page") };
    let said: Vec<(u64, &[u8])> = page.records.iter().map(|r| (r.ordinal().unwrap(), &r.payload[..])).collect();
    assert_eq!(said.iter().map(|(ordinal, _)| *ordinal).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let lengths: Vec<usize> = said.iter().map(|(_, payload)| payload.len()).collect();
    assert!(lengths[0] > 0 && lengths[1..3] == [0, 0] && lengths[3] > 0, "{lengths:?}");
    let ask = ReplayAsk { room: a(), after: Place::START, limit: 10, fence: END, now: 0 };
    let Outcome::Replay(replay) = opened.ask(2, Ask::Replay(ask)) else { panic!("no replay") };
    let Replay::Run(run) = *replay else { panic!("gone") };
    let seqs: Vec<u64> = run.items.iter().map(|item| item.record.place.seq.0).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6], "no holes");
    assert_eq!(newest(opened.ask(3, load(room("b")))), Some(Place::new(1, 1)));
    assert_eq!(opened.write(4, events(&a(), vec![message((2, 7), 5, "more")])), Outcome::Stored(REACH));
    assert_eq!(newest(opened.ask(5, load(a()))), Some(Place::new(2, 7)));
}

#[test]
fn a_room_of_which_the_end_is_lost_goes_on_from_what_is_left() {
    let batches = vec![
        events(&room("a"), vec![message((1, 1), 1, "first")]),
        events(&room("a"), vec![message((1, 2), 2, "lost words")]),
        events(&room("b"), vec![message((1, 1), 1, "elsewhere")]),
    ];
    let mut opened = damaged(batches, &["lost words"]);
    assert_eq!(newest(opened.ask(1, load(room("a")))), Some(Place::new(1, 1)));
    assert_eq!(opened.write(2, events(&room("a"), vec![message((2, 2), 2, "again")])), Outcome::Stored(REACH));
    assert_eq!(newest(opened.ask(3, load(room("a")))), Some(Place::new(2, 2)));
}

#[test]
fn what_others_have_overtaken_is_kept_until_it_was_proposed_again() {
    let a = || room("a");
    // Nothing settles before this node stops.
    let away = |_: &Path| -> OpenSettled { Box::new(|| Ok(Arc::new(Model::new(Some(0))) as Arc<dyn Settled>)) };
    let mut opened = Opened::far(away);
    let own = [
        events(&a(), vec![message((1, 1), 1, "first")]),
        events(&room("b"), vec![message((1, 1), 1, "elsewhere")]),
        events(&a(), vec![message((1, 2), 2, "second")]),
    ];
    for (ticket, batch) in (1..).zip(own.clone()) {
        assert_eq!(opened.write(ticket, batch), Outcome::Stored(AckLevel::Local));
    }
    let folder = std::mem::replace(&mut opened.folder, tempfile::tempdir().unwrap());
    drop(opened);
    // Others go on meanwhile.
    let settled = Arc::new(Model::new(None));
    settled.state.lock().0.submit(events(&a(), vec![message((2, 1), 1, "theirs")]), Ticket(0));
    settled.state.lock().0.poll(&mut Vec::new());
    let shared = settled.clone();
    let theirs = move |_: &Path| -> OpenSettled {
        let settled = shared.clone();
        Box::new(move || Ok(settled.clone() as Arc<dyn Settled>))
    };
    let mut opened = Opened::on(folder, AckLevel::Local, &theirs);
    let returns = opened.persistent.as_ref().unwrap().returns();
    let mut found = Vec::new();
    for _ in 0..100 {
        found = returns.some(10, Duration::from_millis(100));
        if found.len() == 2 {
            break;
        }
        opened.wait();
    }
    assert_eq!(found.iter().map(|(_, batch)| batch.clone()).collect::<Vec<_>>(), [own[0].clone(), own[2].clone()]);
    assert_eq!(newest(opened.ask(1, load(room("b")))), Some(Place::new(1, 1)));
    assert_eq!(newest(opened.ask(2, load(a()))), Some(Place::new(2, 1)));
    // This node goes on with the room, too.
    let more = opened.write(3, events(&a(), vec![message((3, 2), 2, "first")]));
    assert!(matches!(more, Outcome::Stored(_)), "{more:?}");
    assert_eq!(newest(opened.ask(4, load(a()))), Some(Place::new(3, 2)));
    returns.done(found[0].0);
    assert_eq!(returns.some(10, Duration::ZERO), [found[1].clone()]);
    returns.done(found[1].0);
    assert_eq!(returns.some(10, Duration::ZERO), []);
}
