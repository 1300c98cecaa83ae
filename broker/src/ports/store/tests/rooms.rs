//! Single promises of the port, each with its own small room.

use super::*;
use rookery_engine::message::EffectId;
use rookery_engine::settings::Keep;
use rookery_protocol::command::HistoryFrom;
use rookery_protocol::event::RoomInfo;
use rookery_protocol::ids::{DuplicateKey, Ordinal};
use rookery_protocol::limits;

fn post(rig: &mut Rig, seq: u64, body: &str) -> Message {
    let message = message(at(seq), seq, "ann", body);
    rig.write(vec![posted(&message)], Vec::new());
    message
}

fn page(from: HistoryFrom, limit: u32, thread: Option<Place>) -> Fetch {
    Fetch::Page { from, limit, thread, fence: END }
}

fn places(fetched: Fetched) -> Vec<u64> {
    match fetched {
        Fetched::Page { messages, .. } => messages.iter().map(|message| message.place.seq.0).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_room_that_nobody_touched_is_the_default() {
    for mut rig in [Rig::prompt(), Rig::late(1, AckLevel::Durable)] {
        assert_eq!(rig.load(), RoomImage::default());
        assert_eq!(rig.fetch(&Fetch::Message(at(1))), Fetched::Message(None));
        assert_eq!(rig.replay(Place::START), []);
        let nothing = Fetched::Page { messages: Vec::new(), more_before: false, more_after: false };
        assert_eq!(rig.fetch(&page(HistoryFrom::Newest, 5, None)), nothing);
        assert_eq!(rig.fetch(&page(HistoryFrom::Newest, 5, Some(at(1)))), nothing);
    }
}

#[test]
fn duplicate_keys_are_their_users_own() {
    let mut rig = Rig::prompt();
    let stream = DuplicateKey::Stream { stream: 9, n: 4 };
    let free = DuplicateKey::Free("k".into());
    let key = |user: &UserId, key: &DuplicateKey| Fetch::Key { user: user.clone(), key: key.clone() };
    let (ann, bob) = (user("ann"), user("bob"));
    let events = [(1, &ann, &stream), (2, &bob, &stream), (3, &ann, &free)];
    let (mut batch_events, mut rows) = (Vec::new(), Vec::new());
    for (seq, user, key) in events {
        batch_events.push(posted(&with(message(at(seq), seq, "ann", "x"), |extra| extra.key = Some(key.clone()))));
        rows.push(Row::Key { user: user.clone(), key: key.clone(), place: at(seq) });
    }
    rig.write(batch_events, rows);
    rig.restart();
    for (seq, user, own) in events {
        assert_eq!(rig.fetch(&key(user, own)), Fetched::Place(Some(at(seq))));
    }
    assert_eq!(rig.fetch(&key(&bob, &free)), Fetched::Place(None));
    assert_eq!(rig.fetch(&key(&ann, &DuplicateKey::Stream { stream: 9, n: 5 })), Fetched::Place(None));
    assert_eq!(rig.fetch(&key(&ann, &DuplicateKey::Free("9".into()))), Fetched::Place(None));
    // Deleted, it is still found.
    let stub = message(at(1), 1, "ann", "x").stub(NOW, at(4));
    rig.write(vec![event(at(4), "ann", EventBody::Deleted { target: at(1) })], vec![Row::Rewrite(Arc::new(stub))]);
    assert_eq!(rig.fetch(&key(&ann, &stream)), Fetched::Place(Some(at(1))));
}

#[test]
fn no_old_body_is_shown_after_an_edit_or_a_deletion() {
    let mut rig = Rig::prompt();
    let bodies = ["first words", "second words"];
    let one = post(&mut rig, 1, bodies[0]);
    let two = post(&mut rig, 2, bodies[1]);
    let edited = Message { body: Arc::from(&b"new words"[..]), version: at(3), ..one };
    let edit = event(at(3), "ann", EventBody::Edited(Arc::new(edited.clone())));
    let delete = event(at(4), "ann", EventBody::Deleted { target: at(2) });
    let stub = two.stub(NOW, at(4));
    let rows = vec![Row::Rewrite(Arc::new(edited.clone())), Row::Rewrite(Arc::new(stub.clone()))];
    rig.write(vec![edit.clone(), delete.clone()], rows);
    let want = [posted(&edited), Event { at: NOW - 1000 + 2, ..posted(&stub) }, edit, delete].map(Arc::new).to_vec();
    assert_eq!(rig.replay(Place::START), want);
    rig.restart();
    assert_eq!(rig.load().recent, want);
    let all = [
        format!("{:?}", rig.fetch(&page(HistoryFrom::Newest, 9, None))),
        format!("{:?}", rig.fetch(&Fetch::Message(at(1)))),
        format!("{:?}", rig.fetch(&Fetch::Message(at(2)))),
        format!("{:?}", rig.load()),
    ];
    for body in bodies {
        let bytes = format!("{:?}", body.as_bytes());
        assert!(all.iter().all(|answer| !answer.contains(&bytes)), "{body} is still there");
    }
}

#[test]
fn a_retracted_tail_is_gone_with_all_that_hung_on_it() {
    let mut rig = Rig::prompt();
    let kept = post(&mut rig, 1, "kept");
    let key = DuplicateKey::Free("lost".into());
    let lost = with(message(at(2), 2, "ann", "lost"), |extra| extra.key = Some(key.clone()));
    let (user, reaction) = (user("ann"), Name::literal("+1"));
    let react = event(at(3), "ann", EventBody::Reacted { target: at(2), reaction: reaction.clone() });
    let rows = vec![
        Row::Key { user: user.clone(), key: key.clone(), place: at(2) },
        Row::Reaction { target: at(2), reaction, user: user.clone(), on: true },
    ];
    rig.write(vec![posted(&lost), react], rows);
    let next = Message { version: Place::new(6, 2), ..message(Place::new(6, 2), 2, "bob", "instead") };
    rig.write(vec![posted(&next)], vec![Row::Retract { above: at(1) }]);
    rig.restart();
    let image = rig.load();
    assert_eq!((image.last, image.messages, image.reactions.len()), (Place::new(6, 2), 2, 0));
    assert_eq!(image.recent, [Arc::new(posted(&kept)), Arc::new(posted(&next))]);
    assert_eq!(rig.fetch(&Fetch::Message(at(2))), Fetched::Message(None));
    assert_eq!(rig.fetch(&Fetch::Key { user, key }), Fetched::Place(None));
}

#[test]
fn a_reply_that_was_taken_back_is_not_counted_in_its_thread() {
    let mut rig = Rig::prompt();
    post(&mut rig, 1, "root");
    let reply = |place, ordinal| with(message(place, ordinal, "ann", "reply"), |extra| extra.thread = Some(at(1)));
    rig.write(vec![posted(&reply(at(2), 2)), posted(&reply(at(3), 3))], Vec::new());
    rig.write(vec![posted(&reply(Place::new(6, 2), 2))], vec![Row::Retract { above: at(1) }]);
    assert_eq!(places(rig.fetch(&page(HistoryFrom::Newest, 3, Some(at(1))))), [2]);
    assert_eq!(places(rig.fetch(&page(HistoryFrom::After(at(1)), 1, Some(at(1))))), [2]);
}

#[test]
fn a_wiped_room_begins_anew_above_its_places() {
    let mut rig = Rig::prompt();
    post(&mut rig, 1, "old");
    let info = Arc::new(RoomInfo { deleted: true, ..RoomInfo::default() });
    rig.write(Vec::new(), vec![Row::Wipe, Row::Info(info.clone())]);
    rig.restart();
    let want = RoomImage { info: Some(info), last: at(1), replay_from: at(1), ..RoomImage::default() };
    assert_eq!(rig.load(), want);
    assert_eq!(rig.fetch(&Fetch::Replay { after: Place::START, limit: 9, fence: END }), Fetched::Replay(None));
    let anew = message(Place::new(6, 2), 1, "ann", "anew");
    rig.write(vec![posted(&anew)], Vec::new());
    let image = rig.load();
    assert_eq!((image.last, image.messages), (anew.place, 1));
    assert_eq!(image.recent, [Arc::new(posted(&anew))]);
}

#[test]
fn the_newest_events_come_along_as_many_as_a_room_keeps() {
    let mut rig = Rig::prompt();
    let most = limits::RECENT_EVENTS;
    for seq in 1..=most + 300 {
        post(&mut rig, seq, "words");
    }
    let recent = rig.load().recent;
    let seqs: Vec<u64> = recent.iter().map(|event| event.place.seq.0).collect();
    assert_eq!(seqs, (301..=most + 300).collect::<Vec<_>>());
}

#[test]
fn large_events_end_the_newest_ones_earlier() {
    let mut rig = Rig::prompt();
    let body = "x".repeat(limits::BODY_BYTES as usize);
    for seq in 1..=400 {
        post(&mut rig, seq, &body);
    }
    let recent = rig.load().recent;
    let seqs: Vec<u64> = recent.iter().map(|event| event.place.seq.0).collect();
    assert_eq!(seqs, (273..=400).collect::<Vec<_>>(), "one step backwards is enough bytes");
    // A replay of them takes several answers of the store, and is whole all the same.
    let Fetched::Replay(Some(events)) = rig.fetch(&Fetch::Replay { after: at(100), limit: 64, fence: END }) else {
        panic!("no replay")
    };
    assert_eq!(events.iter().map(|event| event.place.seq.0).collect::<Vec<_>>(), (101..=164).collect::<Vec<_>>());
}

#[test]
fn streams_that_do_not_come_along_are_looked_up() {
    let mut rig = Rig::prompt();
    let most = limits::STREAMS_PER_ROOM;
    let rows = (1..=most + 100).map(|n| Row::Stream { user: user("ann"), stream: n, n: 1, place: at(n) }).collect();
    rig.write(Vec::new(), rows);
    rig.restart();
    let streams = rig.load().streams;
    assert_eq!(streams.len() as u64, most);
    assert!(streams.iter().all(|(_, _, _, place)| place.seq.0 > 100), "the newest are kept");
    let ask = |stream| Fetch::Stream { user: user("ann"), stream };
    assert_eq!(rig.fetch(&ask(7)), Fetched::Stream(Some((1, at(7)))));
    assert_eq!(rig.fetch(&ask(most + 101)), Fetched::Stream(None));
}

#[test]
fn effects_that_were_taken_come_in_the_order_they_came() {
    let mut rig = Rig::prompt();
    let taken = |name, seq| {
        let cause = RoomKey { name: Name::literal(name), ..room() };
        EffectId { cause, place: at(seq), index: 0 }
    };
    let ids = [taken("z", 5), taken("a", 1), taken("m", 9)];
    for (seq, id) in (1..).zip(&ids) {
        rig.write(vec![event(at(seq), "ann", EventBody::Void)], vec![Row::EffectTaken(id.clone())]);
    }
    rig.restart();
    assert_eq!(rig.load().effects_taken, ids);
}

#[test]
fn pages_and_senders_walk_over_many_answers() {
    let mut rig = Rig::prompt();
    let mut events = Vec::new();
    for seq in 1..=3000u64 {
        let sender = if seq.is_multiple_of(1000) { "eve" } else { "ann" };
        let message = message(at(seq), seq as Ordinal, sender, "words");
        let threaded = seq.is_multiple_of(3) && seq > 1;
        events.push(posted(&if threaded { with(message, |extra| extra.thread = Some(at(1))) } else { message }));
    }
    rig.write(events, Vec::new());
    let eve = |after, limit| Fetch::BySender { user: user("eve"), after, limit };
    assert_eq!(rig.fetch(&eve(Place::START, 10)), Fetched::Places(vec![at(1000), at(2000), at(3000)]));
    assert_eq!(rig.fetch(&eve(at(1000), 1)), Fetched::Places(vec![at(2000)]));
    assert_eq!(rig.fetch(&eve(at(3000), 1)), Fetched::Places(vec![]));
    assert_eq!(places(rig.fetch(&page(HistoryFrom::FromNewest(1), 2, Some(at(1))))), [2994, 2997]);
    assert_eq!(places(rig.fetch(&page(HistoryFrom::FromOldest(0), 3, Some(at(1))))), [3, 6, 9]);
}

#[test]
fn a_trim_leaves_what_the_class_keeps_and_tells_the_oldest() {
    let mut rig = Rig::prompt();
    let sent = (1..=9).map(|seq| posted(&message(at(seq), seq, "ann", "words"))).collect();
    rig.write(sent, vec![Row::Pin { target: at(2), on: true }, Row::Pin { target: at(7), on: true }]);
    let trim = |messages| Fetch::Trim { keep: Keep { messages, messages_since: 0, changes_since: 0 }, at: 0 };
    assert_eq!(rig.fetch(&trim(4)), Fetched::Places(vec![at(6)]));
    assert_eq!(places(rig.fetch(&page(HistoryFrom::FromOldest(0), 9, None))), [6, 7, 8, 9]);
    assert_eq!(rig.load().pins, [at(7)]);
    assert_eq!(rig.fetch(&trim(0)), Fetched::Places(vec![]));
}

#[test]
fn what_cannot_be_read_is_reported_and_never_guessed() {
    let memory = Kept(Arc::new(Mutex::new(Memory::new(MemoryOptions::default()))));
    let kept = memory.clone();
    let mut rig = Rig::new(Box::new(move || Box::new(kept.clone())), None);
    post(&mut rig, 1, "words");
    let mut strange = rookery_storage::Batch::new(room());
    strange.events = vec![rookery_storage::Record {
        place: at(2),
        time: 0,
        kind: rookery_storage::Kind::Change { touches: rookery_storage::Touches::Nothing },
        key: None,
        payload: vec![9, 9].into(),
    }];
    memory.get().submit(strange, StoreTicket(0));
    memory.get().poll(&mut Vec::new());
    post_after(&mut rig);
    let events = rig.replay(Place::START);
    assert_eq!(events.iter().map(|event| event.place.seq.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(events[1].body, EventBody::Void);
    assert_eq!(rig.port.unreadable(), 1);
    // A row is another matter: a room without a member would decide wrongly.
    let mut strange = rookery_storage::Batch::new(room());
    strange.rows = vec![rookery_storage::RowWrite {
        table: rookery_storage::Table::Members,
        key: "ann".into(),
        value: Some(vec![2, 0].into()),
    }];
    memory.get().submit(strange, StoreTicket(0));
    memory.get().poll(&mut Vec::new());
    assert_eq!(rig.load_of(&room()), Err(StoreFault));
    assert_eq!(rig.port.unreadable(), 2);
}

fn post_after(rig: &mut Rig) {
    let message = message(at(3), 2, "ann", "more");
    rig.write(vec![posted(&message)], Vec::new());
}

#[test]
fn what_does_not_follow_fails() {
    let mut rig = Rig::prompt();
    post(&mut rig, 1, "words");
    let hole = batch(vec![posted(&message(at(3), 2, "ann", "x"))], Vec::new());
    assert_eq!(rig.submit(hole), Stored::Failed { run: Epoch(6) });
    let next = batch(vec![posted(&message(at(2), 2, "ann", "x"))], Vec::new());
    assert_eq!(rig.submit(next), Stored::Done);
}
