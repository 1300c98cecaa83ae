//! What the servers of the tests say.

use std::sync::Arc;

use serde_json::{Value, json};

use super::server::{Carrier, Conn, Hub, Speaks};

pub struct Nats;

/// NATS over WebSocket, its stream cut anywhere.
pub struct Shredded;

pub struct Centrifugo;

pub struct Pusher;

const INFO: &str = "INFO {\"server_id\":\"test\",\"max_payload\":1048576} \r\n";

impl Speaks for Nats {
    const CARRIER: Carrier = Carrier::Bare;
    const STREAMS: bool = true;

    fn hello(_: u64) -> Option<String> {
        Some(INFO.to_owned())
    }

    fn hear(hub: &Hub, me: &Arc<Conn>, said: &mut Vec<u8>) {
        while let Some(end) = said.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8(said[..end + 1].to_vec()).unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            let mut used = line.len();
            match words.as_slice() {
                ["CONNECT", ..] => {}
                ["PING"] => me.say(b"PONG\r\n"),
                ["SUB", subject, _] => hub.join(subject, me),
                ["UNSUB", _] => hub.leave(None, me),
                ["PUB", subject, size] => {
                    used += size.parse::<usize>().unwrap() + 2;
                    let Some(payload) = said.get(line.len()..used) else { return };
                    let head = format!("MSG {subject} 1 {size}\r\n");
                    hub.deliver(subject, &[head.as_bytes(), payload].concat(), None);
                }
                _ => me.say(b"-ERR 'Unknown Protocol Operation'\r\n"),
            }
            said.drain(..used);
        }
    }
}

impl Speaks for Shredded {
    const CARRIER: Carrier = Carrier::Shreds;
    const STREAMS: bool = true;

    fn hello(_: u64) -> Option<String> {
        Some(INFO.to_owned())
    }

    fn hear(hub: &Hub, me: &Arc<Conn>, said: &mut Vec<u8>) {
        Nats::hear(hub, me, said);
    }
}

impl Speaks for Centrifugo {
    const CARRIER: Carrier = Carrier::Frames;

    fn hear(hub: &Hub, me: &Arc<Conn>, said: &mut Vec<u8>) {
        let command: Value = serde_json::from_slice(said).unwrap();
        let id = &command["id"];
        let channel = |name: &str| command[name]["channel"].as_str().map(str::to_owned);
        if command.get("connect").is_some() {
            me.say(json!({ "id": id, "connect": { "client": "c", "ping": 25, "pong": true } }).to_string().as_bytes());
        } else if let Some(channel) = channel("subscribe") {
            hub.join(&channel, me);
            // A ping comes along.
            me.say(format!("{}\n{{}}", json!({ "id": id, "subscribe": {} })).as_bytes());
        } else if let Some(channel) = channel("unsubscribe") {
            hub.leave(Some(&channel), me);
            me.say(json!({ "id": id, "unsubscribe": {} }).to_string().as_bytes());
        } else if let Some(channel) = channel("publish") {
            let data = command["publish"]["data"].to_string();
            let push = format!(r#"{{"push":{{"channel":"{channel}","pub":{{"data":{data}}}}}}}"#);
            let reply = json!({ "id": id, "publish": {} }).to_string();
            if hub.is_member(&channel, me) {
                // The reply to the publisher and its own delivery travel together.
                hub.deliver(&channel, push.as_bytes(), Some(me.id));
                me.say(format!("{push}\n{reply}\n").as_bytes());
            } else {
                // Something that is no delivery stands in front of each one.
                let noise = format!(r#"{{"push":{{"channel":"{channel}","join":{{}}}}}}"#);
                hub.deliver(&channel, format!("{noise}\n{push}").as_bytes(), None);
                me.say(reply.as_bytes());
            }
        } else {
            assert_eq!(command, json!({}), "a pong");
        }
    }
}

impl Speaks for Pusher {
    const CARRIER: Carrier = Carrier::Frames;

    fn hello(id: u64) -> Option<String> {
        let data = format!(r#"{{"socket_id":"77.{id}","activity_timeout":120}}"#);
        Some(json!({ "event": "pusher:connection_established", "data": data }).to_string())
    }

    fn hear(hub: &Hub, me: &Arc<Conn>, said: &mut Vec<u8>) {
        let command: Value = serde_json::from_slice(said).unwrap();
        let error = |message: &str| {
            let data = json!({ "message": message, "code": 4009 });
            me.say(json!({ "event": "pusher:error", "data": data }).to_string().as_bytes());
        };
        let data = &command["data"];
        match command["event"].as_str().unwrap() {
            "pusher:subscribe" => {
                let channel = data["channel"].as_str().unwrap();
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"app-secret");
                let signature = ring::hmac::sign(&key, format!("77.{}:{channel}", me.id).as_bytes());
                let digits: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                if data["auth"] != format!("app-key:{digits}") {
                    return error("Invalid signature");
                }
                hub.join(channel, me);
                let event = "pusher_internal:subscription_succeeded";
                me.say(json!({ "event": event, "channel": channel, "data": "{}" }).to_string().as_bytes());
            }
            "pusher:unsubscribe" => hub.leave(data["channel"].as_str(), me),
            "client-post" => {
                let channel = command["channel"].as_str().unwrap();
                if !hub.is_member(channel, me) {
                    return error("the client is not a member of the channel");
                }
                hub.deliver(channel, said, Some(me.id));
            }
            other => error(other),
        }
    }
}
