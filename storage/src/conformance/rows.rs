//! Rows: the last write wins, load and scan give all of them in order.

use super::bench::{Bench, same};
use super::say::{bytes, message, of, put, room, room_of, row, rows, unput};
use super::{Check, Verdict};
use crate::table::Table;
use crate::{Batch, Cut};
use rookery_protocol::ids::RoomKind;

pub(super) const CHECKS: &[Check] = &[
    Check { promise: 13, name: "the last write of a row wins", run: last_write },
    Check { promise: 13, name: "load gives every row in order", run: load_in_order },
    Check { promise: 13, name: "a scan finds the rows of one table in all rooms", run: scan_all },
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
