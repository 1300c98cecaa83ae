//! A store that is late, fails, and comes back: every batch and question is answered once, in order, as what it was.

use super::*;
use rookery_protocol::command::HistoryFrom;

fn one(seq: u64, epoch: u64) -> Batch {
    batch(vec![posted(&message(Place::new(epoch, seq), seq, "ann", "words"))], Vec::new())
}

fn stored(facts: &[Fact]) -> Vec<(u64, Stored)> {
    facts
        .iter()
        .map(|fact| match fact {
            Fact::Stored { room, ticket, answer } => {
                assert_eq!(*room, HANDLE);
                (ticket.0, *answer)
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

fn drain(rig: &mut Rig) -> Vec<Fact> {
    let mut facts = Vec::new();
    for _ in 0..100 {
        facts.extend(rig.step());
    }
    assert!(rig.port.is_idle());
    facts
}

#[test]
fn the_memory_store_answers_in_the_same_turn() {
    let mut rig = Rig::prompt();
    assert_eq!(rig.port.reach(), AckLevel::Accepted);
    assert_eq!(rig.port.submit(Ticket(1), one(1, 5)), Some(Stored::Done));
    assert!(rig.port.load(Ticket(2), HANDLE, &room()).unwrap().is_ok());
    let what = Fetch::Page { from: HistoryFrom::Newest, limit: 5, thread: None, fence: END };
    assert!(rig.port.fetch(Ticket(3), HANDLE, &room(), &what).unwrap().is_ok());
    assert!(rig.port.is_idle());
    assert!(rig.step().is_empty());
}

#[test]
fn each_batch_is_done_once_at_the_highest_level_in_order() {
    for seed in 0..20 {
        let mut rig = Rig::late(seed, AckLevel::Durable);
        for seq in 1..=30 {
            assert_eq!(rig.port.submit(Ticket(seq), one(seq, 5)), None);
        }
        let told = stored(&drain(&mut rig));
        assert_eq!(told, (1..=30).map(|ticket| (ticket, Stored::Done)).collect::<Vec<_>>(), "seed {seed}");
    }
}

/// Confirms at `Local`, whatever else it reaches.
struct Confirming(Box<dyn Store + Send>);

impl Store for Confirming {
    fn reach(&self) -> AckLevel {
        self.0.reach()
    }

    fn confirms(&self) -> AckLevel {
        AckLevel::Local
    }

    fn window(&self) -> usize {
        self.0.window()
    }

    fn submit(&mut self, batch: rookery_storage::Batch, ticket: rookery_storage::Ticket) {
        self.0.submit(batch, ticket);
    }

    fn ask(&mut self, ask: rookery_storage::Ask, ticket: rookery_storage::Ticket) {
        self.0.ask(ask, ticket);
    }

    fn poll(&mut self, out: &mut Vec<rookery_storage::Completion>) {
        self.0.poll(out);
    }
}

#[test]
fn a_store_of_two_levels_confirms_each_batch_and_then_settles_it() {
    for seed in 0..20 {
        let plan = FaultPlan::late(seed, AckLevel::Durable);
        let store = Kept(Arc::new(Mutex::new(Faulty::new(Memory::new(MemoryOptions::default()), plan))));
        let kept = store.clone();
        let mut rig = Rig::new(Box::new(move || Box::new(Confirming(Box::new(kept.clone())))), Some(store));
        assert_eq!((rig.port.confirms(), rig.port.reach()), (AckLevel::Local, AckLevel::Durable));
        for seq in 1..=30 {
            assert_eq!(rig.port.submit(Ticket(seq), one(seq, 5)), None);
        }
        let told = stored(&drain(&mut rig));
        for answer in [Stored::Done, Stored::Settled] {
            let of = told.iter().filter(|(_, own)| *own == answer).map(|(ticket, _)| *ticket);
            assert_eq!(of.collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>(), "seed {seed}, {answer:?}");
        }
        let settled = |ticket| told.iter().position(|own| *own == (ticket, Stored::Settled));
        let done = |ticket| told.iter().position(|own| *own == (ticket, Stored::Done));
        assert!((1..=30).all(|ticket| done(ticket) < settled(ticket)), "seed {seed}");
    }
}

#[test]
fn answers_find_their_tickets_whatever_overtakes_what() {
    let mut rig = Rig::late(3, AckLevel::Local);
    for seq in 1..=5 {
        rig.port.submit(Ticket(seq), one(seq, 5));
    }
    drain(&mut rig);
    for n in 1..=5 {
        assert_eq!(rig.port.fetch(Ticket(100 + n), HANDLE, &room(), &Fetch::Message(at(n))), None);
        assert_eq!(rig.port.load(Ticket(200 + n), RoomHandle(n as u32), &room()), None);
    }
    let mut seen = Vec::new();
    for fact in drain(&mut rig) {
        match fact {
            Fact::Fetched { room, ticket, answer: Ok(Fetched::Message(Some(message))) } => {
                assert_eq!((room, message.place.seq.0), (HANDLE, ticket.0 - 100));
                seen.push(ticket.0);
            }
            Fact::Loaded { room, ticket, image: Ok(image) } => {
                assert_eq!((u64::from(room.0), image.last), (ticket.0 - 200, at(5)));
                assert_eq!(image.recent.len(), 5);
                seen.push(ticket.0);
            }
            other => panic!("{other:?}"),
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [101, 102, 103, 104, 105, 201, 202, 203, 204, 205]);
}

#[test]
fn what_was_submitted_before_anybody_knew_fails_under_one_run() {
    let mut rig = Rig::late(4, AckLevel::Local);
    let store = rig.faulty.clone().unwrap();
    rig.port.submit(Ticket(1), one(1, 5));
    assert_eq!(stored(&drain(&mut rig)), [(1, Stored::Done)]);
    store.get().set_health(Health::Failing);
    rig.port.submit(Ticket(2), one(2, 5));
    rig.port.submit(Ticket(3), one(3, 5));
    store.get().step();
    rig.port.submit(Ticket(4), one(4, 5));
    let failed = Stored::Failed { run: Epoch(6) };
    assert_eq!(stored(&drain(&mut rig)), [(2, failed), (3, failed), (4, failed)]);
    // The next try fails anew, and takes a run of its own.
    let retry = |epoch| {
        let mut batch = one(2, epoch);
        batch.rows.push(Row::Retract { above: at(1) });
        batch
    };
    rig.port.submit(Ticket(5), retry(6));
    assert_eq!(stored(&drain(&mut rig)), [(5, Stored::Failed { run: Epoch(7) })]);
    store.get().set_health(Health::Well);
    rig.port.submit(Ticket(6), retry(7));
    let told = drain(&mut rig);
    assert_eq!(stored(&told[..1]), [(6, Stored::Done)]);
    assert!(matches!(told[1..], [Fact::StoreBack]), "{told:?}");
    let image = rig.load();
    assert_eq!((image.last, image.messages), (Place::new(7, 2), 2));
    assert_eq!(image.epochs, [(Epoch(5), rookery_protocol::ids::Seq(1)), (Epoch(7), rookery_protocol::ids::Seq(2))]);
    // Once is enough.
    rig.port.submit(Ticket(7), one(3, 7));
    assert_eq!(stored(&drain(&mut rig)), [(7, Stored::Done)]);
}

#[test]
fn questions_that_fail_are_faults() {
    let mut rig = Rig::faulty(FaultPlan { failing_asks: 1000, ..FaultPlan::late(5, AckLevel::Local) });
    assert_eq!(rig.load_of(&room()), Err(StoreFault));
    assert_eq!(rig.try_fetch(&Fetch::Message(at(1))), Err(StoreFault));
    let what = Fetch::Page { from: HistoryFrom::Newest, limit: 5, thread: Some(at(1)), fence: END };
    assert_eq!(rig.try_fetch(&what), Err(StoreFault));
    assert_eq!(rig.try_fetch(&Fetch::Replay { after: at(1), limit: 5, fence: END }), Err(StoreFault));
    assert!(rig.port.is_idle());
}

#[test]
fn a_question_of_many_steps_may_fail_at_any_of_them() {
    let mut outcomes = [0; 2];
    for seed in 0..60 {
        let plan = FaultPlan { failing_asks: 120, ..FaultPlan::late(seed, AckLevel::Local) };
        let mut rig = Rig::faulty(plan);
        for seq in 1..=300 {
            rig.port.submit(Ticket(seq), one(seq, 5));
        }
        rig.tickets = 1000;
        drain(&mut rig);
        match rig.load_of(&room()) {
            Ok(image) => {
                assert_eq!((image.recent.len(), image.last), (300, at(300)));
                outcomes[0] += 1;
            }
            Err(StoreFault) => outcomes[1] += 1,
        }
        assert!(rig.port.is_idle());
    }
    assert!(outcomes.iter().all(|count| *count > 5), "{outcomes:?}");
}

/// An answer at once must not overtake those that came before it.
#[test]
fn nothing_overtakes_what_is_still_to_be_told() {
    let mut rig = Rig::late(8, AckLevel::Local);
    let store = rig.faulty.clone().unwrap();
    rig.port.submit(Ticket(1), one(1, 5));
    for _ in 0..20 {
        store.get().step();
    }
    // The first batch has completed inside the store, but nobody was told.
    assert_eq!(rig.port.submit(Ticket(2), one(2, 5)), None);
    assert_eq!(stored(&drain(&mut rig)), [(1, Stored::Done), (2, Stored::Done)]);
}
