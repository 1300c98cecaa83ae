//! The floor's own tiny language: what is left of a chat protocol when everything but moving bodies is taken away.
//!
//! | order | bytes after the WebSocket header |
//! | --- | --- |
//! | subscribe | `S` room(2) |
//! | leave | `U` room(2) |
//! | publish | `P` room(2) padding-length(2) padding body |
//!
//! Both numbers are fourteen bits in two bytes of seven, high part first, so every order is also valid as text.
//! Subscribe and leave are answered by `s` room and `u` room. A publication reaches each subscriber as
//! `overhead` dots and the untouched body, in a frame of the kind it came in.

/// One more than the highest room number, and than the longest padding.
pub const NUMBER_END: u16 = 1 << 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    Subscribe(u16),
    Leave(u16),
    Publish { room: u16, body: &'a [u8] },
}

/// Reads one order; `None` means that this is no order of ours.
pub fn parse(payload: &[u8]) -> Option<Order<'_>> {
    let (&kind, rest) = payload.split_first()?;
    let (room, rest) = number(rest)?;
    match kind {
        b'S' if rest.is_empty() => Some(Order::Subscribe(room)),
        b'U' if rest.is_empty() => Some(Order::Leave(room)),
        b'P' => {
            let (padding, rest) = number(rest)?;
            Some(Order::Publish { room, body: rest.get(usize::from(padding)..)? })
        }
        _ => None,
    }
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (&[high, low], rest) = bytes.split_first_chunk()?;
    (high < 0x80 && low < 0x80).then(|| (u16::from(high) << 7 | u16::from(low), rest))
}

/// The two bytes of a room's number or of a padding's length.
pub fn number_bytes(number: u16) -> [u8; 2] {
    debug_assert!(number < NUMBER_END);
    [(number >> 7) as u8 & 0x7F, number as u8 & 0x7F]
}

/// An order, or an answer, that is only a kind and a room.
pub fn short(kind: u8, room: u16) -> [u8; 3] {
    let [high, low] = number_bytes(room);
    [kind, high, low]
}

/// Appends a publication with `padding` bytes of ballast before its body.
pub fn write_publish(out: &mut Vec<u8>, room: u16, padding: u16, body: &[u8]) {
    out.extend_from_slice(&short(b'P', room));
    out.extend_from_slice(&number_bytes(padding));
    out.resize(out.len() + usize::from(padding), b'.');
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_the_round_trip_and_are_text() {
        for room in [0, 1, 127, 128, NUMBER_END - 1] {
            assert_eq!(parse(&short(b'S', room)), Some(Order::Subscribe(room)));
            assert_eq!(parse(&short(b'U', room)), Some(Order::Leave(room)));
            let mut out = Vec::new();
            write_publish(&mut out, room, 300, b"body");
            assert_eq!(parse(&out), Some(Order::Publish { room, body: b"body" }));
            assert!(std::str::from_utf8(&out).is_ok());
        }
    }

    #[test]
    fn every_truncation_and_every_stranger_is_refused() {
        let mut out = Vec::new();
        write_publish(&mut out, 5, 4, b"");
        for cut in 0..out.len() {
            assert_eq!(parse(&out[..cut]), None, "cut at {cut}");
        }
        assert_eq!(parse(b"S\x80\x00"), None);
        assert_eq!(parse(b"S\x00\x00more"), None);
        assert_eq!(parse(b"X\x00\x00"), None);
    }
}
