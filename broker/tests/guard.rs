//! The guard's own business beside the malformed corpus: turns, time, memory.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::ops::ControlFlow;

use rookery::net::guard::{Allowance, GuardLimits, GuardState, Incoming, Progress, Reader};
use rookery::net::violation::Violation;

#[path = "corpus/bytes.rs"]
#[allow(dead_code)]
mod bytes;
use bytes::{BINARY, CLOSE, CONTINUATION, FIN, PING, TEXT, frame, message};

/// One connection with its reader, and all it has said.
struct Line {
    reader: Reader,
    conn: GuardState,
    limits: GuardLimits,
    now: u64,
    frames: usize,
    said: Vec<String>,
    break_after: Option<usize>,
}

impl Line {
    fn new() -> Line {
        Line {
            reader: Reader::new(),
            conn: GuardState::default(),
            limits: GuardLimits::default(),
            now: 1_000,
            frames: usize::MAX,
            said: Vec::new(),
            break_after: None,
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<Progress, Violation> {
        self.call(Some(bytes))
    }

    fn resume(&mut self) -> Result<Progress, Violation> {
        self.call(None)
    }

    fn call(&mut self, bytes: Option<&[u8]>) -> Result<Progress, Violation> {
        let allowance = Allowance { limits: &self.limits, now: self.now, frames: self.frames };
        let (said, break_after) = (&mut self.said, self.break_after);
        let mut sink = |incoming: Incoming<'_>| {
            said.push(match incoming {
                Incoming::Text(text) => format!("text {text}"),
                Incoming::Binary(bytes) => format!("binary {}", bytes.len()),
                Incoming::Ping(bytes) => format!("ping {}", bytes.len()),
                Incoming::Pong(bytes) => format!("pong {}", bytes.len()),
                Incoming::Close { code, reason } => format!("close {code:?} {reason}"),
            });
            if break_after == Some(said.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match bytes {
            Some(bytes) => self.reader.read_slice(&mut self.conn, bytes, allowance, &mut sink),
            None => self.reader.resume(&mut self.conn, allowance, &mut sink),
        }
    }
}

#[test]
fn an_idle_connection_holds_nothing() {
    let mut line = Line::new();
    assert!(size_of::<GuardState>() <= 16);
    line.hear(&message(TEXT, b"hello")).unwrap();
    assert_eq!((line.conn.held(), line.conn.unfinished_since()), (0, None));

    let long = message(BINARY, &[1; 40_000]);
    line.hear(&long[..30_000]).unwrap();
    assert!(line.conn.held() >= 30_000);
    line.hear(&long[30_000..]).unwrap();
    assert_eq!(line.conn.held(), 0);

    line.hear(&frame(TEXT, b"in ")).unwrap();
    assert!(line.conn.held() > 0);
    line.hear(&frame(FIN | CONTINUATION, b"two")).unwrap();
    assert_eq!(line.conn.held(), 0);
    assert_eq!(line.said, ["text hello", "binary 40000", "text in two"]);
}

#[test]
fn an_announced_length_reserves_nothing() {
    let mut line = Line::new();
    let largest = line.limits.message_bytes;
    let whole = message(BINARY, &vec![0; largest]);
    for sent in [6, 14, 1_000] {
        let mut line = Line::new();
        line.hear(&whole[..sent]).unwrap();
        assert!(line.conn.held() <= 2 * sent + 200, "{sent} bytes hold {}", line.conn.held());
    }
    line.hear(&whole).unwrap();
    assert_eq!(line.said, [format!("binary {largest}")]);
}

#[test]
fn memory_of_a_fragmented_message_follows_its_bytes_not_its_fragments() {
    let mut line = Line::new();
    line.limits.message_fragments = 100_000;
    line.hear(&frame(BINARY, b"")).unwrap();
    for _ in 0..50_000 {
        line.hear(&frame(CONTINUATION, b"x")).unwrap();
    }
    assert!(line.conn.held() <= 2 * 50_000 + 200, "{}", line.conn.held());
}

#[test]
fn an_allowance_stops_between_frames_and_the_rest_waits() {
    let mut line = Line::new();
    let ten: Vec<u8> = (0..10).flat_map(|i| message(TEXT, format!("{i}").as_bytes())).collect();
    line.frames = 4;
    assert_eq!(line.hear(&ten), Ok(Progress { frames: 4, more: true }));
    assert!(line.conn.has_more());
    assert_eq!(line.conn.unfinished_since(), None, "waiting is our delay, not the client's");
    assert_eq!(line.resume(), Ok(Progress { frames: 4, more: true }));
    // More may come in before the rest was read; it queues behind.
    assert_eq!(line.hear(&message(TEXT, b"late")), Ok(Progress { frames: 3, more: false }));
    assert_eq!(line.said.join(" "), "text 0 text 1 text 2 text 3 text 4 text 5 text 6 text 7 text 8 text 9 text late");
    assert_eq!(line.conn.held(), 0);
    assert_eq!(line.resume(), Ok(Progress { frames: 0, more: false }));
}

#[test]
fn every_allowance_and_every_cut_gives_the_same_messages() {
    let parts = [
        message(TEXT, b"one"),
        frame(TEXT, "fr\u{e4}".as_bytes()),
        message(PING, b"p"),
        frame(FIN | CONTINUATION, b"g"),
        message(BINARY, &[0; 300]),
        message(CLOSE, &[]),
        message(TEXT, b"after the close"),
    ];
    let all = parts.concat();
    for frames in 1..=7 {
        for size in 1..all.len() {
            let mut line = Line::new();
            line.frames = frames;
            for part in all.chunks(size) {
                let mut progress = line.hear(part).unwrap();
                while progress.more {
                    progress = line.resume().unwrap();
                    assert!(progress.frames > 0 || !progress.more, "a resume that reads nothing would never end");
                }
            }
            assert_eq!(line.said.join(", "), "text one, ping 1, text fr\u{e4}g, binary 300, close None ");
            assert!(line.conn.has_ended());
            assert_eq!(line.conn.held(), 0);
        }
    }
}

#[test]
fn an_empty_allowance_keeps_everything() {
    let mut line = Line::new();
    line.frames = 0;
    let hello = message(TEXT, b"hello");
    for byte in &hello {
        line.hear(&[*byte]).unwrap();
    }
    assert!(line.conn.has_more(), "the frame is whole, its turn is what is missing");
    assert_eq!(line.hear(&hello), Ok(Progress { frames: 0, more: true }));
    line.frames = 9;
    assert_eq!(line.resume(), Ok(Progress { frames: 2, more: false }));
    assert_eq!(line.said, ["text hello", "text hello"]);
}

#[test]
fn time_runs_from_the_first_byte_of_what_is_unfinished() {
    let mut line = Line::new();
    let limits = line.limits;
    let hello = message(TEXT, b"hello");
    line.hear(&hello[..1]).unwrap();
    assert_eq!(line.conn.unfinished_since(), Some(1_000));
    line.now = 5_000;
    line.hear(&hello[1..7]).unwrap();
    assert_eq!(line.conn.unfinished_since(), Some(1_000), "a few more bytes do not start the time anew");
    assert_eq!(line.conn.check_time(10_999, &limits), Ok(()));
    assert_eq!(line.conn.check_time(11_000, &limits), Err(Violation::TooSlow));
    line.hear(&[&hello[7..], &hello[..3]].concat()).unwrap();
    assert_eq!(line.conn.unfinished_since(), Some(5_000), "the next frame has its own time");
    line.hear(&hello[3..]).unwrap();
    assert_eq!(line.conn.unfinished_since(), None);
    assert_eq!(line.conn.check_time(u64::MAX, &limits), Ok(()));
}

#[test]
fn fragments_and_pings_do_not_buy_time() {
    let mut line = Line::new();
    let first = frame(TEXT, b"a");
    line.hear(&first[..2]).unwrap();
    line.now = 2_000;
    line.hear(&first[2..]).unwrap();
    for step in 0..20 {
        line.now = 3_000 + step;
        line.hear(&frame(CONTINUATION, b"")).unwrap();
        line.hear(&message(PING, b"")).unwrap();
        let ping = message(PING, b"half");
        line.hear(&ping[..4]).unwrap();
        line.hear(&ping[4..]).unwrap();
    }
    assert_eq!(line.conn.unfinished_since(), Some(1_000));
}

#[test]
fn nothing_is_read_after_a_close_a_violation_or_a_break() {
    let mut closed = Line::new();
    closed.hear(&[bytes::close(4001, b"bye"), message(TEXT, b"no")].concat()).unwrap();
    closed.hear(&message(TEXT, b"no")).unwrap();
    assert_eq!(closed.said, ["close Some(4001) bye"]);

    let mut broken = Line::new();
    let bad = [message(TEXT, b"yes"), frame(CONTINUATION, b"no"), message(TEXT, b"no")].concat();
    assert_eq!(broken.hear(&bad), Err(Violation::StrayContinuation));
    assert!(broken.conn.has_ended());
    broken.hear(&message(TEXT, b"no")).unwrap();
    assert_eq!(broken.said, ["text yes"]);
    assert_eq!(broken.conn.held(), 0);

    let mut left = Line::new();
    left.break_after = Some(2);
    left.hear(&message(TEXT, b"x").repeat(5)).unwrap();
    left.hear(&message(TEXT, b"x")).unwrap();
    assert_eq!(left.said.len(), 2);
    assert!(left.conn.has_ended());
}

#[test]
fn one_reader_keeps_its_connections_apart() {
    // Each connection gets one byte in turn, so the shared parser changes hands inside every frame. One of them is
    // broken half way and must not leave anything behind for the others.
    let mut reader = Reader::new();
    let limits = GuardLimits::default();
    let allowance = Allowance { limits: &limits, now: 0, frames: 64 };
    let texts = ["first", "the second, which is longer than 125 bytes: ".repeat(4).leak(), "third"];
    let mut streams: Vec<Vec<u8>> = texts.iter().map(|text| message(TEXT, text.as_bytes())).collect();
    streams.push(message(TEXT, b"\xFF\xFF"));
    let mut conns: Vec<GuardState> = streams.iter().map(|_| GuardState::default()).collect();
    let mut said = vec![Vec::new(); streams.len()];
    let mut verdicts = vec![None; streams.len()];
    for at in 0..200 {
        for (who, stream) in streams.iter().enumerate() {
            let Some(byte) = stream.get(at) else { continue };
            let mut sink = |incoming: Incoming<'_>| {
                let Incoming::Text(text) = incoming else { panic!("only texts were sent") };
                said[who].push(text.to_owned());
                ControlFlow::Continue(())
            };
            if let Err(violation) = reader.read_slice(&mut conns[who], &[*byte], allowance, &mut sink) {
                verdicts[who] = Some(violation);
            }
        }
    }
    for (who, text) in texts.iter().enumerate() {
        assert_eq!(said[who], [*text]);
    }
    assert!(said[3].is_empty());
    assert_eq!(verdicts, [None, None, None, Some(Violation::NotUtf8)]);
}

#[test]
fn fill_takes_from_a_socket_and_tells_its_end() {
    let mut line = Line::new();
    let hello = message(TEXT, b"hello");
    let filled = line
        .reader
        .fill(|space| {
            space[..hello.len()].copy_from_slice(&hello);
            Ok::<_, Infallible>(hello.len())
        })
        .unwrap()
        .unwrap();
    let allowance = Allowance { limits: &line.limits, now: 0, frames: 1 };
    let mut heard = String::new();
    let mut sink = |incoming: Incoming<'_>| {
        heard = format!("{incoming:?}");
        ControlFlow::Continue(())
    };
    line.reader.read(&mut line.conn, filled, allowance, &mut sink).unwrap();
    assert_eq!(heard, "Text(\"hello\")");
    assert!(line.reader.fill(|_| Ok::<_, Infallible>(0)).unwrap().is_none());
    assert!(line.reader.fill(|_| Err("would block")).is_err());
}

#[test]
fn limits_may_widen_between_two_reads() {
    let mut line = Line::new();
    line.limits.message_bytes = 16;
    line.hear(&message(BINARY, &[0; 16])).unwrap();
    line.hear(&message(PING, &[0; 125])).unwrap();
    line.limits.message_bytes = 1 << 20;
    line.hear(&message(BINARY, &vec![0; 1 << 20])).unwrap();
    line.limits.message_bytes = 16;
    assert_eq!(line.hear(&message(BINARY, &[0; 17])), Err(Violation::MessageTooBig));
    assert_eq!(line.said, ["binary 16", "ping 125", "binary 1048576"]);
}
