//! Opcodes that do not exist, and the six that do.

use super::bytes::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, frame, join, message};
use super::{Case, Class, Heard, Place, Verdict, broken, heard, pattern};

const UNKNOWN: [u8; 10] = [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in UNKNOWN {
        for fin in [0, FIN] {
            for length in [0, 1, 125, 126] {
                for place in Place::ALL {
                    let name = format!("opcode-{opcode:x}-{}-{length}", if fin == 0 { "more" } else { "fin" });
                    cases.push(broken(Class::Opcode, name, place, &frame(fin | opcode, &pattern(length)), 1002));
                }
            }
        }
    }
    for (name, input, said) in [
        ("text", message(TEXT, b"hi"), vec![Heard::Text("hi".to_owned())]),
        ("binary", message(BINARY, b"\x00\xFF"), vec![Heard::Binary(vec![0, 0xFF])]),
        ("ping", message(PING, b"p"), vec![Heard::Ping(b"p".to_vec())]),
        ("pong", message(PONG, b"p"), vec![Heard::Pong(b"p".to_vec())]),
        (
            "continuation",
            join(&[frame(TEXT, b"one "), frame(FIN | CONTINUATION, b"two")]),
            vec![Heard::Text("one two".to_owned())],
        ),
    ] {
        cases.push(heard(Class::Opcode, format!("opcode-known-{name}"), input, said));
    }
    cases.push(Case {
        class: Class::Opcode,
        name: "opcode-known-close".to_owned(),
        input: message(CLOSE, b""),
        heard: vec![Heard::Close(None, String::new())],
        verdict: Verdict::Ended,
    });
    cases
}
