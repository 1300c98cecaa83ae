//! Crashes: what completed at `Local` or above is there, the rest is there in whole batches from the front, or not.

use super::bench::{Bench, same};
use super::say::{events, keyed, message, place, put, room, row};
use super::{Check, Verdict};
use crate::AckLevel;
use crate::table::Table;

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 4, name: "what completed survives a crash", run: survives },
    Check { promise: 1, name: "what was under way in a crash is whole or gone", run: under_way },
];

fn survives(bench: &mut Bench<'_>) -> Verdict {
    let rooms = [room("a"), room("b")];
    for seq in 1..=10 {
        for room in &rooms {
            let mut batch = events(room, vec![keyed(message((1, seq), seq, "words"), &format!("key {seq}"))]);
            batch.rows.push(put(Table::Streams, "stream", &seq.to_string()));
            bench.write(batch)?;
        }
    }
    if !bench.crash() {
        return Ok(());
    }
    if bench.reach() == AckLevel::Accepted {
        return Err("a store that outlives its process reaches more than accepted".to_owned());
    }
    for room in &rooms {
        let state = bench.load(room)?;
        same("state", (state.newest, state.messages, state.next_ordinal), (place((1, 10)), 10, 11))?;
        same("rows", state.rows, vec![row(Table::Streams, "stream", "10")])?;
        same("messages", bench.messages(room)?.len(), 10)?;
        same("found", bench.lookup(room, "key 7")?.map(|found| found.place), Some(place((1, 7))))?;
    }
    Ok(())
}

fn under_way(bench: &mut Bench<'_>) -> Verdict {
    let rooms = [room("a"), room("b"), room("c")];
    let mut kept = [0; 3];
    let mut epoch = 0;
    for round in 1..=20 {
        // The next run goes on in an epoch of its own, above what the last crash left.
        epoch += 1;
        for n in 1..=round {
            for (room, kept) in rooms.iter().zip(kept) {
                let seq = kept + n;
                let mut batch = events(room, vec![message((epoch, seq), seq, "words")]);
                batch.rows.push(put(Table::Streams, "stream", &seq.to_string()));
                let ticket = bench.submit(batch);
                // Some are waited for.
                if n == round / 2 {
                    bench.outcome(ticket)?.map_err(|failure| format!("a sound batch failed: {failure}"))?;
                }
            }
        }
        if !bench.crash() {
            return Ok(());
        }
        for (room, kept) in rooms.iter().zip(&mut kept) {
            let state = bench.load(room)?;
            let end = state.newest.seq.0;
            let bounds = *kept + round / 2..=*kept + round;
            same(&format!("{end} is within {bounds:?}"), bounds.contains(&end), true)?;
            let seqs: Vec<u64> = bench.messages(room)?.iter().map(|record| record.place.seq.0).collect();
            same("seqs", seqs, (1..=end).collect())?;
            let want = if end == 0 { vec![] } else { vec![row(Table::Streams, "stream", &end.to_string())] };
            same("the row beside the newest place", state.rows, want)?;
            *kept = end;
        }
    }
    Ok(())
}
