//! Messages in fragments: out of place, too many, too much.

use super::bytes::{BINARY, CONTINUATION, FIN, Form, MASK, PING, TEXT, frame, join, message, raw};
use super::{Case, Class, FRAGMENTS, Heard, MESSAGE_BYTES, Place, broken, heard, letters, pattern};

pub fn cases() -> Vec<Case> {
    let mut cases = out_of_place();
    cases.extend(too_many());
    cases.extend(too_much());
    cases.extend(accepted());
    cases
}

fn out_of_place() -> Vec<Case> {
    let mut cases = Vec::new();
    for fin in [0, FIN] {
        for length in [0, 1, 125, 126, 1_000] {
            let end = if fin == 0 { "more" } else { "fin" };
            for place in [Place::First, Place::AfterMessage] {
                let stray = frame(fin | CONTINUATION, &pattern(length));
                cases.push(broken(Class::Fragments, format!("stray-{end}-of-{length}"), place, &stray, 1002));
            }
            for opcode in [TEXT, BINARY] {
                let second = frame(fin | opcode, &vec![b'x'; length]);
                let name = format!("new-{opcode:x}-{end}-of-{length}");
                cases.push(broken(Class::Fragments, name, Place::InsideMessage, &second, 1002));
            }
        }
    }
    let finished = join(&[frame(TEXT, b"a"), frame(FIN | CONTINUATION, b"b"), frame(FIN | CONTINUATION, b"c")]);
    cases.push(Case {
        heard: vec![Heard::Text("ab".to_owned())],
        ..broken(Class::Fragments, "continuation-after-the-last".to_owned(), Place::First, &finished, 1002)
    });
    cases
}

/// `ws` CVE-2026-48779 and its relatives: tiny and empty fragments that cost far more memory than bytes.
fn too_many() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, opcode, payload) in [
        ("empty-text", TEXT, &b""[..]),
        ("empty-binary", BINARY, b""),
        ("one-byte", BINARY, b"x"),
        ("letters", TEXT, b"abc"),
    ] {
        for count in [FRAGMENTS as usize, FRAGMENTS as usize + 1, 1_000] {
            // With pings between them, which do not count.
            for pings in [false, true] {
                let mut parts = vec![frame(opcode, payload)];
                let mut said = Vec::new();
                for at in 1..count {
                    if pings && at % 16 == 0 && at < FRAGMENTS as usize {
                        parts.push(message(PING, b"!"));
                        said.push(Heard::Ping(b"!".to_vec()));
                    }
                    parts.push(frame(CONTINUATION, payload));
                }
                let input = join(&parts);
                let name = format!("fragments-{count}-{name}{}", if pings { "-with-pings" } else { "" });
                cases.push(if count > FRAGMENTS as usize {
                    let mut case = broken(Class::Fragments, name, Place::First, &input, 1009);
                    case.heard = said;
                    case
                } else {
                    Case { class: Class::Fragments, name, input, heard: said, verdict: super::Verdict::Waiting }
                });
            }
        }
    }
    cases
}

fn too_much() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in [TEXT, BINARY] {
        // The fragment that crosses the limit is refused by its header, whatever part of it arrives.
        for sent in [1, 1_000, 32_768, MESSAGE_BYTES - 1, MESSAGE_BYTES] {
            let first = frame(opcode, letters(sent).as_bytes());
            let over = (MESSAGE_BYTES - sent + 1) as u64;
            for (name, fin) in [("more", 0), ("fin", FIN)] {
                let second = raw(fin | CONTINUATION, over, Form::Shortest, Some(MASK), b"");
                let name = format!("over-the-limit-on-{opcode:x}-after-{sent}-{name}");
                cases.push(broken(Class::Fragments, name, Place::First, &join(&[first.clone(), second]), 1009));
            }
        }
        let slices: Vec<_> =
            (0..20).map(|at| frame(if at == 0 { opcode } else { CONTINUATION }, letters(4_000).as_bytes())).collect();
        let name = format!("over-the-limit-on-{opcode:x}-by-4000");
        cases.push(broken(Class::Fragments, name, Place::First, &join(&slices), 1009));
    }
    cases
}

fn accepted() -> Vec<Case> {
    let mut cases = Vec::new();
    for count in [1, 2, 3, 10, 63, FRAGMENTS as usize] {
        for size in [0, 1, 125, 126, 1_000] {
            let text = letters(count * size);
            let parts: Vec<_> = (0..count)
                .map(|at| {
                    let first = if at == 0 { TEXT } else { CONTINUATION };
                    let fin = if at + 1 == count { FIN } else { 0 };
                    frame(fin | first, &text.as_bytes()[at * size..(at + 1) * size])
                })
                .collect();
            let name = format!("fragments-{count}-of-{size}");
            cases.push(heard(Class::Fragments, name, join(&parts), vec![Heard::Text(text)]));
        }
    }
    for first in [0, 1, 32_768, MESSAGE_BYTES - 1, MESSAGE_BYTES] {
        let bytes = pattern(MESSAGE_BYTES);
        let parts = [frame(BINARY, &bytes[..first]), frame(FIN | CONTINUATION, &bytes[first..])];
        let name = format!("fragments-exactly-the-limit-{first}-first");
        cases.push(heard(Class::Fragments, name, join(&parts), vec![Heard::Binary(bytes)]));
    }
    let twice = join(&[frame(TEXT, b"a"), frame(FIN | CONTINUATION, b"b")]).repeat(100);
    cases.push(heard(
        Class::Fragments,
        "fragmented-messages-in-a-row".to_owned(),
        twice,
        vec![Heard::Text("ab".to_owned()); 100],
    ));
    cases
}
