//! What reading one client frame costs, without a socket: batches as a busy publisher sends them.
//!
//! `cargo bench -p rookery --bench ws_reading` prints nanoseconds per frame, the best and the median of many rounds.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use rookery::net::guard::{Allowance, GuardLimits, GuardState, Incoming, Reader};

const ROUNDS: usize = 400;
const BATCHES: usize = 200;

fn main() {
    println!("{:<44} {:>8} {:>8}", "ns per frame", "best", "median");
    for (name, opcode, size, frames) in [
        ("text 200 B, 64 in one read", 0x81, 200, 64),
        ("binary 200 B, 64 in one read", 0x82, 200, 64),
        ("binary 200 B, 1 in one read", 0x82, 200, 1),
        ("binary 8 B, 64 in one read", 0x82, 8, 64),
        ("binary 16 KiB in three reads", 0x82, 16 * 1024, 1),
    ] {
        let one = masked(opcode, &vec![b'x'; size]);
        let bytes = one.repeat(frames);
        let cuts: Vec<&[u8]> = if size > 8000 { bytes.chunks(bytes.len() / 3 + 1).collect() } else { vec![&bytes] };
        measure(name, &cuts, frames);
    }
    let one = masked(0x82, &[b'x'; 200]);
    let bytes = one.repeat(64);
    measure("binary 200 B, reads end inside a frame", &bytes.chunks(bytes.len() / 4 + 77).collect::<Vec<_>>(), 64);
}

fn measure(name: &str, cuts: &[&[u8]], frames: usize) {
    let limits = GuardLimits::default();
    let allowance = Allowance { limits: &limits, now: 0, frames: usize::MAX };
    let mut reader = Reader::new();
    let mut conn = GuardState::default();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut seen = 0;
            let start = Instant::now();
            for _ in 0..BATCHES {
                for cut in cuts {
                    let mut sink = |message: Incoming<'_>| {
                        match message {
                            Incoming::Text(text) => seen += black_box(text).len().min(1),
                            Incoming::Binary(bytes) => seen += black_box(bytes).len().min(1),
                            Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close { .. } => unreachable!("not sent"),
                        }
                        ControlFlow::Continue(())
                    };
                    reader.read_slice(&mut conn, cut, allowance, &mut sink).expect("well-formed frames");
                }
            }
            let spent = start.elapsed();
            assert_eq!(seen, BATCHES * frames);
            spent.as_nanos() as f64 / (BATCHES * frames) as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<44} {:>8.1} {:>8.1}", rounds[0], rounds[ROUNDS / 2]);
}

fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut out = vec![opcode];
    match payload.len() {
        0..=125 => out.push(0x80 | payload.len() as u8),
        _ => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i & 3]));
    out
}
