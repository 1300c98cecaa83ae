//! Tokens, sessions, and what is asked while they are looked at.

use super::bench::*;
use crate::message::*;
use rookery_protocol::command::Command;
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::Fact;
use rookery_protocol::ids::{Epoch, RoomHandle, RoomKind};
use rookery_protocol::reply::{EndReason, Mark, Refusal, Reply, Start};

fn authenticate(token: &str) -> Command {
    Command::Authenticate { token: token.to_owned() }
}

fn verify(bench: &mut Bench, conn: ConnId) {
    let (ticket, token) = bench.doors.asked.remove(0);
    bench.edge.verified(bench.now, &mut bench.doors, conn, ticket, principal(&token), &mut bench.out);
}

#[test]
fn a_welcome_waits_for_the_inbox_and_says_what_holds() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let asked = bench.ask(conn, authenticate("of@acme:ann"));
    assert!(bench.read(conn).is_empty());
    let opened = bench.inbox_says(Reply::Done);
    assert_eq!((opened.inbox.kind, opened.inbox.name), (RoomKind::Inbox, name("ann")));
    assert_eq!((opened.lobby.name, opened.directory.kind), (name("acme"), RoomKind::Directory));
    assert_eq!(opened.connections_per_user, Some(10));
    let heard = bench.read(conn);
    let [(number, Reply::Welcome(welcome))] = &replies(&heard)[..] else { panic!("{heard:?}") };
    assert_eq!((*number, &welcome.user, welcome.run), (asked, &name("ann"), Epoch(9)));
    assert_eq!((welcome.ping_ms, welcome.max_rooms), (25_000, 256));
}

#[test]
fn pipelining_works_as_if_verification_took_no_time() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let first = bench.ask(conn, authenticate("late:ann"));
    let ping = bench.ask(conn, Command::Ping);
    bench.ask(conn, Command::Subscribe { rooms: vec![wish("room-1", None)] });
    bench.ask(conn, post(room_ref("room-1"), b"hi"));
    assert!(bench.sent().is_empty() && bench.read(conn).is_empty());
    verify(&mut bench, conn);
    let sent = bench.sent();
    let [ToHome::SessionOpened(opened)] = &sent[..] else { panic!("{sent:?}") };
    let last = bench.ask(conn, Command::Ping);
    bench.reply(opened.reply_to, Reply::Done);
    assert!(matches!(&bench.sent()[..], [ToHome::Attach(_), ToHome::Command(_)]));
    let numbers: Vec<_> = replies(&bench.read(conn)).into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, [first, ping, last]);
}

#[test]
fn what_was_pipelined_behind_a_bad_token_is_a_strangers() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let first = bench.ask(conn, authenticate("late:bad"));
    let second = bench.ask(conn, post(room_ref("room-1"), b"hi"));
    let ping = bench.ask(conn, Command::Ping);
    verify(&mut bench, conn);
    let heard = bench.read(conn);
    assert_eq!(refusals(&heard), [(first, ErrorCode::BadToken), (second, ErrorCode::NotAuthenticated)]);
    assert!(matches!(replies(&heard)[2], (n, Reply::Pong { .. }) if n == ping));
    assert!(bench.sent().is_empty());
}

#[test]
fn a_second_token_in_the_pipe_holds_up_what_follows_it() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let numbers = [
        bench.ask(conn, authenticate("late:bad")),
        bench.ask(conn, authenticate("late:ann")),
        bench.ask(conn, Command::Ping),
    ];
    verify(&mut bench, conn);
    assert_eq!(refusals(&bench.read(conn)), [(numbers[0], ErrorCode::BadToken)]);
    verify(&mut bench, conn);
    bench.inbox_says(Reply::Done);
    let heard = replies(&bench.read(conn));
    assert!(matches!(&heard[..], [(a, Reply::Welcome(_)), (b, Reply::Pong { .. })] if [*a, *b] == numbers[1..]));
}

#[test]
fn what_waits_is_bounded() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    bench.ask(conn, authenticate("late:ann"));
    for _ in 0..200 {
        bench.ask(conn, Command::Ping);
    }
    let refused = refusals(&bench.read(conn));
    assert_eq!(refused.len(), 72);
    assert!(refused.iter().all(|(_, code)| *code == ErrorCode::Busy));
}

#[test]
fn a_resume_authenticates_and_subscribes_in_one_frame() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let rooms = vec![wish("room-1", Some(at(3))), wish("room-2", None)];
    let asked = bench.ask(conn, Command::Resume { token: Some("ann".to_owned()), rooms });
    bench.inbox_says(Reply::Done);
    let attaches = bench.attaches();
    assert_eq!(attaches.len(), 2);
    bench.attached(&attaches[1], 2, Start::Live, at(0), at(0));
    bench.attached(&attaches[0], 1, Start::Resuming, at(3), at(3));
    let heard = replies(&bench.read(conn));
    assert!(matches!(&heard[..], [(a, Reply::Welcome(_)), (b, Reply::Subscribed(_)), (c, Reply::Subscribed(_))]
        if [*a, *b, *c] == [asked; 3]));
}

#[test]
fn a_resume_without_a_token_needs_a_session() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let rooms = vec![wish("room-1", None)];
    let asked = bench.ask(conn, Command::Resume { token: None, rooms });
    assert_eq!(refusals(&bench.read(conn)), [(asked, ErrorCode::NotAuthenticated)]);
}

#[test]
fn a_stranger_has_less_room() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    assert_eq!(bench.edge.message_limit(conn), 16384);
    bench.ask(conn, authenticate("late:bad"));
    assert_eq!(bench.edge.message_limit(conn), 65536);
    verify(&mut bench, conn);
    assert_eq!(bench.edge.message_limit(conn), 16384);
    let user = bench.enter("ann", JSON);
    assert_eq!(bench.edge.message_limit(user), 65536);
}

#[test]
fn a_stranger_is_sent_away_in_time() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    bench.ask(conn, authenticate("bad"));
    bench.pass(9_999);
    assert_eq!(bench.edge.counters.dropped(DropReason::NotAuthenticated), 0);
    bench.pass(1);
    assert_eq!(bench.edge.counters.dropped(DropReason::NotAuthenticated), 1);
}

#[test]
fn a_token_that_is_being_looked_at_is_not_too_late_but_a_bad_one_is() {
    for (token, dropped) in [("late:ann", 0), ("late:bad", 1)] {
        let mut bench = Bench::new();
        let conn = bench.open(JSON);
        bench.ask(conn, authenticate(token));
        bench.pass(11_000);
        assert_eq!(bench.edge.counters.dropped(DropReason::NotAuthenticated), 0);
        verify(&mut bench, conn);
        assert_eq!(bench.edge.counters.dropped(DropReason::NotAuthenticated), dropped);
    }
}

#[test]
fn somebody_else_begins_with_nothing_of_who_was_there_before() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.ask(conn, authenticate("bob"));
    let sent = bench.sent();
    let [ToHome::Detach(detach), ToHome::SessionClosed { inbox, .. }, ToHome::SessionOpened(opened)] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!((&detach.user, &inbox.name, &opened.inbox.name), (&name("ann"), &name("ann"), &name("bob")));
    bench.events(1, 5..=5);
    bench.reply(opened.reply_to, Reply::Done);
    let heard = bench.read(conn);
    assert!(places(&heard).is_empty());
    let ended = Mark::Ended { room: RoomHandle(1), at: at(4), reason: EndReason::AccessLost };
    assert_eq!(marks(&heard), [ended]);
    assert!(matches!(&replies(&heard)[..], [(_, Reply::Welcome(w))] if w.user == name("bob")));
}

#[test]
fn the_same_user_again_keeps_everything() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.ask(conn, authenticate("backend:ann"));
    let refresh = bench.ask(conn, Command::Refresh { token: "backend:ann".to_owned() });
    assert!(bench.sent().is_empty());
    bench.events(1, 5..=5);
    let heard = bench.read(conn);
    assert!(matches!(&replies(&heard)[..], [(_, Reply::Welcome(_)), (n, Reply::Done)] if *n == refresh));
    assert_eq!(places(&heard), [at(5)]);
    // With the powers of the newer token.
    bench.ask(conn, Command::Disconnect { user: name("bob") });
    assert_eq!(bench.commands().len(), 1);
}

#[test]
fn a_refresh_is_for_the_same_user() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    let asked = bench.ask(conn, Command::Refresh { token: "bob".to_owned() });
    assert_eq!(refusals(&bench.read(conn)), [(asked, ErrorCode::NotAllowed)]);
    bench.ask(conn, post(room_ref("room-1"), b"hi"));
    assert_eq!(bench.commands()[0].who.user, name("ann"));
}

#[test]
fn a_user_with_too_many_connections_is_refused_and_closed() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let asked = bench.ask(conn, authenticate("ann"));
    bench.inbox_says(Reply::Refused(Refusal::new(ErrorCode::TooManyConnections)));
    assert_eq!(bench.edge.counters.dropped(DropReason::TooManyConnections), 1);
    // Nothing was opened, so nothing is closed.
    assert!(bench.sent().is_empty());
    assert_eq!(refusals(&bench.read(conn)), [(asked, ErrorCode::TooManyConnections)]);
}

#[test]
fn a_connection_that_goes_while_its_session_opens_closes_it() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    bench.ask(conn, authenticate("ann"));
    let sent = bench.sent();
    let [ToHome::SessionOpened(opened)] = &sent[..] else { panic!("{sent:?}") };
    bench.edge.closed(bench.now, conn, DropReason::Left, &mut bench.out);
    assert!(matches!(&bench.sent()[..], [ToHome::SessionClosed { address, .. }] if address.conn == conn));
    let next = bench.open(JSON);
    bench.reply(opened.reply_to, Reply::Done);
    assert!(bench.read(next).is_empty());
}

#[test]
fn a_token_ends_on_the_wall_clock_whatever_the_other_does() {
    let mut bench = Bench::new();
    let conn = bench.enter("expires@1003000:ann", JSON);
    let older = bench.enter("expires@1003000:bob", OLDER);
    // The wall clock was set back by a second meanwhile.
    bench.now.wall -= 1000;
    bench.pass(3000);
    assert_eq!(bench.edge.counters.dropped(DropReason::TokenExpired), 0);
    bench.pass(999);
    assert_eq!(bench.edge.counters.dropped(DropReason::TokenExpired), 0);
    bench.pass(1);
    assert_eq!(bench.edge.counters.dropped(DropReason::TokenExpired), 1);
    let close = bench.raw(conn);
    assert_eq!(u16::from_be_bytes([close[2], close[3]]), 4200);
    assert!(bench.raw(older).is_empty());
}

#[test]
fn a_refresh_moves_the_end() {
    let mut bench = Bench::new();
    let conn = bench.enter("expires@1003000:ann", JSON);
    bench.ask(conn, Command::Refresh { token: "expires@1005000:ann".to_owned() });
    bench.pass(4999);
    assert_eq!(bench.edge.counters.dropped(DropReason::TokenExpired), 0);
    bench.pass(1);
    assert_eq!(bench.edge.counters.dropped(DropReason::TokenExpired), 1);
}

#[test]
fn revocations_find_their_sessions() {
    let mut bench = Bench::new();
    for token in ["ann", "x:ann", "bob", "cid"] {
        bench.enter(token, JSON);
    }
    let facts = [
        (Fact::TokenRevoked { id: name("x:ann") }, 1),
        (Fact::UserRevoked { user: name("bob"), issued_before: 100 }, 1),
        (Fact::UserRevoked { user: name("bob"), issued_before: 101 }, 2),
        (Fact::UserErased { user: name("cid") }, 3),
        (Fact::NameReleased { name: name("ann") }, 3),
    ];
    for (fact, dropped) in facts {
        bench.give(ToEdge::Revoked { realm: name("other"), fact: fact.clone() });
        bench.give(ToEdge::Revoked { realm: name("main"), fact });
        assert_eq!(bench.edge.counters.dropped(DropReason::Revoked), dropped);
    }
}

#[test]
fn an_inbox_closes_one_or_all_of_its_user() {
    let mut bench = Bench::new();
    let (first, second) = (bench.enter("ann", JSON), bench.enter("ann", JSON));
    let other = bench.enter("bob", JSON);
    let inbox = rookery_protocol::ids::RoomKey { realm: name("main"), kind: RoomKind::Inbox, name: name("ann") };
    let close = |conn| SessionOrder::Close { conn, reason: DropReason::Replaced };
    // A stale address, and one of somebody else.
    let stale = ConnId { generation: first.generation + 1, ..first };
    for conn in [stale, other] {
        bench.give(ToEdge::Session { inbox: inbox.clone(), order: close(Some(conn)) });
        assert_eq!(bench.edge.counters.dropped(DropReason::Replaced), 0);
    }
    bench.give(ToEdge::Session { inbox: inbox.clone(), order: close(Some(first)) });
    assert_eq!(bench.edge.counters.dropped(DropReason::Replaced), 1);
    bench.give(ToEdge::Session { inbox, order: close(None) });
    assert_eq!(bench.edge.counters.dropped(DropReason::Replaced), 2);
    assert!(bench.raw(other).is_empty() && !bench.raw(second).is_empty());
}

#[test]
fn nobody_is_welcome_before_the_directory_was_heard() {
    let mut bench = Bench::new();
    bench.edge.revocations = Default::default();
    let (first, second) = (bench.open(JSON), bench.open(JSON));
    for (conn, token) in [(first, "ann"), (second, "x:ann")] {
        bench.ask(conn, Command::Authenticate { token: token.to_owned() });
    }
    let asked = bench.sent();
    assert!(matches!(&asked[..], [ToHome::Revocations { .. }]), "asked once: {asked:?}");
    let late = bench.open(JSON);
    bench.ask(late, Command::Authenticate { token: "bob".to_owned() });
    bench.ask(late, Command::Ping);
    bench.edge.closed(bench.now, first, DropReason::Left, &mut bench.out);
    assert!(bench.sent().is_empty() && bench.read(late).is_empty() && bench.read(second).is_empty());
    let facts = vec![Fact::TokenRevoked { id: name("x:ann") }];
    bench.give(ToEdge::Revocations { realm: name("main"), facts: Some(facts) });
    let said = bench.read(second);
    assert!(
        matches!(&said[..], [ServerFrame::Reply { reply: Reply::Refused(r), .. }] if r.code == ErrorCode::Revoked),
        "{said:?}"
    );
    bench.inbox_says(Reply::Done);
    let said = bench.read(late);
    assert!(
        matches!(
            &said[..],
            [ServerFrame::Reply { reply: Reply::Welcome(_), .. }, ServerFrame::Reply { reply: Reply::Pong { .. }, .. }]
        ),
        "{said:?}"
    );
}
