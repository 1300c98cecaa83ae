//! What is read and said: over sockets, and over REST.

use super::backend::{Act, Asked, Backend, allow, refuse};
use super::forge::of;
use super::support::client::{post, room};
use super::support::{BINARY, Client, JSON, Node};
use super::{asking, code, enter, node, refused};
use rookery_protocol::command::{Command, Post, SubscribeRoom, Wants};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::message::BodyKind;
use rookery_protocol::reply::Reply;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Nobody reads or writes in the den, and nobody says no.
fn strict(asked: &Asked) -> Act {
    let allows = |room: &Value| room["name"] != "den" && asked.json["message"]["body"] != "no";
    let one = |room: &Value| if allows(room) { allow() } else { refuse("no_such_room", "not for you") };
    match asked.json["rooms"].as_array() {
        Some(rooms) => Act::Say(json!({"rooms": rooms.iter().map(one).collect::<Vec<_>>()})),
        None => Act::Say(one(&asked.json["room"])),
    }
}

fn subscribe(rooms: &[&str]) -> Command {
    let wish = |name: &&str| SubscribeRoom { room: room(name), cursor: None, wants: Wants::default() };
    Command::Subscribe { rooms: rooms.iter().map(wish).collect() }
}

#[test]
fn rooms_and_posts_are_ruled_on_one_by_one() {
    let backend = Backend::start(strict);
    let node = node(2, &asking(&backend, "decides = [\"subscribe\", \"post\"]\nsend_body = true"));
    for tongue in [JSON, BINARY] {
        let mut ann = Client::enter(node.address, tongue, &of("ann", ""));
        let number = ann.say(&subscribe(&["general", "den", "attic"]));
        let mut replies: Vec<Reply> = Vec::new();
        while replies.len() < 3 {
            if let super::support::Heard::Frame(ServerFrame::Reply { number: n, reply }) = ann.next()
                && n == number
            {
                replies.push(reply);
            }
        }
        let bad: Vec<_> = replies.into_iter().filter(|reply| matches!(reply, Reply::Refused(_))).map(refused).collect();
        assert_eq!(
            bad.iter().map(|refusal| (refusal.code, refusal.room)).collect::<Vec<_>>(),
            [(ErrorCode::NoSuchRoom, Some(1))]
        );
        assert_eq!(bad[0].detail, "not for you");
        ann.post("general", "yes");
        assert_eq!(code(ann.ask(&post("general", "no", None))), ErrorCode::NoSuchRoom);
        assert_eq!(code(ann.ask(&post("den", "yes", None))), ErrorCode::NoSuchRoom);
        assert_eq!(ann.body(), "yes");
    }
    let asked = backend.asked();
    let first = asked[0].json["rooms"].as_array().unwrap();
    assert_eq!((first.len(), &first[1]), (3, &json!({"kind": "room", "name": "den"})), "many rooms are one question");
    let said = asked.iter().find(|asked| asked.verb() == "post").unwrap();
    assert_eq!(said.json["room"], json!({"kind": "room", "name": "general"}));
    assert_eq!(said.json["message"], json!({"kind": "text", "bytes": 3, "body": "yes"}));
}

#[test]
fn a_body_stays_here_unless_it_is_to_be_sent_and_bytes_go_as_base64() {
    let (silent, told) = (Backend::kind(), Backend::kind());
    let config = format!(
        "{}\n[realms.told.hook]\nurl = \"{}\"\nsend_body = true\n",
        asking(&silent, "decides = [\"post\"]"),
        told.url()
    );
    let node = node(1, &config);
    let bytes = Post { kind: BodyKind::Binary, ..as_post(post("general", "\u{1}secret", None)) };
    enter(&node, "ann").ask(&Command::Post(bytes.clone()));
    assert_eq!(silent.was_asked(1)[0].json["message"], json!({"kind": "binary", "bytes": 7}));
    let mut bob = Client::open_at(node.address, BINARY, "/v1/ws?realm=told").unwrap();
    let token = of("bob", r#","realm":"told""#);
    assert!(matches!(bob.ask(&Command::Authenticate { token }), Reply::Welcome(_)));
    bob.ask(&Command::Post(bytes));
    assert_eq!(
        told.was_asked(1)[0].json["message"],
        json!({"kind": "binary", "bytes": 7, "body_base64": "AXNlY3JldA=="})
    );
    assert_eq!((told.asked()[0].json["realm"].clone(), silent.asked().len()), (json!("told"), 1));
}

fn as_post(command: Command) -> Post {
    if let Command::Post(post) = command { post } else { panic!("{command:?}") }
}

fn rest(node: &Node, method: &str, path: &str, token: &str, body: &str) -> (String, Value) {
    let mut socket = TcpStream::connect(node.address).unwrap();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn rest_has_no_way_around() {
    let backend = Backend::start(strict);
    let node = node(2, &asking(&backend, "decides = [\"subscribe\", \"post\"]"));
    let (ann, shop) = (of("ann", ""), of("shop", r#","backend":true"#));
    let path = |room: &str| format!("/v1/rooms/{room}/messages");
    let (status, said) = rest(&node, "POST", &path("den"), &ann, r#"{"body":"hello"}"#);
    assert!(status.contains("404") && said["name"] == "no_such_room", "{status} {said}");
    let (status, said) = rest(&node, "GET", &path("den"), &ann, "");
    assert!(status.contains("404") && said["name"] == "no_such_room", "{status} {said}");
    let (status, said) = rest(&node, "POST", &path("general"), &ann, r#"{"body":"hello"}"#);
    assert!(status.contains("20"), "{status} {said}");
    // A backend would ask itself.
    let before = backend.asked().len();
    let (status, said) = rest(&node, "POST", &path("den"), &shop, r#"{"body":"hello"}"#);
    assert!(status.contains("20"), "{status} {said}");
    assert_eq!((before, backend.asked().len()), (3, 3));
}
