//! A token's end closes the connection, unless a newer one came in time.

use super::forge::{now, of};
use super::support::{BINARY, Client, Heard, JSON, Node};
use rookery_protocol::command::Command;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::reply::Reply;

/// When it was closed, and how.
fn closed(client: &mut Client) -> (u64, Option<u16>) {
    loop {
        if let Heard::Closed(why) = client.next() {
            return (now(), why.map(|(code, _)| code));
        }
    }
}

fn ending_at(user: &str, second: u64) -> String {
    of(user, &format!(r#","exp":{second}"#))
}

#[test]
fn a_connection_ends_with_its_token_and_goes_on_with_a_newer_one() {
    let node = Node::start(2);
    let first = now() / 1000 + 4;
    let second = first + 2;
    let mut clients = Vec::new();
    for tongue in [JSON, BINARY] {
        let mut stays = Client::open(node.address, tongue);
        let token = ending_at("ann", first);
        let Reply::Welcome(welcome) = stays.ask(&Command::Authenticate { token }) else { panic!("not welcome") };
        assert_eq!(welcome.expires_at, Some(first * 1000));
        stays.subscribe("general", None);
        assert!(matches!(stays.ask(&Command::Refresh { token: ending_at("ann", second) }), Reply::Done));
        // Another's token moves nothing.
        let other = stays.ask(&Command::Refresh { token: ending_at("bob", second + 60) });
        assert!(matches!(other, Reply::Refused(refusal) if refusal.code == ErrorCode::NotAllowed));
        clients.push((Client::enter(node.address, tongue, &ending_at("bob", first)), stays));
    }
    for (goes, stays) in &mut clients {
        for (client, end) in [(goes, first * 1000), (stays, second * 1000)] {
            let (at, code) = closed(client);
            assert_eq!(code, Some(DropReason::TokenExpired.close_code()));
            assert!((4200..4300).contains(&DropReason::TokenExpired.close_code()));
            // The other clients are read first, so only the earliest end is seen to the second.
            assert!(at + 20 >= end && at < second * 1000 + 5000, "ended at {at} instead of {end}");
        }
    }
    let mut late = Client::open(node.address, JSON);
    let refused = late.ask(&Command::Authenticate { token: ending_at("ann", first - 120) });
    assert!(matches!(refused, Reply::Refused(refusal) if refusal.code == ErrorCode::TokenExpired));
}

#[test]
fn the_end_comes_within_five_seconds() {
    let node = Node::start(1);
    for tongue in [JSON, BINARY] {
        let end = now() / 1000 + 3;
        let mut client = Client::enter(node.address, tongue, &ending_at("ann", end));
        let (at, code) = closed(&mut client);
        assert_eq!(code, Some(DropReason::TokenExpired.close_code()));
        assert!(at + 20 >= end * 1000 && at <= end * 1000 + 5000, "ended at {at} instead of {end}000");
    }
}
