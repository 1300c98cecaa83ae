//! What was allowed a moment ago is not asked about again, until something is revoked or the moment is over.

use super::backend::{Act, Backend, allow, refuse};
use super::forge::{now, of};
use super::support::client::post;
use super::support::{Client, JSON};
use super::{asking, code, enter, node};
use rookery_protocol::command::{Command, Revocation};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::Name;
use rookery_protocol::reply::Reply;
use std::time::{Duration, Instant};

#[test]
fn what_is_allowed_is_kept_by_user_verb_and_room() {
    let backend = Backend::kind();
    let node = node(1, &asking(&backend, "decides = [\"connect\", \"subscribe\", \"post\"]\nkeep = \"1m\""));
    let mut ann = enter(&node, "ann");
    for _ in 0..10 {
        ann.post("general", "again");
    }
    assert_eq!(backend.count("post"), 1);
    ann.post("attic", "elsewhere");
    assert_eq!(backend.count("post"), 2);
    ann.subscribe("general", None);
    ann.subscribe("general", None);
    assert_eq!(backend.count("subscribe"), 1, "to read is another question");
    let mut bob = enter(&node, "bob");
    bob.post("general", "another user");
    assert_eq!(backend.count("post"), 3);
    enter(&node, "bob");
    assert_eq!(backend.count("connect"), 2, "the same token again");
}

#[test]
fn what_is_refused_is_asked_about_each_time_and_so_is_a_body() {
    let backend = Backend::start(|_| Act::Say(refuse("not_allowed", "")));
    let config = asking(&backend, "decides = [\"post\"]\nkeep = \"1m\"");
    let node = node(1, &format!("{config}\n[realms.bodies.hook]\nsend_body = true\n"));
    let mut ann = enter(&node, "ann");
    for count in 1..=3 {
        assert_eq!(code(ann.ask(&post("general", "no", None))), ErrorCode::NotAllowed);
        assert_eq!(backend.count("post"), count);
    }
    backend.rules(|_| Act::Say(allow()));
    ann.post("general", "now");
    ann.post("general", "now");
    assert_eq!(backend.count("post"), 4);
    let mut bob = Client::open_at(node.address, JSON, "/v1/ws?realm=bodies").unwrap();
    let token = of("bob", r#","realm":"bodies""#);
    assert!(matches!(bob.ask(&Command::Authenticate { token }), Reply::Welcome(_)));
    bob.post("general", "said");
    bob.post("general", "said");
    assert_eq!(backend.count("post"), 6);
}

#[test]
fn a_revocation_ends_what_was_kept() {
    let backend = Backend::kind();
    let node = node(2, &asking(&backend, "decides = [\"post\"]\nkeep = \"1m\""));
    let at = now() / 1000;
    let mut clients: Vec<Client> =
        (0..4).map(|_| Client::enter(node.address, JSON, &of("ann", &format!(r#","iat":{at}"#)))).collect();
    let mut bob = enter(&node, "bob");
    let all = |clients: &mut Vec<Client>| {
        for ann in clients {
            ann.post("general", "x");
        }
    };
    all(&mut clients);
    bob.post("general", "x");
    // Both shards have asked, each for itself.
    let before = backend.count("post");
    assert!((2..=3).contains(&before), "{before}");
    all(&mut clients);
    assert_eq!(backend.count("post"), before);
    // Older tokens of the user: these sessions stay, and are asked about again.
    let mut shop = Client::enter(node.address, JSON, &of("shop", r#","backend":true"#));
    let order = Revocation::IssuedBefore { user: Name::literal("ann"), at: (at - 100) * 1000 };
    assert!(matches!(shop.ask(&Command::Revoke(order)), Reply::Counted { .. }));
    backend.rules(|asked| Act::Say(if asked.sub() == "ann" { refuse("revoked", "") } else { allow() }));
    for ann in &mut clients {
        let deadline = Instant::now() + Duration::from_secs(1);
        // A second is the promise for what another shard knows.
        while !matches!(ann.ask(&post("general", "x", None)), Reply::Refused(_)) {
            assert!(Instant::now() < deadline, "still allowed");
        }
    }
    let before = backend.count("post");
    bob.post("general", "x");
    assert_eq!(backend.count("post"), before, "others' are kept");
}

#[test]
fn what_is_kept_ends() {
    let backend = Backend::kind();
    // As fast as it can, and no limit but time.
    let fast = "[limits]\ncommands_per_second = 0\nuser_commands_per_second = 0\n[room]\nevents_per_second = 0";
    let node = node(1, &asking(&backend, &format!("decides = [\"post\"]\nkeep = \"100ms\"\n{fast}")));
    let mut ann = enter(&node, "ann");
    let began = Instant::now();
    while backend.count("post") < 3 {
        ann.post("general", "x");
        assert!(began.elapsed() < Duration::from_secs(20), "not asked again");
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}: asked too early", began.elapsed());
}
