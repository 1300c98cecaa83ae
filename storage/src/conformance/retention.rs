//! Retention, expiry, and duplicate keys, which live as long as their record.

use super::bench::{Bench, END, NOW, same};
use super::say::{change, deletion, events, expiring, keyed, message, of, place, put, rewrite, rewrites, room, row};
use super::{Check, Verdict};
use crate::answer::{Found, Outcome, Replay, Trimmed};
use crate::ask::{Ask, Keep, PageAsk, PageFrom, ReplayAsk};
use crate::batch::Batch;
use crate::record::{Kind, Record, State};
use crate::table::Table;
use crate::{Millis, Place, RoomKey};

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 14, name: "a trim keeps what it is told to keep", run: trims },
    Check { promise: 14, name: "changes and messages are trimmed apart", run: two_ranges },
    Check { promise: 14, name: "a trimmed room goes on", run: goes_on },
    Check { promise: 14, name: "an expired message shows nothing", run: expiry },
    Check { promise: 12, name: "a duplicate key is found as long as its record", run: keys },
    Check { promise: 13, name: "rows of a message go with it", run: rows_of_messages },
];

/// 20 events, odd ones messages (ordinals 1 to 10), at the times 10, 20, … 200.
fn begin(bench: &mut Bench<'_>, name: &'static str) -> Verdict<RoomKey> {
    let key = room(name);
    let record = |seq| match seq % 2 {
        1 => message((1, seq), seq.div_ceil(2), "words"),
        _ => change((1, seq), "change"),
    };
    bench.write(events(&key, (1..=20).map(record).collect()))?;
    Ok(key)
}

fn ordinals(bench: &mut Bench<'_>, room: &RoomKey) -> Verdict<Vec<u64>> {
    Ok(bench.messages(room)?.iter().filter_map(Record::ordinal).collect())
}

fn trims(bench: &mut Bench<'_>) -> Verdict {
    let cost = message((1, 1), 1, "words").cost() + change((1, 2), "change").cost();
    // What is kept, the first ordinal then left, the floor, and how many messages and changes went.
    let cases = [
        ("a", Keep::ALL, 1, (0, 0), (0, 0)),
        ("b", Keep { messages: 10, changes: 10, ..Keep::ALL }, 1, (0, 0), (0, 0)),
        ("c", Keep { messages: 4, ..Keep::ALL }, 7, (1, 11), (6, 5)),
        ("d", Keep { messages_since: 110, ..Keep::ALL }, 6, (1, 9), (5, 4)),
        ("e", Keep { messages_since: 111, ..Keep::ALL }, 7, (1, 11), (6, 5)),
        ("f", Keep { changes_since: 110, ..Keep::ALL }, 1, (1, 10), (0, 5)),
        ("g", Keep { bytes: 3 * cost, ..Keep::ALL }, 8, (1, 14), (7, 7)),
        ("h", Keep { messages: 0, changes: 0, ..Keep::ALL }, 11, (1, 20), (10, 10)),
        ("i", Keep { changes: 0, ..Keep::ALL }, 1, (1, 20), (0, 10)),
        ("j", Keep { messages: 8, changes: 2, messages_since: 100, ..Keep::ALL }, 6, (1, 16), (5, 8)),
    ];
    for (name, keep, first, floor, (messages, changes)) in cases {
        let room = begin(bench, name)?;
        let went = bench.trim(&room, keep, 0)?;
        same(&format!("went by {keep:?}"), went, Trimmed { messages, changes, expired: 0 })?;
        same(&format!("ordinals left by {keep:?}"), ordinals(bench, &room)?, (first..=10).collect())?;
        let state = bench.load(&room)?;
        let stands = (state.floor, state.messages, state.next_ordinal, state.newest);
        same("state", stands, (place(floor), 11 - first, 11, place((1, 20))))?;
        same("page", bench.page(&room, PageFrom::FromOldest(0), 1, END)?.older, 0)?;
        same("count", bench.count(&room, Place::START, END)?, 11 - first)?;
        // Twice is once.
        same("went the second time", bench.trim(&room, keep, 0)?, Trimmed::default())?;
    }
    same("an unknown room", bench.trim(&room("never"), Keep { messages: 0, ..Keep::ALL }, 0)?, Trimmed::default())
}

fn two_ranges(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench, "a")?;
    bench.trim(&a, Keep { changes: 3, ..Keep::ALL }, 0)?;
    same("all messages", ordinals(bench, &a)?, (1..=10).collect())?;
    let items = bench.run(&a, place((1, 14)))?.items.len();
    same("replay from the floor", items, 6)?;
    bench.trim(&a, Keep { messages: 9, ..Keep::ALL }, 0)?;
    same("messages below the floor go alone", bench.load(&a)?.floor, place((1, 14)))?;
    bench.trim(&a, Keep { messages: 1, ..Keep::ALL }, 0)?;
    same("later they raise it", bench.load(&a)?.floor, place((1, 17)))
}

fn goes_on(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench, "a")?;
    bench.trim(&a, Keep { messages: 0, changes: 0, ..Keep::ALL }, 0)?;
    let state = bench.load(&a)?;
    same("state", (state.next_ordinal, state.newest, state.floor), (11, place((1, 20)), place((1, 20))))?;
    bench.write(events(&a, vec![message((1, 21), 11, "goes on"), change((1, 22), "and on")]))?;
    same("messages", bench.messages(&a)?, vec![message((1, 21), 11, "goes on")])?;
    same("replay", bench.run(&a, place((1, 20)))?.items.len(), 2)?;
    let found = bench.page(&a, PageFrom::FromNewest(0), 5, END)?;
    same("page", (found.records.len(), found.older, found.newer), (1, 0, 0))
}

/// What three kinds of read show of the first message at a time.
fn seen_at(bench: &mut Bench<'_>, room: &RoomKey, now: Millis) -> Verdict<Vec<(State, String)>> {
    let page = PageAsk { room: room.clone(), thread: None, from: PageFrom::FromOldest(0), limit: 1, fence: END, now };
    let replay = ReplayAsk { room: room.clone(), after: Place::START, limit: 10, fence: END, now };
    let fetch = Ask::Fetch { room: room.clone(), places: vec![place((1, 1))], now };
    let (page, replay, fetched) = (bench.ask(Ask::Page(page))?, bench.ask(Ask::Replay(replay))?, bench.ask(fetch)?);
    let (Outcome::Page(page), Outcome::Replay(replay), Outcome::Fetched(fetched)) = (page, replay, fetched) else {
        return Err("an ask was answered with something else".to_owned());
    };
    let Replay::Run(run) = *replay else { return Err(format!("nothing was trimmed, but {replay:?}")) };
    let mut records = page.records;
    records.extend(run.items.first().map(|item| item.record.clone()));
    records.extend(run.items.into_iter().find_map(|item| item.current));
    records.extend(fetched.into_iter().flatten());
    let seen = |record: Record| match record.kind {
        Kind::Message { state, .. } => Ok((state, String::from_utf8_lossy(&record.payload).into_owned())),
        Kind::Change { .. } | Kind::Void => Err(format!("a message was asked for, but {record:?}")),
    };
    records.into_iter().map(seen).collect()
}

fn expiry(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let mut batch = events(
        &a,
        vec![
            keyed(expiring((1, 1), 1, "passing", 500), "key"),
            message((1, 2), 2, "staying"),
            super::say::edit((1, 3), (1, 1)),
            expiring((1, 4), 3, "passing later", NOW * 2),
        ],
    );
    batch.rewrites = vec![rewrite((1, 1), (1, 3), "passing, edited")];
    batch.rows = vec![put(Table::Reactions, of((1, 1), "thumb"), "x"), put(Table::Reactions, of((1, 2), "thumb"), "x")];
    bench.write(batch)?;
    let shown = vec![(State::Present, "passing, edited".to_owned()); 4];
    let hidden = vec![(State::Expired, String::new()); 4];
    same("before its time", seen_at(bench, &a, 499)?, shown)?;
    same("from its time on", seen_at(bench, &a, 500)?, hidden.clone())?;
    same("due", bench.expired(&a, 499, 10)?, vec![])?;
    same("due", bench.expired(&a, 500, 10)?, vec![place((1, 1))])?;
    same("due", bench.expired(&a, NOW * 2, 10)?, vec![place((1, 1)), place((1, 4))])?;
    same("due, but one", bench.expired(&a, NOW * 2, 1)?, vec![place((1, 1))])?;
    same("trimmed", bench.trim(&a, Keep::ALL, 500)?, Trimmed { messages: 0, changes: 0, expired: 1 })?;
    same("trimmed again", bench.trim(&a, Keep::ALL, 500)?, Trimmed::default())?;
    same("once emptied it stays so", seen_at(bench, &a, 0)?, hidden.clone())?;
    bench.write(rewrites(&a, vec![rewrite((1, 1), (1, 4), "too late")]))?;
    same("a late rewrite", seen_at(bench, &a, 0)?, hidden)?;
    bench.write(rewrites(&a, vec![deletion((1, 4), (1, 5), "stub")]))?;
    same("due when one is emptied and one deleted", bench.expired(&a, NOW * 2, 10)?, vec![])?;
    same("its rows", bench.load(&a)?.rows, vec![row(Table::Reactions, of((1, 2), "thumb"), "x")])?;
    same("its key", bench.lookup(&a, "key")?, Some(Found { place: place((1, 1)), ordinal: Some(1) }))?;
    same("its ordinal", ordinals(bench, &a)?, vec![1, 2, 3])?;
    let texts: Vec<_> = bench.messages(&a)?.into_iter().map(|record| record.payload).collect();
    same("the others", texts, vec!["".into(), "staying".into(), "stub".into()])
}

fn keys(bench: &mut Bench<'_>) -> Verdict {
    let (a, b) = (room("a"), room("b"));
    let record = |seq: u64| match seq % 3 {
        0 => keyed(change((1, seq), "change"), &format!("key {seq}")),
        _ => keyed(message((1, seq), seq - seq / 3, "words"), &format!("key {seq}")),
    };
    for seq in 1..=30 {
        bench.write(events(&a, vec![record(seq)]))?;
    }
    bench.write(events(&b, vec![keyed(message((1, 1), 1, "elsewhere"), "key 30")]))?;
    let check = |bench: &mut Bench<'_>, kept: &dyn Fn(u64) -> bool| -> Verdict {
        for seq in 1..=30 {
            let want = Found { place: place((1, seq)), ordinal: record(seq).ordinal() };
            let found = bench.lookup(&a, &format!("key {seq}"))?;
            same(&format!("key {seq}"), found, kept(seq).then_some(want))?;
        }
        for never in ["", "key", "key 31", "key 3\0"] {
            same("a key that never was", bench.lookup(&a, never)?, None)?;
        }
        Ok(())
    };
    check(bench, &|_| true)?;
    bench.write(rewrites(&a, vec![deletion((1, 29), (1, 31), "")]))?;
    check(bench, &|_| true)?;
    // 20 messages and 10 changes; the 5 newest messages begin at seq 23.
    bench.trim(&a, Keep { messages: 5, ..Keep::ALL }, 0)?;
    check(bench, &|seq| seq >= 23)?;
    bench.trim(&a, Keep { changes: 1, ..Keep::ALL }, 0)?;
    check(bench, &|seq| seq >= 23 && (seq % 3 != 0 || seq == 30))?;
    let elsewhere = bench.lookup(&b, "key 30")?;
    same("elsewhere", elsewhere, Some(Found { place: place((1, 1)), ordinal: Some(1) }))
}

fn rows_of_messages(bench: &mut Bench<'_>) -> Verdict {
    let a = begin(bench, "a")?;
    let (mut rows, mut want) = (Vec::new(), Vec::new());
    for table in Table::ALL {
        for seq in [1, 9, 11, 19] {
            rows.push(put(*table, of((1, seq), "x"), "x"));
            if seq >= 11 || !table.of_message() {
                want.push(row(*table, of((1, seq), "x"), "x"));
            }
        }
    }
    bench.write(Batch { rows, ..Batch::new(a.clone()) })?;
    bench.trim(&a, Keep { messages: 5, ..Keep::ALL }, 0)?;
    same("rows", bench.load(&a)?.rows, want)
}
