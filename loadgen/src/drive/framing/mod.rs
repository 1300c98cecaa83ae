//! Where one message ends and the next begins, for each [`Framing`](crate::adapter::Framing).

mod messages;
mod nats;
mod separated;

use std::io;

use crate::ws::frame::{self, Header};

pub use messages::Messages;
pub use nats::Nats;
pub use separated::Separated;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    Message(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    Close(&'a [u8]),
}

pub trait Divide: Copy {
    /// Where a message begins: an offset, and what else must be known there.
    type At: Copy + From<Place> + Into<Place>;

    /// The fast path: the next message, and where what follows begins. None: there is no whole message, or something else;
    /// ask [`Divide::any`].
    fn plain(self, bytes: &[u8], at: Self::At) -> Option<(&[u8], Self::At)>;

    /// Whatever comes next, and where what follows begins. None: it is not all there yet.
    fn any(self, bytes: &[u8], at: Self::At) -> io::Result<Option<(What<'_>, Self::At)>>;
}

/// An offset, and how many bytes from there on belong to a frame that was begun before; 0 at a frame's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub offset: usize,
    pub rest: usize,
}

/// Where nothing stops inside a frame an offset is all there is to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset(usize);

impl From<Place> for Offset {
    #[inline]
    fn from(place: Place) -> Offset {
        Offset(place.offset)
    }
}

impl From<Offset> for Place {
    #[inline]
    fn from(offset: Offset) -> Place {
        Place { offset: offset.0, rest: 0 }
    }
}

/// The frame at `at` with its payload.
fn whole_frame(bytes: &[u8], at: usize) -> io::Result<Option<(Header, &[u8])>> {
    let header = frame::read_header(&bytes[at..]).map_err(|_| io::Error::other("a frame too long"))?;
    let Some(header) = header else { return Ok(None) };
    Ok(bytes.get(at + header.header_len..at + header.frame_len()).map(|payload| (header, payload)))
}

/// What a whole frame is, where every message is one frame.
fn meaning(header: Header, payload: &[u8]) -> io::Result<What<'_>> {
    match header.opcode {
        frame::TEXT | frame::BINARY if header.fin => Ok(What::Message(payload)),
        frame::PING => Ok(What::Ping(payload)),
        frame::PONG => Ok(What::Pong),
        frame::CLOSE => Ok(What::Close(payload)),
        opcode => {
            let fin = header.fin;
            Err(io::Error::other(format!("a frame of kind {opcode} (fin {fin}) that no target should send")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pieces of `bytes`, read by `any` alone, and how many bytes they took.
    fn pieces<D: Divide>(divide: D, bytes: &[u8]) -> (Vec<What<'_>>, usize) {
        let (mut found, mut at) = (Vec::new(), D::At::from(Place::default()));
        while let Some((what, next)) = divide.any(bytes, at).unwrap() {
            if let Some((message, end)) = divide.plain(bytes, at) {
                assert_eq!((what, next.into()), (What::Message(message), end.into()), "both ways agree");
            }
            found.push(what);
            at = next;
        }
        let end: Place = at.into();
        assert_eq!(end.rest, 0, "nobody stops inside a frame that is there");
        (found, end.offset)
    }

    /// Cut anywhere, a stream gives the same pieces, and none of them early.
    fn cut_anywhere<D: Divide>(divide: D, bytes: &[u8], expected: &[What<'_>]) {
        assert_eq!(pieces(divide, bytes), (expected.to_vec(), bytes.len()));
        for cut in 0..bytes.len() {
            let (mut first, used) = pieces(divide, &bytes[..cut]);
            let (second, _) = pieces(divide, &bytes[used..]);
            first.extend(second);
            assert_eq!(first, expected, "cut at {cut}");
        }
    }

    fn frames(all: &[(u8, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        all.iter().for_each(|(opcode, payload)| frame::write_plain(&mut out, *opcode, payload));
        out
    }

    #[test]
    fn messages_are_frames() {
        let long = [b'x'; 300];
        let bytes = frames(&[(frame::TEXT, b"a\nb"), (frame::PING, b"?"), (frame::TEXT, &long), (frame::CLOSE, b"")]);
        let expected = [What::Message(b"a\nb"), What::Ping(b"?"), What::Message(&long), What::Close(b"")];
        cut_anywhere(Messages { opcode: frame::TEXT }, &bytes, &expected);
        assert_eq!(Messages { opcode: frame::BINARY }.plain(&bytes, Offset(0)), None, "off the fast path");
        assert_eq!(pieces(Messages { opcode: frame::BINARY }, &bytes).0, expected);
    }

    #[test]
    fn separated_messages_are_parts_of_frames() {
        let bytes = frames(&[
            (frame::TEXT, b"{\"id\":1}\n{\"push\":2}\n{}"),
            (frame::TEXT, b"last\n"),
            (frame::PING, b"a\nb"),
            (frame::TEXT, b""),
        ]);
        let said: [&[u8]; 4] = [b"{\"id\":1}", b"{\"push\":2}", b"{}", b"last"];
        let mut expected: Vec<What<'_>> = said.into_iter().map(What::Message).collect();
        expected.extend([What::Ping(b"a\nb"), What::Message(b"")]);
        cut_anywhere(Separated { opcode: frame::TEXT, separator: b'\n' }, &bytes, &expected);
    }

    #[test]
    fn fragments_are_refused_where_a_message_is_a_frame() {
        let messages = Messages { opcode: frame::TEXT };
        assert!(messages.any(&[0x01, 0], Offset(0)).is_err() && messages.any(&[0x80, 0], Offset(0)).is_err());
        assert!(Separated { opcode: frame::TEXT, separator: b'\n' }.any(&[0x01, 0], Place::default()).is_err());
    }

    /// The examples of the client protocol's public description.
    #[test]
    fn nats_is_lines_and_payloads() {
        let said: [&[u8]; 7] = [
            b"INFO {\"server_id\":\"Zk0GQ3JBSrg3oyxCRRlE09\",\"max_payload\":1048576} \r\n",
            b"MSG FOO.BAR 9 11\r\nHello World\r\n",
            b"+OK\r\n",
            b"MSG FOO.BAR 9 GREETING.34 11\r\nMSG a 1 5\r\n\r\n",
            b"HMSG FOO.BAR 9 34 45\r\nNATS/1.0\r\nFoodGroup: vegetable\r\n\r\nHello World\r\n",
            b"MSG NOTIFY 22 0\r\n\r\n",
            b"-ERR 'Unknown Protocol Operation'\r\n",
        ];
        cut_anywhere(Nats, &said.concat(), &said.map(What::Message));
    }

    #[test]
    fn a_broken_nats_stream_is_an_error_and_no_endless_wait() {
        for broken in [&b"MSG load.1 1 x\r\n"[..], b"MSG load.1 1 -4\r\n", b"MSG load.1 1 99999999999\r\n", b"MSG\r\n"]
        {
            assert!(Nats.any(broken, Offset(0)).is_err(), "{}", String::from_utf8_lossy(broken));
        }
        assert!(Nats.any(b"MSG load.1 1 2\r\nabcd\r\n", Offset(0)).is_err(), "the payload ends elsewhere");
        assert!(Nats.any(&[b'x'; 70_000], Offset(0)).is_err(), "a line without an end");
    }
}
