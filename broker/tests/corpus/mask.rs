//! Frames without a mask, and masks of every kind.

use super::bytes::{BINARY, CLOSE, CONTINUATION, FIN, Form, PING, PONG, TEXT, raw};
use super::{Case, Class, Heard, Place, broken, heard, letters, pattern};

pub fn cases() -> Vec<Case> {
    let mut cases = unmasked();
    // Every length up to two words of a vector unit, and every alignment of what follows.
    for length in 0..=66 {
        let mask = [0xA5 ^ length as u8, 0x5A, length as u8, 0xC3];
        let payload = pattern(length);
        cases.push(heard(
            Class::Mask,
            format!("mask-binary-of-{length}"),
            raw(FIN | BINARY, length as u64, Form::Shortest, Some(mask), &payload),
            vec![Heard::Binary(payload)],
        ));
    }
    for (name, mask) in
        [("zero", [0; 4]), ("ones", [0xFF; 4]), ("one-bit", [0, 0, 0, 1]), ("high-bit", [0x80, 0, 0, 0])]
    {
        for length in [0, 1, 7, 125, 126, 1_000, 65_535, 65_536] {
            let text = letters(length);
            cases.push(heard(
                Class::Mask,
                format!("mask-{name}-text-of-{length}"),
                raw(FIN | TEXT, length as u64, Form::Shortest, Some(mask), text.as_bytes()),
                vec![Heard::Text(text)],
            ));
        }
    }
    cases
}

fn unmasked() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] {
        for length in [0, 1, 5, 125, 126, 65_536] {
            for place in Place::ALL {
                let frame = raw(FIN | opcode, length as u64, Form::Shortest, None, &pattern(length));
                let name = format!("unmasked-{opcode:x}-{length}");
                cases.push(broken(Class::Mask, name, place, &frame, 1002));
            }
        }
    }
    cases
}
