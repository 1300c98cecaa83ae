//! Who a connection is.

use super::Stage;
use super::support::Client;
use super::support::client::{Heard, masked, post};
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::limits::MESSAGE_BYTES_BEFORE_AUTH;
use rookery_protocol::reply::Reply;

pub fn refused(reply: Reply) -> ErrorCode {
    match reply {
        Reply::Refused(refusal) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

pub fn strangers_are_refused(stage: &Stage<'_>) {
    let mut stranger = Client::open(stage.node.address, stage.tongue);
    assert_eq!(refused(stranger.ask(&post(&stage.room("a"), "hi", None))), ErrorCode::NotAuthenticated);
    assert_eq!(refused(stranger.ask(&Command::Authenticate { token: "a.b.c".to_owned() })), ErrorCode::BadToken);
    let token = stage.node.token(&stage.user("alice"));
    let Reply::Welcome(welcome) = stranger.ask(&Command::Authenticate { token }) else { panic!("not welcome") };
    assert_eq!(welcome.user.as_str(), stage.user("alice"));
    stranger.post(&stage.room("a"), "now I may");
}

/// Who has not said its name may say little; what is sent behind a name, in the same breath, is a user's.
pub fn strangers_have_less_room(stage: &Stage<'_>) {
    let long = "a".repeat(MESSAGE_BYTES_BEFORE_AUTH as usize);
    let mut stranger = Client::open(stage.node.address, stage.tongue);
    stranger.say(&post(&stage.room("b"), &long, None));
    match stranger.next() {
        Heard::Closed(Some((code, _))) => assert_eq!(code, 1009),
        other => panic!("{other:?}"),
    }
    let mut client = Client::open(stage.node.address, stage.tongue);
    let enter = client.frame(&Command::Authenticate { token: stage.node.token(&stage.user("alice")) });
    let (number, talk) = client.frame(&post(&stage.room("b"), &long, None));
    client.raw(&[enter.1, talk].concat()).unwrap();
    assert!(matches!(client.reply(enter.0), Reply::Welcome(_)));
    assert!(matches!(client.reply(number), Reply::Placed { .. }));
}

/// In fragments that come in one breath, more of them than one visit takes.
pub fn in_fragments(stage: &Stage<'_>) {
    let mut client = Client::open(stage.node.address, stage.tongue);
    let (number, payload) = client.payload(&Command::Authenticate { token: stage.node.token(&stage.user("alice")) });
    let opcodes = std::iter::once(client.opcode()).chain(std::iter::repeat(0));
    let mut fragments: Vec<_> = opcodes.zip(payload.chunks(9)).map(|(opcode, part)| masked(opcode, part)).collect();
    let last = fragments.len() - 1;
    fragments[..last].iter_mut().for_each(|fragment| fragment[0] &= 0x7f);
    client.raw(&fragments.concat()).unwrap();
    assert!(matches!(client.reply(number), Reply::Welcome(_)));
}

/// Nothing has to be waited for: what follows a token is decided behind it.
pub fn pipelined(stage: &Stage<'_>) {
    let mut client = Client::open(stage.node.address, stage.tongue);
    let token = stage.node.token(&stage.user("alice"));
    let first = client.say(&Command::Authenticate { token });
    let second = client.say(&post(&stage.room("p"), "one", None));
    let third = client.say(&post(&stage.room("p"), "two", None));
    assert!(matches!(client.reply(first), Reply::Welcome(_)));
    let Reply::Placed { place: one, .. } = client.reply(second) else { panic!("not placed") };
    let Reply::Placed { place: two, .. } = client.reply(third) else { panic!("not placed") };
    assert!(one < two);
}

pub fn somebody_else(stage: &Stage<'_>) {
    let mut client = stage.enter("alice");
    let room = stage.room("s");
    client.subscribe(&room, None);
    let token = stage.node.token(&stage.user("bob"));
    assert!(matches!(client.ask(&Command::Authenticate { token }), Reply::Welcome(_)));
    client.post(&room, "as bob");
    // The subscription was alice's and went with her.
    let subscribed = client.subscribe(&room, None);
    assert_eq!(subscribed.messages, 1);
    client.post(&room, "again");
    assert_eq!(client.body(), "again");
}

pub fn ping(stage: &Stage<'_>) {
    let mut client = stage.enter("alice");
    assert!(matches!(client.ask(&Command::Ping), Reply::Pong { .. }));
}
