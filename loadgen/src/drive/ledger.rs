//! The ledger of a run: reads frames, enters each delivery, and hands the little that is none to the adapter.
//!
//! The fast path does no parsing beyond the frame's header: the sixteen letters at the room's learnt offset
//! are compared with those of the message this listener must get next.

use std::io;

use super::judge::{Faults, Listener, Track, Verdict};
use super::latency::Latencies;
use crate::adapter::Adapter;
use crate::marker::{self, BODY_MIN, Code, Mark};
use crate::ws::frame::{self, Header};

pub struct Ledger {
    pub tracks: Vec<Track>,
    /// Messages on their way, per publisher.
    pub in_flight: Vec<usize>,
    pub faults: Faults,
    pub first_refusal: Option<String>,
    pub deliveries: u64,
    pub acked: u64,
    pub latencies: Latencies,
    delivered_bytes: u64,
    opcode: u8,
    body: Vec<u8>,
}

/// What a read told besides deliveries.
#[derive(Default)]
pub struct Told {
    pub subscribed: u32,
    pub left: u32,
    /// Payloads of pings to be answered.
    pub pings: Vec<Vec<u8>>,
}

impl Ledger {
    pub fn new(tracks: Vec<Track>, publishers: usize, opcode: u8, body: Vec<u8>) -> io::Result<Ledger> {
        Ok(Ledger {
            tracks,
            in_flight: vec![0; publishers],
            faults: Faults::default(),
            first_refusal: None,
            deliveries: 0,
            acked: 0,
            latencies: Latencies::new().map_err(io::Error::other)?,
            delivered_bytes: 0,
            opcode,
            body,
        })
    }

    /// Mean bytes of a delivery's payload around its body.
    pub fn delivery_overhead(&self) -> f64 {
        if self.deliveries == 0 {
            return 0.0;
        }
        self.delivered_bytes as f64 / self.deliveries as f64 - self.body.len() as f64
    }

    /// Reads all complete frames of one read that ended at `now_ns`; returns how many bytes they took.
    pub fn read(
        &mut self,
        bytes: &[u8],
        mut listener: Option<(&mut Listener, usize)>,
        adapter: &mut dyn Adapter,
        now_ns: u64,
        told: &mut Told,
    ) -> io::Result<usize> {
        let mut at = 0;
        loop {
            if let Some((listener, index)) = &mut listener {
                at = self.read_expected(bytes, at, listener, *index, now_ns);
            }
            let header = frame::read_header(&bytes[at..]).map_err(|_| io::Error::other("a frame too long"))?;
            let Some(header) = header else { break };
            let Some(payload) = bytes.get(at + header.header_len..at + header.frame_len()) else {
                break;
            };
            at += header.frame_len();
            let listener = listener.as_mut().map(|(listener, index)| (&mut **listener, *index));
            self.read_slowly(header, payload, listener, adapter, now_ns, told)?;
        }
        self.latencies.end_read(now_ns);
        Ok(at)
    }

    /// The fast path: enters deliveries from `at` on as long as each is exactly what this listener must get next.
    fn read_expected(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        listener: &mut Listener,
        index: usize,
        now_ns: u64,
    ) -> usize {
        let Some(track) = self.tracks.get_mut(index) else {
            return at;
        };
        let mut last = None;
        let mut count = 0;
        let mut payload_bytes = 0;
        while let Some((header_len, payload_len)) = frame::read_plain_header(&bytes[at..], self.opcode) {
            let payload_at = at + header_len;
            let Some(payload) = bytes.get(payload_at..payload_at + payload_len) else {
                break;
            };
            let Some((sent_ns, complete)) = track.take_expected(payload, listener.next()) else {
                break;
            };
            listener.step();
            if complete {
                self.in_flight[track.publisher()] -= 1;
            }
            self.latencies.note(sent_ns, now_ns);
            count += 1;
            payload_bytes += payload_len;
            last = Some(payload);
            at = payload_at + payload_len;
        }
        self.deliveries += count;
        self.delivered_bytes += payload_bytes as u64;
        // Whole bodies are compared for one delivery of each run: all of them would cost more than delivering.
        if let Some(payload) = last {
            let offset = track.offset();
            self.check_body(payload, offset);
        }
        at
    }

    fn enter(&mut self, index: usize, number: u64, payload_len: usize, now_ns: u64) {
        let track = &mut self.tracks[index];
        let (sent_ns, complete) = track.delivered(number);
        if complete {
            self.in_flight[track.publisher()] -= 1;
        }
        self.deliveries += 1;
        self.delivered_bytes += payload_len as u64;
        self.latencies.note(sent_ns, now_ns);
    }

    #[cold]
    fn read_slowly(
        &mut self,
        header: Header,
        payload: &[u8],
        listener: Option<(&mut Listener, usize)>,
        adapter: &mut dyn Adapter,
        now_ns: u64,
        told: &mut Told,
    ) -> io::Result<()> {
        match header.opcode {
            frame::TEXT | frame::BINARY if header.fin => {}
            frame::PING => {
                told.pings.push(payload.to_vec());
                return Ok(());
            }
            frame::PONG => return Ok(()),
            frame::CLOSE => {
                return Err(io::Error::other(format!("closed by the target: {}", close_reason(payload))));
            }
            opcode => {
                return Err(io::Error::other(format!(
                    "a frame of kind {opcode} (fin {}) that no target should send",
                    header.fin
                )));
            }
        }
        if let Some((listener, index)) = listener
            && let Some(first) = marker::find(payload, 0)
        {
            self.read_marks(payload, first, listener, index, now_ns);
            return Ok(());
        }
        let heard = adapter.hear(payload);
        told.subscribed += heard.subscribed;
        told.left += heard.left;
        self.acked += u64::from(heard.acked);
        if let Some(reason) = heard.refused {
            self.faults.refused += 1;
            self.first_refusal.get_or_insert(reason);
        }
        Ok(())
    }

    /// Deliveries whose place in the frame or in the order was not the expected one: all marks of the frame, one by one.
    fn read_marks(&mut self, payload: &[u8], first: usize, listener: &mut Listener, index: usize, now_ns: u64) {
        let mut code_at = Some(first);
        let mut count = 0;
        while let Some(offset) = code_at {
            count += 1;
            code_at = marker::find(payload, offset);
            self.check_body(payload, offset);
            let track = &self.tracks[index];
            let mark = payload[offset..].first_chunk::<{ size_of::<Code>() }>().and_then(Mark::decode);
            let number = match mark {
                Some(mark) if mark.room == track.room() && mark.number < track.published() => mark.number,
                _ => {
                    self.faults.unexpected += 1;
                    continue;
                }
            };
            match listener.judge(number) {
                Verdict::InOrder | Verdict::Ahead => {}
                Verdict::Late => self.faults.reordered += 1,
                Verdict::Again => {
                    self.faults.duplicated += 1;
                    continue;
                }
            }
            if track.remembers(number) {
                // Of several events in one frame the first carries the frame's bytes, so that the sum stays right.
                self.enter(index, number, if count == 1 { payload.len() } else { 0 }, now_ns);
            }
        }
        if count == 1 {
            self.tracks[index].learn(first, payload.len() + self.body.len());
        }
    }

    fn check_body(&mut self, payload: &[u8], code_at: usize) {
        let rest = code_at + size_of::<Code>();
        let filler = &self.body[BODY_MIN..];
        if payload.get(rest..rest + filler.len()) != Some(filler) {
            self.faults.damaged += 1;
        }
    }

    /// At the end of a run: what each listener never got.
    pub fn count_lost<'a>(&mut self, listeners: impl Iterator<Item = (&'a Listener, usize)>) {
        self.faults.lost = listeners.map(|(listener, index)| listener.lost(self.tracks[index].published())).sum();
    }
}

fn close_reason(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((code, reason)) => format!("{} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason)),
        None => "no code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{self, Kind, Settings};

    /// A room of one listener into which `published` messages were sent, and the frames a faultless server would send.
    struct Bench {
        ledger: Ledger,
        listener: Listener,
        adapter: Box<dyn Adapter>,
        frames: Vec<Vec<u8>>,
    }

    fn bench(published: u64) -> Bench {
        let body = marker::template(64);
        let mut track = Track::new(4, 0, 1, 32);
        let frames = (0..published)
            .map(|_| {
                let (number, code) = track.publish(1_000);
                let mut stamped = body.clone();
                marker::stamp(&mut stamped, &code);
                // The prefix grows with the number, as decimal numbers in front of a body do.
                let mut payload = format!("{{\"seq\":{number},\"b\":\"").into_bytes();
                payload.extend_from_slice(&stamped);
                let mut frame = Vec::new();
                frame::write_plain(&mut frame, frame::BINARY, &payload);
                frame
            })
            .collect();
        let mut ledger = Ledger::new(vec![track], 1, frame::BINARY, body).unwrap();
        ledger.in_flight[0] = published as usize;
        ledger.latencies.set_recording(true);
        let adapter = adapter::make(Kind::Floor, &Settings::default());
        Bench { ledger, listener: Listener::default(), adapter, frames }
    }

    impl Bench {
        fn read(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let listener = Some((&mut self.listener, 0));
            self.ledger.read(bytes, listener, self.adapter.as_mut(), 2_000, &mut Told::default())
        }

        fn faults(mut self, order: &[usize]) -> Faults {
            let bytes: Vec<u8> = order.iter().flat_map(|&i| self.frames[i].clone()).collect();
            assert_eq!(self.read(&bytes).unwrap(), bytes.len());
            self.ledger.count_lost([(&self.listener, 0)].into_iter());
            self.ledger.faults
        }
    }

    #[test]
    fn a_faultless_stream_is_counted_and_completes_every_message() {
        let mut bench = bench(15);
        let bytes = bench.frames.concat();
        for piece in [&bytes[..100], &bytes[..]] {
            assert!(bench.read(piece).unwrap() <= piece.len());
            // The second piece starts over: put the listener back, as a driver with leftover bytes would not.
            if piece.len() == 100 {
                bench = self::bench(15);
            }
        }
        assert_eq!((bench.ledger.deliveries, bench.ledger.in_flight[0]), (15, 0));
        assert_eq!(bench.ledger.latencies.count(), 15);
        assert!(!bench.ledger.faults.any());
        // `{"seq":N,"b":"` is 14 bytes, 15 from number 10 on.
        assert!((bench.ledger.delivery_overhead() - (14.0 * 10.0 + 15.0 * 5.0) / 15.0).abs() < 1e-9);
    }

    #[test]
    fn every_split_of_the_stream_gives_the_same_count() {
        let whole = bench(3).frames.concat();
        for cut in 0..=whole.len() {
            let mut bench = bench(3);
            let used = bench.read(&whole[..cut]).unwrap();
            let rest = &whole[used..];
            assert_eq!(bench.read(rest).unwrap(), rest.len(), "cut at {cut}");
            assert_eq!(bench.ledger.deliveries, 3, "cut at {cut}");
            assert!(!bench.ledger.faults.any(), "cut at {cut}");
        }
    }

    #[test]
    fn each_fault_of_a_faulty_stream_is_seen_and_named() {
        let none = Faults::default();
        assert_eq!(bench(4).faults(&[0, 1, 2, 3]), none);
        assert_eq!(bench(4).faults(&[0, 2, 3]), Faults { lost: 1, ..none });
        assert_eq!(bench(4).faults(&[0, 1]), Faults { lost: 2, ..none });
        assert_eq!(bench(4).faults(&[0, 1, 1, 2, 3]), Faults { duplicated: 1, ..none });
        assert_eq!(bench(4).faults(&[0, 2, 1, 3]), Faults { reordered: 1, ..none });
        assert_eq!(bench(4).faults(&[3, 2, 1, 0]), Faults { reordered: 3, ..none });
        assert_eq!(bench(4).faults(&[]), Faults { lost: 4, ..none });
    }

    #[test]
    fn strangers_damage_and_refusals_are_faults_too() {
        let mut other_room = bench(1);
        other_room.ledger.tracks = vec![Track::new(5, 0, 1, 4)];
        assert_eq!(other_room.faults(&[0]), Faults { unexpected: 1, ..Faults::default() });

        let mut damaged = bench(1);
        let last = damaged.frames[0].len() - 1;
        damaged.frames[0][last] ^= 1;
        assert_eq!(damaged.faults(&[0]), Faults { damaged: 1, ..Faults::default() });

        let mut refused = bench(0);
        refused.frames = vec![vec![0x82, 2, b'n', b'o']];
        assert_eq!(refused.faults(&[0]), Faults { refused: 1, ..Faults::default() });
    }

    #[test]
    fn several_events_in_one_frame_are_all_entered_even_after_the_offset_was_learnt() {
        let mut bench = bench(6);
        let payload_of = |frame: &Vec<u8>| frame[2..].to_vec();
        let pair = [payload_of(&bench.frames[2]), payload_of(&bench.frames[3])].concat();
        let mut stream = bench.frames[..2].concat();
        frame::write_plain(&mut stream, frame::BINARY, &pair);
        stream.extend(bench.frames[4..].concat());
        assert_eq!(bench.read(&stream).unwrap(), stream.len());
        assert_eq!(bench.ledger.deliveries, 6);
        assert!(!bench.ledger.faults.any());
    }

    #[test]
    fn a_close_and_a_fragment_end_the_run_and_a_ping_is_answered() {
        let mut closed = Vec::new();
        frame::write_plain(&mut closed, frame::CLOSE, b"\x0f\xa0later");
        let error = bench(0).read(&closed).unwrap_err();
        assert!(error.to_string().contains("4000 later"), "{error}");
        assert!(bench(0).read(&[0x02, 0]).is_err());

        let mut bench = bench(0);
        let mut told = Told::default();
        bench.ledger.read(&[0x89, 1, b'x'], None, bench.adapter.as_mut(), 0, &mut told).unwrap();
        assert_eq!(told.pings, [b"x".to_vec()]);
    }
}
