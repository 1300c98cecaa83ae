//! A byte stream that WebSocket frames carry: the frames are taken off, wherever they begin and end.

use super::frame::{self, HEADER_MAX};

/// Of one connection: what is known of the bytes that it keeps until more come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// So many at their front are out of their frames.
    plain: u32,
    /// So many that will come next belong to a frame whose header was read.
    rest: u32,
}

/// What became of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Unframed {
    /// The stream is what stands before this.
    pub plain: usize,
    /// From here on stands the begin of a frame that is not all there.
    pub raw: usize,
    /// Pings, pongs and closes, with their payloads.
    pub controls: Vec<(u8, Vec<u8>)>,
}

impl Stream {
    /// Takes the frames off, in place. Then what is left of the stream must be [kept](Stream::keep).
    pub fn unframe(&mut self, bytes: &mut [u8]) -> Result<Unframed, String> {
        let mut plain = self.plain as usize;
        let mut at = plain;
        let mut controls = Vec::new();
        loop {
            let step = (self.rest as usize).min(bytes.len() - at);
            bytes.copy_within(at..at + step, plain);
            (at, plain) = (at + step, plain + step);
            self.rest -= step as u32;
            let header = frame::read_header(&bytes[at..]).map_err(|_| "a frame too long")?;
            let Some(header) = header.filter(|_| self.rest == 0) else { break };
            match header.opcode {
                // Whether a message ends with a frame is of no meaning to a stream.
                0 | frame::TEXT | frame::BINARY => {
                    at += header.header_len;
                    self.rest = header.payload_len as u32;
                }
                opcode @ (frame::PING | frame::PONG | frame::CLOSE) if header.frame_len() < 128 + HEADER_MAX => {
                    let Some(payload) = bytes.get(at + header.header_len..at + header.frame_len()) else { break };
                    controls.push((opcode, payload.to_vec()));
                    at += header.frame_len();
                }
                opcode => return Err(format!("a frame of kind {opcode} that no target should send")),
            }
        }
        Ok(Unframed { plain, raw: at, controls })
    }

    /// So much of the stream waits for more.
    pub fn keep(&mut self, plain: usize) {
        self.plain = plain as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<u8> {
        let mut out = Vec::new();
        frame::write_plain(&mut out, frame::BINARY, b"MSG a 1 ");
        frame::write_plain(&mut out, frame::PING, b"?");
        frame::write_plain(&mut out, frame::BINARY, b"");
        frame::write_plain(&mut out, frame::BINARY, &[b'x'; 200]);
        // A fragment and its end.
        out.extend_from_slice(&[0x02, 2, b'y', b'y', 0x80, 1, b'z']);
        frame::write_plain(&mut out, frame::CLOSE, b"");
        out
    }

    #[test]
    fn a_stream_comes_out_however_its_frames_are_cut() {
        let expected = [&b"MSG a 1 "[..], &[b'x'; 200], b"yyz"].concat();
        let whole = frames();
        for step in 1..=whole.len() {
            // As a connection does it: `kept` is stream, then raw bytes. `eaten` is what a reader takes each time.
            let (mut stream, mut kept, mut out, mut controls) = (Stream::default(), Vec::new(), Vec::new(), Vec::new());
            for piece in whole.chunks(step) {
                kept.extend_from_slice(piece);
                let unframed = stream.unframe(&mut kept).unwrap();
                let eaten = unframed.plain - unframed.plain % 3;
                out.extend_from_slice(&kept[..eaten]);
                controls.extend(unframed.controls);
                kept = [&kept[eaten..unframed.plain], &kept[unframed.raw..]].concat();
                stream.keep(unframed.plain - eaten);
            }
            out.extend_from_slice(&kept);
            assert_eq!(out, expected, "in pieces of {step}");
            assert_eq!(controls, [(frame::PING, b"?".to_vec()), (frame::CLOSE, Vec::new())]);
        }
    }

    #[test]
    fn what_no_target_sends_is_an_error() {
        assert!(Stream::default().unframe(&mut [0x83, 0]).is_err());
        assert!(Stream::default().unframe(&mut [0x89, 126, 0xFF, 0xFF]).is_err(), "an endless ping");
    }
}
