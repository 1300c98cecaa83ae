//! Rows: the last write wins, load and scan give all of them in order. And the list of rooms.

use super::bench::{Bench, same};
use super::say::{bytes, events, message, of, put, room, room_of, row, rows, unput};
use super::{Check, Verdict};
use crate::answer::RoomsPage;
use crate::ask::Keep;
use crate::batch::Row;
use crate::table::Table;
use crate::{Batch, Cut, Place};
use rookery_protocol::ids::RoomKind;

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 13, name: "the last write of a row wins", run: last_write },
    Check { promise: 13, name: "load gives every row in order", run: load_in_order },
    Check { promise: 13, name: "a room that rests is loaded as it is", run: rest },
    Check { promise: 13, name: "a scan finds the rows of one table in all rooms", run: scan_all },
    Check { promise: 17, name: "the list of rooms has every room that was written", run: list_rooms },
];

fn last_write(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    bench
        .write(rows(&a, vec![put(Table::Names, "x", "1"), put(Table::Names, "y", "1"), put(Table::Pairs, "x", "1")]))?;
    bench.write(rows(&a, vec![unput(Table::Names, "y"), unput(Table::Names, "never"), put(Table::Names, "x", "2")]))?;
    same("rows", bench.load(&a)?.rows, vec![row(Table::Names, "x", "2"), row(Table::Pairs, "x", "1")])?;
    let mut one = |table, key: &str| bench.row(&a, table, key.as_bytes());
    let got = [one(Table::Names, "x")?, one(Table::Names, "y")?, one(Table::Pairs, "x")?, one(Table::Meta, "x")?];
    same("each row", got, [Some("2".into()), None, Some("1".into()), None])?;
    same("a row of an unknown room", bench.row(&room("never"), Table::Names, b"x")?, None)?;
    // Within one batch they are written one after another.
    let again = vec![
        put(Table::Names, "x", "3"),
        unput(Table::Names, "x"),
        put(Table::Names, "x", ""),
        unput(Table::Pairs, "x"),
    ];
    bench.write(rows(&a, again))?;
    same("rows", bench.load(&a)?.rows, vec![row(Table::Names, "x", "")])?;
    bench.write(rows(&a, vec![unput(Table::Names, "x")]))?;
    same("rows", bench.load(&a)?.rows, vec![])
}

fn load_in_order(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let keys = ["", "\0", "a", "aa", "b", "\u{7f}", "\u{ff}"];
    let mut want = Vec::new();
    for table in Table::ALL {
        for key in keys {
            let key = if table.of_message() { of((1, 1), key) } else { key.into() };
            want.push(row(*table, key, table.word()));
        }
    }
    let mut writes: Vec<_> = want.iter().map(|row| put(row.table, &row.key, row.table.word())).collect();
    writes.reverse();
    let mut batch = rows(&a, writes);
    batch.events.push(message((1, 1), 1, "words"));
    bench.write(batch)?;
    same("rows", bench.load(&a)?.rows, want)
}

/// Enough rows that an engine may find it worth while to note them.
const MANY: u64 = 200;

fn rest(bench: &mut Bench<'_>) -> Verdict {
    let a = room("a");
    let mut want: Vec<_> = (0..MANY).map(|n| row(Table::Members, format!("user-{n:03}"), "1")).collect();
    let reaction = |seq: u64| row(Table::Reactions, of((1, seq), "+1"), "1");
    want.extend((1..=4).map(reaction));
    let mut batch = rows(&a, want.iter().map(|row| put(row.table, &row.key, "1")).collect());
    batch.events.extend((1..=4).map(|seq| message((1, seq), seq, "words")));
    bench.write(batch)?;
    bench.rest(&room("never"))?;
    let rests = |bench: &mut Bench<'_>, what: &str, want: &[Row]| {
        for _ in 0..2 {
            same(what, &bench.load(&a)?.rows[..], want)?;
            bench.rest(&a)?;
        }
        Ok::<_, String>(())
    };
    rests(bench, "rows", &want)?;
    bench.write(rows(&a, vec![unput(Table::Members, "user-000"), put(Table::Names, "x", "2")]))?;
    want.remove(0);
    want.push(row(Table::Names, "x", "2"));
    rests(bench, "rows after a write", &want)?;
    bench.trim(&a, Keep { messages: 2, ..Keep::ALL }, 0)?;
    want.retain(|row| ![reaction(1), reaction(2)].contains(row));
    rests(bench, "rows after a trim", &want)?;
    bench.write(Batch { cut: Cut::Above(Place::new(1, 3)), ..Batch::new(a.clone()) })?;
    want.retain(|row| *row != reaction(4));
    rests(bench, "rows after a cut", &want)?;
    bench.write(Batch { cut: Cut::Everything, ..Batch::new(a.clone()) })?;
    rests(bench, "rows of a room that was removed", &[])
}

fn scan_all(bench: &mut Bench<'_>) -> Verdict {
    let rooms = [
        room_of("away", RoomKind::Room, "z"),
        room_of("home", RoomKind::Room, "a"),
        room_of("home", RoomKind::Room, "b"),
        room_of("home", RoomKind::Inbox, "a"),
    ];
    let mut want = Vec::new();
    for room in rooms.iter().rev() {
        bench.write(rows(room, vec![put(Table::Meta, "", "other table"), put(Table::Names, "x", "other table")]))?;
    }
    for room in [&rooms[0], &rooms[1], &rooms[3]] {
        let own = ["1", "2", "3"].map(|key| put(Table::PendingEffects, key, "x"));
        bench.write(rows(room, own.to_vec()))?;
        want.extend(["1", "2", "3"].map(|key| (room.clone(), row(Table::PendingEffects, key, "x"))));
    }
    let all = bench.scan(Table::PendingEffects, None, usize::MAX)?;
    same("all rows", (all.rows, all.more), (want.clone(), false))?;
    let (mut pieces, mut after) = (Vec::new(), None);
    for _ in 0..want.len() {
        let page = bench.scan(Table::PendingEffects, after, 2)?;
        same("a piece's size", page.rows.len(), 2.min(want.len() - pieces.len()))?;
        pieces.extend(page.rows);
        after = pieces.last().map(|(room, row)| (room.clone(), row.key.clone()));
        if !page.more {
            break;
        }
    }
    same("all pieces", pieces, want)?;
    same("an empty table", bench.scan(Table::Revocations, None, 10)?.rows, vec![])?;
    // From a room and key that have no row themselves.
    let page = bench.scan(Table::PendingEffects, Some((rooms[2].clone(), bytes("9"))), 10)?;
    same("from between", page.rows.len(), 3)?;
    bench.write(Batch { cut: Cut::Everything, ..Batch::new(rooms[1].clone()) })?;
    same("after a room is removed", bench.scan(Table::PendingEffects, None, 10)?.rows.len(), 6)
}

fn list_rooms(bench: &mut Bench<'_>) -> Verdict {
    same("no rooms", *bench.rooms(None, usize::MAX)?, RoomsPage::default())?;
    let mut want = Vec::new();
    for realm in ["away", "home", "home town"] {
        for kind in [RoomKind::Room, RoomKind::Direct, RoomKind::Directory] {
            want.extend(["a", "aa", "b", "\u{10ffff}"].map(|name| room_of(realm, kind, name)));
        }
    }
    for (n, room) in want.iter().enumerate().rev() {
        bench.write(match n % 3 {
            0 => events(room, vec![message((1, 1), 1, "words")]),
            1 => rows(room, vec![put(Table::Names, "x", "1")]),
            _ => rows(room, vec![unput(Table::Names, "never")]),
        })?;
    }
    // A room that was removed stays in the list: its places must not be given again.
    bench.write(Batch { cut: Cut::Everything, ..Batch::new(want[0].clone()) })?;
    // One that was refused was never written.
    bench.refused(rows(&room_of("home", RoomKind::Room, "refused"), vec![put(Table::Pins, "no place", "1")]))?;
    same("all rooms", *bench.rooms(None, usize::MAX)?, RoomsPage { rooms: want.clone(), more: false })?;
    let (mut pieces, mut after) = (Vec::new(), None);
    for _ in 0..want.len() {
        let page = bench.rooms(after, 5)?;
        same("a piece's size", page.rooms.len(), 5.min(want.len() - pieces.len()))?;
        pieces.extend(page.rooms);
        after = pieces.last().cloned();
        if !page.more {
            break;
        }
    }
    same("all pieces", pieces, want.clone())?;
    same("none at all", *bench.rooms(None, 0)?, RoomsPage { rooms: vec![], more: true })?;
    // Behind one that is not there itself.
    let behind = bench.rooms(Some(room_of("home", RoomKind::Inbox, "a")), usize::MAX)?;
    let later: Vec<_> = want.into_iter().filter(|key| *key > room_of("home", RoomKind::Inbox, "a")).collect();
    same("from between", behind.rooms, later)
}
