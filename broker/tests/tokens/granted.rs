//! What a token is good for, in either language.

use super::support::client::{post, room};
use super::support::{BINARY, Client, JSON, Node};
use rookery_protocol::command::{Command, HistoryFrom};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Reply;

#[test]
fn a_token_for_some_rooms_is_good_for_no_others() {
    let node = Node::start(2);
    for tongue in [JSON, BINARY] {
        let token = node.token_with("ann", &["--can", "read,post:team-*,general", "--can", "read:@inbox"]);
        let mut ann = Client::enter(node.address, tongue, &token);
        ann.subscribe("team-red", None);
        ann.post("team-red", "hello");
        for (command, verb) in [
            (post("attic", "hello", None), "`post` in \"attic\""),
            (Command::Typing { room: room("general"), on: true }, "`typing` in \"general\""),
            (
                Command::History { room: room("attic"), from: HistoryFrom::Newest, limit: 5, thread: None },
                "`history` in \"attic\"",
            ),
            (Command::Users { after: None, limit: 5 }, "`users` in \"*\""),
        ] {
            let Reply::Refused(refusal) = ann.ask(&command) else { panic!("{command:?} was not refused") };
            assert_eq!(refusal.code, ErrorCode::NotAllowed);
            assert!(refusal.detail.ends_with(verb), "{}", refusal.detail);
        }
        let unread = ann.ask(&Command::UnreadSummary { after: None, limit: 5 });
        assert!(matches!(unread, Reply::Unread { .. }), "{unread:?}");
    }
}
