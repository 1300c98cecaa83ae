//! The tail: every committed batch, whole, in the order of commits.

use super::bench::{Bench, same};
use super::say::{deletion, events, message, put, rewrites, room, rows};
use super::{Check, Verdict};
use crate::ask::Position;
use crate::batch::{Batch, Cut};
use crate::limits::PAYLOAD_BYTES;
use crate::table::Table;

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 15, name: "the tail gives every batch once, in order", run: every_batch },
    Check { promise: 15, name: "the tail leaves out what failed", run: no_failures },
];

/// Everything after a position, page by page.
fn all(bench: &mut Bench<'_>, mut after: Position, limit: usize) -> Verdict<Vec<(Position, Batch)>> {
    let mut batches = Vec::new();
    loop {
        let page = bench.tail(after, limit)?;
        same("a gap", page.gap, None)?;
        same("within the limit", page.batches.len() <= limit, true)?;
        let Some((last, _)) = page.batches.last() else {
            same("the end", after, page.end)?;
            return Ok(batches);
        };
        let rises = page.batches.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let above = page.batches.iter().all(|(position, _)| *position > after && *position <= page.end);
        same("positions rise, above the cursor, to the end", (rises, above), (true, true))?;
        after = *last;
        batches.extend(page.batches);
    }
}

fn every_batch(bench: &mut Bench<'_>) -> Verdict {
    let start = bench.tail(Position(0), 1)?.end;
    let mut written = Vec::new();
    for seq in 1..=20 {
        for name in ["a", "b"] {
            let mut batch = events(&room(name), vec![message((1, seq), seq, "words")]);
            batch.rows.push(put(Table::Counters, "n", name));
            written.push(batch);
        }
    }
    written.push(rows(&room("c"), vec![put(Table::Meta, "", "only rows")]));
    written.push(rewrites(&room("a"), vec![deletion((1, 1), (1, 21), "stub")]));
    written.push(Batch { cut: Cut::Everything, ..Batch::new(room("b")) });
    for batch in &written {
        bench.write(batch.clone())?;
    }
    let told = all(bench, start, 7)?;
    same("batches", told.iter().map(|(_, batch)| batch.clone()).collect(), written.clone())?;
    // From the middle.
    let (middle, _) = told[20];
    let rest: Vec<Batch> = all(bench, middle, usize::MAX)?.into_iter().map(|(_, batch)| batch).collect();
    same("batches from the middle", rest, written.split_off(21))
}

fn no_failures(bench: &mut Bench<'_>) -> Verdict {
    let start = bench.tail(Position(0), 1)?.end;
    let a = room("a");
    bench.write(events(&a, vec![message((1, 1), 1, "one")]))?;
    bench.refused(events(&a, vec![message((1, 2), 2, &"x".repeat(PAYLOAD_BYTES + 1))]))?;
    bench.refused(events(&a, vec![message((1, 3), 3, "behind")]))?;
    bench.write(events(&a, vec![message((1, 2), 2, "two")]))?;
    let told: Vec<Batch> = all(bench, start, 10)?.into_iter().map(|(_, batch)| batch).collect();
    let want = [(1, "one"), (2, "two")].map(|(n, text)| events(&a, vec![message((1, n), n, text)]));
    same("batches", told, want.to_vec())
}
