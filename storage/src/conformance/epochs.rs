//! Epochs: what is opened, what is dropped, and that a room goes on above all of it.

use super::bench::{Bench, END, same};
use super::say::{change, events, keyed, message, of, place, put, room, row};
use super::{Check, Verdict};
use crate::batch::{Batch, Cut};
use crate::record::Record;
use crate::table::Table;
use crate::{Epoch, Place, RoomKey, Seq};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 8, name: "a higher epoch opens where the last one ended", run: opens_at_the_end },
    Check { promise: 8, name: "a higher epoch drops what stands above its beginning", run: opens_below },
    Check { promise: 8, name: "an epoch that is dropped whole leaves no trace", run: dropped_whole },
    Check { promise: 8, name: "a cut drops what stands above it", run: cut_above },
    Check { promise: 8, name: "a room that is removed begins anew above its places", run: cut_everything },
];

/// Epoch 1 to seq 6, with every second event a message, and rows and a key for each.
fn begin(bench: &mut Bench<'_>) -> Verdict<RoomKey> {
    let a = room("a");
    for seq in 1..=6 {
        let at = (1, seq);
        let record = if seq % 2 == 0 { message(at, seq / 2, "words") } else { change(at, "change") };
        let mut batch = events(&a, vec![keyed(record, &format!("key {seq}"))]);
        batch.rows = vec![put(Table::Reactions, of(at, "thumb"), "x"), put(Table::Members, format!("{seq}"), "x")];
        bench.write(batch)?;
    }
    Ok(a)
}

fn places(bench: &mut Bench<'_>, room: &RoomKey) -> Verdict<Vec<Place>> {
    Ok(bench.run(room, Place::START)?.items.into_iter().map(|item| item.record.place).collect())
}

fn at(places: &[(u64, u64)]) -> Vec<Place> {
    places.iter().copied().map(place).collect()
}

fn epochs(bench: &mut Bench<'_>, room: &RoomKey) -> Verdict<Vec<(u64, u64)>> {
    Ok(bench.load(room)?.epochs.into_iter().map(|(Epoch(epoch), Seq(seq))| (epoch, seq)).collect())
}

fn opens_at_the_end(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench)?;
    bench.write(events(&a, vec![message((4, 7), 4, "seven"), change((5, 8), "both in one batch")]))?;
    same("epochs", epochs(bench, &a)?, vec![(1, 1), (4, 7), (5, 8)])?;
    let want = at(&[(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (4, 7), (5, 8)]);
    same("places", places(bench, &a)?, want)
}

fn opens_below(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench)?;
    bench.write(events(&a, vec![message((3, 4), 2, "instead")]))?;
    same("places", places(bench, &a)?, at(&[(1, 1), (1, 2), (1, 3), (3, 4)]))?;
    same("epochs", epochs(bench, &a)?, vec![(1, 1), (3, 4)])?;
    gone_above_three(bench, &a)?;
    let state = bench.load(&a)?;
    same("state", (state.newest, state.next_ordinal, state.messages), (place((3, 4)), 3, 2))?;
    same("ordinals", ordinals(&bench.messages(&a)?), vec![1, 2])?;
    let run = bench.run(&a, place((1, 6)))?;
    same("a cursor of the dropped tail", (run.retract, run.items.len()), (Some(place((1, 3))), 1))
}

fn ordinals(records: &[Record]) -> Vec<u64> {
    records.iter().filter_map(Record::ordinal).collect()
}

/// Keys and rows of messages of the dropped tail are gone; other rows stay.
fn gone_above_three(bench: &mut Bench<'_>, a: &RoomKey) -> Verdict {
    for seq in 1..=6 {
        let found = bench.lookup(a, &format!("key {seq}"))?.map(|found| found.place);
        same("found", found, (seq <= 3).then_some(place((1, seq))))?;
    }
    same("old records", bench.fetch(a, &at(&[(1, 4), (1, 6)]))?, vec![None, None])?;
    let mut want: Vec<_> = (1..=6).map(|seq| row(Table::Members, format!("{seq}"), "x")).collect();
    want.extend((1..=3).map(|seq| row(Table::Reactions, of((1, seq), "thumb"), "x")));
    same("rows", bench.load(a)?.rows, want)
}

fn dropped_whole(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench)?;
    bench.write(events(&a, vec![message((2, 7), 4, "lost"), message((2, 8), 5, "lost")]))?;
    bench.write(events(&a, vec![message((3, 7), 4, "kept")]))?;
    same("epochs", epochs(bench, &a)?, vec![(1, 1), (3, 7)])?;
    let run = bench.run(&a, place((2, 8)))?;
    same("a cursor of the lost epoch", (run.retract, run.items.len()), (Some(place((1, 6))), 1))?;
    // All of a room may be lost.
    let b = room("b");
    bench.write(events(&b, vec![message((2, 1), 1, "lost")]))?;
    bench.write(events(&b, vec![message((3, 1), 1, "kept")]))?;
    same("messages", bench.messages(&b)?, vec![message((3, 1), 1, "kept")])?;
    same("epochs", epochs(bench, &b)?, vec![(3, 1)])
}

fn cut_above(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench)?;
    bench.write(Batch { cut: Cut::Above(place((1, 3))), ..Batch::new(a.clone()) })?;
    same("places", places(bench, &a)?, at(&[(1, 1), (1, 2), (1, 3)]))?;
    gone_above_three(bench, &a)?;
    let state = bench.load(&a)?;
    let stands = (state.newest, state.sealed, state.next_ordinal);
    same("state", stands, (place((1, 3)), Some(Epoch(1)), 2))?;
    let run = bench.run(&a, place((1, 6)))?;
    same("a cursor of the dropped tail", (run.retract, run.items.len()), (Some(place((1, 3))), 0))?;
    bench.write(events(&a, vec![message((2, 4), 2, "next")]))?;
    same("places", places(bench, &a)?, at(&[(1, 1), (1, 2), (1, 3), (2, 4)]))?;
    same("sealed", bench.load(&a)?.sealed, None)?;
    // At the end nothing is dropped, and still the room goes on above.
    bench.write(Batch { cut: Cut::Above(place((2, 4))), ..Batch::new(a.clone()) })?;
    let state = bench.load(&a)?;
    same("state", (state.newest, state.sealed), (place((2, 4)), Some(Epoch(2))))?;
    // With what comes instead in one batch.
    let events = vec![message((7, 2), 1, "instead")];
    bench.write(Batch { cut: Cut::Above(place((1, 1))), events, ..Batch::new(a.clone()) })?;
    same("places", places(bench, &a)?, at(&[(1, 1), (7, 2)]))
}

fn cut_everything(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench)?;
    let rows = vec![put(Table::Meta, "", "removed")];
    bench.write(Batch { cut: Cut::Everything, rows, ..Batch::new(a.clone()) })?;
    let state = bench.load(&a)?;
    let stands = (state.newest, state.sealed, state.floor, state.next_ordinal, state.messages);
    same("state", stands, (place((1, 6)), Some(Epoch(1)), place((1, 6)), 1, 0))?;
    same("rows", state.rows, vec![row(Table::Meta, "", "removed")])?;
    same("messages", bench.messages(&a)?, vec![])?;
    same("found", bench.lookup(&a, "key 2")?, None)?;
    let gone = crate::Replay::Gone { floor: place((1, 6)) };
    same("an old cursor", *bench.replay(&a, place((1, 2)), 10, END)?, gone)?;
    bench.write(events(&a, vec![message((2, 7), 1, "anew")]))?;
    same("messages", bench.messages(&a)?, vec![message((2, 7), 1, "anew")])?;
    same("replay", bench.run(&a, place((1, 6)))?.items.len(), 1)?;
    same("count", bench.count(&a, Place::START, END)?, 1)
}
