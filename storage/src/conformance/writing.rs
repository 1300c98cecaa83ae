//! Batches: whole, in order, visible; what a failure leaves; rooms apart.

use super::bench::{Bench, END, same};
use super::say::{change, events, message, place, put, rewrite, room, room_of, row, rows, void};
use super::{Check, Verdict};
use crate::Place;
use crate::answer::{Failure, RoomState};
use crate::ask::PageFrom;
use crate::batch::Batch;
use crate::limits::PAYLOAD_BYTES;
use crate::table::Table;
use rookery_protocol::ids::RoomKind;

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 1, name: "all parts of a batch are stored", run: all_parts },
    Check { promise: 1, name: "a batch with one bad part leaves nothing", run: one_bad_part },
    Check { promise: 2, name: "many batches under way keep their order", run: many_under_way },
    Check { promise: 3, name: "a room that nobody wrote to is empty", run: empty_room },
    Check { promise: 3, name: "records come back as they were", run: as_they_were },
    Check { promise: 5, name: "a failed batch breaks its room until it is mended", run: broken_room },
    Check { promise: 5, name: "a room without a past is broken by its first batch", run: broken_first },
    Check { promise: 6, name: "what completed is seen by every ask", run: visible },
    Check { promise: 16, name: "rooms that differ in one part share nothing", run: apart },
];

fn all_parts(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.write(events(&a, vec![message((1, 1), 1, "old")]))?;
    bench.write(Batch {
        events: vec![message((1, 2), 2, "new"), change((1, 3), "change")],
        rewrites: vec![rewrite((1, 1), (1, 3), "newer")],
        rows: vec![put(Table::Members, "ann", "owner"), put(Table::Meta, "", "title")],
        ..Batch::new(a.clone())
    })?;
    let texts: Vec<_> = bench.messages(&a)?.into_iter().map(|record| record.payload).collect();
    same("messages", texts, vec!["newer".into(), "new".into()])?;
    let state = bench.load(&a)?;
    same("newest place", state.newest, place((1, 3)))?;
    same("rows", state.rows, vec![row(Table::Meta, "", "title"), row(Table::Members, "ann", "owner")])?;
    same("events", bench.run(&a, Place::START)?.items.len(), 3)
}

/// Batches whose last part is impossible. The first parts are sound, so an engine that writes as it goes is seen.
fn bad_batches() -> Vec<Batch> {
    let a = room("a");
    let sound = Batch {
        events: vec![message((1, 2), 2, "new")],
        rewrites: vec![rewrite((1, 1), (1, 2), "newer")],
        rows: vec![put(Table::Members, "ann", "owner")],
        ..Batch::new(a)
    };
    let with_event = |event| Batch { events: vec![message((1, 2), 2, "new"), event], ..sound.clone() };
    let with_row = |row| Batch { rows: vec![put(Table::Members, "ann", "owner"), row], ..sound.clone() };
    let huge = "x".repeat(PAYLOAD_BYTES + 1);
    vec![
        with_event(message((1, 3), 3, &huge)),
        with_event(message((1, 4), 3, "a hole")),
        with_event(message((1, 2), 3, "the same place")),
        with_event(message((0, 3), 3, "an earlier epoch")),
        with_event(message((1, 3), 4, "an ordinal left out")),
        with_event(crate::Record { payload: "content".into(), ..void((1, 3)) }),
        with_event(super::say::mark((1, 3), (1, 3), "on itself")),
        with_row(put(Table::Reactions, "short", "x")),
        with_row(put(Table::Members, "k".repeat(crate::limits::ROW_KEY_BYTES + 1), "x")),
        Batch { rewrites: vec![rewrite((1, 1), (1, 1), "its own version")], ..sound.clone() },
        Batch { rewrites: vec![rewrite((1, 1), (1, 2), &huge)], ..sound },
    ]
}

fn one_bad_part(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.write(events(&a, vec![message((1, 1), 1, "old")]))?;
    for bad in bad_batches() {
        same("failure", bench.refused(bad)?, Failure::Invalid)?;
        same("messages", bench.messages(&a)?, vec![message((1, 1), 1, "old")])?;
        let state = bench.load(&a)?;
        same("newest place and rows", (state.newest, state.rows), (place((1, 1)), vec![]))?;
    }
    bench.write(events(&a, vec![message((1, 2), 2, "next")]))
}

fn many_under_way(bench: &mut Bench<'_>) -> Verdict {
    let rooms = [room("a"), room("b"), room("c")];
    let mut tickets = Vec::new();
    for seq in 1..=60 {
        for room in &rooms {
            let text = format!("{} {seq}", room.name);
            let mut batch = events(room, vec![message((1, seq), seq, &text)]);
            batch.rows.push(put(Table::Streams, "stream", &text));
            tickets.push(bench.submit(batch));
        }
    }
    // Whatever has happened by now, it is a prefix, and each batch of it is whole.
    let state = bench.load(&rooms[0])?;
    let rows = match state.newest.seq.0 {
        0 => vec![],
        seq => vec![row(Table::Streams, "stream", &format!("a {seq}"))],
    };
    same("row beside the newest place", state.rows, rows)?;
    for ticket in tickets {
        bench.outcome(ticket)?.map_err(|failure| format!("a sound batch failed: {failure}"))?;
    }
    for room in &rooms {
        let texts: Vec<_> = bench.messages(room)?.into_iter().map(|record| record.payload).collect();
        let want: Vec<_> = (1..=60).map(|seq| format!("{} {seq}", room.name).into()).collect();
        same("messages", texts, want)?;
    }
    Ok(())
}

fn empty_room(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    same("state", *bench.load(&a)?, RoomState::default())?;
    same("messages", bench.messages(&a)?, vec![])?;
    same("count", bench.count(&a, Place::START, END)?, 0)?;
    same("fetched", bench.fetch(&a, &[place((1, 1))])?, vec![None])?;
    same("found", bench.lookup(&a, "key")?, None)?;
    let run = bench.run(&a, Place::START)?;
    same("replay", (run.retract, run.items, run.reached, run.more), (None, vec![], Place::START, false))?;
    let run = bench.run(&a, place((3, 7)))?;
    same("replay beyond", (run.retract, run.items.len()), (Some(Place::START), 0))
}

fn as_they_were(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let far = (u64::MAX >> 1, 4);
    let mut events_in = vec![
        super::say::expiring((1, 1), 1, "\0\u{ff}words", u64::MAX),
        super::say::keyed(message((1, 2), 2, ""), "key"),
        change((1, 3), "change"),
        super::say::keyed(super::say::mark(far, (1, 1), "mark"), "another"),
        void((far.0, 5)),
        message((far.0, 6), 3, &"x".repeat(PAYLOAD_BYTES)),
    ];
    events_in[1].time = u64::MAX;
    bench.write(events(&a, events_in.clone()))?;
    let out: Vec<_> = bench.run(&a, Place::START)?.items.into_iter().map(|item| item.record).collect();
    same("records", out, events_in)?;
    let state = bench.load(&a)?;
    same("epochs", state.epochs.len(), 2)?;
    same("next ordinal", (state.next_ordinal, state.messages), (4, 3))
}

fn broken_room(bench: &mut Bench<'_>) -> Verdict {
    let (a, b) = (room("a"), room("b"));
    bench.write(events(&a, vec![message((1, 1), 1, "one")]))?;
    let bad = Batch {
        events: vec![message((1, 2), 2, &"x".repeat(PAYLOAD_BYTES + 1))],
        rows: vec![put(Table::Members, "ann", "owner")],
        ..Batch::new(a.clone())
    };
    let behind = Batch {
        events: vec![message((1, 3), 3, "behind")],
        rows: vec![put(Table::Members, "bob", "member")],
        ..Batch::new(a.clone())
    };
    let tickets = [bench.submit(bad), bench.submit(behind.clone()), bench.submit(behind.clone())];
    let other = bench.submit(events(&b, vec![message((1, 1), 1, "elsewhere")]));
    for ticket in tickets {
        if let Ok(level) = bench.outcome(ticket)? {
            return Err(format!("a batch that was or followed a failure was stored, {level:?}"));
        }
    }
    same("another room", bench.outcome(other)?.is_ok(), true)?;
    bench.refused(behind.clone())?;
    let state = bench.load(&a)?;
    same("newest place and rows", (state.newest, state.rows), (place((1, 1)), vec![]))?;
    // The same places again, in order, from where it broke.
    bench.write(events(&a, vec![message((1, 2), 2, "two")]))?;
    bench.write(behind)?;
    same("messages", bench.messages(&a)?.len(), 3)
}

fn broken_first(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.refused(events(&a, vec![message((1, 1), 1, &"x".repeat(PAYLOAD_BYTES + 1))]))?;
    bench.refused(events(&a, vec![message((1, 2), 2, "behind")]))?;
    same("state", *bench.load(&a)?, RoomState::default())?;
    // A higher epoch may begin where it broke, too.
    bench.write(events(&a, vec![message((2, 1), 1, "one")]))?;
    same("messages", bench.messages(&a)?, vec![message((2, 1), 1, "one")])
}

fn visible(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    for seq in 1..=30 {
        let at = (1, seq);
        let mut batch = events(&a, vec![super::say::keyed(message(at, seq, "words"), &format!("key {seq}"))]);
        batch.rows.push(put(Table::Counters, "n", &seq.to_string()));
        bench.write(batch)?;
        let state = bench.load(&a)?;
        same("newest place", state.newest, place(at))?;
        same("row", state.rows, vec![row(Table::Counters, "n", &seq.to_string())])?;
        same("count", bench.count(&a, Place::START, END)?, seq)?;
        same("found", bench.lookup(&a, &format!("key {seq}"))?.map(|found| found.place), Some(place(at)))?;
        let newest = bench.page(&a, PageFrom::Newest, 1, END)?.records;
        same("newest message", newest.first().map(|record| record.place), Some(place(at)))?;
        same("replay", bench.run(&a, Place::new(1, seq - 1))?.reached, place(at))?;
        same("fetched", bench.fetch(&a, &[place(at)])?.iter().flatten().count(), 1)?;
    }
    Ok(())
}

fn apart(bench: &mut Bench<'_>) -> Verdict {
    let rooms = [
        room_of("home", RoomKind::Room, "a"),
        room_of("home", RoomKind::Direct, "a"),
        room_of("away", RoomKind::Room, "a"),
        room_of("home", RoomKind::Room, "aa"),
        room_of("homea", RoomKind::Room, "a"),
    ];
    for (n, room) in rooms.iter().enumerate() {
        let text = format!("{n}");
        bench.write(events(room, vec![super::say::keyed(message((1, 1), 1, &text), &text)]))?;
        bench.write(rows(room, vec![put(Table::Meta, "", &text)]))?;
    }
    for (n, room) in rooms.iter().enumerate() {
        let text = format!("{n}");
        let texts: Vec<_> = bench.messages(room)?.into_iter().map(|record| record.payload).collect();
        same("messages", texts, vec![text.clone().into()])?;
        same("rows", bench.load(room)?.rows, vec![row(Table::Meta, "", &text)])?;
        for other in 0..rooms.len() {
            let found = bench.lookup(room, &other.to_string())?;
            same("own key", found.is_some(), other == n)?;
        }
    }
    Ok(())
}
