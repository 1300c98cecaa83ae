//! Every error, provoked.

use crate::forge::{now, of};
use crate::http::{Http, request};
use crate::stage::{Stage, closed, error, limit_files, refused, start_limited};
use crate::support::client::{post, room};
use crate::support::{Client, Heard, JSON, Node};
use crate::{Proof, prove};
use rookery_protocol::command::{
    Access, Command, Post, PostExtra, Revocation, Role, RoomRef, RoomSettings, SubscribeRoom, Wants,
};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode::{self, *};
use rookery_protocol::ids::{AckLevel, Name, Place, RoomHandle};
use rookery_protocol::limits;
use rookery_protocol::reply::Reply;
use std::time::{Duration, Instant};

const ROWS: &[(ErrorCode, Proof<ErrorCode>)] = &[
    (Malformed, Proof::Script(malformed)),
    (UnknownCommand, Proof::Script(unknown_command)),
    (TooLarge, Proof::Script(too_large)),
    (NotAuthenticated, Proof::Script(not_authenticated)),
    (BadToken, Proof::Script(|stage| token(stage, "a.b.c"))),
    (TokenExpired, Proof::Script(|stage| token(stage, &of("ann", &format!(r#","exp":{}"#, now() / 1000 - 120))))),
    (Revoked, Proof::Script(revoked)),
    (NotAllowed, Proof::Script(|stage| refused(stage.enter("ann").ask(&Command::Erase { user: name("bob") })))),
    (NoSuchRoom, Proof::Script(no_such_room)),
    (RoomExists, Proof::Script(room_exists)),
    (RoomArchived, Proof::Script(room_archived)),
    (NotAMember, Proof::Script(not_a_member)),
    (NoSuchMessage, Proof::Script(no_such_message)),
    (NoSuchUser, Proof::Script(no_such_user)),
    (NotSubscribed, Proof::Script(not_subscribed)),
    (RateLimited, Proof::Script(rate_limited)),
    (TooManyRooms, Proof::Script(too_many_rooms)),
    (TooManyConnections, Proof::Script(too_many_connections)),
    (NameTaken, Proof::Script(name_taken)),
    (Unexpected, Proof::Script(unexpected)),
    (LevelUnavailable, Proof::Script(level_unavailable)),
    (NotAvailable, Proof::Script(not_available)),
    (
        Overtaken,
        Proof::Elsewhere {
            // Only where another node's event may come between.
            file: "broker/engine/src/home/tests/sequencing.rs",
            test: "what_no_longer_holds_becomes_void",
            says: "ErrorCode::Overtaken",
        },
    ),
    (Busy, Proof::Script(busy)),
    (ReadOnly, Proof::Script(|stage| full_disk(stage, ReadOnly))),
    (NotStored, Proof::Script(|stage| full_disk(stage, NotStored))),
    (
        Unsure,
        Proof::Elsewhere {
            // Only a sequencer elsewhere, or a shard that is gone, leaves anybody unsure.
            file: "broker/engine/src/home/tests/sequencing.rs",
            test: "nobody_knows_is_said",
            says: "ErrorCode::Unsure",
        },
    ),
    (Draining, Proof::Once(draining)),
    (LastOwner, Proof::Script(last_owner)),
    (
        NotDurable,
        Proof::Elsewhere {
            // It takes a database, and its absence.
            file: "broker/tests/database/outage.rs",
            test: "what_was_acked_local_settles_once_when_the_database_is_back",
            says: "ErrorCode::NotDurable",
        },
    ),
    (
        NoRuling,
        Proof::Elsewhere {
            // It takes a backend that is asked, and fails.
            file: "broker/tests/hook/hidden.rs",
            test: "questions_are_signed_and_secrets_stay_where_they_are",
            says: "ErrorCode::NoRuling",
        },
    ),
    (NoSuchPath, Proof::Once(|stage| stage.ask("GET", "/v1/nothing", ""))),
    (WrongMethod, Proof::Once(|stage| stage.ask("PUT", "/v1/rooms", ""))),
    (WrongType, Proof::Once(wrong_type)),
    (TooSlow, Proof::Once(too_slow)),
];

#[test]
fn every_error_is_provoked() {
    prove(ErrorCode::ALL, ROWS);
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn subscribe(rooms: &[&str]) -> Command {
    let wish = |name: &&str| SubscribeRoom { room: room(name), cursor: None, wants: Wants::default() };
    Command::Subscribe { rooms: rooms.iter().map(wish).collect() }
}

fn token(stage: &Stage<'_>, token: &str) -> ErrorCode {
    refused(stage.open(stage.node).ask(&Command::Authenticate { token: token.to_owned() }))
}

fn malformed(stage: &Stage<'_>) -> ErrorCode {
    refused(stage.enter_backend().ask(&Command::TakeNumbers { counter: name("tickets"), count: 0 }))
}

fn unknown_command(stage: &Stage<'_>) -> ErrorCode {
    let mut client = stage.enter("ann");
    // Length, a kind that nobody has, number 7.
    stage.say(&mut client, r#"{"do":"fly","id":7}"#, &[2, 255, 7]);
    refused(client.reply(7))
}

fn too_large(stage: &Stage<'_>) -> ErrorCode {
    let body = "x".repeat(limits::BODY_BYTES as usize + 1);
    refused(stage.enter("ann").ask(&post(&stage.name("room"), &body, None)))
}

fn not_authenticated(stage: &Stage<'_>) -> ErrorCode {
    refused(stage.open(stage.node).ask(&post("room", "hello", None)))
}

fn revoked(stage: &Stage<'_>) -> ErrorCode {
    let user = stage.name("mallory");
    let token = stage.node.token(&user);
    let revoke = Command::Revoke(Revocation::User { user: name(&user) });
    assert!(matches!(stage.enter_backend().ask(&revoke), Reply::Counted { .. }));
    refused(stage.open(stage.node).ask(&Command::Authenticate { token }))
}

fn no_such_room(stage: &Stage<'_>) -> ErrorCode {
    let node = Node::start_with(1, &["--set=room.implicit=false"]);
    refused(stage.enter_at(&node, "ann").ask(&post("nowhere", "hello", None)))
}

fn create(client: &mut Client, name: &str, access: Access) -> Reply {
    let settings = Box::new(RoomSettings { access: Some(access), ..RoomSettings::default() });
    client.ask(&Command::Create { room: room(name), settings, members: vec![] })
}

fn room_exists(stage: &Stage<'_>) -> ErrorCode {
    let (mut ann, den) = (stage.enter("ann"), stage.name("den"));
    assert!(matches!(create(&mut ann, &den, Access::Open), Reply::Placed { .. }));
    refused(create(&mut ann, &den, Access::Open))
}

fn room_archived(stage: &Stage<'_>) -> ErrorCode {
    let (mut ann, den) = (stage.enter("ann"), stage.name("den"));
    create(&mut ann, &den, Access::Open);
    assert!(matches!(ann.ask(&Command::Archive { room: room(&den), archived: true }), Reply::Placed { .. }));
    refused(ann.ask(&post(&den, "too late", None)))
}

fn not_a_member(stage: &Stage<'_>) -> ErrorCode {
    let den = stage.name("den");
    create(&mut stage.enter("ann"), &den, Access::Members);
    refused(stage.enter("eve").ask(&post(&den, "let me in", None)))
}

fn no_such_message(stage: &Stage<'_>) -> ErrorCode {
    let (mut ann, den) = (stage.enter("ann"), stage.name("den"));
    let place = ann.post(&den, "the only one");
    refused(ann.ask(&Command::Pin { room: room(&den), target: Place::new(place.epoch.0, 99) }))
}

fn no_such_user(stage: &Stage<'_>) -> ErrorCode {
    let user = stage.name("gone");
    let mut ann = stage.enter("ann");
    // The directory hears of it from the user's inbox, so a moment later.
    assert!(matches!(stage.enter_backend().ask(&Command::Erase { user: name(&user) }), Reply::Counted { .. }));
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match ann.ask(&Command::DirectRoom { user: name(&user) }) {
            Reply::Direct { .. } | Reply::Placed { .. } => assert!(Instant::now() < until, "never erased"),
            other => return refused(other),
        }
    }
}

fn not_subscribed(stage: &Stage<'_>) -> ErrorCode {
    let room = RoomRef::Handle(RoomHandle(12_345));
    refused(stage.enter("ann").ask(&Command::Typing { room, on: true }))
}

fn rate_limited(stage: &Stage<'_>) -> ErrorCode {
    let node = Node::start_with(1, &["--commands-per-second", "1", "--set=limits.commands_burst=3"]);
    let mut ann = stage.enter_at(&node, "ann");
    refused((0..9).map(|_| ann.ask(&Command::Ping)).find(|reply| !matches!(reply, Reply::Pong { .. })).unwrap())
}

fn too_many_rooms(stage: &Stage<'_>) -> ErrorCode {
    let node = Node::start_with(1, &["--set=limits.rooms_per_connection=1"]);
    let mut ann = stage.enter_at(&node, "ann");
    ann.subscribe("one", None);
    refused(ann.ask(&subscribe(&["two"])))
}

fn too_many_connections(stage: &Stage<'_>) -> ErrorCode {
    let node = Node::start_with(1, &["--connections-per-user", "1"]);
    let first = stage.enter_at(&node, "ann");
    let token = node.token(&stage.name("ann"));
    let code = refused(stage.open(&node).ask(&Command::Authenticate { token }));
    drop(first);
    code
}

fn name_taken(stage: &Stage<'_>) -> ErrorCode {
    let mut backend = stage.enter_backend();
    let slug = name(&stage.name("slug"));
    let mut take = |holder| backend.ask(&Command::TakeName { name: slug.clone(), holder: name(holder) });
    assert!(!matches!(take("one"), Reply::Refused(_)));
    refused(take("another"))
}

fn with(den: &str, ack: Option<AckLevel>, expect: Option<Place>) -> Command {
    let extra = expect.map(|place| Box::new(PostExtra { expect: Some(place), ..PostExtra::default() }));
    match post(den, "hello", None) {
        Command::Post(post) => Command::Post(Post { ack, extra, ..post }),
        other => other,
    }
}

fn unexpected(stage: &Stage<'_>) -> ErrorCode {
    let (mut ann, den) = (stage.enter("ann"), stage.name("den"));
    let first = ann.post(&den, "one");
    ann.post(&den, "two");
    refused(ann.ask(&with(&den, None, Some(first))))
}

fn level_unavailable(stage: &Stage<'_>) -> ErrorCode {
    let node = Node::start_with(1, &["--store", "memory"]);
    refused(stage.enter_at(&node, "ann").ask(&with("den", Some(AckLevel::Durable), None)))
}

fn not_available(stage: &Stage<'_>) -> ErrorCode {
    refused(stage.enter("ann").ask(&Command::Search { query: "bird".to_owned(), limit: 1 }))
}

/// More than may be unanswered at a time, in one breath: their acks wait for the disk.
fn busy(stage: &Stage<'_>) -> ErrorCode {
    let (mut ann, den) = (stage.enter("ann"), stage.name("den"));
    for _ in 0..20 {
        let commands = 3 * limits::IN_FLIGHT_PER_CONNECTION;
        let all: Vec<u8> =
            (0..commands).flat_map(|_| ann.frame(&with(&den, Some(AckLevel::Durable), None)).1).collect();
        ann.raw(&all).unwrap();
        // A refusal overtakes the acks that wait.
        for _ in 0..commands {
            match ann.next() {
                Heard::Frame(ServerFrame::Reply { reply: reply @ Reply::Refused(_), .. }) => return refused(reply),
                Heard::Frame(_) => {}
                Heard::Closed(why) => panic!("{why:?}"),
            }
        }
    }
    panic!("never busy");
}

/// Posts until the disk is full, and on until it is refused in this way.
fn full_disk(stage: &Stage<'_>, wanted: ErrorCode) -> ErrorCode {
    let node = start_limited();
    let mut ann = stage.enter_at(&node, "ann");
    ann.post("den", "before");
    limit_files(&node, "1");
    let body = "x".repeat(4_000);
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        match ann.ask(&post("den", &body, None)) {
            Reply::Placed { .. } => {}
            reply => {
                let code = refused(reply);
                assert!([ReadOnly, NotStored, Busy].contains(&code), "{code:?}");
                if code == wanted {
                    limit_files(&node, "unlimited");
                    return code;
                }
            }
        }
    }
    panic!("never refused so");
}

/// A node that waits for one that reads nothing still answers those who ask.
fn draining(_: &Stage<'_>) -> ErrorCode {
    let patient = ["--set=serve.last_words=1h", "--set=limits.slow=1h", "--send-buffer=16KiB"];
    let mut node = Node::start_with(1, &patient);
    let token = node.token("ann");
    let mut http = Http::open(node.address);
    assert_eq!(http.ask("GET", "/v1/rooms", &token, "").status, 200);
    let mut deaf = Client::enter(node.address, JSON, &token);
    socket2::SockRef::from(deaf.socket()).set_recv_buffer_size(4096).unwrap();
    deaf.subscribe("den", None);
    let mut sender = Client::enter(node.address, JSON, &token);
    for _ in 0..40 {
        sender.post("den", &"x".repeat(32 * 1024));
    }
    node.signal("-TERM");
    closed(&mut sender);
    let code = error(&http.ask("GET", "/v1/rooms", &token, ""));
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(20)).success());
    drop(deaf);
    code
}

fn last_owner(stage: &Stage<'_>) -> ErrorCode {
    let (mut ann, den) = (stage.enter("ann"), stage.name("den"));
    create(&mut ann, &den, Access::Members);
    let user = name(&stage.name("ann"));
    refused(ann.ask(&Command::SetRole { room: room(&den), user, role: Role::Member }))
}

fn wrong_type(stage: &Stage<'_>) -> ErrorCode {
    let mut http = Http::open(stage.node.address);
    let headers = "Content-Type: text/plain\r\n";
    error(&http.ask_with("POST", "/v1/rooms/den/messages", &stage.backend(), r#"{"body":"x"}"#, headers))
}

/// A body that does not come: the node's patience is ten seconds.
fn too_slow(stage: &Stage<'_>) -> ErrorCode {
    let mut http = Http::open(stage.node.address);
    let whole = request("POST", "/v1/rooms/den/messages", &stage.backend(), br#"{"body":"x"}"#, "");
    http.say(&whole[..whole.len() - 1]);
    error(&http.answer().unwrap())
}
