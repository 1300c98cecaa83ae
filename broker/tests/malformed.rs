//! The malformed corpus in process: each input whole, byte by byte, and in two parts cut at every offset up to 64.
//! However it is cut, what is heard and the verdict are the same, and nothing panics.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::server::conn::http1::Builder;
use rookery::net::front::{Answer, FrontLimits, Outcome, Router, accept_http, server};
use rookery::net::guard::{Allowance, GuardLimits, GuardState, Incoming, Reader};
use rookery::net::origin::{Origin, OriginPolicy};
use rookery::net::upgrade::{self, Rules};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::{spawn_local, yield_now};

mod corpus;
use corpus::{Case, Class, FRAGMENTS, Heard, MESSAGE_BYTES, ORIGINS, PROTOCOLS, Verdict};

/// Offsets up to this one are tried as the only cut.
const CUTS: usize = 64;

const LIMITS: GuardLimits =
    GuardLimits { message_bytes: MESSAGE_BYTES, message_fragments: FRAGMENTS, finish_within: 10_000 };

#[test]
fn the_corpus_is_as_large_and_as_varied_as_promised() {
    let all = corpus::all();
    let mut names = HashMap::new();
    let mut classes: HashMap<Class, (usize, usize)> = HashMap::new();
    for case in &all {
        assert!(names.insert(case.name.clone(), ()).is_none(), "{} is there twice", case.name);
        let (total, fine) = classes.entry(case.class).or_default();
        *total += 1;
        match case.verdict {
            Verdict::Open | Verdict::Ended | Verdict::Waiting | Verdict::Http { status: 101, .. } => *fine += 1,
            Verdict::Closed(_) | Verdict::Http { .. } => {}
        }
    }
    assert!(all.len() >= 1_500, "{} cases", all.len());
    for class in Class::ALL {
        let (total, fine) = classes.get(&class).copied().unwrap_or_default();
        println!("{class:?}: {total} cases, {fine} of them fine");
        assert!(total >= 100, "{class:?} has {total} cases");
        assert!(class == Class::Reserved || fine > 0, "{class:?}: a guard that refuses everything would pass");
    }
    assert!(corpus::every(all.len() / 200).len() >= 200);
}

/// Reads the parts one after another and reports everything.
fn judge<'a>(reader: &mut Reader, parts: impl Iterator<Item = &'a [u8]>) -> (Vec<Heard>, Verdict) {
    let mut conn = GuardState::default();
    let mut said = Vec::new();
    let mut code = None;
    let allowance = Allowance { limits: &LIMITS, now: 0, frames: usize::MAX };
    for part in parts {
        let mut sink = |incoming: Incoming<'_>| {
            said.push(match incoming {
                Incoming::Text(text) => Heard::Text(text.to_owned()),
                Incoming::Binary(bytes) => Heard::Binary(bytes.to_vec()),
                Incoming::Ping(bytes) => Heard::Ping(bytes.to_vec()),
                Incoming::Pong(bytes) => Heard::Pong(bytes.to_vec()),
                Incoming::Close { code, reason } => Heard::Close(code, reason.to_owned()),
            });
            ControlFlow::Continue(())
        };
        if let Err(violation) = reader.read_slice(&mut conn, part, allowance, &mut sink) {
            assert!(code.is_none(), "a second verdict");
            assert_eq!(conn.held(), 0, "a closed connection holds nothing");
            code = Some(violation.close());
        }
    }
    let verdict = match code {
        Some(code) => Verdict::Closed(code),
        None if conn.has_ended() => Verdict::Ended,
        None if conn.unfinished_since().is_some() => Verdict::Waiting,
        None => Verdict::Open,
    };
    (said, verdict)
}

fn check(case: &Case, how: &str, (said, verdict): (Vec<Heard>, Verdict)) {
    assert_eq!(verdict, case.verdict, "{} {how}", case.name);
    // Not `assert_eq`: some messages are 64 KiB.
    assert!(said == case.heard, "{} {how}: heard {} messages, or others than expected", case.name, said.len());
}

#[test]
fn frames_are_judged_alike_however_they_are_cut() {
    let mut reader = Reader::new();
    for case in corpus::frames() {
        let input = &case.input[..];
        check(&case, "whole", judge(&mut reader, std::iter::once(input)));
        check(&case, "byte by byte", judge(&mut reader, input.chunks(1)));
        for cut in 1..CUTS.min(input.len()) {
            let parts = [&input[..cut], &input[cut..]];
            check(&case, &format!("cut at {cut}"), judge(&mut reader, parts.into_iter()));
        }
    }
}

struct Door {
    origins: OriginPolicy,
}

impl Router for Door {
    type Context = ();
    type Body = Full<Bytes>;

    async fn route(
        &self,
        mut request: Request<hyper::body::Incoming>,
        _peer: std::net::SocketAddr,
    ) -> Answer<(), Full<Bytes>> {
        let rules = Rules { origins: &self.origins, protocols: &PROTOCOLS };
        match upgrade::accept(&mut request, &rules) {
            Ok(accepted) => Answer::Upgrade(accepted.response, ()),
            Err(refusal) => Answer::Plain(refusal.response()),
        }
    }
}

type Ended = Rc<RefCell<Option<Outcome<DuplexStream, ()>>>>;

/// Sends the parts, letting the server take in each before the next, and reads its answer.
async fn shake(http: &Rc<Builder>, door: &Rc<Door>, parts: impl Iterator<Item = &[u8]>) -> Verdict {
    let (mut client, stream) = tokio::io::duplex(128 * 1024);
    let ended: Ended = Rc::default();
    let (http, door, outcome) = (Rc::clone(http), Rc::clone(door), Rc::clone(&ended));
    let task = spawn_local(async move {
        let peer = ([127, 0, 0, 1], 4_000).into();
        let mut ended = accept_http(&http, stream, peer, &*door).await;
        if let Outcome::Upgraded { stream, answer, .. } = &mut ended {
            stream.write_all(answer).await.unwrap();
        }
        *outcome.borrow_mut() = Some(ended);
    });
    for part in parts {
        // A server that has refused already may have gone.
        if client.write_all(part).await.is_err() {
            break;
        }
        yield_now().await;
    }
    let mut answer = Vec::new();
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        if client.read_buf(&mut answer).await.unwrap() == 0 {
            break;
        }
    }
    let text = String::from_utf8(answer).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let header = |name: &str| {
        text.lines().find_map(|line| line.split_once(": ").filter(|(had, _)| had.eq_ignore_ascii_case(name)))
    };
    assert!(header("sec-websocket-extensions").is_none(), "no extension is ever taken");
    match status {
        101 => assert_eq!(header("upgrade").map(|(_, value)| value), Some("websocket")),
        405 => assert_eq!(header("allow").map(|(_, value)| value), Some("GET")),
        426 => assert_eq!(header("sec-websocket-version").map(|(_, value)| value), Some("13")),
        _ => {}
    }
    let chosen = header("sec-websocket-protocol").map(|(_, value)| value);
    let protocol = PROTOCOLS.into_iter().find(|name| Some(*name) == chosen);
    assert_eq!(chosen, protocol, "a subprotocol that is not ours");
    let mut behind = Vec::new();
    if status == 101 {
        client.shutdown().await.unwrap();
        task.await.unwrap();
        let outcome = ended.borrow_mut().take();
        let Some(Outcome::Upgraded { mut stream, unread, context: (), .. }) = outcome else {
            panic!("a 101 that was no upgrade: {outcome:?}");
        };
        behind.extend_from_slice(&unread);
        stream.read_to_end(&mut behind).await.unwrap();
    } else {
        drop(client);
        task.await.unwrap();
    }
    Verdict::Http { status, protocol, behind }
}

#[test]
fn handshakes_are_judged_alike_however_they_are_cut() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        let http = Rc::new(server(FrontLimits::default()));
        let origins = ORIGINS.iter().map(|origin| Origin::parse(origin).unwrap()).collect();
        let door = Rc::new(Door { origins: OriginPolicy::List(origins) });
        for case in corpus::all().iter().filter(|case| case.class == Class::Handshake) {
            let input = &case.input[..];
            let name = &case.name;
            assert_eq!(shake(&http, &door, std::iter::once(input)).await, case.verdict, "{name} whole");
            // Byte by byte is for requests, not for floods of 40,000 bytes: hyper looks at the whole head each time.
            if input.len() < 2_000 {
                assert_eq!(shake(&http, &door, input.chunks(1)).await, case.verdict, "{name} byte by byte");
            }
            for cut in 1..CUTS.min(input.len()) {
                let parts = [&input[..cut], &input[cut..]];
                assert_eq!(shake(&http, &door, parts.into_iter()).await, case.verdict, "{name} cut at {cut}");
            }
        }
    });
}
