//! Who comes in.

use super::backend::{Act, Backend, allow, refuse};
use super::forge::{now, of};
use super::support::{BINARY, Client, Heard, JSON};
use super::{asking, code, node, refused};
use rookery_protocol::command::Command;
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::EventBody;
use rookery_protocol::reply::Reply;
use serde_json::json;

fn authenticate(token: &str) -> Command {
    Command::Authenticate { token: token.to_owned() }
}

#[test]
fn a_good_token_is_asked_about_and_is_not_in_the_question() {
    let backend = Backend::start(|asked| match asked.sub() {
        "ann" => Act::Say(allow()),
        "bob" => Act::Say(refuse("too_many_connections", "bob has had enough")),
        _ => Act::Say(json!({"allow": false})),
    });
    let node = node(2, &asking(&backend, "decides = [\"connect\"]"));
    let token = of("ann", r#","jti":"a-1","org":"acme","name":"Ann","exp":4000000000"#);
    let mut ann = Client::enter(node.address, JSON, &token);
    ann.post("general", "in");
    let asked = backend.was_asked(1).remove(0);
    let expected = json!({"sub": "ann", "jti": "a-1", "org": "acme", "name": "Ann", "exp": 4_000_000_000_u64});
    assert_eq!(asked.json["principal"], expected);
    assert_eq!(
        (asked.verb(), &asked.json["realm"], &asked.json["address"]),
        ("connect", &json!("main"), &json!("127.0.0.1"))
    );
    assert!(asked.json["at"].as_u64().unwrap().abs_diff(now()) < 60_000 && asked.header("content-type").is_some());
    let whole = format!("{}{}", asked.head, String::from_utf8_lossy(&asked.body));
    assert!(!whole.contains(&token) && asked.json.get("credential").is_none(), "{whole}");
    // Whose token is bad is not asked about.
    let mut stranger = Client::open(node.address, BINARY);
    assert_eq!(code(stranger.ask(&authenticate("no token"))), ErrorCode::BadToken);
    assert_eq!(backend.asked().len(), 1);
    let refusal = refused(stranger.ask(&authenticate(&of("cid", ""))));
    assert_eq!(refusal.code, ErrorCode::NotAllowed);
    let refusal = refused(Client::open(node.address, JSON).ask(&authenticate(&of("bob", ""))));
    assert_eq!((refusal.code, refusal.detail.as_str()), (ErrorCode::TooManyConnections, "bob has had enough"));
}

#[test]
fn an_answer_may_say_more_of_who_it_is_but_gives_no_powers() {
    let backend = Backend::start(|_| {
        let can = json!([{"rooms": ["general"], "verbs": ["post", "subscribe"]}]);
        let who = json!({"sub": "ann", "name": "Ann of the desk", "can": can, "backend": true, "realm": "other"});
        Act::Say(json!({"allow": true, "principal": who}))
    });
    let node = node(1, &asking(&backend, "decides = [\"connect\"]"));
    let mut ann = Client::enter(node.address, JSON, &of("ann", r#","avatar":"a.png""#));
    ann.subscribe("general", None);
    ann.post("general", "hello");
    let EventBody::Posted(message) = ann.event().body else { panic!("no message") };
    let profile = &message.extra.as_ref().unwrap().profile;
    assert_eq!((profile.display.as_str(), profile.avatar.as_str()), ("Ann of the desk", "a.png"));
    assert_eq!(code(ann.ask(&super::support::client::post("attic", "x", None))), ErrorCode::NotAllowed);
    assert_eq!(code(ann.ask(&Command::Disconnect { user: message.sender.clone() })), ErrorCode::NotAllowed);
    // Another user's name is no answer.
    let mut bob = Client::open(node.address, JSON);
    assert_eq!(code(bob.ask(&authenticate(&of("bob", "")))), ErrorCode::NoRuling);
}

#[test]
fn a_backend_names_who_shows_what_no_key_knows() {
    let soon = now() / 1000 + 2;
    let backend = Backend::start(move |asked| match asked.json["credential"].as_str().unwrap() {
        "session-of-ann" => {
            Act::Say(json!({"allow": true, "principal": {"sub": "ann", "name": "Ann", "backend": true}}))
        }
        "ends-soon" => Act::Say(json!({"allow": true, "principal": {"sub": "bob", "exp": soon}})),
        "ended" => Act::Say(json!({"allow": true, "principal": {"sub": "bob", "exp": 1000}})),
        "nobody" => Act::Say(allow()),
        _ => Act::Say(json!({"allow": false, "text": "who is that?"})),
    });
    let node = node(2, &asking(&backend, "decides = [\"connect\"]\nauthenticates = true"));
    let mut ann = Client::enter(node.address, BINARY, "session-of-ann");
    ann.post("general", "no key was asked");
    let asked = backend.was_asked(1).remove(0);
    assert!(asked.json.get("principal").is_none(), "{}", asked.json);
    assert_eq!(
        code(ann.ask(&Command::Disconnect { user: rookery_protocol::ids::Name::literal("ann") })),
        ErrorCode::NotAllowed
    );
    let mut stranger = Client::open(node.address, JSON);
    let refusal = refused(stranger.ask(&authenticate("forged")));
    assert_eq!((refusal.code, refusal.detail.as_str()), (ErrorCode::BadToken, "who is that?"));
    for useless in ["nobody", "ended"] {
        assert_eq!(code(stranger.ask(&authenticate(useless))), ErrorCode::NoRuling, "{useless}");
    }
    // A good token of the node's keys is nothing here.
    assert_eq!(code(stranger.ask(&authenticate(&of("ann", "")))), ErrorCode::BadToken);
    let mut bob = Client::open(node.address, JSON);
    if let Reply::Refused(refusal) = bob.ask(&authenticate("ends-soon")) {
        // A slow machine has let it end before.
        assert_eq!(refusal.code, ErrorCode::NoRuling);
        return;
    }
    loop {
        match bob.next() {
            Heard::Closed(Some((code, _))) => return assert_eq!(code, DropReason::TokenExpired.close_code()),
            Heard::Frame(ServerFrame::Signal { .. }) => {}
            other => panic!("{other:?} instead of the end"),
        }
    }
}

#[test]
fn a_refresh_is_asked_about_too() {
    let backend = Backend::start(|asked| match asked.json["principal"]["jti"].as_str() {
        Some("worse") => Act::Say(refuse("revoked", "")),
        _ => Act::Say(allow()),
    });
    let node = node(1, &asking(&backend, "decides = [\"connect\"]"));
    let mut ann = Client::enter(node.address, JSON, &of("ann", ""));
    let refresh = |id: &str| Command::Refresh { token: of("ann", &format!(r#","jti":"{id}""#)) };
    assert!(matches!(ann.ask(&refresh("better")), Reply::Done));
    assert_eq!(code(ann.ask(&refresh("worse"))), ErrorCode::Revoked);
    ann.post("general", "as before");
    assert_eq!(backend.count("connect"), 3);
}
