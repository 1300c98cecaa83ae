//! NATS: lines in both directions, publications and deliveries with a payload behind their line. A WebSocket carries the
//! same stream.
//!
//! NATS answers neither SUB nor UNSUB: a PING behind them is answered after them.

use std::io::Write;

use super::token::Tokens;
use super::{Adapter, Framing, Heard, Key, Place, Who};
use crate::ws::frame;

/// What is said to INFO, and to PING.
const CONNECT: usize = 0;
const PONG: usize = 1;

/// Every connection has one subscription at a time, and calls it so.
const SID: u32 = 1;

pub struct Nats {
    over_websocket: bool,
    /// `,"auth_token":…` where there is a token.
    auth: String,
}

impl Nats {
    pub fn new(over_websocket: bool, tokens: &Tokens) -> Nats {
        let auth = match tokens {
            Tokens::Given(token) => format!(r#","auth_token":{}"#, serde_json::Value::from(token.as_str())),
            Tokens::None | Tokens::Minted(_) => String::new(),
        };
        Nats { over_websocket, auth }
    }
}

impl Adapter for Nats {
    fn upgrade(&self, _: usize) -> Option<(String, String)> {
        self.over_websocket.then(|| ("/".to_owned(), String::new()))
    }

    fn opcode(&self) -> u8 {
        frame::BINARY
    }

    fn framing(&self) -> Framing {
        Framing::Nats
    }

    fn opening(&mut self, _: Who<'_>, _: &mut Vec<u8>) -> bool {
        true
    }

    fn say(&mut self, nth: usize, _: Who<'_>, out: &mut Vec<u8>) {
        if nth == PONG {
            out.extend_from_slice(b"PONG\r\n");
            return;
        }
        // Without headers, and without news of other servers later on. Writing to a vector cannot fail.
        let (auth, version) = (&self.auth, env!("CARGO_PKG_VERSION"));
        let _ = write!(
            out,
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"echo\":true,\"protocol\":0,\"headers\":false,\
             \"name\":\"loadgen\",\"lang\":\"rust\",\"version\":\"{version}\"{auth}}}\r\nPING\r\n"
        );
    }

    fn subscribe(&mut self, _: Who<'_>, room: u16, _: Option<Place>, out: &mut Vec<u8>) {
        let _ = write!(out, "SUB load.{room} {SID}\r\nPING\r\n");
    }

    fn leave(&mut self, _: Who<'_>, _: u16, out: &mut Vec<u8>) -> bool {
        let _ = write!(out, "UNSUB {SID}\r\nPING\r\n");
        true
    }

    fn publish(&mut self, _: Who<'_>, room: u16, body: &[u8], _: Option<Key>, out: &mut Vec<u8>) -> u32 {
        let _ = write!(out, "PUB load.{room} {}\r\n", body.len());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
        0
    }

    fn hear(&mut self, payload: &[u8], heard: &mut Vec<Heard>) {
        let line = payload.trim_ascii_end();
        let word = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        heard.push(match word {
            b"INFO" => Heard::Say(CONNECT),
            b"PING" => Heard::Say(PONG),
            b"PONG" => Heard::Done,
            // Somebody else's, without a mark of ours.
            b"+OK" | b"MSG" | b"HMSG" | b"" => return,
            b"-ERR" => Heard::Refused {
                command: None,
                why: String::from_utf8_lossy(&line[word.len()..]).trim().trim_matches('\'').to_owned(),
            },
            _ => Heard::Refused { command: None, why: "a line that NATS does not say".to_owned() },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(write: impl FnOnce(&mut Nats, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut Nats::new(false, &Tokens::Given("s3\"cret".to_owned())), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The lines of the client protocol's public description.
    #[test]
    fn commands_are_the_lines_that_the_protocol_describes() {
        let who = Who::default();
        assert_eq!(said(|nats, out| nats.subscribe(who, 7, None, out)), "SUB load.7 1\r\nPING\r\n");
        assert_eq!(said(|nats, out| assert!(nats.leave(who, 7, out))), "UNSUB 1\r\nPING\r\n");
        assert_eq!(
            said(|nats, out| assert_eq!(nats.publish(who, 7, b"Hello", None, out), 0)),
            "PUB load.7 5\r\nHello\r\n"
        );
        assert_eq!(said(|nats, out| nats.say(PONG, who, out)), "PONG\r\n");
        let connect = said(|nats, out| nats.say(CONNECT, who, out));
        let options = connect.strip_prefix("CONNECT ").unwrap().strip_suffix("\r\nPING\r\n").unwrap();
        let options: serde_json::Value = serde_json::from_str(options).unwrap();
        assert_eq!((&options["verbose"], &options["echo"]), (&false.into(), &true.into()));
        assert_eq!(options["auth_token"], "s3\"cret");
    }

    #[test]
    fn answers_are_heard_as_the_protocol_means_them() {
        let hear = |line: &str| {
            let mut heard = Vec::new();
            Nats::new(false, &Tokens::None).hear(line.as_bytes(), &mut heard);
            heard
        };
        assert_eq!(hear("INFO {\"server_id\":\"Zk0\",\"max_payload\":1048576} \r\n"), [Heard::Say(CONNECT)]);
        assert_eq!(hear("PING\r\n"), [Heard::Say(PONG)]);
        assert_eq!(hear("PONG\r\n"), [Heard::Done]);
        assert_eq!(hear("+OK\r\n"), []);
        assert_eq!(hear("MSG load.1 1 4\r\nPONG\r\n"), []);
        let why = "Authorization Violation".to_owned();
        assert_eq!(hear("-ERR 'Authorization Violation'\r\n"), [Heard::Refused { command: None, why }]);
        assert!(matches!(hear("HTTP/1.1 400 Bad Request\r\n").as_slice(), [Heard::Refused { .. }]));
    }

    #[test]
    fn only_the_websocket_form_asks_for_an_upgrade() {
        assert_eq!(Nats::new(false, &Tokens::None).upgrade(0), None);
        assert!(Nats::new(true, &Tokens::None).upgrade(0).is_some());
    }
}
