//! Replay: messages and changes in one line, as they are now, or told that they are gone.

use super::bench::{Bench, END, same};
use super::say::{change, deletion, edit, events, mark, message, place, rewrite, rewrites, room, void};
use super::{Check, Verdict};
use crate::answer::Replay;
use crate::ask::Keep;
use crate::batch::Batch;
use crate::limits::{PAGE_BYTES, PAYLOAD_BYTES};
use crate::record::{Kind, Record, State};
use crate::{Place, RoomKey};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 11, name: "replay continues from every cursor without a hole", run: every_cursor },
    Check { promise: 11, name: "replay shows messages as they are now", run: as_they_are_now },
    Check { promise: 11, name: "replay below what is kept says so", run: gone },
    Check { promise: 11, name: "replay takes a cursor from beyond back", run: beyond },
    Check { promise: 11, name: "replay of large messages stays within its bytes", run: large_messages },
];

/// 24 events of every kind over two epochs.
fn every_kind(bench: &mut Bench<'_>) -> Verdict<(RoomKey, Vec<Record>)> {
    let a = room("a");
    let mut ordinal = 0;
    let records: Vec<Record> = (1..=24)
        .map(|seq| {
            let at = (1 + seq / 13, seq);
            match seq % 6 {
                0 => void(at),
                1 | 2 | 4 => {
                    ordinal += 1;
                    message(at, ordinal, "words")
                }
                3 => change(at, "change"),
                _ => mark(at, (1, 1), "mark"),
            }
        })
        .collect();
    bench.write(events(&a, records.clone()))?;
    Ok((a, records))
}

fn every_cursor(bench: &mut Bench<'_>) -> Verdict {
    let (a, records) = every_kind(bench)?;
    let mut cursors = vec![Place::START];
    cursors.extend(records.iter().map(|record| record.place));
    for after in cursors {
        for limit in [1, 5, usize::MAX] {
            // Page by page to the end.
            let (mut got, mut cursor) = (Vec::new(), after);
            for _ in 0..=records.len() {
                let run = match *bench.replay(&a, cursor, limit, END)? {
                    Replay::Run(run) => run,
                    gone @ Replay::Gone { .. } => return Err(format!("nothing was trimmed, but {gone:?}")),
                };
                same("taken back", run.retract, None)?;
                same("page within its limit", run.items.len() <= limit, true)?;
                got.extend(run.items.into_iter().map(|item| item.record));
                cursor = run.reached;
                if !run.more {
                    break;
                }
            }
            let want: Vec<Record> = records.iter().filter(|record| record.place > after).cloned().collect();
            same(&format!("replay after {after} by {limit}"), got, want)?;
            same("reached", cursor, place((2, 24)))?;
        }
    }
    let run = match *bench.replay(&a, place((1, 3)), 0, END)? {
        Replay::Run(run) => run,
        gone @ Replay::Gone { .. } => return Err(format!("nothing was trimmed, but {gone:?}")),
    };
    same("replay of none", (run.items.len(), run.reached, run.more), (0, place((1, 3)), true))
}

fn as_they_are_now(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.write(events(&a, vec![message((1, 1), 1, "outdated"), message((1, 2), 2, "deleted body")]))?;
    bench.write(Batch {
        events: vec![edit((1, 3), (1, 1)), mark((1, 4), (1, 1), "thumb")],
        rewrites: vec![rewrite((1, 1), (1, 3), "outdated, too")],
        ..Batch::new(a.clone())
    })?;
    bench.write(Batch {
        events: vec![edit((1, 5), (1, 1)), edit((1, 6), (1, 2))],
        rewrites: vec![rewrite((1, 1), (1, 5), "current"), deletion((1, 2), (1, 6), "stub")],
        ..Batch::new(a.clone())
    })?;
    for after in [Place::START, place((1, 2))] {
        let run = bench.run(&a, after)?;
        let said = format!("{run:?}");
        same("an old body is shown", said.contains("outdated") || said.contains("deleted body"), false)?;
        let joined: Vec<_> = run
            .items
            .iter()
            .filter_map(|item| item.current.as_ref().map(|now| (item.record.place.seq.0, now.payload.clone())))
            .collect();
        same("joined", joined, vec![(3, "current".into()), (5, "current".into()), (6, "stub".into())])?;
    }
    let first = bench.run(&a, Place::START)?.items.into_iter().map(|item| item.record).next();
    let now = Kind::Message { ordinal: 1, version: place((1, 5)), state: State::Present, expires: None, thread: None };
    same("the posted message", first.map(|record| (record.kind, record.payload)), Some((now, "current".into())))?;
    // A target that is gone is joined as nothing.
    bench.trim(&a, Keep { messages: 1, ..Keep::ALL }, 0)?;
    let run = bench.run(&a, place((1, 2)))?;
    let joined: Vec<_> = run.items.iter().map(|item| item.current.is_some()).collect();
    same("joined after a trim", joined, vec![false, false, false, true])
}

fn gone(bench: &mut Bench<'_>) -> Verdict {
    let (a, _) = every_kind(bench)?;
    // The last 3 of 12 changes and voids are kept, and all messages.
    bench.trim(&a, Keep { changes: 3, ..Keep::ALL }, 0)?;
    let floor = bench.load(&a)?.floor;
    same("floor", floor, place((2, 18)))?;
    for seq in 0..=24 {
        let after = if seq == 0 { Place::START } else { Place::new(1 + seq / 13, seq) };
        let got = *bench.replay(&a, after, usize::MAX, END)?;
        if after < floor {
            same(&format!("replay after {after}"), got, Replay::Gone { floor })?;
        } else {
            let items = match got {
                Replay::Run(run) => run.items.len() as u64,
                Replay::Gone { .. } => return Err(format!("replay after {after} is kept, but {got:?}")),
            };
            same(&format!("replay after {after}"), items, 24 - seq)?;
        }
    }
    same("messages are all kept", bench.messages(&a)?.len(), 12)
}

fn beyond(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    // Epoch 2 ended at 4, epoch 5 at 6; 9 goes on. 3, 4, 6 to 8 never were, or were lost as a whole.
    bench.write(events(&a, (1..=4).map(|n| message((2, n), n, "two")).collect()))?;
    bench.write(events(&a, (5..=6).map(|n| message((5, n), n, "five")).collect()))?;
    bench.write(events(&a, (7..=8).map(|n| message((9, n), n, "nine")).collect()))?;
    let cases = [
        ((2, 4), None, 4),
        ((2, 5), Some((2, 4)), 4),
        ((2, 99), Some((2, 4)), 4),
        ((3, 1), Some((2, 4)), 4),
        ((4, 7), Some((2, 4)), 4),
        ((5, 6), None, 2),
        ((5, 7), Some((5, 6)), 2),
        ((8, 7), Some((5, 6)), 2),
        ((9, 8), None, 0),
        ((9, 9), Some((9, 8)), 0),
        ((10, 1), Some((9, 8)), 0),
        ((1, 3), Some((0, 0)), 8),
        // Below the first seq of its epoch: the place of that seq.
        ((9, 3), Some((2, 3)), 5),
    ];
    for (cursor, retract, items) in cases {
        let run = bench.run(&a, place(cursor))?;
        let what = format!("replay after {:?}", place(cursor));
        same(&what, (run.retract, run.items.len()), (retract.map(place), items))?;
        let reached = if items > 0 { place((9, 8)) } else { retract.map_or(place(cursor), place) };
        same("reached", run.reached, reached)?;
    }
    Ok(())
}

fn large_messages(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let size = PAYLOAD_BYTES - 1;
    for seq in 1..=5 {
        bench.write(events(&a, vec![message((1, seq), seq, &"x".repeat(size))]))?;
    }
    bench.write(events(&a, (6..=9).map(|seq| edit((1, seq), (1, 5))).collect()))?;
    bench.write(rewrites(&a, vec![rewrite((1, 5), (1, 9), &"y".repeat(size))]))?;
    let mut after = Place::START;
    for _ in 0..9 {
        let run = bench.run(&a, after)?;
        let current = run.items.iter().filter_map(|item| item.current.as_ref());
        let bytes: usize =
            run.items.iter().map(|item| &item.record).chain(current).map(|record| record.payload.len()).sum();
        same("within its bytes", bytes <= PAGE_BYTES && !run.items.is_empty(), true)?;
        same("no hole", run.reached.seq.0, after.seq.0 + run.items.len() as u64)?;
        after = run.reached;
        if !run.more {
            break;
        }
    }
    same("reached", after, place((1, 9)))
}
