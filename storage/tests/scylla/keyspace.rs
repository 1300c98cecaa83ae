//! Who holds the keyspace, and of which version it is.

use crate::server::{keyspace, options, runtime, say, session};
use rookery_storage::ask::{Ask, Position};
use rookery_storage::conformance::say::{events, message, room};
use rookery_storage::scylla::{Scylla, ScyllaOptions, migrate};
use rookery_storage::{Entry, Fault, Settled};
use std::time::{Duration, Instant};

fn post(seq: u64) -> Vec<Entry> {
    vec![Entry::new(Position(seq), events(&room("a"), vec![message((1, seq), seq, "words")]))]
}

fn error(opened: Result<Scylla, Fault>) -> Fault {
    opened.err().expect("it was opened")
}

#[test]
fn migrations_run_once_however_many_run_them() {
    let options = options();
    let unmade = error(Scylla::open(&options, runtime()));
    assert!(unmade.to_string().contains("rookery migrate"), "{unmade}");
    let both: Vec<_> = std::thread::scope(|threads| {
        let runs = ["one", "other"].map(|holder| {
            let options = ScyllaOptions { holder: holder.to_owned(), ..options.clone() };
            threads.spawn(move || migrate(&options, &runtime()).unwrap())
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (one, other) in both[0].iter().zip(&both[1]) {
        assert_eq!((one.number, one.by_us), (other.number, !other.by_us), "a step was run by exactly one");
    }
    assert!(!both[0].is_empty());
    assert!(migrate(&options, &runtime()).unwrap().iter().all(|step| !step.by_us));
    Scylla::open(&options, runtime()).unwrap().apply(post(1)).unwrap();

    let ks = &options.keyspace;
    say(&session(), &format!("UPDATE {ks}.schema_versions SET state = 'begun' WHERE number = 2"));
    let older = error(Scylla::open(&options, runtime()));
    assert!(older.to_string().contains("rookery migrate"), "{older}");
    say(&session(), &format!("INSERT INTO {ks}.schema_versions (number, state) VALUES (99, 'done')"));
    assert_eq!(error(Scylla::open(&options, runtime())), Fault::Newer { what: "the keyspace", version: 99 });
}

#[test]
fn one_holds_the_keyspace() {
    let options = keyspace();
    let other = ScyllaOptions { holder: "another".to_owned(), ..options.clone() };
    let first = Scylla::open(&options, runtime()).unwrap();
    assert_eq!(error(Scylla::open(&other, runtime())), Fault::Held { by: "tests".to_owned() });
    first.apply(post(1)).unwrap();
    // It comes again under its own name, as after a crash: whoever it was before holds nothing any more.
    let again = Scylla::open(&options, runtime()).unwrap();
    let runs = [again.take_run(5).unwrap(), again.take_run(1_000).unwrap(), again.take_run(0).unwrap()];
    assert!(runs[0] >= 5 && runs[1] >= 1_000 && runs[2] > runs[1], "{runs:?}");
    drop(again);
    // It was given back, so nobody waits for its end.
    let second = Scylla::open(&other, runtime()).unwrap();
    assert!(second.take_run(0).unwrap() > runs[2]);
    second.apply(post(2)).unwrap();
    assert_eq!(error(Scylla::open(&options, runtime())), Fault::Held { by: "another".to_owned() });
}

#[test]
fn a_lost_lease_ends_the_acks() {
    let options = ScyllaOptions { lease: Duration::from_secs(3), ..keyspace() };
    let first = Scylla::open(&options, runtime()).unwrap();
    first.apply(post(1)).unwrap();
    let ks = &options.keyspace;
    say(&session(), &format!("UPDATE {ks}.lease SET holder = 'thief', generation = 9 WHERE id = 0"));
    // It notices when it renews, and at the latest when its time is over.
    let since = Instant::now();
    let fault = loop {
        match first.apply(post(2)) {
            Ok(()) => assert!(since.elapsed() < Duration::from_secs(20), "it never noticed"),
            Err(fault) => break fault,
        }
    };
    assert!(matches!(&fault, Fault::Poisoned(why) if why.contains("lease")), "{fault}");
    assert!(first.apply(post(3)).is_err() && first.sync(Position(3)).is_err());
    assert!(first.answer(&Ask::Load { room: room("a") }).is_err());
    assert_eq!(error(Scylla::open(&options, runtime())), Fault::Held { by: "thief".to_owned() });
}

#[test]
fn another_journal_has_positions_of_its_own() {
    let options = keyspace();
    let other = ScyllaOptions { journal: 8, ..options.clone() };
    let first = Scylla::open(&options, runtime()).unwrap();
    first.apply([post(1), post(2)].concat()).unwrap();
    first.sync(Position(2)).unwrap();
    drop(first);
    // Its folder is empty, and its positions begin again.
    let second = Scylla::open(&other, runtime()).unwrap();
    assert_eq!(second.watermark(), Position(0));
    let go_on = Entry { position: Position(1), ..post(3).remove(0) };
    second.apply(vec![go_on]).unwrap();
    second.sync(Position(1)).unwrap();
    drop(second);
    // The first disk comes back: what it has settled is passed over, what others have overtaken does not fit.
    let back = Scylla::open(&options, runtime()).unwrap();
    assert_eq!(back.watermark(), Position(2));
    back.apply([post(1), post(2)].concat()).unwrap();
    let overtaken = Entry { position: Position(3), ..post(3).remove(0) };
    assert_eq!(back.apply(vec![overtaken]), Err(Fault::OutOfOrder { room: room("a"), position: Position(3) }));
}
