//! Who may ask, how fast, how much at once, how large.

use super::bench::*;
use crate::message::*;
use crate::settings::Limits;
use rookery_protocol::command::{Command, HistoryFrom, Post, PostExtra};
use rookery_protocol::dialect::contract::Incoming;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::{AckLevel, RoomKind};
use rookery_protocol::limits;
use rookery_protocol::message::BodyKind;
use rookery_protocol::reply::{Refusal, Reply};

#[test]
fn strangers_may_only_enter_and_ping() {
    let mut bench = Bench::new();
    let conn = bench.open(JSON);
    let asked = bench.ask(conn, post(room_ref("x"), b"hi"));
    bench.ask(conn, Command::Ping);
    let heard = bench.read(conn);
    assert_eq!(refusals(&heard), [(asked, ErrorCode::NotAuthenticated)]);
    assert_eq!(replies(&heard).len(), 2);
}

#[test]
fn backends_alone_have_their_commands() {
    let mut bench = Bench::new();
    let (ann, backend) = (bench.enter("ann", JSON), bench.enter("backend:root", JSON));
    let asked = bench.ask(ann, Command::Disconnect { user: name("bob") });
    assert_eq!(refusals(&bench.read(ann)), [(asked, ErrorCode::NotAllowed)]);
    bench.ask(backend, Command::Disconnect { user: name("bob") });
    let sent = bench.commands();
    assert!(matches!(&sent[0].room, RoomAddress::Key(k) if k.kind == RoomKind::Inbox && k.name == name("bob")));
}

fn pings(bench: &mut Bench, conn: ConnId, n: usize) -> (usize, Option<u32>) {
    for _ in 0..n {
        bench.ask(conn, Command::Ping);
    }
    let heard = replies(&bench.read(conn));
    let wait = heard.iter().find_map(|(_, r)| match r {
        Reply::Refused(r) => {
            assert_eq!(r.code, ErrorCode::RateLimited);
            Some(r.retry_after_ms)
        }
        _ => None,
    });
    (heard.iter().filter(|(_, r)| matches!(r, Reply::Pong { .. })).count(), wait)
}

#[test]
fn a_connection_has_its_burst_and_its_rate_to_the_token() {
    let limits = Limits { commands_per_second: 10, commands_burst: 20, ..Limits::default() };
    let mut bench = Bench::with(limits);
    // Its token was the first command.
    let conn = bench.enter("ann", JSON);
    assert_eq!(pings(&mut bench, conn, 40), (19, Some(100)));
    bench.pass(99);
    assert_eq!(pings(&mut bench, conn, 1), (0, Some(1)));
    bench.pass(1);
    assert_eq!(pings(&mut bench, conn, 3), (1, Some(100)));
    bench.pass(1000);
    assert_eq!(pings(&mut bench, conn, 30).0, 10);
    // A language without these limits does not know them.
    let older = bench.enter("bob", OLDER);
    assert_eq!(pings(&mut bench, older, 100).0, 100);
}

#[test]
fn a_user_shares_one_bucket_among_connections_and_shards() {
    let limits = Limits { user_commands_per_second: 10, user_commands_burst: 30, ..Limits::default() };
    let mut bench = Bench::with(limits);
    let (one, two) = (bench.enter("ann", JSON), bench.enter("ann", JSON));
    let other = bench.enter("bob", JSON);
    assert_eq!(pings(&mut bench, one, 20).0, 20);
    assert_eq!(pings(&mut bench, two, 20), (10, Some(100)));
    assert_eq!(pings(&mut bench, other, 20).0, 20);
    // The user has come to another shard, too: half of the pace is left here.
    let inbox = rookery_protocol::ids::RoomKey { realm: name("main"), kind: RoomKind::Inbox, name: name("ann") };
    bench.give(ToEdge::Session { inbox, order: SessionOrder::Share { of: 2 } });
    bench.pass(1000);
    assert_eq!(pings(&mut bench, one, 20), (5, Some(200)));
    bench.pass(20_000);
    assert_eq!(pings(&mut bench, two, 20).0, 15);
}

#[test]
fn commands_in_flight_are_bounded() {
    let mut bench = Bench::with(Limits { commands_per_second: 0, user_commands_per_second: 0, ..Limits::default() });
    let conn = bench.enter("ann", JSON);
    for _ in 0..limits::IN_FLIGHT_PER_CONNECTION {
        bench.ask(conn, post(room_ref("x"), b"hi"));
    }
    let envelopes = bench.commands();
    assert_eq!(envelopes.len() as u64, limits::IN_FLIGHT_PER_CONNECTION);
    let asked = bench.ask(conn, post(room_ref("x"), b"hi"));
    let heard = replies(&bench.read(conn));
    assert!(matches!(&heard[..], [(n, Reply::Refused(r))]
        if *n == asked && r.code == ErrorCode::Busy && r.retry_after_ms > 0));
    bench.reply(envelopes[0].reply_to, Reply::Refused(Refusal::new(ErrorCode::NotAllowed)));
    bench.ask(conn, post(room_ref("x"), b"hi"));
    assert_eq!(bench.commands().len(), 1);
}

#[test]
fn a_lane_keeps_a_place_for_every_reply() {
    let mut bench = Bench::with(Limits { commands_per_second: 0, user_commands_per_second: 0, ..Limits::default() });
    let per_connection = limits::IN_FLIGHT_PER_CONNECTION;
    let (mut conns, mut envelopes) = (Vec::new(), Vec::new());
    for n in 0..limits::LANE_COMMANDS / per_connection {
        let conn = bench.enter(&format!("user-{n}"), JSON);
        for _ in 0..per_connection {
            bench.ask(conn, post(room_ref("x"), b"hi"));
        }
        conns.push(conn);
        envelopes.extend(bench.commands());
    }
    assert_eq!(envelopes.len() as u64, limits::LANE_COMMANDS);
    let stranger = bench.open(JSON);
    let asked = bench.ask(stranger, Command::Authenticate { token: "late-comer".to_owned() });
    assert_eq!(refusals(&bench.read(stranger)), [(asked, ErrorCode::Busy)]);
    // A reply frees its place, also when nobody is there to read it.
    bench.edge.closed(bench.now, conns[0], DropReason::Left, &mut bench.out);
    bench.sent();
    bench.reply(envelopes[0].reply_to, Reply::Done);
    bench.ask(stranger, Command::Authenticate { token: "late-comer".to_owned() });
    bench.inbox_says(Reply::Done);
}

#[test]
fn what_is_too_large_never_leaves_the_shard() {
    let mut bench = Bench::new();
    let conn = bench.enter("backend:ann", OLDER);
    let rooms = |n: u64| (0..n).map(|i| wish(&format!("r{i}"), None)).collect::<Vec<_>>();
    let extra = PostExtra { mentions: vec![name("bob"); 33], ..PostExtra::default() };
    let with = |extra| {
        Command::Post(Post {
            room: room_ref("x"),
            kind: BodyKind::Text,
            body: b"hi"[..].into(),
            key: None,
            ack: None,
            extra: Some(Box::new(extra)),
        })
    };
    let commands = [
        Command::Subscribe { rooms: rooms(257) },
        Command::Unsubscribe { rooms: vec![room_ref("x"); 257] },
        Command::QueryPresence { users: vec![name("bob"); 257] },
        with(extra),
        with(PostExtra { attachments: vec![Default::default(); 17], ..PostExtra::default() }),
        Command::Create { room: room_ref("x"), settings: Default::default(), members: vec![name("bob"); 257] },
        Command::SetStatus { status: Default::default(), text: "x".repeat(1025) },
    ];
    for mut command in commands {
        let refused = super::super::fields::check(&mut command, AckLevel::Local).unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooLarge, "{command:?}");
        bench.ask(conn, command);
        assert!(bench.sent().is_empty());
        assert_eq!(refusals(&bench.read(conn)).len(), 1);
    }
    let mut post = post(room_ref("x"), &vec![b'x'; limits::BODY_BYTES as usize]);
    assert!(super::super::fields::check(&mut post, AckLevel::Local).is_ok());
    let Command::Post(p) = &mut post else { unreachable!() };
    p.body = vec![b'x'; limits::BODY_BYTES as usize + 1].into();
    assert!(super::super::fields::check(&mut post, AckLevel::Local).is_err());
}

#[test]
fn pages_have_a_usual_and_a_largest_size() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    for limit in [0, 7, 5000] {
        let room = room_ref("x");
        bench.ask(conn, Command::History { room, from: HistoryFrom::Newest, limit, thread: None });
    }
    let limits: Vec<u32> = bench
        .commands()
        .iter()
        .map(|e| match e.command {
            Command::History { limit, .. } => limit,
            _ => panic!(),
        })
        .collect();
    assert_eq!(limits, [50, 7, 200]);
}

#[test]
fn a_level_that_the_store_cannot_reach_is_refused() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    let asked = bench.ask(conn, Command::Delete { room: room_ref("x"), target: at(1), ack: Some(AckLevel::Durable) });
    assert_eq!(refusals(&bench.read(conn)), [(asked, ErrorCode::LevelUnavailable)]);
}

#[test]
fn a_broadcast_is_a_post_per_room_and_one_answer() {
    let mut bench = Bench::new();
    let conn = bench.enter("backend:root", JSON);
    let rooms = vec![
        room_ref("a"),
        rookery_protocol::command::RoomRef::Handle(rookery_protocol::ids::RoomHandle(9)),
        room_ref("b"),
        room_ref("c"),
    ];
    let Command::Post(post) = post(room_ref("nowhere"), b"news") else { unreachable!() };
    let asked = bench.ask(conn, Command::Broadcast { rooms, post: Box::new(post) });
    let parts = bench.commands();
    assert_eq!(parts.len(), 3);
    for (part, room) in parts.iter().zip(["a", "b", "c"]) {
        assert!(matches!(&part.command, Command::Post(p) if p.room == room_ref(room) && *p.body == *b"news"));
    }
    let placed = Reply::Placed { place: at(1), ordinal: Some(1), level: AckLevel::Local, duplicate: false };
    bench.reply(parts[2].reply_to, placed.clone());
    bench.reply(parts[0].reply_to, Reply::Refused(Refusal::new(ErrorCode::RoomArchived)));
    assert!(bench.read(conn).is_empty());
    bench.reply(parts[1].reply_to, placed);
    let refused = vec![(0, ErrorCode::RoomArchived), (1, ErrorCode::NotSubscribed)];
    assert_eq!(replies(&bench.read(conn)), [(asked, Reply::Broadcast { placed: 2, refused })]);
}

#[test]
fn too_many_refusals_within_a_minute_end_the_connection() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", OLDER);
    let nonsense = |bench: &mut Bench, n: u64| {
        bench.read(conn);
        for _ in 0..n {
            bench.edge.receive(bench.now, &mut bench.doors, conn, Incoming::Text("{\"what\":{}}"), &mut bench.out);
            bench.read(conn);
        }
    };
    nonsense(&mut bench, limits::REFUSALS_ABUSIVE);
    bench.pass(30_000);
    bench.edge.heard(bench.now, conn);
    bench.pass(30_000);
    nonsense(&mut bench, limits::REFUSALS_ABUSIVE);
    assert_eq!(bench.edge.counters.dropped(DropReason::Abusive), 0);
    nonsense(&mut bench, 1);
    assert_eq!(bench.edge.counters.dropped(DropReason::Abusive), 1);
}

#[test]
fn the_wrong_form_closes() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.edge.receive(bench.now, &mut bench.doors, conn, Incoming::Binary(b"{}"), &mut bench.out);
    assert_eq!(bench.edge.counters.dropped(DropReason::WrongForm), 1);
    let close = bench.raw(conn);
    assert_eq!(u16::from_be_bytes([close[2], close[3]]), 1003);
}
