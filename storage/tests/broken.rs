//! A room of which the settled store cannot read what it needs costs nobody else anything.
#![allow(clippy::unwrap_used)]

use rookery_storage::answer::Failure;
use rookery_storage::ask::{Ask, Position};
use rookery_storage::conformance::say::{events, message, room};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{Options, Persistent, ShardStore, Wake};
use rookery_storage::settled::{Fault, Settled};
use rookery_storage::{Completion, Entry, Outcome, Place, Store, Ticket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Cannot read what it has of the room "bad" any more, once it is told so.
struct Spoilt {
    inner: Embedded,
    is_spoilt: Arc<AtomicBool>,
}

impl Settled for Spoilt {
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        if self.is_spoilt.load(Ordering::Acquire) && entries.iter().any(|entry| entry.batch.room == room("bad")) {
            return Err(Fault::Damaged { room: Some(room("bad")), place: None, what: "a block".to_owned() });
        }
        self.inner.apply(entries)
    }

    fn watermark(&self) -> Position {
        self.inner.watermark()
    }

    fn highest(&self) -> Result<Position, Fault> {
        self.inner.highest()
    }

    fn sync(&self, watermark: Position) -> Result<(), Fault> {
        self.inner.sync(watermark)
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        self.inner.answer(ask)
    }
}

struct Shard {
    store: ShardStore,
    called: Receiver<()>,
    ticket: u64,
}

impl Shard {
    fn outcome(&mut self, hand_in: impl FnOnce(&mut ShardStore, Ticket)) -> Outcome {
        self.ticket += 1;
        hand_in(&mut self.store, Ticket(self.ticket));
        let mut done: Vec<Completion> = Vec::new();
        while done.iter().all(|completion| completion.ticket.0 != self.ticket) {
            self.called.recv_timeout(Duration::from_secs(10)).unwrap();
            self.store.poll(&mut done);
        }
        done.pop().unwrap().outcome
    }

    fn post(&mut self, name: &'static str, seq: u64) -> Outcome {
        let batch = events(&room(name), vec![message((1, seq), seq, "words")]);
        self.outcome(|store, ticket| store.submit(batch, ticket))
    }

    fn newest(&mut self, name: &'static str) -> Option<Place> {
        let ask = Ask::Load { room: room(name) };
        let outcome = self.outcome(|store, ticket| store.ask(ask, ticket));
        if let Outcome::Loaded(state) = outcome { Some(state.newest) } else { None }
    }
}

#[test]
fn the_other_rooms_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (call, called) = channel();
    let wake: Wake = Box::new(move || {
        let _ = call.send(());
    });
    let is_spoilt = Arc::new(AtomicBool::new(false));
    let (store, spoilt) = (folder.path().join("store"), is_spoilt.clone());
    let open_settled = move || {
        let inner = Embedded::open(&store, &EmbeddedOptions::default())?;
        Ok(Arc::new(Spoilt { inner, is_spoilt: spoilt.clone() }) as Arc<dyn Settled>)
    };
    let options = Options::new(journal::Options::new(folder.path().join("journal")));
    let persistent = Persistent::open(options, Arc::new(RealDisk), Box::new(open_settled), vec![wake]).unwrap();
    let mut shard = Shard { store: persistent.shard(0).unwrap(), called, ticket: 0 };
    for seq in 1..=3 {
        assert!(matches!(shard.post("bad", seq), Outcome::Stored(_)));
        assert!(matches!(shard.post("good", seq), Outcome::Stored(_)));
    }
    assert_eq!(shard.newest("bad"), Some(Place::new(1, 3)));
    is_spoilt.store(true, Ordering::Release);
    // Taken by the journal; that the room is broken shows when it settles.
    assert!(matches!(shard.post("bad", 4), Outcome::Stored(_)));
    assert_eq!(shard.newest("bad"), Some(Place::new(1, 3)));
    assert_eq!(shard.post("bad", 5), Outcome::Failed(Failure::Unavailable));
    for seq in 4..=50 {
        assert!(matches!(shard.post("good", seq), Outcome::Stored(_)), "{seq}");
        assert_eq!(shard.newest("good"), Some(Place::new(1, seq)));
    }
    drop(shard);
    persistent.close();
}
