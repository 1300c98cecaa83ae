//! Order, and who waits for whom.

use super::backend::{Act, Backend, Gate, allow, refuse};
use super::support::client::post;
use super::support::{Client, Heard, JSON};
use super::{asking, code, enter, node};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Reply;
use std::collections::HashMap;
use std::sync::Arc;

const POSTS: &str = "decides = [\"post\"]\nsend_body = true\ndeadline = \"10s\"";

#[test]
fn a_pipelined_client_keeps_its_order() {
    // Every third is refused; some are held back by others' questions.
    let backend = Backend::start(|asked| {
        let body = asked.json["message"]["body"].as_str().unwrap();
        let number: usize = body.rsplit(' ').next().unwrap().parse().unwrap();
        Act::Say(if number.is_multiple_of(3) { refuse("not_allowed", "") } else { allow() })
    });
    let node = node(2, &asking(&backend, POSTS));
    let mut reader = enter(&node, "reader");
    reader.subscribe("general", None);
    let mut writers: Vec<(Client, Vec<u32>)> = Vec::new();
    for name in ["ann", "bob", "cid"] {
        let mut writer = enter(&node, name);
        let mut bytes = Vec::new();
        let numbers = (0..100)
            .map(|n| {
                let (number, frame) = writer.frame(&post("general", &format!("{name} {n}"), None));
                bytes.extend(frame);
                number
            })
            .collect();
        writer.raw(&bytes).unwrap();
        writers.push((writer, numbers));
    }
    for (writer, numbers) in &mut writers {
        // A refusal waits for no store, so it may come before the answer to what was said before.
        let mut replies = HashMap::new();
        while replies.len() < numbers.len() {
            match writer.next() {
                Heard::Frame(ServerFrame::Reply { number, reply }) => assert!(replies.insert(number, reply).is_none()),
                Heard::Frame(_) => {}
                closed => panic!("{closed:?}"),
            }
        }
        for (n, number) in numbers.iter().enumerate() {
            let reply = replies.remove(number).unwrap();
            if n.is_multiple_of(3) {
                assert_eq!(code(reply), ErrorCode::NotAllowed, "{n}");
            } else {
                assert!(matches!(reply, Reply::Placed { .. }), "{n}: {reply:?}");
            }
        }
    }
    let mut last = HashMap::new();
    for _ in 0..3 * 66 {
        let body = reader.body();
        let (name, n) = body.split_once(' ').unwrap();
        let n: i32 = n.parse().unwrap();
        let before = last.insert(name.to_owned(), n).unwrap_or(-1);
        assert!(n > before && n % 3 != 0, "{body} behind {before}");
    }
}

#[test]
fn a_slow_backend_holds_up_nobody_else() {
    let gate = Arc::new(Gate::default());
    let held = gate.clone();
    let backend = Backend::start(move |asked| match asked.sub() {
        "ann" => Act::Behind(held.clone(), allow()),
        _ => Act::Say(allow()),
    });
    let node = node(1, &asking(&backend, POSTS));
    let (mut ann, mut bob) = (enter(&node, "ann"), enter(&node, "bob"));
    let mut gone = enter(&node, "ann");
    let slow = ann.say(&post("general", "slow", None));
    gone.say(&post("general", "gone", None));
    backend.was_asked(2);
    // One shard, and it goes on; who hangs up meanwhile has said nothing.
    drop(gone);
    for n in 0..50 {
        assert_eq!(bob.post("general", &format!("quick {n}")).seq.0, n + 1);
    }
    gate.open();
    let Reply::Placed { place, .. } = ann.reply(slow) else { panic!("not placed") };
    assert_eq!(place.seq.0, 51);
    // A second question of the same connection goes its way, too.
    assert_eq!(ann.post("general", "next").seq.0, 52);
    assert_eq!(Client::enter(node.address, JSON, &super::forge::of("cid", "")).post("general", "last").seq.0, 53);
}
