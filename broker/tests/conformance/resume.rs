//! Coming back: all of what was missed, or a verdict.

use super::Stage;
use super::support::client::{post, room};
use super::support::{Client, Heard};
use rookery_protocol::command::{Command, SubscribeRoom, Wants};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::Place;
use rookery_protocol::reply::{Mark, Reply, Start, Subscribed};

/// Events until the mark that says complete.
fn until_resumed(client: &mut Client) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        match client.next_unasked() {
            Heard::Frame(ServerFrame::Event { event, .. }) => events.push(event),
            Heard::Frame(ServerFrame::Mark(Mark::Resumed { .. })) => return events,
            Heard::Frame(_) => {}
            Heard::Closed(why) => panic!("{why:?}"),
        }
    }
}

pub fn missed(stage: &Stage<'_>) {
    let name = stage.room("missed");
    let mut alice = stage.enter("alice");
    let mut bob = stage.enter("bob");
    alice.subscribe(&name, None);
    let last = bob.post(&name, "seen");
    assert_eq!(alice.body(), "seen");
    drop(alice);
    // More than one page of replay.
    for i in 0..200 {
        bob.say(&post(&name, &format!("m{i}"), None));
    }
    bob.ask(&Command::Ping);
    let end = bob.post(&name, "end");
    let mut alice = stage.enter("alice");
    let subscribed = alice.subscribe(&name, Some(last));
    assert_eq!((subscribed.start, subscribed.from, subscribed.end), (Start::Resuming, last, end));
    let events = until_resumed(&mut alice);
    assert_eq!(events.len(), 201);
    assert!(events.iter().zip(last.seq.0 + 1..).all(|(event, seq)| event.place.seq.0 == seq));
    bob.post(&name, "live");
    assert_eq!(alice.body(), "live");
}

pub fn many_rooms(stage: &Stage<'_>) {
    let names: Vec<String> = (0..20).map(|i| stage.room(&format!("many{i}"))).collect();
    let mut bob = stage.enter("bob");
    let lasts: Vec<Place> = names.iter().map(|name| bob.post(name, "before")).collect();
    for name in &names {
        bob.post(name, "after");
    }
    let mut alice = Client::open(stage.node.address, stage.tongue);
    let rooms = names
        .iter()
        .zip(&lasts)
        .map(|(name, last)| SubscribeRoom { room: room(name), cursor: Some(*last), wants: Wants::default() })
        .collect();
    let number = alice.say(&Command::Resume { token: Some(stage.node.token(&stage.user("alice"))), rooms });
    let (mut welcome, mut subscribed, mut bodies, mut resumed) = (0, Vec::<Subscribed>::new(), 0, 0);
    while subscribed.len() < 20 || resumed < 20 || welcome == 0 {
        match alice.next() {
            Heard::Frame(ServerFrame::Reply { number: n, reply }) => {
                assert_eq!(n, number);
                match reply {
                    Reply::Welcome(_) => welcome += 1,
                    Reply::Subscribed(s) => subscribed.push(*s),
                    other => panic!("{other:?}"),
                }
            }
            Heard::Frame(ServerFrame::Event { room, event, .. }) => {
                assert!(subscribed.iter().any(|s| s.handle == room), "an event before its subscription");
                assert!(matches!(event.body, EventBody::Posted(m) if &m.body[..] == b"after"));
                bodies += 1;
            }
            Heard::Frame(ServerFrame::Mark(Mark::Resumed { .. })) => resumed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((welcome, bodies), (1, 20));
}

/// Replay shows messages as they are now, and the changes too.
pub fn changed_meanwhile(stage: &Stage<'_>) {
    let name = stage.room("changed");
    let mut bob = stage.enter("bob");
    let start = bob.post(&name, "start");
    let edited = bob.post(&name, "edit me");
    let deleted = bob.post(&name, "delete me");
    bob.ask(&Command::Edit {
        room: room(&name),
        target: edited,
        kind: None,
        body: b"edited"[..].into(),
        metadata: None,
        ack: None,
    });
    bob.ask(&Command::Delete { room: room(&name), target: deleted, ack: None });
    let mut alice = stage.enter("alice");
    alice.subscribe(&name, Some(start));
    let events = until_resumed(&mut alice);
    let said: Vec<String> = events
        .iter()
        .map(|event| match &event.body {
            EventBody::Posted(m) | EventBody::Edited(m) => {
                format!("{} {}", event.body.kind().word(), String::from_utf8_lossy(&m.body))
            }
            other => other.kind().word().to_owned(),
        })
        .collect();
    assert_eq!(said, ["posted edited", "posted ", "edited edited", "deleted"]);
}

pub fn a_place_that_never_was(stage: &Stage<'_>) {
    let name = stage.room("never");
    let mut alice = stage.enter("alice");
    let end = alice.post(&name, "one");
    let subscribed = alice.subscribe(&name, Some(Place::new(end.epoch.0, 500)));
    assert!(matches!(subscribed.start, Start::Retract { above } if above == end), "{subscribed:?}");
    let mut bob = stage.enter("bob");
    let subscribed = bob.subscribe(&name, Some(Place::new(end.epoch.0 + 77, 1)));
    assert!(matches!(subscribed.start, Start::Gap(_)), "{subscribed:?}");
    alice.post(&name, "two");
    assert_eq!(bob.body(), "two");
}
