//! A real node on a damaged folder: it says in one line why it does not start, or serves nothing that is wrong.

use super::made::{Made, ROOMS, room_name};
use super::support::client::room;
use super::support::node::{Attempt, attempt};
use super::support::{Client, Folder, Heard, JSON, Node};
use rookery_protocol::command::{Command, HistoryFrom};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::Place;
use rookery_protocol::reply::Reply;
use std::sync::Arc;

/// None: what was revoked lies where the damage is, so that nobody is let in, and that was said.
fn enter(node: &Node, what: &str) -> Option<Client> {
    let mut client = Client::open(node.address, JSON);
    match client.ask(&Command::Authenticate { token: node.token("reader") }) {
        Reply::Welcome(_) => Some(client),
        Reply::Refused(refusal) => {
            assert!(refusal.code == ErrorCode::Busy && refusal.detail.contains("revoked"), "{what}: {refusal:?}");
            let log = node.log();
            assert!(log.contains("ask_not_answered") && log.contains("damaged"), "{what}: {log}");
            None
        }
        other => panic!("{what}: {other:?}"),
    }
}

/// Whether it started.
pub fn judge(made: &Made, data: Arc<Folder>, what: &str) -> bool {
    let node = match attempt(data, 1, &[]) {
        Attempt::Started(node) => node,
        Attempt::Refused { status, said } => {
            let last = said.lines().last().unwrap_or_default();
            assert!(last.starts_with("rookery: ") && status.code().is_some_and(|code| code >= 64), "{what}: {said}");
            return false;
        }
    };
    for at in 0..ROOMS {
        let Some(mut client) = enter(&node, what) else { return true };
        let mut from = HistoryFrom::FromOldest(0);
        loop {
            let history = Command::History { room: room(&room_name(at)), from, limit: 50, thread: None };
            let number = client.say(&history);
            let page = match client.next() {
                Heard::Frame(ServerFrame::Reply { number: n, reply: Reply::History(page) }) if n == number => page,
                // It is not served, and that was said.
                Heard::Frame(ServerFrame::Reply { number: n, reply: Reply::Refused(_) }) if n == number => break,
                other => panic!("{what}: {other:?}"),
            };
            for message in &page.messages {
                let body = String::from_utf8(message.body.to_vec()).unwrap();
                // What was lost stands without content.
                if message.is_deleted() && body.is_empty() {
                    continue;
                }
                let posted = made.posted[at].get(&message.place);
                assert_eq!(posted, Some(&body), "{what}: room {at} at {}", message.place);
            }
            let Some(last) = page.messages.last().map(|message: &Arc<_>| -> Place { message.place }) else { break };
            from = HistoryFrom::After(last);
        }
    }
    true
}
