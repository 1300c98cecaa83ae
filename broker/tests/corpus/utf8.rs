//! Texts that are not UTF-8, whole and in fragments, and the edges of what is.

use super::bytes::{BINARY, CONTINUATION, FIN, TEXT, frame, join, message};
use super::{Case, Class, Heard, Place, Verdict, broken, heard};

/// Sequences that are no UTF-8, whatever follows or precedes them.
pub const BAD: [(&str, &[u8]); 30] = [
    ("lone-continuation-80", b"\x80"),
    ("lone-continuation-bf", b"\xBF"),
    ("two-continuations", b"\x80\xBF"),
    ("lead-c0", b"\xC0"),
    ("lead-c1", b"\xC1\xBF"),
    ("overlong-slash-2", b"\xC0\xAF"),
    ("overlong-nul-2", b"\xC0\x80"),
    ("overlong-slash-3", b"\xE0\x80\xAF"),
    ("overlong-7ff-3", b"\xE0\x9F\xBF"),
    ("overlong-slash-4", b"\xF0\x80\x80\xAF"),
    ("overlong-ffff-4", b"\xF0\x8F\xBF\xBF"),
    ("overlong-5", b"\xF8\x80\x80\x80\xAF"),
    ("overlong-6", b"\xFC\x80\x80\x80\x80\xAF"),
    ("surrogate-first", b"\xED\xA0\x80"),
    ("surrogate-last", b"\xED\xBF\xBF"),
    ("surrogate-pair", b"\xED\xA0\x80\xED\xB0\x80"),
    ("above-10ffff", b"\xF4\x90\x80\x80"),
    ("lead-f5", b"\xF5\x80\x80\x80"),
    ("lead-f8", b"\xF8\x88\x80\x80\x80"),
    ("byte-fe", b"\xFE"),
    ("byte-ff", b"\xFF"),
    ("fe-fe-ff-ff", b"\xFE\xFE\xFF\xFF"),
    ("lead-2-then-letter", b"\xC3a"),
    ("lead-3-then-letter", b"\xE2\x82a"),
    ("lead-4-then-letter", b"\xF0\x9F\x98a"),
    ("lead-3-then-lead", b"\xE2\xE2\x82\xAC"),
    ("autobahn-6-3-1", b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited"),
    ("autobahn-6-4-1", b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80edited"),
    ("latin-1", b"caf\xE9 au lait"),
    ("utf-16-mark", b"\xFF\xFEa\0"),
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, bad) in BAD {
        cases.push(broken(Class::Utf8, format!("text-{name}"), Place::First, &message(TEXT, bad), 1007));
        // Behind enough ASCII to be found by a vector unit, at its edges and inside.
        for before in [1, 15, 16, 31, 32, 63, 64, 100, 1_000] {
            let text = [&vec![b'a'; before][..], bad, b"tail"].concat();
            let name = format!("text-{before}-letters-then-{name}");
            cases.push(broken(Class::Utf8, name, Place::AfterMessage, &message(TEXT, &text), 1007));
        }
        cases.extend(in_fragments(name, bad));
        cases.push(heard(
            Class::Utf8,
            format!("binary-{name}"),
            message(BINARY, bad),
            vec![Heard::Binary(bad.to_vec())],
        ));
    }
    cases.extend(every_lead());
    cases.extend(accepted());
    cases.extend(cut_short());
    cases
}

/// A bad text cut into two fragments anywhere, and one byte per fragment.
fn in_fragments(name: &str, bad: &[u8]) -> Vec<Case> {
    let mut cases = Vec::new();
    for cut in 1..bad.len().min(6) {
        let parts = join(&[frame(TEXT, &bad[..cut]), frame(FIN | CONTINUATION, &bad[cut..])]);
        cases.push(broken(Class::Utf8, format!("fragments-{name}-cut-at-{cut}"), Place::First, &parts, 1007));
    }
    let mut parts = vec![frame(TEXT, b"")];
    parts.extend(bad.iter().map(|byte| frame(CONTINUATION, &[*byte])));
    parts.push(frame(FIN | CONTINUATION, b"."));
    cases.push(broken(Class::Utf8, format!("fragments-{name}-bytewise"), Place::First, &join(&parts), 1007));
    cases
}

/// Each byte above ASCII, followed by what may or may not complete it. The standard library is the judge.
fn every_lead() -> Vec<Case> {
    let mut cases = Vec::new();
    for lead in 0x80..=0xFFu8 {
        for (name, rest) in [("alone", &b""[..]), ("1", b"\x8F"), ("2", b"\xBF\x80"), ("3", b"\x90\x80\xBF")] {
            let bytes = [&[lead], rest].concat();
            let name = format!("lead-{lead:02x}-{name}");
            let input = message(TEXT, &bytes);
            cases.push(match std::str::from_utf8(&bytes) {
                Ok(text) => heard(Class::Utf8, name, input, vec![Heard::Text(text.to_owned())]),
                Err(_) => broken(Class::Utf8, name, Place::First, &input, 1007),
            });
        }
    }
    cases
}

fn accepted() -> Vec<Case> {
    let mut cases = Vec::new();
    let edges = [
        0x00, 0x01, 0x1F, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFDD0, 0xFEFF, 0xFFFD, 0xFFFE,
        0xFFFF, 0x1_0000, 0x1_F600, 0xF_FFFF, 0x10_0000, 0x10_FFFE, 0x10_FFFF,
    ];
    for code in edges {
        let letter = char::from_u32(code).expect("a code point that is no surrogate");
        let text = format!("<{letter}>");
        let bytes = text.as_bytes();
        cases.push(heard(
            Class::Utf8,
            format!("code-point-{code:x}"),
            message(TEXT, bytes),
            vec![Heard::Text(text.clone())],
        ));
        for cut in 1..bytes.len() {
            cases.push(heard(
                Class::Utf8,
                format!("code-point-{code:x}-fragments-cut-at-{cut}"),
                join(&[frame(TEXT, &bytes[..cut]), frame(FIN | CONTINUATION, &bytes[cut..])]),
                vec![Heard::Text(text.clone())],
            ));
        }
    }
    cases
}

/// A message that ends inside a character is wrong; a fragment that does is not.
fn cut_short() -> Vec<Case> {
    let mut cases = Vec::new();
    for whole in ["\u{e9}", "\u{20ac}", "\u{10348}"] {
        let bytes = whole.as_bytes();
        for cut in 1..bytes.len() {
            let half = &bytes[..cut];
            let name = format!("character-of-{}-cut-at-{cut}", bytes.len());
            cases.push(broken(Class::Utf8, format!("{name}-message"), Place::First, &message(TEXT, half), 1007));
            let fragments = join(&[frame(TEXT, half), frame(FIN | CONTINUATION, b"")]);
            cases.push(broken(Class::Utf8, format!("{name}-last-fragment"), Place::First, &fragments, 1007));
            cases.push(Case {
                class: Class::Utf8,
                name: format!("{name}-first-fragment"),
                input: frame(TEXT, half),
                heard: Vec::new(),
                verdict: Verdict::Waiting,
            });
        }
    }
    cases
}
