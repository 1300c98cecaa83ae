//! Reserved bits: no extension is negotiated, so none may be set, on any frame.

use super::bytes::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, message};
use super::{Case, Class, Place, broken};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for bits in 1..=7u8 {
        for opcode in [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] {
            for length in [0, 5] {
                for place in Place::ALL {
                    let name = format!("reserved-{bits:03b}-on-{opcode:x}-{length}");
                    let frame = message((bits << 4) | opcode, &vec![b'x'; length]);
                    cases.push(broken(Class::Reserved, name, place, &frame, 1002));
                }
            }
        }
        // As permessage-deflate would set it, on a fragment that is not the last.
        let fragment = frame((bits << 4) | BINARY, b"\xCAH\xCD\xC9\xC9\x07\x00");
        cases.push(broken(Class::Reserved, format!("reserved-{bits:03b}-fragment"), Place::First, &fragment, 1002));
        let reserved_and_unknown = message((bits << 4) | 0xF, b"");
        cases.push(broken(
            Class::Reserved,
            format!("reserved-{bits:03b}-unknown-opcode"),
            Place::First,
            &reserved_and_unknown,
            1002,
        ));
    }
    cases
}
