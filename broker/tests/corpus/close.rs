//! Close frames: codes, reasons, and what comes after.

use super::bytes::{BINARY, CLOSE, TEXT, close, frame, join, message};
use super::{Case, Class, Heard, Place, Verdict, broken, letters};

/// Codes that may be sent: registered with IANA (1000–1003, 1007–1014), for libraries (3000s), for applications (4000s).
fn allowed(code: u16) -> bool {
    let registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    registered.contains(&code) || (3000..5000).contains(&code)
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let edges = [0, 1, 2, 100, 998, 999, 2998, 2999, 3000, 3001, 3998, 3999, 4000, 4001, 4099, 4100, 4200, 4300];
    let beyond = [4998, 4999, 5000, 5001, 9999, 10_000, 32_767, 32_768, 65_534, 65_535];
    let sparse = (1_100..3_000).step_by(100);
    for code in (1000..=1030).chain(edges).chain(beyond).chain(sparse) {
        for (name, reason) in [("bare", ""), ("with-reason", "so long"), ("with-long-reason", &*letters(123))] {
            let frame = close(code, reason.as_bytes());
            let name = format!("close-{code}-{name}");
            cases.push(if allowed(code) {
                ended(name, &frame, Some(code), reason)
            } else {
                broken(Class::Close, name, Place::First, &frame, 1002)
            });
        }
    }
    for (name, frame, code, reason) in [
        ("empty", message(CLOSE, b""), None, ""),
        ("reason-of-two-byte-letters", close(1000, "\u{e9}".repeat(61).as_bytes()), Some(1000), &*"\u{e9}".repeat(61)),
        ("reason-with-nul", close(1000, b"a\0b"), Some(1000), "a\0b"),
    ] {
        cases.push(ended(format!("close-{name}"), &frame, code, reason));
    }
    for half in [0u8, 1, 3, 0x10, 0x7F, 0x80, 0xFF] {
        for place in Place::ALL {
            cases.push(broken(
                Class::Close,
                format!("close-half-code-{half:02x}"),
                place,
                &message(CLOSE, &[half]),
                1002,
            ));
        }
    }
    for (name, reason) in super::utf8::BAD {
        for place in [Place::First, Place::InsideMessage] {
            let name = format!("close-reason-{name}");
            cases.push(broken(Class::Close, name, place, &close(1000, reason), 1007));
        }
        // The code is judged first.
        cases.push(broken(Class::Close, format!("close-1005-reason-{name}"), Place::First, &close(1005, reason), 1002));
    }
    cases.extend(afterwards());
    cases
}

fn ended(name: String, frame: &[u8], code: Option<u16>, reason: &str) -> Case {
    Case {
        class: Class::Close,
        name,
        input: frame.to_vec(),
        heard: vec![Heard::Close(code, reason.to_owned())],
        verdict: Verdict::Ended,
    }
}

/// Nothing behind a close frame is looked at, be it right or wrong.
fn afterwards() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, more) in [
        ("text", message(TEXT, b"never heard")),
        ("close", close(1001, b"again")),
        ("unmasked", vec![0x81, 0x00]),
        ("rubbish", vec![0xFF; 40]),
        ("half-a-frame", message(BINARY, &[7; 300])[..100].to_vec()),
        ("many-frames", message(TEXT, b"never heard").repeat(100)),
    ] {
        cases.push(ended(format!("close-then-{name}"), &join(&[close(1000, b"bye"), more]), Some(1000), "bye"));
    }
    let mut inside = ended("close-inside-message".to_owned(), &close(1000, b""), Some(1000), "");
    inside.input = join(&[frame(TEXT, b"begun"), inside.input]);
    cases.push(inside);
    let mut after = ended("close-after-message".to_owned(), &close(1000, b""), Some(1000), "");
    after.input = join(&[message(TEXT, b"last"), after.input]);
    after.heard.insert(0, Heard::Text("last".to_owned()));
    cases.push(after);
    cases
}
