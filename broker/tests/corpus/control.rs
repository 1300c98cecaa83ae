//! Control frames: too long, in fragments, between fragments, and every length that is allowed.

use super::bytes::{BINARY, CLOSE, CONTINUATION, FIN, Form, MASK, PING, PONG, TEXT, frame, join, message, raw};
use super::{Case, Class, Heard, Place, broken, heard, pattern};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in [CLOSE, PING, PONG] {
        for length in [126, 127, 128, 200, 65_535, 65_536] {
            for place in Place::ALL {
                let name = format!("control-{opcode:x}-of-{length}");
                cases.push(broken(Class::Control, name, place, &message(opcode, &pattern(length)), 1002));
            }
        }
        for length in [0, 1, 125] {
            for place in Place::ALL {
                let name = format!("control-{opcode:x}-without-fin-of-{length}");
                cases.push(broken(Class::Control, name, place, &frame(opcode, &pattern(length)), 1002));
            }
        }
        // Short payloads in a long form: too long by its form already.
        for (name, form) in [("16-bits", Form::Sixteen), ("64-bits", Form::SixtyFour)] {
            for length in [0, 2, 125] {
                let frame = raw(FIN | opcode, length, form, Some(MASK), &pattern(length as usize));
                let name = format!("control-{opcode:x}-of-{length}-in-{name}");
                cases.push(broken(Class::Control, name, Place::First, &frame, 1002));
            }
        }
        // In fragments: the first already breaks the rule, and a continuation would not help it.
        let pieces = join(&[frame(opcode, b"half "), frame(FIN | CONTINUATION, b"half")]);
        cases.push(broken(Class::Control, format!("control-{opcode:x}-in-two"), Place::First, &pieces, 1002));
    }
    cases.extend(accepted());
    cases
}

fn accepted() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in 0..=125 {
        let payload = pattern(length);
        cases.push(heard(
            Class::Control,
            format!("ping-of-{length}"),
            message(PING, &payload),
            vec![Heard::Ping(payload.clone())],
        ));
        if length % 5 == 0 {
            cases.push(heard(
                Class::Control,
                format!("pong-of-{length}-nobody-asked-for"),
                message(PONG, &payload),
                vec![Heard::Pong(payload)],
            ));
        }
    }
    for count in [1, 2, 10, 300] {
        let pings = (0..count).map(|i| message(PING, &[i as u8])).collect::<Vec<_>>();
        let said = (0..count).map(|i| Heard::Ping(vec![i as u8])).collect::<Vec<_>>();
        cases.push(heard(Class::Control, format!("pings-{count}-in-a-row"), join(&pings), said.clone()));
        let mut parts = vec![frame(TEXT, b"be")];
        parts.extend(pings);
        parts.push(frame(FIN | CONTINUATION, b"gun"));
        let said = [said, vec![Heard::Text("begun".to_owned())]].concat();
        cases.push(heard(Class::Control, format!("pings-{count}-between-fragments"), join(&parts), said));
    }
    cases.push(heard(
        Class::Control,
        "pong-and-ping-between-binary-fragments".to_owned(),
        join(&[frame(BINARY, b"\x01"), message(PONG, b""), message(PING, b""), frame(FIN | CONTINUATION, b"\x02")]),
        vec![Heard::Pong(Vec::new()), Heard::Ping(Vec::new()), Heard::Binary(vec![1, 2])],
    ));
    cases
}
