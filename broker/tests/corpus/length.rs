//! Lengths: longer forms than needed, impossible ones, and the limit from both sides.

use super::bytes::{BINARY, CONTINUATION, FIN, Form, MASK, PING, TEXT, frame, join, message, raw};
use super::{Case, Class, Heard, MESSAGE_BYTES, Place, Verdict, broken, heard, letters, pattern};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in [TEXT, BINARY] {
        for length in (0..=125).step_by(5) {
            let name = format!("length-{length}-in-16-bits-on-{opcode:x}");
            let frame = raw(FIN | opcode, length, Form::Sixteen, Some(MASK), &pattern(length as usize));
            cases.push(broken(Class::Length, name, Place::First, &frame, 1002));
        }
        for length in [0, 1, 2, 124, 125, 126, 127, 255, 256, 65_534, 65_535] {
            let name = format!("length-{length}-in-64-bits-on-{opcode:x}");
            let frame = raw(FIN | opcode, length, Form::SixtyFour, Some(MASK), &pattern(length as usize));
            cases.push(broken(Class::Length, name, Place::AfterMessage, &frame, 1002));
        }
        // Only announced, never sent: the verdict must not wait for the bytes.
        for bits in 0..=62 {
            let length = 1u64 << bits;
            let (name, frame) = announced(opcode, length);
            if length > MESSAGE_BYTES as u64 {
                cases.push(broken(Class::Length, name, Place::First, &frame, 1009));
            }
        }
        for length in [MESSAGE_BYTES as u64 + 1, 70_000, u64::from(u32::MAX), (1 << 53) + 1, i64::MAX as u64] {
            let (name, frame) = announced(opcode, length);
            cases.push(broken(Class::Length, format!("{name}-again"), Place::AfterMessage, &frame, 1009));
        }
        for length in [1 << 63, (1 << 63) + 5, u64::MAX - 1, u64::MAX] {
            let (name, frame) = announced(opcode, length);
            cases.push(broken(Class::Length, name, Place::First, &frame, 1002));
        }
    }
    cases.extend(accepted());
    cases.extend(unfinished());
    cases
}

fn announced(opcode: u8, length: u64) -> (String, Vec<u8>) {
    (format!("announced-{length}-on-{opcode:x}"), raw(FIN | opcode, length, Form::SixtyFour, Some(MASK), b""))
}

fn accepted() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 257, 4_095, 4_096, 16_384, 65_535, MESSAGE_BYTES] {
        let (text, binary) = (letters(length), pattern(length));
        cases.push(heard(
            Class::Length,
            format!("length-{length}-text"),
            message(TEXT, text.as_bytes()),
            vec![Heard::Text(text)],
        ));
        cases.push(heard(
            Class::Length,
            format!("length-{length}-binary-between-pings"),
            join(&[message(PING, b"before"), message(BINARY, &binary), message(PING, b"after")]),
            vec![Heard::Ping(b"before".to_vec()), Heard::Binary(binary), Heard::Ping(b"after".to_vec())],
        ));
    }
    cases
}

/// Cut off at every byte of the header and some of the payload: no verdict yet, and no message.
fn unfinished() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, whole) in [
        ("short", message(TEXT, b"hello")),
        ("16-bits", message(BINARY, &pattern(300))),
        ("64-bits", message(BINARY, &pattern(MESSAGE_BYTES))),
        ("ping", message(PING, &pattern(125))),
    ] {
        for cut in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 100, whole.len() - 1] {
            if cut < whole.len() {
                cases.push(Case {
                    class: Class::Length,
                    name: format!("cut-off-{name}-at-{cut}-of-{}", whole.len()),
                    input: whole[..cut].to_vec(),
                    heard: Vec::new(),
                    verdict: Verdict::Waiting,
                });
            }
        }
    }
    cases.push(Case {
        class: Class::Length,
        name: "cut-off-between-fragments".to_owned(),
        input: join(&[frame(TEXT, b"a"), frame(CONTINUATION, b"b")]),
        heard: Vec::new(),
        verdict: Verdict::Waiting,
    });
    cases.dedup_by(|a, b| a.name == b.name);
    cases
}
