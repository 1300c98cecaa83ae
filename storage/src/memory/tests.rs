//! Bounds of the memory store that are no promise of every engine, and that it refuses what does not follow.

use super::*;
use crate::conformance::say::{change, events, expiring, keyed, message, place, put, reply, room, rows, unput};
use crate::dice::Dice;
use crate::limits::ITEM_OVERHEAD;
use crate::{Cut, PageFrom, Position};

fn write(store: &mut Memory, batch: Batch) -> Result<(), Failure> {
    store.submit(batch, Ticket(1));
    let mut out = Vec::new();
    store.poll(&mut out);
    let outcome = out.pop().unwrap().outcome;
    if let Outcome::Failed(failure) = outcome {
        return Err(failure);
    }
    assert_eq!(outcome, Outcome::Stored(AckLevel::Accepted));
    Ok(())
}

fn first_seqs(store: &Memory, names: &[&'static str]) -> Vec<u64> {
    names.iter().map(|name| store.room(&room(name)).unwrap().messages.first().map_or(0, |r| r.place.seq.0)).collect()
}

fn sum_of_rooms(store: &Memory) -> MemoryStats {
    MemoryStats {
        rooms: store.rooms.len(),
        record_bytes: store.rooms.iter().map(|room| room.bytes).sum(),
        row_bytes: store.rooms.iter().map(|room| room.rows.bytes()).sum(),
    }
}

/// What the accounts say is what is there.
fn audit(store: &Memory) {
    assert_eq!(store.stats(), sum_of_rooms(store));
    for room in &store.rooms {
        let records = || {
            let messages = (0..room.messages.len()).filter_map(|i| room.messages.get(i));
            messages.chain((0..room.changes.len()).filter_map(|i| room.changes.get(i)))
        };
        assert_eq!(room.bytes, records().map(|record| record.cost()).sum::<usize>());
        assert_eq!(room.keys.len(), records().filter(|record| record.key.is_some()).count());
        let rows = room.rows.all().map(|row| ITEM_OVERHEAD + row.key.len() + row.value.len()).sum::<usize>();
        assert_eq!(room.rows.bytes(), rows);
        let mut seqs: Vec<u64> =
            records().map(|record| record.place.seq.0).filter(|seq| *seq > room.floor.seq.0).collect();
        seqs.sort_unstable();
        assert!(seqs.into_iter().eq(room.floor.seq.0 + 1..=room.newest.seq.0), "no hole above the floor");
        let expiring = records().filter_map(|record| Some((record.expires()?, record.place)));
        assert_eq!(room.expiring, expiring.collect());
        let threaded = records().filter(|record| record.thread().is_some()).count();
        assert_eq!(room.threads.values().map(|ordinals| ordinals.len()).sum::<usize>(), threaded);
        assert!(room.threads.values().all(|ordinals| !ordinals.is_empty()));
    }
    let segments: usize = store.rooms.iter().map(|room| room.segments.len()).sum();
    assert!(store.budget.len() <= 2 * segments + 200, "{} entries for {segments} segments", store.budget.len());
}

#[test]
fn places_that_do_not_follow_are_refused() {
    let mut store = Memory::new(MemoryOptions::default());
    let a = room("a");
    for wrong in [(1, 2), (5, 9)] {
        let batch = events(&a, vec![message(wrong, 1, "not the first")]);
        assert_eq!(write(&mut store, batch), Err(Failure::OutOfOrder), "{wrong:?}");
    }
    assert_eq!(store.stats().rooms, 0, "a refused batch makes no room");
    write(&mut store, events(&a, (1..=4).map(|n| message((2, n), n, "words")).collect())).unwrap();
    for wrong in [(2, 1), (2, 4), (2, 6), (3, 6), (1, 5), (1, 3)] {
        let batch = events(&a, vec![message(wrong, 5, "not the next")]);
        assert_eq!(write(&mut store, batch), Err(Failure::OutOfOrder), "{wrong:?}");
    }
    for ordinal in [1, 4, 6] {
        let batch = events(&a, vec![change((2, 5), "change"), message((2, 6), ordinal, "words")]);
        assert_eq!(write(&mut store, batch), Err(Failure::OutOfOrder), "ordinal {ordinal}");
    }
    for cut in [(2, 5), (1, 2), (3, 1)] {
        let batch = Batch { cut: Cut::Above(place(cut)), ..Batch::new(a.clone()) };
        assert_eq!(write(&mut store, batch), Err(Failure::OutOfOrder), "cut {cut:?}");
    }
    write(&mut store, Batch { cut: Cut::Above(place((2, 2))), ..Batch::new(a.clone()) }).unwrap();
    let same_epoch = events(&a, vec![message((2, 3), 3, "given before")]);
    assert_eq!(write(&mut store, same_epoch), Err(Failure::OutOfOrder));
    let keep = Keep { messages: 1, ..Keep::ALL };
    store.ask(Ask::Trim { room: a.clone(), keep, now: 0 }, Ticket(1));
    let below_floor = Batch { cut: Cut::Above(Place::START), ..Batch::new(a.clone()) };
    let opens_below = events(&a, vec![message((3, 1), 1, "below the floor")]);
    for batch in [below_floor, opens_below] {
        store.poll(&mut Vec::new());
        assert_eq!(write(&mut store, batch), Err(Failure::OutOfOrder));
    }
    audit(&store);
}

#[test]
fn each_room_is_bounded_as_it_grows() {
    let cost = message((1, 1), 1, "words").cost();
    let keep = Keep { messages: 100, changes: 40, bytes: 90 * cost, ..Keep::ALL };
    let mut store = Memory::new(MemoryOptions { keep, ..MemoryOptions::default() });
    let a = room("a");
    for seq in 1..=3000 {
        let record = if seq % 3 == 0 { change((1, seq), "change") } else { message((1, seq), seq - seq / 3, "words") };
        write(&mut store, events(&a, vec![keyed(record, &seq.to_string())])).unwrap();
        assert!(store.stats().record_bytes <= 90 * cost);
    }
    let state = store.room(&a).unwrap().state();
    assert!(state.messages >= 40 && state.messages <= 100, "{} messages", state.messages);
    assert!(state.floor.seq.0 > 2800);
    audit(&store);
}

#[test]
fn all_rooms_together_are_bounded_and_the_oldest_records_go() {
    let options = MemoryOptions { record_bytes: 1 << 20, ..MemoryOptions::default() };
    let mut store = Memory::new(options);
    let text = "x".repeat(840);
    let post = |store: &mut Memory, name: &'static str, seq: u64| {
        write(store, events(&room(name), vec![message((1, seq), seq, &text)])).unwrap();
    };
    // A quiet room, then two that take turns: 1,000 bytes a message, 1 MiB in all.
    post(&mut store, "quiet", 1);
    for seq in 1..=400 {
        post(&mut store, "b", seq);
        post(&mut store, "c", seq);
    }
    assert_eq!(first_seqs(&store, &["quiet", "b", "c"]), [1, 1, 1]);
    for seq in 401..=600 {
        post(&mut store, "b", seq);
        post(&mut store, "c", seq);
        assert!(store.stats().record_bytes <= 1 << 20);
    }
    let seqs = first_seqs(&store, &["quiet", "b", "c"]);
    assert_eq!(seqs[0], 0, "the oldest record of all went first");
    assert!((60..140).contains(&seqs[1]) && (60..140).contains(&seqs[2]), "{seqs:?}: both gave, by segments of 66");
    // What was evicted is told as gone, and the room goes on.
    assert_eq!(store.room(&room("quiet")).unwrap().floor, place((1, 1)));
    post(&mut store, "quiet", 2);
    assert_eq!(first_seqs(&store, &["quiet"]), [2]);
    audit(&store);
}

#[test]
fn rows_and_rooms_are_refused_when_they_pass_their_bounds() {
    let options = MemoryOptions { row_bytes: 20 * (ITEM_OVERHEAD + 10), rooms: 2, ..MemoryOptions::default() };
    let mut store = Memory::new(options);
    let (a, b) = (room("a"), room("b"));
    let fill = |n: u64| rows(&a, vec![put(crate::Table::Members, format!("{n:05}"), "12345")]);
    for n in 0..20 {
        write(&mut store, fill(n)).unwrap();
    }
    let more = Batch { events: vec![message((1, 1), 1, "words")], ..fill(20) };
    assert_eq!(write(&mut store, more), Err(Failure::Full));
    assert_eq!(store.room(&a).unwrap().newest, Place::START, "refused as a whole");
    write(&mut store, rows(&a, vec![unput(crate::Table::Members, "00003")])).unwrap();
    write(&mut store, fill(21)).unwrap();
    write(&mut store, events(&b, vec![message((1, 1), 1, "words")])).unwrap();
    let third = events(&room("c"), vec![message((1, 1), 1, "words")]);
    assert_eq!(write(&mut store, third), Err(Failure::Full));
    audit(&store);
}

#[test]
fn the_tail_says_what_it_no_longer_has() {
    let cost = events(&room("a"), vec![message((1, 1), 1, "words")]).cost();
    let mut store = Memory::new(MemoryOptions { feed_bytes: 5 * cost, ..MemoryOptions::default() });
    for seq in 1..=12 {
        write(&mut store, events(&room("a"), vec![message((1, seq), seq, "words")])).unwrap();
    }
    let tail = |after| store.feed.tail(Position(after), 3);
    for (after, gap, first) in [(0, Some(7), 8), (6, Some(7), 8), (7, None, 8), (9, None, 10)] {
        let page = tail(after);
        assert_eq!(page.gap, gap.map(Position), "after {after}");
        assert_eq!(page.batches[0].0, Position(first), "after {after}");
        assert_eq!(page.batches.len(), 3);
        assert_eq!(page.batches[0].1.events[0].place.seq.0, first, "the position's own batch");
    }
    assert_eq!((tail(12).batches.len(), tail(99).batches.len(), tail(99).gap), (0, 0, None));
    let mut without = Memory::new(MemoryOptions::default());
    write(&mut without, events(&room("a"), vec![message((1, 1), 1, "words")])).unwrap();
    assert_eq!(without.feed.tail(Position(0), 3).gap, Some(Position(1)), "no feed is a gap from the start");
}

#[test]
fn a_long_life_leaves_the_accounts_right() {
    let keep = Keep { messages: 300, changes: 100, ..Keep::ALL };
    let mut store = Memory::new(MemoryOptions { keep, record_bytes: 100_000, ..MemoryOptions::default() });
    let mut dice = Dice::new(11);
    let names = ["a", "b", "c", "d", "e"];
    for step in 0..4000u64 {
        let room = room(names[dice.below(5) as usize]);
        let state = store.room(&room).map(Room::state).unwrap_or_default();
        let mut batch = Batch::new(room.clone());
        let (mut at, mut ordinal) = ((state.newest.epoch.0.max(1), state.newest.seq.0 + 1), state.next_ordinal);
        match dice.below(100) {
            0 => {
                batch.cut = Cut::Everything;
                (at.0, ordinal) = (at.0 + 1, 1);
            }
            1..=5 if state.floor < state.newest => {
                batch.cut = Cut::Above(state.floor);
                (at, ordinal) = ((at.0 + 1, state.floor.seq.0 + 1), state.next_ordinal - state.messages);
                let kept = store.room(&room).unwrap();
                let stays = kept.messages.partition_point(|r| r.place <= state.floor) as u64;
                ordinal += stays;
            }
            _ if state.sealed.is_some() => at.0 += 1,
            _ => {}
        }
        let text = "x".repeat(dice.below(2000) as usize);
        batch.events.push(match dice.below(5) {
            0 => change(at, &text),
            1 => expiring(at, ordinal, &text, step + dice.below(300)),
            2 if at.1 > 1 => reply(at, ordinal, (1, 1 + dice.below(at.1 - 1)), &text),
            _ => keyed(message(at, ordinal, &text), &step.to_string()),
        });
        write(&mut store, batch).unwrap();
        if dice.per_mille(100) {
            store.ask(Ask::Trim { room, keep: Keep { messages: 50, ..Keep::ALL }, now: step }, Ticket(2));
            store.poll(&mut Vec::new());
        }
        assert!(store.stats().record_bytes <= 100_000);
        if step % 50 == 0 {
            audit(&store);
        }
    }
    audit(&store);
}

/// Depth is no cost: the records that a page in the middle looks at are as few as those of the newest page.
#[test]
fn a_page_in_the_middle_touches_as_little_as_the_newest() {
    let mut store = Memory::new(MemoryOptions::default());
    let a = room("a");
    for seq in 1..=40_000 {
        write(&mut store, events(&a, vec![message((1, seq), seq, "words")])).unwrap();
    }
    let kept = store.room(&a).unwrap();
    let looks = |seq: u64| {
        let mut looks = 0;
        kept.messages.partition_point(|record| {
            looks += 1;
            record.place.seq.0 < seq
        });
        looks
    };
    let most = (1..=40_000).step_by(997).map(looks).max().unwrap();
    assert!(most <= 18, "{most} looks for one place among 40,000");
    let ask =
        PageAsk { room: a, thread: None, from: PageFrom::FromOldest(20_000), limit: 5, fence: place((2, 1)), now: 0 };
    let seqs: Vec<u64> = kept.page(&ask).records.iter().map(|record| record.place.seq.0).collect();
    assert_eq!(seqs, (20_001..=20_005).collect::<Vec<_>>());
}
