//! From attach to the last event: live, and what a second subscribe, an unsubscribe and a lost connection do.

use super::bench::*;
use crate::message::*;
use rookery_protocol::command::{Command, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::{Place, RoomHandle};
use rookery_protocol::reply::{EndReason, Mark, Refusal, Reply, Start};

#[test]
fn live_events_follow_the_answer_in_order() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.events(1, 5..=6);
    bench.events(1, 7..=7);
    assert_eq!(places(&bench.read(conn)), [at(5), at(6), at(7)]);
    let asked = bench.ask(conn, Command::Ping);
    assert!(matches!(replies(&bench.read(conn))[..], [(n, Reply::Pong { .. })] if n == asked));
}

#[test]
fn many_rooms_of_a_frame_are_attached_one_by_one_and_answered_under_one_number() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    let rooms = vec![wish("room-1", None), wish("room-2", Some(at(3))), wish("room-3", None)];
    let asked = bench.ask(conn, Command::Subscribe { rooms });
    let attaches = bench.attaches();
    assert_eq!(attaches.iter().map(|a| a.cursor).collect::<Vec<_>>(), [None, Some(at(3)), None]);
    bench.attached(&attaches[1], 2, Start::Resuming, at(3), at(3));
    bench.reply(attaches[2].reply_to, Reply::Refused(Refusal::new(ErrorCode::NoSuchRoom)));
    bench.attached(&attaches[0], 1, Start::Live, at(9), at(9));
    let heard = bench.read(conn);
    let numbers: Vec<_> = replies(&heard).into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, [asked; 3]);
    // The refused one is named by its place in the frame.
    assert!(replies(&heard).iter().any(|(_, r)| matches!(r, Reply::Refused(r) if r.room == Some(2))));
    // Nothing was missed: resumed at once.
    assert_eq!(marks(&heard), [Mark::Resumed { room: RoomHandle(2), at: at(3) }]);
}

#[test]
fn a_handle_is_good_only_where_it_is_subscribed() {
    let mut bench = Bench::new();
    let (ann, bob) = (bench.enter("ann", JSON), bench.enter("bob", JSON));
    bench.subscribe(ann, 1, at(0));
    let handle = RoomRef::Handle(RoomHandle(1));
    bench.ask(ann, post(handle.clone(), b"hi"));
    let sent = bench.commands();
    assert!(matches!(&sent[..], [e] if e.room == RoomAddress::Handle(RoomHandle(1)) && e.who.user == name("ann")));
    let asked = bench.ask(bob, post(handle, b"hi"));
    assert_eq!(refusals(&bench.read(bob)), [(asked, ErrorCode::NotSubscribed)]);
    assert!(bench.sent().is_empty());
}

#[test]
fn another_realm_needs_the_power() {
    let mut bench = Bench::new();
    let (ann, root) = (bench.enter("ann", JSON), bench.enter("any:root", JSON));
    let elsewhere = RoomRef::Room { realm: Some(name("other")), name: name("x") };
    let asked = bench.ask(ann, Command::Join { room: elsewhere.clone() });
    assert_eq!(refusals(&bench.read(ann)), [(asked, ErrorCode::NotAllowed)]);
    bench.ask(root, Command::Join { room: elsewhere });
    let sent = bench.commands();
    assert!(matches!(&sent[..], [e] if matches!(&e.room, RoomAddress::Key(k) if k.realm == name("other"))));
}

#[test]
fn own_rooms_follow_the_principal() {
    let mut bench = Bench::new();
    let conn = bench.enter("of@acme:ann", JSON);
    bench.ask(conn, Command::Join { room: RoomRef::Inbox });
    bench.ask(conn, Command::Users { after: None, limit: 0 });
    bench.ask(conn, Command::SetStatus { status: Default::default(), text: String::new() });
    bench.ask(conn, Command::UnreadSummary { after: None, limit: 0 });
    let keys: Vec<String> = bench
        .commands()
        .iter()
        .map(|e| match &e.room {
            RoomAddress::Key(key) => format!("{}/{}", key.kind.word(), key.name),
            RoomAddress::Handle(_) => panic!(),
        })
        .collect();
    assert_eq!(keys, ["inbox/ann", "directory/acme", "lobby/acme", "inbox/ann"]);
}

#[test]
fn a_second_subscribe_goes_on_where_the_first_stands() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.events(1, 5..=6);
    // Whatever cursor it names: what it was given is what counts.
    bench.ask(conn, Command::Subscribe { rooms: vec![wish("room-1", Some(at(2)))] });
    let sent = bench.sent();
    let [ToHome::Detach(detach), ToHome::Attach(attach)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((detach.lane_empty, attach.cursor), (true, Some(at(6))));
    bench.attached(attach, 1, Start::Resuming, at(6), at(7));
    assert_eq!(bench.pulls(), [at(6)]);
    let page = bench.chunk(1, lane_of(JSON), at(0), at(7), &seqs(1..=7));
    bench.page(1, lane_of(JSON), at(6), PageAnswer::Events(page), at(7));
    bench.events(1, 8..=8);
    let heard = bench.read(conn);
    assert_eq!(places(&heard), [at(5), at(6), at(7), at(8)]);
    assert_eq!(marks(&heard), [Mark::Resumed { room: RoomHandle(1), at: at(7) }]);
}

#[test]
fn a_second_subscribe_that_is_refused_ends_the_first_aloud() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.ask(conn, Command::Subscribe { rooms: vec![wish("room-1", None)] });
    let attach = bench.attaches().pop().unwrap();
    bench.reply(attach.reply_to, Reply::Refused(Refusal::new(ErrorCode::NotAllowed)));
    let heard = bench.read(conn);
    let ended = Mark::Ended { room: RoomHandle(1), at: at(4), reason: EndReason::AccessLost };
    assert_eq!(marks(&heard), [ended]);
    assert_eq!(refusals(&heard).len(), 1);
    bench.events(1, 5..=5);
    assert!(bench.read(conn).is_empty());
}

#[test]
fn a_handle_stays_good_while_its_room_is_attached_anew() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    let handle = RoomRef::Handle(RoomHandle(1));
    let wants = Wants { presence: true, ..Wants::default() };
    bench.ask(conn, Command::Subscribe { rooms: vec![SubscribeRoom { room: handle.clone(), cursor: None, wants }] });
    bench.ask(conn, post(handle.clone(), b"hi"));
    let unsubscribed = bench.ask(conn, Command::Unsubscribe { rooms: vec![handle] });
    let sent = bench.sent();
    let [ToHome::Detach(_), ToHome::Attach(attach), ToHome::Command(_)] = &sent[..] else { panic!("{sent:?}") };
    bench.attached(attach, 1, Start::Resuming, at(4), at(4));
    let heard = bench.read(conn);
    assert!(matches!(replies(&heard).last(), Some((n, Reply::Unsubscribed { .. })) if *n == unsubscribed));
    assert!(refusals(&heard).is_empty());
}

#[test]
fn what_is_asked_of_a_room_under_way_waits_for_it() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    let first = bench.ask(conn, Command::Subscribe { rooms: vec![wish("room-1", None)] });
    let second = bench.ask(conn, Command::Unsubscribe { rooms: vec![room_ref("room-1")] });
    let third = bench.ask(conn, Command::Subscribe { rooms: vec![wish("room-1", Some(at(4)))] });
    let attach = bench.attaches();
    assert_eq!(attach.len(), 1);
    bench.attached(&attach[0], 1, Start::Live, at(4), at(4));
    let sent = bench.sent();
    let [ToHome::Detach(_), ToHome::Attach(again)] = &sent[..] else { panic!("{sent:?}") };
    bench.attached(again, 1, Start::Resuming, at(4), at(4));
    let numbers: Vec<_> = replies(&bench.read(conn)).into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, [first, second, third]);
    bench.events(1, 5..=5);
    assert_eq!(places(&bench.read(conn)), [at(5)]);
}

#[test]
fn unsubscribe_is_answered_behind_the_last_event() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.events(1, 5..=5);
    let asked = bench.ask(conn, Command::Unsubscribe { rooms: vec![RoomRef::Handle(RoomHandle(1)), room_ref("x")] });
    bench.events(1, 6..=6);
    let heard = bench.read(conn);
    assert_eq!(places(&heard), [at(5)]);
    assert!(matches!(&replies(&heard)[..], [(_, Reply::Unsubscribed { room: RoomHandle(1) }), (n, Reply::Refused(r))]
        if *n == asked && r.code == ErrorCode::NotSubscribed && r.room == Some(1)));
    assert!(matches!(&bench.sent()[..], [ToHome::Detach(d)] if d.lane_empty && d.room == RoomHandle(1)));
    assert_eq!(bench.edge.size(), (1, 0));
}

#[test]
fn home_is_told_that_a_lane_is_over_by_the_last_of_it() {
    let mut bench = Bench::new();
    let (ann, bob) = (bench.enter("ann", JSON), bench.enter("bob", JSON));
    bench.subscribe(ann, 1, at(4));
    bench.subscribe(bob, 1, at(4));
    bench.edge.closed(bench.now, ann, DropReason::Left, &mut bench.out);
    assert!(matches!(&bench.sent()[..], [ToHome::Detach(d), ToHome::SessionClosed { .. }] if !d.lane_empty));
    bench.edge.closed(bench.now, bob, DropReason::Left, &mut bench.out);
    assert!(matches!(&bench.sent()[..], [ToHome::Detach(d), ToHome::SessionClosed { .. }] if d.lane_empty));
}

#[test]
fn a_lane_is_not_over_while_somebody_is_about_to_join_it() {
    let mut bench = Bench::new();
    let (ann, bob) = (bench.enter("ann", JSON), bench.enter("bob", JSON));
    bench.subscribe(ann, 1, at(4));
    bench.ask(bob, Command::Subscribe { rooms: vec![wish("room-1", None)] });
    let attach = bench.attaches().pop().unwrap();
    bench.ask(ann, Command::Unsubscribe { rooms: vec![room_ref("room-1")] });
    assert!(matches!(&bench.sent()[..], [ToHome::Detach(d)] if !d.lane_empty));
    bench.events(1, 5..=5);
    bench.attached(&attach, 1, Start::Live, at(5), at(5));
    bench.events(1, 6..=6);
    assert_eq!(places(&bench.read(bob)), [at(6)]);
    assert!(bench.sent().is_empty());
}

#[test]
fn a_lane_that_was_left_to_an_attach_is_over_when_that_is_refused() {
    let mut bench = Bench::new();
    let (ann, bob) = (bench.enter("ann", JSON), bench.enter("bob", JSON));
    bench.subscribe(ann, 1, at(4));
    bench.ask(bob, Command::Subscribe { rooms: vec![wish("room-1", None)] });
    let attach = bench.attaches().pop().unwrap();
    bench.ask(ann, Command::Unsubscribe { rooms: vec![room_ref("room-1")] });
    bench.sent();
    bench.reply(attach.reply_to, Reply::Refused(Refusal::new(ErrorCode::NotAllowed)));
    assert!(matches!(&bench.sent()[..], [ToHome::Detach(d)] if d.lane_empty && d.room == RoomHandle(1)));
    assert_eq!(bench.edge.size().1, 0);
}

#[test]
fn an_attach_that_comes_too_late_is_taken_back() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.ask(conn, Command::Subscribe { rooms: vec![wish("room-1", None)] });
    let attach = bench.attaches().pop().unwrap();
    bench.edge.closed(bench.now, conn, DropReason::Left, &mut bench.out);
    bench.sent();
    // Its slot belongs to somebody else by now.
    let next = bench.enter("bob", JSON);
    assert_eq!(next.slot, conn.slot);
    bench.attached(&attach, 1, Start::Live, at(4), at(4));
    let sent = bench.sent();
    let [ToHome::Detach(detach)] = &sent[..] else { panic!("{sent:?}") };
    assert!(detach.lane_empty && detach.address.conn == conn && detach.user == name("ann"));
    assert!(bench.read(next).is_empty());
    assert_eq!(bench.edge.size(), (1, 0));
}

#[test]
fn rooms_of_a_connection_are_bounded() {
    let mut bench = Bench::with(crate::settings::Limits { rooms_per_connection: 2, ..Default::default() });
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(0));
    let rooms = vec![wish("room-2", None), wish("room-3", None), wish("room-1", None)];
    let asked = bench.ask(conn, Command::Subscribe { rooms });
    assert_eq!(bench.attaches().len(), 2);
    assert_eq!(refusals(&bench.read(conn)), [(asked, ErrorCode::TooManyRooms)]);
}

#[test]
fn the_owner_of_an_event_is_left_out_where_nobody_echoes() {
    let mut bench = Bench::new();
    let (ann, bob) = (bench.enter("ann", OLDER), bench.enter("bob", OLDER));
    bench.subscribe(ann, 1, at(0));
    bench.subscribe(bob, 1, at(0));
    let own = |seq| Said { seq, origin: Some(ann), bytes: 10 };
    let foreign = |seq| Said { seq, origin: Some(bob), bytes: 10 };
    let said = [own(1), foreign(2), own(3), Said { origin: None, ..own(4) }, own(5)];
    let chunk = bench.chunk(1, lane_of(OLDER), at(0), at(5), &said);
    bench.give(ToEdge::Chunk(chunk));
    assert_eq!(places(&bench.read(ann)), [at(2), at(4)]);
    assert_eq!(places(&bench.read(bob)), [at(1), at(3), at(4), at(5)]);
}

#[test]
fn a_slot_given_anew_does_not_inherit_who_sent_what() {
    let mut bench = Bench::new();
    let ann = bench.enter("ann", OLDER);
    bench.edge.closed(bench.now, ann, DropReason::Left, &mut bench.out);
    let bob = bench.enter("bob", OLDER);
    assert_eq!(ann.slot, bob.slot);
    bench.subscribe(bob, 1, at(0));
    let said = [Said { seq: 1, origin: Some(ann), bytes: 10 }];
    let chunk = bench.chunk(1, lane_of(OLDER), at(0), at(1), &said);
    bench.give(ToEdge::Chunk(chunk));
    assert_eq!(places(&bench.read(bob)), [at(1)]);
}

#[test]
fn a_summary_has_no_place_to_fall_behind() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    let wants = Wants { summary_only: true, ..Wants::default() };
    let rooms = vec![SubscribeRoom { room: room_ref("room-1"), cursor: None, wants }];
    bench.ask(conn, Command::Subscribe { rooms });
    let attach = bench.attaches().pop().unwrap();
    bench.attached(&attach, 1, Start::Live, at(4), at(4));
    bench.read(conn);
    for seq in [9, 30] {
        let chunk = bench.chunk(1, attach.lane, at(seq), at(seq), &[TYPING]);
        bench.give(ToEdge::Chunk(chunk));
        assert_eq!(bench.read(conn).len(), 1);
    }
    bench.give(ToEdge::Behind { room: RoomHandle(1), end: at(40) });
    assert!(bench.sent().is_empty());
}

#[test]
fn who_is_removed_stops_at_once_and_is_told_where() {
    let mut bench = Bench::new();
    let (ann, bob) = (bench.enter("ann", JSON), bench.enter("bob", JSON));
    bench.subscribe(ann, 1, at(4));
    bench.subscribe(bob, 1, at(4));
    bench.events(1, 5..=5);
    let (whom, reason) = (Whom::User(name("ann")), EndReason::Removed);
    bench.give(ToEdge::Ended { room: RoomHandle(1), whom, at: at(5), reason, close: None });
    bench.events(1, 6..=6);
    let heard = bench.read(ann);
    assert_eq!(places(&heard), [at(5)]);
    assert_eq!(marks(&heard), [Mark::Ended { room: RoomHandle(1), at: at(5), reason }]);
    assert_eq!(places(&bench.read(bob)), [at(5), at(6)]);
    assert!(matches!(&bench.sent()[..], [ToHome::Detach(d)] if d.user == name("ann") && !d.lane_empty));
    let (whom, reason) = (Whom::All, EndReason::RoomDeleted);
    bench.give(ToEdge::Ended { room: RoomHandle(1), whom, at: at(6), reason, close: Some(DropReason::Reset) });
    assert_eq!(marks(&bench.read(bob)), [Mark::Ended { room: RoomHandle(1), at: at(6), reason }]);
    assert_eq!(bench.edge.counters.dropped(DropReason::Reset), 1);
    assert_eq!(bench.edge.size().1, 0);
}

#[test]
fn a_place_begins_at_the_start_of_a_room() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, Place::START);
    let chunk = bench.chunk(1, lane_of(JSON), Place::START, at(2), &seqs(1..=2));
    bench.give(ToEdge::Chunk(chunk));
    assert_eq!(places(&bench.read(conn)), [at(1), at(2)]);
}
