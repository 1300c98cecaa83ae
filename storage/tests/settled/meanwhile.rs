//! Reads while batches are applied: each answer is of whole batches.

use crate::rig::small;
use rookery_storage::ask::{Ask, Position, ReplayAsk};
use rookery_storage::conformance::bench::END;
use rookery_storage::conformance::say::{change, events, message, put, room};
use rookery_storage::embedded::Embedded;
use rookery_storage::{Entry, Outcome, Place, Replay, Settled, Table};
use std::sync::atomic::{AtomicBool, Ordering};

const BATCHES: u64 = 3000;

/// What a batch of two events and a row leaves is read beside it, as long as it goes on.
#[test]
fn answers_show_whole_batches_while_others_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    let (a, done) = (room("a"), AtomicBool::new(false));
    let looked = std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let (mut states, mut last) = (0, 0);
            while !done.load(Ordering::Acquire) {
                let Outcome::Loaded(state) = settled.answer(&Ask::Load { room: a.clone() }).unwrap() else {
                    panic!("not loaded")
                };
                let newest = state.newest.seq.0;
                assert!(newest >= last && newest.is_multiple_of(2));
                assert_eq!(state.messages, newest / 2);
                let row = state.rows.first().map_or("0".into(), |row| row.value.clone());
                assert_eq!(row, newest.to_string());
                let after = Place::new(u64::from(newest > 0), newest.saturating_sub(10));
                let ask = ReplayAsk { room: a.clone(), after, limit: usize::MAX, fence: END, now: 0 };
                let Outcome::Replay(replay) = settled.answer(&Ask::Replay(ask)).unwrap() else { panic!("no replay") };
                let Replay::Run(run) = *replay else { panic!("nothing was trimmed") };
                assert!(run.reached.seq.0 >= newest && run.reached.seq.0.is_multiple_of(2));
                states += u64::from(newest != last);
                last = newest;
            }
            states
        });
        for n in 1..=BATCHES {
            let seq = 2 * n;
            let mut batch = events(&a, vec![message((1, seq - 1), n, "words"), change((1, seq), "change")]);
            batch.rows.push(put(Table::Counters, "n", &seq.to_string()));
            settled.apply(vec![Entry::new(Position(n), batch)]).unwrap();
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    assert!(looked > 10, "{looked} states were seen");
}
