//! Erasing a user: afterwards nothing that the user said is in any file.

use crate::fill::{self, NO_LIMITS};
use crate::support::client::{post, room};
use crate::support::node::SECRET;
use crate::support::{Client, Folder, JSON, Node};
use crate::tool::{done, files};
use rookery_protocol::command::{Command, HistoryFrom, RoomSettings};
use rookery_protocol::ids::DuplicateKey;
use rookery_protocol::message::Message;
use rookery_protocol::reply::Reply;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Stands in everything that the user says.
const SAID: &str = "QUITE-PERSONAL";

fn found(data: &Path) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(SAID.len()).any(|bytes| bytes == SAID.as_bytes());
    files(data).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path.display().to_string()).collect()
}

fn history(client: &mut Client, channel: &str) -> Vec<Arc<Message>> {
    let ask = Command::History { room: room(channel), from: HistoryFrom::FromOldest(0), limit: 100, thread: None };
    match client.ask(&ask) {
        Reply::History(page) => page.messages,
        other => panic!("no history: {other:?}"),
    }
}

#[test]
fn what_an_erased_user_said_is_in_no_file() {
    let node = Node::start_in(Folder::new(), 2, &NO_LIMITS);
    let mut alice = fill::enter(&node, "alice");
    let mut mallory = fill::enter(&node, "mallory");
    for channel in ["one", "two"] {
        let settings = Box::new(RoomSettings::default());
        let create = Command::Create { room: room(channel), settings, members: vec![fill::name("mallory")] };
        assert!(!matches!(alice.ask(&create), Reply::Refused(_)));
        for n in 0..100 {
            // Not so many of the same that a table would be compressed to nothing that can be searched for.
            let key = DuplicateKey::Stream { stream: 5, n: n + 1 };
            let reply = mallory.ask(&post(channel, &format!("{n} {SAID} {n}"), Some(key)));
            assert!(matches!(reply, Reply::Placed { .. }), "{reply:?}");
        }
        let target = mallory.post(channel, &format!("{SAID} was here"));
        let body = format!("{SAID} is here")[..].as_bytes().into();
        let edit = Command::Edit { room: room(channel), target, kind: None, body, metadata: None, ack: None };
        assert!(matches!(mallory.ask(&edit), Reply::Placed { .. }));
        alice.post(channel, "what others say stays");
    }
    assert!(!found(node.data.path()).is_empty(), "it can be found at all");
    let mut backend = Client::enter(node.address, JSON, &node.token_with("backend", &["--backend"]));
    assert_eq!(backend.ask(&Command::Erase { user: fill::name("mallory") }), Reply::Counted { count: 2 });
    let deadline = Instant::now() + Duration::from_secs(60);
    for channel in ["one", "two"] {
        loop {
            let mut stubs = true;
            let mut from = history(&mut alice, channel);
            from.retain(|message| message.sender.as_str() == "mallory");
            stubs = stubs && from.iter().all(|message| message.is_deleted() && message.body.is_empty());
            if stubs && !from.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "{channel} still has what was erased");
            std::thread::yield_now();
        }
    }
    // The last of a room's hundred and more messages are behind the page.
    let newest = |client: &mut Client, channel: &str| {
        let ask = Command::History { room: room(channel), from: HistoryFrom::Newest, limit: 100, thread: None };
        match client.ask(&ask) {
            Reply::History(page) => page.messages,
            other => panic!("no history: {other:?}"),
        }
    };
    for channel in ["one", "two"] {
        while newest(&mut alice, channel).iter().any(|m| m.sender.as_str() == "mallory" && !m.is_deleted()) {
            assert!(Instant::now() < deadline, "{channel} still has what was erased");
            std::thread::yield_now();
        }
        let last = newest(&mut alice, channel);
        assert_eq!(&last.last().unwrap().body[..], b"what others say stays");
    }
    done("compact", node.data.path(), &[]);
    assert_eq!(found(node.data.path()), Vec::<String>::new());
    let (_data, path) = fill::stop(node);
    assert_eq!(found(&path), Vec::<String>::new());
    done("verify", &path, &[]);
}

/// A token that shows this beside what the user says.
fn shown_as(user: &str, name: &str) -> String {
    use base64::Engine as _;
    let part = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let head = part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned());
    let signed = format!("{head}.{}", part(format!(r#"{{"sub":"{user}","exp":4000000000,"name":"{name}"}}"#)));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Whatever the user was no member of, when it came to that.
#[test]
fn an_erased_user_is_found_in_rooms_that_it_never_joined_or_has_left_and_in_the_directory() {
    let node = Node::start_in(Folder::new(), 2, &NO_LIMITS);
    let mut alice = fill::enter(&node, "alice");
    let mut mallory = Client::enter(node.address, JSON, &shown_as("mallory", &format!("{SAID} by name")));
    let settings = Box::new(RoomSettings::default());
    let create = Command::Create { room: room("left"), settings, members: vec![fill::name("mallory")] };
    assert!(!matches!(alice.ask(&create), Reply::Refused(_)));
    let rooms = ["left", "open", "open too"];
    for channel in rooms {
        for n in 0..150 {
            mallory.post(channel, &format!("{n} {SAID} {n}"));
        }
        alice.post(channel, "what others say stays");
    }
    assert!(!matches!(mallory.ask(&Command::Leave { room: room("left") }), Reply::Refused(_)));
    drop(mallory);
    let mut backend = Client::enter(node.address, JSON, &node.token_with("backend", &["--backend"]));
    // Of none is it a member.
    assert_eq!(backend.ask(&Command::Erase { user: fill::name("mallory") }), Reply::Counted { count: 0 });
    let deadline = Instant::now() + Duration::from_secs(60);
    for channel in rooms {
        loop {
            let mut left = history(&mut alice, channel);
            let ask = Command::History { room: room(channel), from: HistoryFrom::Newest, limit: 100, thread: None };
            let Reply::History(newest) = alice.ask(&ask) else { panic!("no history") };
            left.extend(newest.messages);
            left.retain(|message| !message.is_deleted());
            if left.iter().all(|message| message.sender.as_str() == "alice") {
                assert_eq!(left.len(), 1, "{channel}");
                break;
            }
            assert!(Instant::now() < deadline, "{channel} still has what was erased");
            std::thread::yield_now();
        }
    }
    // The directory goes on, and its users are those who are still there.
    let users = loop {
        let reply = alice.ask(&Command::Users { after: None, limit: 10 });
        let Reply::Users { users, .. } = reply else { panic!("{reply:?}") };
        let users: Vec<String> = users.iter().map(|user| user.user.to_string()).collect();
        if !users.contains(&"mallory".to_owned()) || Instant::now() > deadline {
            break users;
        }
    };
    assert_eq!(users, ["alice", "backend"]);
    // Its changes go in a step of their own, which nothing that is asked shows.
    while done("compact", node.data.path(), &[]).is_empty() || !found(node.data.path()).is_empty() {
        assert!(Instant::now() < deadline, "{:?}", found(node.data.path()));
    }
    let (_data, path) = fill::stop(node);
    assert_eq!(found(&path), Vec::<String>::new());
    done("verify", &path, &[]);
}
