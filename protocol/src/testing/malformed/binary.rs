//! Malformed binary messages.

use super::{Malformed, SHORTEST, Verdict};
use crate::catalog::CommandKind;
use crate::dialect::contract::{Incoming, Stage, Talk};
use crate::dialect::registry::{self, NATIVE_BINARY, NATIVE_JSON};
use crate::errors::{DropReason, ErrorCode};
use crate::limits;
use crate::wire::varint;

const SUBPROTOCOL: &str = "rookery.v1.binary";
const MALFORMED: Verdict = Verdict::Refused(7, ErrorCode::Malformed);
const TOO_LARGE: Verdict = Verdict::Refused(7, ErrorCode::TooLarge);
const UNREADABLE: Verdict = Verdict::Refused(0, ErrorCode::Malformed);
/// Where the frames cannot be told apart.
const LOST: Verdict = Verdict::Close(DropReason::Malformed);

struct Corpus(Vec<Malformed>);

impl Corpus {
    fn add(&mut self, name: impl Into<String>, payload: impl Into<Vec<u8>>, verdict: Verdict) {
        let (name, payload) = (format!("binary/{}", name.into()), payload.into());
        self.0.push(Malformed { name, subprotocol: SUBPROTOCOL, text: false, payload, verdict });
    }

    /// A command under number 7 with these fields.
    fn fields(&mut self, name: impl Into<String>, kind: CommandKind, fields: &[&[u8]], verdict: Verdict) {
        let mut frame = vec![128 + kind as u8, 7];
        frame.extend(fields.concat());
        self.add(name, framed(&frame), verdict);
    }
}

/// With the length in front.
fn framed(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(frame.len() as u64, &mut out);
    out.extend_from_slice(frame);
    out
}

fn int(n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(n, &mut out);
    out
}

fn text(text: &[u8]) -> Vec<u8> {
    framed(text)
}

pub fn malformed() -> Vec<Malformed> {
    let mut corpus = Corpus(Vec::new());
    lengths(&mut corpus);
    kinds(&mut corpus);
    every_cut(&mut corpus);
    values(&mut corpus);
    sizes(&mut corpus);
    corpus.0
}

const PING: &[u8] = &[2, 128 + CommandKind::Ping as u8, 7];

fn lengths(corpus: &mut Corpus) {
    corpus.add("message/empty", [], UNREADABLE);
    let lost: [&[u8]; 14] = [
        &[0],
        &[0, 0],
        &[1],
        &[2, 132],
        &[0x80],
        &[0x80, 0x00],
        &[0x82, 0x00, 132, 7],
        &[0xff; 9],
        &[0xff; 10],
        &[0xff; 11],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0xff, 0xff, 0xff, 0x7f, 132, 7],
        &[127, 132, 7],
    ];
    for (i, bytes) in lost.into_iter().enumerate() {
        corpus.add(format!("length/{i:02}"), bytes, LOST);
        // What stands in front of it is not taken up either.
        corpus.add(format!("length/behind-a-ping/{i:02}"), [PING, bytes].concat(), LOST);
    }
    let pings = PING.repeat(limits::FRAMES_PER_MESSAGE as usize + 1);
    corpus.add("message/too-many-frames", pings, Verdict::Refused(0, ErrorCode::TooLarge));
    let big = vec![0; limits::MESSAGE_BYTES as usize + 1];
    corpus.add("message/too-big", big, Verdict::Close(DropReason::TooBig));
    for (i, payload) in ["", "{}", "\u{2}\u{4}"].into_iter().enumerate() {
        corpus.0.push(Malformed {
            name: format!("binary/text/{i}"),
            subprotocol: SUBPROTOCOL,
            text: true,
            payload: payload.as_bytes().to_vec(),
            verdict: Verdict::Close(DropReason::WrongForm),
        });
    }
}

fn kinds(corpus: &mut Corpus) {
    let unknown = |number| Verdict::Refused(number, ErrorCode::UnknownCommand);
    for kind in 0..=255u8 {
        if kind < 128 {
            // The other side's kinds, and those that nobody has.
            corpus.add(format!("kind/{kind:03}"), framed(&[kind, 7]), unknown(0));
        } else if CommandKind::from_number(u64::from(kind - 128)).is_none() {
            corpus.add(format!("kind/{kind:03}"), framed(&[kind, 7, 1, 2, 3]), unknown(7));
        } else {
            corpus.add(format!("number/missing/{kind}"), framed(&[kind]), UNREADABLE);
            corpus.add(format!("number/cut/{kind}"), framed(&[kind, 0x87]), UNREADABLE);
            corpus.add(format!("number/not-minimal/{kind}"), framed(&[kind, 0x87, 0x00]), UNREADABLE);
            corpus.add(format!("number/33-bits/{kind}"), framed(&[kind, 0xff, 0xff, 0xff, 0xff, 0x1f]), UNREADABLE);
        }
    }
}

/// Each command, cut at each byte: as a shorter frame, and as a frame that the message ends within.
fn every_cut(corpus: &mut Corpus) {
    for line in SHORTEST {
        let mut talk = Talk::default();
        registry::get(NATIVE_JSON).receive(&mut Stage::default(), Incoming::Text(line), &mut talk);
        for asked in talk.commands {
            let mut message = Vec::new();
            if let Some(speaker) = registry::speaker(NATIVE_BINARY) {
                speaker.say(asked.number, &asked.command, &mut message);
            }
            let word = asked.command.row().word;
            let frame = &message[1..];
            for cut in 2..frame.len() {
                corpus.add(format!("cut/{word}/{cut:02}"), framed(&frame[..cut]), MALFORMED);
            }
            for cut in 1..message.len() {
                corpus.add(format!("ends/{word}/{cut:02}"), &message[..cut], LOST);
            }
        }
    }
}

fn values(corpus: &mut Corpus) {
    use CommandKind as K;
    let room: &[u8] = &[1, 1, b'a'];
    let place: &[u8] = &[1, 2];
    let over = int(1 << 53);
    let names: [&[u8]; 5] = [b"", b"\n", b"\x7f", "\u{85}".as_bytes(), b"\xff"];
    for (i, name) in names.into_iter().enumerate() {
        let name = text(name);
        corpus.fields(format!("name/room/{i}"), K::Join, &[&[1], &name], MALFORMED);
        corpus.fields(format!("name/realm/{i}"), K::Join, &[&[2], &name, &[1, b'a']], MALFORMED);
        corpus.fields(format!("name/direct/{i}"), K::Join, &[&[3], &name], MALFORMED);
        corpus.fields(format!("name/user/{i}"), K::Erase, &[&name], MALFORMED);
        corpus.fields(format!("name/reaction/{i}"), K::React, &[room, place, &name], MALFORMED);
    }
    for tag in [7u8, 8, 127, 128, 255] {
        corpus.fields(format!("room/tag-{tag}"), K::Leave, &[&[tag], &[1, b'a']], MALFORMED);
    }
    corpus.fields("room/handle-33-bits", K::Leave, &[&[0], &int(1 << 32)], MALFORMED);
    let integers: [&[u8]; 5] = [&over, &int(u64::MAX), &[0x80, 0], &[0xff; 10], &[0x80; 11]];
    for (i, bad) in integers.into_iter().enumerate() {
        corpus.fields(format!("integer/epoch/{i}"), K::Pin, &[room, bad, &[1]], MALFORMED);
        corpus.fields(format!("integer/seq/{i}"), K::Pin, &[room, &[1], bad], MALFORMED);
        corpus.fields(format!("integer/limit/{i}"), K::Users, &[&[0], bad], MALFORMED);
        corpus.fields(format!("integer/count/{i}"), K::TakeNumbers, &[&[1, b'c'], bad], MALFORMED);
        corpus.fields(format!("integer/skip/{i}"), K::History, &[room, &[4], bad, &[5, 0]], MALFORMED);
        let key: &[&[u8]] = &[&[2], room, &[1, b'x'], &[0, 1], bad];
        corpus.fields(format!("integer/key/{i}"), K::Post, key, MALFORMED);
    }
    for bad in [2u8, 127, 128, 255] {
        corpus.fields(format!("flag/typing/{bad}"), K::Typing, &[room, &[bad]], MALFORMED);
        corpus.fields(format!("flag/archive/{bad}"), K::Archive, &[room, &[bad]], MALFORMED);
        corpus.fields(format!("flag/mine/{bad}"), K::ListRooms, &[&[bad, 0, 5]], MALFORMED);
        corpus.fields(format!("optional/after/{bad}"), K::Users, &[&[bad], &[5]], MALFORMED);
        corpus.fields(format!("optional/ack/{bad}"), K::Delete, &[room, place, &[bad]], MALFORMED);
    }
    for bad in [7u64, 100, 128, u64::MAX] {
        let bad_word = int(bad);
        corpus.fields(format!("word/status/{bad}"), K::SetStatus, &[&bad_word, &[0]], MALFORMED);
        corpus.fields(format!("word/role/{bad}"), K::SetRole, &[room, &[1, b'b'], &bad_word], MALFORMED);
        corpus.fields(format!("word/mark/{bad}"), K::MarkRead, &[room, place, &bad_word], MALFORMED);
        corpus.fields(format!("word/of/{bad}"), K::Roster, &[room, &bad_word, &[0, 5]], MALFORMED);
        corpus.fields(format!("word/kind/{bad}"), K::Post, &[&[1], room, &[1, b'x'], &bad_word], MALFORMED);
        corpus.fields(format!("word/ack/{bad}"), K::Post, &[&[4], room, &[1, b'x'], &bad_word], MALFORMED);
        corpus.fields(format!("word/from/{bad}"), K::History, &[room, &bad_word, &[1, 2, 5, 0]], MALFORMED);
        corpus.fields(format!("word/what/{bad}"), K::Revoke, &[&bad_word, &[1, b't']], MALFORMED);
    }
    let not_text: [&[u8]; 6] = [b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"a\x80", b"\xf5\x80\x80\x80"];
    for (i, bad) in not_text.into_iter().enumerate() {
        let bad = text(bad);
        corpus.fields(format!("utf8/body/{i}"), K::Post, &[&[0], room, &bad], MALFORMED);
        corpus.fields(format!("utf8/code/{i}"), K::Post, &[&[1], room, &bad, &[2]], MALFORMED);
        corpus.fields(format!("utf8/edit/{i}"), K::Edit, &[room, place, &bad, &[0, 0, 0]], MALFORMED);
        corpus.fields(format!("utf8/token/{i}"), K::Authenticate, &[&bad], MALFORMED);
        corpus.fields(format!("utf8/text/{i}"), K::SetStatus, &[&[0], &bad], MALFORMED);
        corpus.fields(format!("utf8/key/{i}"), K::Post, &[&[2], room, &[1, b'x'], &[1], &bad], MALFORMED);
    }
    let deep = format!("{}{}", "[".repeat(15), "]".repeat(15));
    for (i, bad) in ["x", "{", "1 2", "[1,]", "\"\n\"", "\u{feff}1", &deep].into_iter().enumerate() {
        let bad = text(bad.as_bytes());
        corpus.fields(format!("metadata/post/{i}"), K::Post, &[&[64], room, &[0], &bad], MALFORMED);
        corpus.fields(format!("metadata/edit/{i}"), K::Edit, &[room, place, &[0, 0, 1], &bad, &[0]], MALFORMED);
    }
    corpus.fields("key/form", K::Post, &[&[2], room, &[1, b'x'], &[2, 1, 1]], MALFORMED);
    corpus.fields("key/empty", K::Post, &[&[2], room, &[1, b'x'], &[1, 0]], MALFORMED);
    corpus.fields("subscribe/none", K::Subscribe, &[&[0]], MALFORMED);
    corpus.fields("unsubscribe/none", K::Unsubscribe, &[&[0]], MALFORMED);
    corpus.fields("resume/nothing", K::Resume, &[&[0, 0]], MALFORMED);
    corpus.fields("broadcast/none", K::Broadcast, &[&[0, 0, 0]], MALFORMED);
    corpus.fields("subscribe/item-cut", K::Subscribe, &[&[1, 5], room, &[1, 1]], MALFORMED);
    corpus.fields("subscribe/announced-only", K::Subscribe, &[&int(200)], MALFORMED);
}

/// One more than each limit, and counts that announce more than is there.
fn sizes(corpus: &mut Corpus) {
    use CommandKind as K;
    let room: &[u8] = &[1, 1, b'a'];
    let long = |bytes: u64| text(&vec![b'x'; bytes as usize + 1]);
    let field = long(limits::TEXT_FIELD_BYTES);
    corpus.fields("size/token", K::Authenticate, &[&long(limits::TOKEN_BYTES)], TOO_LARGE);
    corpus.fields("size/body", K::Post, &[&[0], room, &long(limits::BODY_BYTES)], TOO_LARGE);
    corpus.fields("size/edited-body", K::Edit, &[room, &[1, 2], &long(limits::BODY_BYTES), &[0, 0, 0]], TOO_LARGE);
    corpus.fields("size/binary-body", K::Post, &[&[1], room, &long(limits::BODY_BYTES), &[6]], TOO_LARGE);
    corpus.fields("size/key", K::Post, &[&[2], room, &[0], &[1], &long(64)], TOO_LARGE);
    corpus.fields("size/room", K::Join, &[&[1], &long(255)], TOO_LARGE);
    corpus.fields("size/user", K::Erase, &[&long(255)], TOO_LARGE);
    corpus.fields("size/status-text", K::SetStatus, &[&[0], &field], TOO_LARGE);
    corpus.fields("size/query", K::Search, &[&field, &[5]], TOO_LARGE);
    let metadata = text(format!("\"{}\"", "x".repeat(limits::METADATA_BYTES as usize)).as_bytes());
    corpus.fields("size/metadata", K::Post, &[&[64], room, &[0], &metadata], TOO_LARGE);
    for (name, kind, front, limit) in [
        ("rooms", K::Subscribe, &[][..], limits::ROOMS_PER_FRAME),
        ("rooms", K::Unsubscribe, &[], limits::ROOMS_PER_FRAME),
        ("rooms", K::Broadcast, &[], limits::ROOMS_PER_FRAME),
        ("rooms", K::Resume, &[0], limits::ROOMS_PER_FRAME),
        ("users", K::QueryPresence, &[], limits::PRESENCE_QUERY_USERS),
        ("mentions", K::Post, &[16, 1, 1, b'a', 0], limits::MENTIONS),
        ("attachments", K::Post, &[32, 1, 1, b'a', 0], limits::ATTACHMENTS),
    ] {
        for announced in [limit + 1, 1 << 32, u64::MAX] {
            let word = kind.row().word;
            corpus.fields(format!("count/{word}/{name}/{announced}"), kind, &[front, &int(announced)], TOO_LARGE);
        }
    }
}
