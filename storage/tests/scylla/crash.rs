//! A crash between any two requests of an apply: whoever opens the store finds all of the batch, or nothing.

use crate::rig::World;
use crate::server::{keyspace, runtime};
use crate::told::{Listener, questions, scans};
use rookery_storage::ask::{Ask, Keep, Position};
use rookery_storage::batch::{Batch, Cut};
use rookery_storage::conformance::say::{
    change, deletion, edit, events, expiring, keyed, mark, message, of, put, reply, rewrite, room, unput,
};
use rookery_storage::scylla::{Scylla, ScyllaOptions};
use rookery_storage::{Entry, Fault, Outcome, Place, Settled, Store, Table, Ticket};

/// More than any of them needs.
const MOST_REQUESTS: u64 = 100;

/// What is done to a room that has everything a room can have.
enum Deed {
    Apply(Batch),
    Trim(Keep),
}

fn begin() -> Vec<Batch> {
    let a = room("a");
    let mut all: Vec<_> = (1..=70).map(|seq| message((1, seq), seq, &format!("message {seq}"))).collect();
    for seq in [5, 9, 66, 68] {
        all[seq as usize - 1] = reply((1, seq), seq, (1, 2), "reply");
    }
    all[63] = expiring((1, 64), 64, "passing", 9000);
    all[66] = keyed(all[66].clone(), "key 1");
    all.push(mark((1, 71), (1, 3), "mark"));
    let mut first = events(&a, all);
    first.rows = vec![
        put(Table::Members, "ann", "1"),
        put(Table::Members, "bob", "1"),
        put(Table::PendingEffects, "effect 1", "x"),
        put(Table::Reactions, of((1, 3), "thumb"), "ann"),
        put(Table::Reactions, of((1, 69), "thumb"), "ann"),
    ];
    vec![first]
}

fn deeds() -> Vec<(&'static str, Deed)> {
    let a = room("a");
    let more = Batch {
        events: vec![
            keyed(reply((1, 72), 71, (1, 2), "another reply"), "key 2"),
            expiring((1, 73), 72, "passing later", 20_000),
            edit((1, 74), (1, 3)),
            edit((1, 75), (1, 64)),
        ],
        rewrites: vec![rewrite((1, 3), (1, 74), "edited"), deletion((1, 64), (1, 75), "stub")],
        rows: vec![
            put(Table::Members, "ann", "2"),
            unput(Table::Members, "bob"),
            unput(Table::PendingEffects, "effect 1"),
            put(Table::PendingEffects, "effect 2", "x"),
            put(Table::Names, "new", "x"),
        ],
        ..Batch::new(a.clone())
    };
    let instead = Batch {
        events: vec![
            keyed(reply((2, 63), 63, (1, 2), "instead"), "key 1"),
            message((2, 64), 64, "instead of the marked one"),
            change((2, 65), "change"),
        ],
        rewrites: vec![rewrite((1, 3), (2, 65), "edited")],
        rows: vec![put(Table::Reactions, of((2, 64), "thumb"), "ann"), put(Table::Members, "ann", "2")],
        ..Batch::new(a.clone())
    };
    let above = Batch { cut: Cut::Above(Place::new(1, 60)), ..Batch::new(a.clone()) };
    let anew = Batch {
        cut: Cut::Everything,
        events: vec![keyed(message((3, 72), 1, "anew"), "key 1")],
        rows: vec![put(Table::Members, "cat", "1")],
        ..Batch::new(a)
    };
    vec![
        ("a batch that adds", Deed::Apply(more)),
        ("a batch that opens an epoch below the end", Deed::Apply(instead)),
        ("a cut of the end", Deed::Apply(above)),
        ("a room that is removed and begun anew", Deed::Apply(anew)),
        ("a trim", Deed::Trim(Keep { messages: 4, ..Keep::ALL })),
    ]
}

fn trim(keep: &Keep) -> Ask {
    Ask::Trim { room: room("a"), keep: *keep, now: 5000 }
}

/// The answers of a model to which this was done.
fn answers(asks: &[Ask], deed: Option<&Deed>) -> Vec<Outcome> {
    let mut model = told(deed);
    asks.iter().map(|ask| model.ask(ask.clone())).collect()
}

fn told(deed: Option<&Deed>) -> Listener {
    let mut model = Listener::new();
    begin().into_iter().for_each(|batch| model.submit(batch, Ticket(0)));
    match deed {
        Some(Deed::Apply(batch)) => model.submit(batch.clone(), Ticket(0)),
        Some(Deed::Trim(keep)) => drop(model.ask(trim(keep))),
        None => {}
    }
    model
}

struct Store1<'a> {
    options: &'a ScyllaOptions,
    world: World,
    settled: Scylla,
}

impl Store1<'_> {
    fn position(&self, n: u64) -> Position {
        Position(self.world.0 * 10 + n)
    }

    fn carry_out(&self, deed: &Deed) -> Result<(), Fault> {
        match deed {
            Deed::Apply(batch) => {
                let batch = self.world.batch(batch);
                self.settled.apply(vec![Entry::new(self.position(5), batch)])
            }
            Deed::Trim(keep) => self.world.answer(&self.settled, &trim(keep)).map(drop),
        }
    }

    fn crash(&mut self) {
        self.settled.stop_after(0);
        self.settled.sync(Position(0)).unwrap_err();
        self.settled = Scylla::open(self.options, runtime()).unwrap();
    }

    fn answers(&self, asks: &[Ask]) -> Vec<Outcome> {
        asks.iter().map(|ask| self.world.answer(&self.settled, ask).unwrap()).collect()
    }
}

#[test]
fn a_crash_between_any_two_requests_leaves_whole_batches() {
    let options = keyspace();
    let mut store = Store1 { options: &options, world: World(0), settled: Scylla::open(&options, runtime()).unwrap() };
    let (mut nothing, mut whole) = (0, 0);
    for (what, deed) in deeds() {
        let a = room("a");
        let mut asks: Vec<Ask> = questions(&mut told(None), &a, 5000).into_iter().step_by(11).collect();
        asks.extend(questions(&mut told(Some(&deed)), &a, 5000).into_iter().step_by(13));
        asks.extend(["key 1", "key 2"].map(|key| Ask::Lookup { room: a.clone(), key: key.into() }));
        asks.push(Ask::Load { room: a });
        asks.extend(scans());
        let (before, after) = (answers(&asks, None), answers(&asks, Some(&deed)));
        assert_ne!(before, after);
        for requests in 0.. {
            assert!(requests < MOST_REQUESTS, "{what} has no end");
            store.world = World(store.world.0 + 1);
            for batch in begin() {
                let batch = store.world.batch(&batch);
                store.settled.apply(vec![Entry::new(store.position(1), batch)]).unwrap();
            }
            store.settled.stop_after(requests);
            let done = store.carry_out(&deed);
            store.crash();
            let found = store.answers(&asks);
            if found == before {
                nothing += 1;
                assert!(done.is_err(), "{what}, {requests} requests: said to be done, and is not");
            } else {
                whole += 1;
                for ((found, after), ask) in found.iter().zip(&after).zip(&asks) {
                    assert_eq!(found, after, "{what}, {requests} requests: half of it is there, {ask:?}");
                }
            }
            store.carry_out(&deed).unwrap();
            assert_eq!(store.answers(&asks), after, "{what}, {requests} requests, again");
            if done.is_ok() {
                break;
            }
        }
    }

    assert!(nothing > 10 && whole > 20, "{nothing} times nothing, {whole} times all of it");
}
