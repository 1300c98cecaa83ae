//! What must hold for any bytes that a client sends to the guard. Shared by the fuzz target and by a test on stable.
//!
//! ```text
//! byte 0   which limits                 byte 2   seed of the cuts
//! byte 1   frames per call, 0: all      then     the client's bytes
//! ```
//!
//! The judge is a second, slow reading of RFC 6455: all bytes at once, one rule after another, no parser shared.

use std::ops::ControlFlow;

use rookery::net::guard::{Allowance, GuardLimits, GuardState, Incoming, Reader};

/// Message bytes and fragments; the small ones are reached by small inputs.
const LIMITS: [(usize, u32); 6] = [(65_536, 64), (0, 1), (16, 3), (125, 64), (126, 2), (1_000, 5)];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Open,
    Waiting,
    Ended,
    Closed(u16),
}

/// Panics if the guard and the judge differ, if a cut changes anything, or if memory grows past what was sent.
pub fn check(data: &[u8]) {
    let [which, frames, seed, bytes @ ..] = data else { return };
    let (message_bytes, message_fragments) = LIMITS[usize::from(*which) % LIMITS.len()];
    let limits = GuardLimits { message_bytes, message_fragments, finish_within: 1_000 };
    let frames = if *frames == 0 { usize::MAX } else { usize::from(*frames) };
    let expected = judge(bytes, &limits);

    let mut reader = Reader::new();
    assert_eq!(read(&mut reader, &[bytes], usize::MAX, &limits), expected, "whole");
    assert_eq!(read(&mut reader, &cuts(bytes, *seed), frames, &limits), expected, "in pieces, {frames} frames a call");
}

/// Cuts the bytes at places that follow from the seed; many are close together.
fn cuts(mut bytes: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed) | 0x100;
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = if state & 0x100 == 0 { 4 } else { 200 };
        let (piece, rest) = bytes.split_at(((state >> 16) as usize % most + 1).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn read(reader: &mut Reader, pieces: &[&[u8]], frames: usize, limits: &GuardLimits) -> (Vec<Said>, Verdict) {
    let mut conn = GuardState::default();
    let mut said = Vec::new();
    let mut sent = 0;
    let allowance = Allowance { limits, now: 5, frames };
    for piece in pieces {
        sent += piece.len();
        let mut sink = |incoming: Incoming<'_>| {
            said.push(match incoming {
                Incoming::Text(text) => Said::Text(text.to_owned()),
                Incoming::Binary(bytes) => Said::Binary(bytes.to_vec()),
                Incoming::Ping(bytes) => Said::Ping(bytes.to_vec()),
                Incoming::Pong(bytes) => Said::Pong(bytes.to_vec()),
                Incoming::Close { code, reason } => Said::Close(code, reason.to_owned()),
            });
            ControlFlow::Continue(())
        };
        let mut progress = reader.read_slice(&mut conn, piece, allowance, &mut sink);
        assert!(conn.held() <= 2 * sent + 256, "{} bytes held after {sent} were sent", conn.held());
        while progress.as_ref().is_ok_and(|progress| progress.more) {
            progress = reader.resume(&mut conn, allowance, &mut sink);
            let idle = progress.as_ref().is_ok_and(|progress| progress.frames == 0 && progress.more);
            assert!(!idle, "a resume that reads nothing would never end");
        }
        if let Err(violation) = progress {
            assert_eq!((conn.held(), conn.has_ended()), (0, true));
            return (said, Verdict::Closed(violation.close()));
        }
    }
    let verdict = match (conn.has_ended(), conn.unfinished_since()) {
        (true, _) => Verdict::Ended,
        (false, Some(since)) => {
            assert_eq!(since, 5);
            Verdict::Waiting
        }
        (false, None) => Verdict::Open,
    };
    (said, verdict)
}

/// Reads everything at once, the plain way.
fn judge(mut bytes: &[u8], limits: &GuardLimits) -> (Vec<Said>, Verdict) {
    let mut said = Vec::new();
    // The kind, the payload so far and the number of fragments.
    let mut open: Option<(u8, Vec<u8>, u32)> = None;
    loop {
        let Some(first) = bytes.first() else {
            let verdict = if open.is_some() { Verdict::Waiting } else { Verdict::Open };
            return (said, verdict);
        };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
        let control = opcode >= 8;
        if first & 0x70 != 0 || matches!(opcode, 3..=7 | 11..=15) || (control && !fin) {
            return (said, Verdict::Closed(1002));
        }
        match (opcode, &open) {
            (0, None) | (1 | 2, Some(_)) => return (said, Verdict::Closed(1002)),
            (0, Some((_, _, count))) if *count >= limits.message_fragments => return (said, Verdict::Closed(1009)),
            _ => {}
        }
        let Some(second) = bytes.get(1) else { return (said, Verdict::Waiting) };
        let short = second & 0x7F;
        if second & 0x80 == 0 || (control && short > 125) {
            return (said, Verdict::Closed(1002));
        }
        let wide = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(digits) = bytes.get(2..2 + wide) else { return (said, Verdict::Waiting) };
        let length = match wide {
            0 => u128::from(short),
            _ => digits.iter().fold(0u128, |sum, digit| (sum << 8) | u128::from(*digit)),
        };
        if (wide == 2 && length < 126) || (wide == 8 && !(1 << 16..1 << 63).contains(&length)) {
            return (said, Verdict::Closed(1002));
        }
        let before = if control { 0 } else { open.as_ref().map_or(0, |(_, payload, _)| payload.len()) };
        if !control && before as u128 + length > limits.message_bytes as u128 {
            return (said, Verdict::Closed(1009));
        }
        let start = 2 + wide + 4;
        let end = start + length as usize;
        let Some(masked) = bytes.get(start..end) else { return (said, Verdict::Waiting) };
        let mask = &bytes[start - 4..start];
        let payload: Vec<u8> = masked.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        bytes = &bytes[end..];
        match opcode {
            8 => return close(said, &payload),
            9 => said.push(Said::Ping(payload)),
            10 => said.push(Said::Pong(payload)),
            _ => {
                let (kind, mut whole, count) = open.take().unwrap_or((opcode, Vec::new(), 0));
                whole.extend(payload);
                if kind == 1 && !may_become_text(&whole, fin) {
                    return (said, Verdict::Closed(1007));
                }
                match (fin, kind) {
                    (false, _) => open = Some((kind, whole, count + 1)),
                    (true, 1) => said.push(Said::Text(String::from_utf8(whole).expect("checked"))),
                    (true, _) => said.push(Said::Binary(whole)),
                }
            }
        }
    }
}

fn may_become_text(bytes: &[u8], complete: bool) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => !complete && error.error_len().is_none(),
    }
}

fn close(mut said: Vec<Said>, payload: &[u8]) -> (Vec<Said>, Verdict) {
    let (code, reason) = match payload {
        [] => (None, ""),
        [_] => return (said, Verdict::Closed(1002)),
        [high, low, reason @ ..] => {
            let code = u16::from(*high) * 256 + u16::from(*low);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return (said, Verdict::Closed(1002));
            }
            match std::str::from_utf8(reason) {
                Ok(reason) => (Some(code), reason),
                Err(_) => return (said, Verdict::Closed(1007)),
            }
        }
    };
    said.push(Said::Close(code, reason.to_owned()));
    (said, Verdict::Ended)
}
