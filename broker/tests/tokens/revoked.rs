//! What is revoked is out within a second on every shard, and is not let in after a restart, by nobody and for no moment.

use super::forge::{now, of};
use super::support::{BINARY, Client, Heard, JSON, Node};
use rookery_protocol::command::{Command, Revocation};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::Name;
use rookery_protocol::reply::Reply;
use std::time::{Duration, Instant};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Of either language and, by their number, on every shard.
fn many(node: &Node, token: &str) -> Vec<Client> {
    (0..8).map(|n| Client::enter(node.address, if n % 2 == 0 { JSON } else { BINARY }, token)).collect()
}

#[test]
fn what_is_revoked_is_out_at_once_and_stays_out() {
    let node = Node::start(2);
    let since = now() / 1000;
    let by_id = of("ann", r#","jti":"stolen""#);
    let by_user = of("bob", &format!(r#","iat":{since}"#));
    let old = of("cid", &format!(r#","iat":{}"#, since - 100));
    let new = of("cid", &format!(r#","iat":{since}"#));
    let mut revoked = [many(&node, &by_id), many(&node, &by_user), many(&node, &old)];
    let mut stays = Client::enter(node.address, JSON, &new);
    let mut backend = Client::enter(node.address, JSON, &of("backend", r#","backend":true,"org":"acme""#));
    let orders = [
        Revocation::Token { id: name("stolen") },
        Revocation::User { user: name("bob") },
        Revocation::IssuedBefore { user: name("cid"), at: (since - 50) * 1000 },
    ];
    for (order, clients) in orders.into_iter().zip(&mut revoked) {
        let began = Instant::now();
        assert!(matches!(backend.ask(&Command::Revoke(order)), Reply::Counted { .. }));
        for client in clients {
            match client.next() {
                Heard::Closed(Some((code, _))) => assert_eq!(code, DropReason::Revoked.close_code()),
                other => panic!("{other:?}"),
            }
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    stays.post("general", "still here");
    node.signal("-KILL");
    let node = Node::start_in(node.over(), 2, &[]);
    // All of them at once, and nobody before them.
    let mut clients: Vec<(Client, u32)> = Vec::new();
    for (index, token) in [&by_id, &by_user, &old].into_iter().cycle().take(24).enumerate() {
        let mut client = Client::open(node.address, if index % 2 == 0 { JSON } else { BINARY });
        let number = client.say(&Command::Authenticate { token: token.clone() });
        clients.push((client, number));
    }
    for (client, number) in &mut clients {
        match client.reply(*number) {
            Reply::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::Revoked),
            other => panic!("let in after the restart: {other:?}"),
        }
    }
    Client::enter(node.address, BINARY, &new).post("general", "here again");
}
