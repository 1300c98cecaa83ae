//! Rewrites: the highest version wins, a deleted body is gone, a message stays what else it was.

use super::bench::{Bench, END, NOW, same};
use super::say::{change, deletion, edit, events, expiring, keyed, message, place, rewrite, rewrites, rewritten, room};
use super::{Check, Verdict};
use crate::answer::Outcome;
use crate::ask::{Ask, PageFrom};
use crate::batch::Batch;
use crate::record::{Kind, State};
use crate::{Place, RoomKey};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 7, name: "a rewrite changes what a message says and nothing else", run: only_what_it_says },
    Check { promise: 7, name: "the highest version wins in whatever order", run: any_order },
    Check { promise: 7, name: "a rewrite lost with its epoch does not mask the next one", run: phantom },
    Check { promise: 7, name: "a deleted body is in no answer", run: deleted_body },
    Check { promise: 7, name: "a rewrite of what is not kept does nothing", run: no_target },
];

fn only_what_it_says(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let original = keyed(expiring((1, 1), 1, "first", NOW * 2), "key");
    bench.write(events(&a, vec![original.clone(), message((1, 2), 2, "second")]))?;
    let change = rewrite((1, 1), (1, 3), "a longer text than before");
    bench.write(Batch {
        events: vec![edit((1, 3), (1, 1))],
        rewrites: vec![change.clone()],
        ..Batch::new(a.clone())
    })?;
    let want = rewritten(original, &change);
    same("messages", bench.messages(&a)?, vec![want.clone(), message((1, 2), 2, "second")])?;
    same("fetched", bench.fetch(&a, &[place((1, 1))])?, vec![Some(want)])?;
    same("found", bench.lookup(&a, "key")?.map(|found| found.place), Some(place((1, 1))))
}

fn any_order(bench: &mut Bench<'_>) -> Verdict {
    let versions = [(1, 4), (1, 5), (2, 6)];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let a = room("a");
    for (n, order) in orders.into_iter().enumerate() {
        // One epoch per round, with a room that is begun anew.
        let epoch = 10 * (n as u64 + 1);
        let seq = bench.load(&a)?.newest.seq.0;
        let target = (epoch, seq + 1);
        let cut = crate::Cut::Everything;
        bench.write(Batch { cut, events: vec![message(target, 1, "posted")], ..Batch::new(a.clone()) })?;
        for i in order {
            let (e, s) = versions[i];
            let version = (epoch + e, seq + s);
            bench.write(rewrites(&a, vec![rewrite(target, version, &format!("version {i}"))]))?;
        }
        // The same again, as a retry would.
        bench.write(rewrites(&a, vec![rewrite(target, (epoch + 2, seq + 6), "not the first to say this version")]))?;
        let text = bench.messages(&a)?.first().map(|record| record.payload.clone());
        same(&format!("text after {order:?}"), text, Some("version 2".into()))?;
    }
    Ok(())
}

fn phantom(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.write(events(&a, vec![message((1, 1), 1, "posted")]))?;
    bench.write(Batch {
        events: vec![change((1, 2), ""), change((1, 3), ""), edit((1, 4), (1, 1))],
        rewrites: vec![rewrite((1, 1), (1, 4), "seen by some, promised to nobody")],
        ..Batch::new(a.clone())
    })?;
    bench.write(Batch {
        events: vec![edit((2, 2), (1, 1))],
        rewrites: vec![rewrite((1, 1), (2, 2), "edited in the next epoch")],
        ..Batch::new(a.clone())
    })?;
    let text = bench.messages(&a)?.first().map(|record| record.payload.clone());
    same("text", text, Some("edited in the next epoch".into()))
}

/// Every answer about a room that could show a body, as one text.
fn everything_said(bench: &mut Bench<'_>, room: &RoomKey, target: Place) -> Verdict<String> {
    let mut said = String::new();
    for from in [PageFrom::Newest, PageFrom::Around(target), PageFrom::FromOldest(0), PageFrom::After(Place::START)] {
        said += &format!("{:?}", bench.page(room, from, 10, END)?);
    }
    for after in [Place::START, target] {
        said += &format!("{:?}", bench.run(room, after)?);
    }
    said += &format!("{:?}", bench.fetch(room, &[target])?);
    said += &format!("{:?}", bench.load(room)?);
    Ok(said)
}

fn deleted_body(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.write(events(&a, vec![keyed(message((1, 1), 1, "SECRET"), "key"), message((1, 2), 2, "plain")]))?;
    bench.write(Batch {
        events: vec![edit((1, 3), (1, 1))],
        rewrites: vec![rewrite((1, 1), (1, 3), "SECRET still")],
        ..Batch::new(a.clone())
    })?;
    bench.write(Batch {
        events: vec![edit((1, 4), (1, 1))],
        rewrites: vec![deletion((1, 1), (1, 4), "stub")],
        ..Batch::new(a.clone())
    })?;
    // A late retry of the edit.
    bench.write(rewrites(&a, vec![rewrite((1, 1), (1, 3), "SECRET again")]))?;
    let said = everything_said(bench, &a, place((1, 1)))?;
    same("the body is said", said.contains("SECRET"), false)?;
    same("the stub is said", said.contains("stub"), true)?;
    let state = bench.fetch(&a, &[place((1, 1))])?.into_iter().flatten().map(|record| record.kind).next();
    let deleted =
        Kind::Message { ordinal: 1, version: place((1, 4)), state: State::Deleted, expires: None, thread: None };
    same("state", state, Some(deleted))?;
    same("found", bench.lookup(&a, "key")?.map(|found| found.place), Some(place((1, 1))))?;
    same("count", bench.count(&a, Place::START, END)?, 2)
}

fn no_target(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench.write(events(&a, vec![message((2, 1), 1, "one"), change((2, 2), "a change")]))?;
    let before = (bench.messages(&a)?, bench.run(&a, Place::START)?);
    for target in [(1, 1), (2, 2), (2, 3), (3, 1)] {
        bench.write(rewrites(&a, vec![rewrite(target, (9, 9), "nobody's text")]))?;
    }
    same("messages and events", (bench.messages(&a)?, bench.run(&a, Place::START)?), before)?;
    let missing = Ask::Fetch { room: room("b"), places: vec![place((2, 1))], now: NOW };
    same("an unknown room", bench.ask(missing)?, Outcome::Fetched(vec![None]))
}
