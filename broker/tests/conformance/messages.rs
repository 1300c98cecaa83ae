//! Posting, changing and reading.

use super::Stage;
use super::sessions::refused;
use super::support::Heard;
use super::support::client::{post, room};
use rookery_protocol::command::{Command, HistoryFrom, Post, PostExtra, ReadMark};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, Signal};
use rookery_protocol::ids::{DuplicateKey, Name, Place};
use rookery_protocol::reply::Reply;

pub fn everybody_in_order(stage: &Stage<'_>) {
    let name = stage.room("order");
    let mut clients = [stage.enter("a"), stage.enter("b"), stage.enter("c")];
    for client in &mut clients {
        client.subscribe(&name, None);
    }
    for i in 0..20 {
        for client in &mut clients {
            client.say(&post(&name, &format!("m{i}"), None));
        }
    }
    let mut views = clients
        .iter_mut()
        .map(|client| (0..60).map(|_| client.event()).map(|event| (event.place, event.by)).collect::<Vec<_>>());
    let first = views.next().unwrap();
    assert!(first.windows(2).all(|pair| pair[1].0.seq.0 == pair[0].0.seq.0 + 1), "{first:?}");
    for other in views {
        assert_eq!(first, other);
    }
}

pub fn acks_follow_events(stage: &Stage<'_>) {
    let name = stage.room("acks");
    let mut client = stage.enter("alice");
    client.subscribe(&name, None);
    for i in 0..50 {
        let number = client.say(&post(&name, &format!("m{i}"), None));
        let mut seen = None;
        loop {
            match client.next() {
                Heard::Frame(ServerFrame::Event { event, .. }) => seen = Some(event.place),
                Heard::Frame(ServerFrame::Reply { number: n, reply: Reply::Placed { place, .. } }) if n == number => {
                    assert_eq!(seen, Some(place), "the ack came first");
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

pub fn sending_twice(stage: &Stage<'_>) {
    let name = stage.room("twice");
    let mut client = stage.enter("alice");
    let keys = [DuplicateKey::Stream { stream: 7, n: 1 }, DuplicateKey::Free("an order of 2026".into())];
    for key in keys {
        let Reply::Placed { place, duplicate: false, .. } = client.ask(&post(&name, "once", Some(key.clone()))) else {
            panic!("not placed")
        };
        // From another connection of the same user as well.
        let mut again = stage.enter("alice");
        for client in [&mut client, &mut again] {
            let reply = client.ask(&post(&name, "once", Some(key.clone())));
            assert!(matches!(reply, Reply::Placed { place: p, duplicate: true, .. } if p == place), "{reply:?}");
        }
        // Somebody else's key of the same words is another one.
        let reply = stage.enter("bob").ask(&post(&name, "mine", Some(key)));
        assert!(matches!(reply, Reply::Placed { duplicate: false, .. }), "{reply:?}");
    }
    assert_eq!(client.subscribe(&name, None).messages, 4);
}

pub fn edits_and_deletions(stage: &Stage<'_>) {
    let name = stage.room("edit");
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    bob.subscribe(&name, None);
    let target = alice.post(&name, "frist");
    assert_eq!(bob.body(), "frist");
    let edit =
        Command::Edit { room: room(&name), target, kind: None, body: b"first"[..].into(), metadata: None, ack: None };
    assert_eq!(refused(bob.ask(&edit)), ErrorCode::NotAllowed);
    assert!(matches!(alice.ask(&edit), Reply::Placed { .. }));
    let event = bob.event();
    let EventBody::Edited(message) = &event.body else { panic!("{event:?}") };
    assert_eq!((&message.body[..], message.place), (&b"first"[..], target));
    assert!(message.version > target);
    assert!(matches!(alice.ask(&Command::Delete { room: room(&name), target, ack: None }), Reply::Placed { .. }));
    assert!(matches!(bob.event().body, EventBody::Deleted { target: t } if t == target));
    assert_eq!(refused(alice.ask(&edit)), ErrorCode::NoSuchMessage);
    let history = Command::History { room: room(&name), from: HistoryFrom::Newest, limit: 10, thread: None };
    let Reply::History(page) = alice.ask(&history) else { panic!("no history") };
    assert_eq!(page.messages.len(), 1);
    assert!(page.messages[0].is_deleted() && page.messages[0].body.is_empty());
}

pub fn reactions_and_pins(stage: &Stage<'_>) {
    let name = stage.room("react");
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    alice.subscribe(&name, None);
    let target = bob.post(&name, "look");
    let reaction = Name::new("👍").unwrap();
    let react = Command::React { room: room(&name), target, reaction: reaction.clone() };
    assert!(matches!(bob.ask(&react), Reply::Placed { duplicate: false, .. }));
    // Twice is once, without an event.
    assert!(!matches!(bob.ask(&react), Reply::Refused(_)));
    assert!(matches!(bob.ask(&Command::Unreact { room: room(&name), target, reaction }), Reply::Placed { .. }));
    assert!(matches!(bob.ask(&Command::Pin { room: room(&name), target }), Reply::Placed { .. }));
    assert!(matches!(bob.ask(&Command::Unpin { room: room(&name), target }), Reply::Placed { .. }));
    let kinds: Vec<&str> = (0..5).map(|_| alice.event().body.kind().word()).collect();
    assert_eq!(kinds, ["posted", "reacted", "unreacted", "pinned", "unpinned"]);
    let nowhere = Command::Pin { room: room(&name), target: Place::new(target.epoch.0, 999) };
    assert_eq!(refused(bob.ask(&nowhere)), ErrorCode::NoSuchMessage);
}

pub fn history(stage: &Stage<'_>) {
    let name = stage.room("history");
    let mut client = stage.enter("alice");
    let places: Vec<Place> = (1..=30).map(|i| client.post(&name, &format!("m{i}"))).collect();
    let mut page = |from, limit| {
        let reply = client.ask(&Command::History { room: room(&name), from, limit, thread: None });
        let Reply::History(page) = reply else { panic!("{reply:?}") };
        let bodies: Vec<String> = page.messages.iter().map(|m| String::from_utf8(m.body.to_vec()).unwrap()).collect();
        (bodies.join(" "), page.more_before, page.more_after)
    };
    assert_eq!(page(HistoryFrom::Newest, 3), ("m28 m29 m30".to_owned(), true, false));
    assert_eq!(page(HistoryFrom::Before(places[2]), 5), ("m1 m2".to_owned(), false, true));
    assert_eq!(page(HistoryFrom::After(places[26]), 2), ("m28 m29".to_owned(), true, true));
    assert_eq!(page(HistoryFrom::FromOldest(10), 2), ("m11 m12".to_owned(), true, true));
    assert_eq!(page(HistoryFrom::FromNewest(10), 2), ("m19 m20".to_owned(), true, true));
    let (around, before, after) = page(HistoryFrom::Around(places[14]), 5);
    assert!(around.contains("m15") && before && after, "{around}");
}

pub fn expectation(stage: &Stage<'_>) {
    let name = stage.room("expect");
    let mut client = stage.enter("alice");
    let last = client.post(&name, "one");
    let mut expecting = |expect| {
        client.ask(&Command::Post(Post {
            extra: Some(Box::new(PostExtra { expect: Some(expect), ..PostExtra::default() })),
            ..match post(&name, "two", None) {
                Command::Post(post) => post,
                _ => unreachable!(),
            }
        }))
    };
    let Reply::Placed { place, .. } = expecting(last) else { panic!("not placed") };
    assert_eq!(refused(expecting(last)), ErrorCode::Unexpected);
    assert!(matches!(expecting(place), Reply::Placed { .. }));
}

pub fn signals(stage: &Stage<'_>) {
    let name = stage.room("signals");
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    alice.subscribe(&name, None);
    bob.subscribe(&name, None);
    assert!(!matches!(bob.ask(&Command::Typing { room: room(&name), on: true }), Reply::Refused(_)));
    let place = bob.post(&name, "typed");
    let mark = Command::MarkRead { room: room(&name), place, mark: ReadMark::Read };
    assert!(!matches!(bob.ask(&mark), Reply::Refused(_)));
    let mut typed = false;
    loop {
        match alice.next_unasked() {
            Heard::Frame(ServerFrame::Signal { signal: Signal::Typing { user, on: true }, .. }) => {
                assert_eq!(user.as_str(), stage.user("bob"));
                typed = true;
            }
            Heard::Frame(ServerFrame::Signal { signal: Signal::ReadUpTo { place: p, .. }, .. }) => {
                assert_eq!(p, place);
                break;
            }
            Heard::Frame(_) => {}
            Heard::Closed(why) => panic!("{why:?}"),
        }
    }
    assert!(typed);
    assert_eq!(bob.subscribe(&name, None).read, place);
}

pub fn refusals(stage: &Stage<'_>) {
    let mut client = stage.enter("alice");
    let name = stage.room("refuse");
    let big = "x".repeat(rookery_protocol::limits::BODY_BYTES as usize + 1);
    assert_eq!(refused(client.ask(&post(&name, &big, None))), ErrorCode::TooLarge);
    let handle = rookery_protocol::command::RoomRef::Handle(rookery_protocol::ids::RoomHandle(12345));
    assert_eq!(refused(client.ask(&Command::Typing { room: handle, on: true })), ErrorCode::NotSubscribed);
    client.post(&name, "still here");
}
