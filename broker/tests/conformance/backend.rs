//! What only backends may do.

use super::Stage;
use super::sessions::refused;
use super::support::Heard;
use super::support::client::{post, room};
use rookery_protocol::command::{Command, Revocation};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::Name;
use rookery_protocol::reply::Reply;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn names_and_numbers(stage: &Stage<'_>) {
    let mut backend = stage.enter_backend();
    let take = |holder| Command::TakeName { name: name(&stage.room("slug")), holder: name(holder) };
    assert!(!matches!(backend.ask(&take("a")), Reply::Refused(_)));
    assert!(!matches!(backend.ask(&take("a")), Reply::Refused(_)), "its holder has it already");
    assert_eq!(refused(backend.ask(&take("b"))), ErrorCode::NameTaken);
    let release = Command::ReleaseName { name: name(&stage.room("slug")), holder: name("a") };
    assert!(!matches!(backend.ask(&release), Reply::Refused(_)));
    assert!(!matches!(backend.ask(&take("b")), Reply::Refused(_)));
    let counter = name(&stage.room("counter"));
    let mut numbers = |count| {
        let Reply::Numbers { first, count } = backend.ask(&Command::TakeNumbers { counter: counter.clone(), count })
        else {
            panic!("no numbers")
        };
        (first, count)
    };
    assert_eq!(numbers(5), (1, 5));
    assert_eq!(numbers(1), (6, 1));
}

pub fn broadcast(stage: &Stage<'_>) {
    let mut backend = stage.enter_backend();
    let mut alice = stage.enter("alice");
    let names: Vec<String> = (0..8).map(|i| stage.room(&format!("cast{i}"))).collect();
    for one in &names {
        alice.subscribe(one, None);
    }
    let Command::Post(template) = post(&names[0], "to all", None) else { unreachable!() };
    let reply =
        backend.ask(&Command::Broadcast { rooms: names.iter().map(|n| room(n)).collect(), post: Box::new(template) });
    assert!(matches!(&reply, Reply::Broadcast { placed: 8, refused } if refused.is_empty()), "{reply:?}");
    for _ in 0..8 {
        assert_eq!(alice.body(), "to all");
    }
}

pub fn disconnect_and_revoke(stage: &Stage<'_>) {
    let mut backend = stage.enter_backend();
    let closed_with = |client: &mut super::Client| loop {
        match client.next() {
            Heard::Frame(_) => {}
            Heard::Closed(why) => return why.map(|(code, _)| code),
        }
    };
    let mut alice = [stage.enter("alice"), stage.enter("alice")];
    let reply = backend.ask(&Command::Disconnect { user: name(&stage.user("alice")) });
    assert!(matches!(reply, Reply::Counted { count: 2 }), "{reply:?}");
    for client in &mut alice {
        assert_eq!(closed_with(client), Some(DropReason::Reset.close_code()));
    }
    let mut bob = stage.enter("bob");
    let token = stage.node.token(&stage.user("bob"));
    let reply = backend.ask(&Command::Revoke(Revocation::User { user: name(&stage.user("bob")) }));
    assert!(!matches!(reply, Reply::Refused(_)), "{reply:?}");
    assert_eq!(closed_with(&mut bob), Some(DropReason::Revoked.close_code()));
    let mut again = super::Client::open(stage.node.address, stage.tongue);
    assert_eq!(refused(again.ask(&Command::Authenticate { token })), ErrorCode::Revoked);
}

pub fn only_for_backends(stage: &Stage<'_>) {
    let mut alice = stage.enter("alice");
    for command in [
        Command::Disconnect { user: name("x") },
        Command::Erase { user: name("x") },
        Command::TakeNumbers { counter: name("x"), count: 1 },
    ] {
        assert_eq!(refused(alice.ask(&command)), ErrorCode::NotAllowed);
    }
}
