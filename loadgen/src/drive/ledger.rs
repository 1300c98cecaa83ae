//! The ledger of a thread: reads frames, enters each delivery, and hands the little that is none to the adapter.
//!
//! The fast path does no parsing beyond the frame's header: the sixteen letters at the room's learnt offset
//! are compared with those of the message this listener must get next.

use std::io;

use super::judge::{Faults, Listener, Verdict};
use super::tally::Tally;
use super::track::Track;
use crate::adapter::{Adapter, Heard, Place};
use crate::marker::{self, BODY_MIN, Code, Mark};
use crate::ws::frame::{self, Header};

pub struct Ledger {
    pub tracks: Vec<Track>,
    pub faults: Faults,
    pub tally: Tally,
    /// Of the whole run, to learn what is around a body.
    pub deliveries: u64,
    delivered_bytes: u64,
    body: Vec<u8>,
}

/// Whoever sits in a room, as its reads need it.
pub struct Seat<'a> {
    pub listener: &'a mut Listener,
    /// Index of its room's track.
    pub track: usize,
    /// Reads slowly on purpose: its deliveries are judged, but not timed.
    pub is_slow: bool,
    /// The place of the last message it saw, where it may have to come back.
    pub cursor: Option<&'a mut Place>,
}

/// What a read told besides deliveries.
#[derive(Default)]
pub struct Told {
    pub heard: Vec<Heard>,
    /// Payloads of pings to be answered.
    pub pings: Vec<Vec<u8>>,
    /// The target closes, and why.
    pub closed: Option<String>,
}

impl Told {
    /// Whether something was said on which the judging of what follows depends.
    pub fn turns(&self) -> bool {
        matches!(
            self.heard.last(),
            Some(Heard::Subscribed { .. } | Heard::Left | Heard::Gap { .. } | Heard::Retracted { .. })
        )
    }
}

impl Ledger {
    pub fn new(tracks: Vec<Track>, body: Vec<u8>) -> Ledger {
        let (faults, tally) = (Faults::default(), Tally::default());
        Ledger { tracks, faults, tally, deliveries: 0, delivered_bytes: 0, body }
    }

    /// Payload bytes of the deliveries so far that were not their bodies.
    pub fn overhead_bytes(&self) -> i64 {
        self.delivered_bytes as i64 - (self.deliveries * self.body.len() as u64) as i64
    }

    /// Reads the complete frames of one read that ended at `now_ns`, up to one that [turns](Told::turns) what follows;
    /// returns how many bytes they took.
    pub fn read(
        &mut self,
        bytes: &[u8],
        mut seat: Option<Seat<'_>>,
        language: usize,
        adapter: &mut dyn Adapter,
        now_ns: u64,
        told: &mut Told,
    ) -> io::Result<usize> {
        let mut at = 0;
        loop {
            if let Some(seat) = &mut seat {
                at = self.read_expected(bytes, at, seat, language, adapter, now_ns);
            }
            let header = frame::read_header(&bytes[at..]).map_err(|_| io::Error::other("a frame too long"))?;
            let Some(header) = header else { break };
            let Some(payload) = bytes.get(at + header.header_len..at + header.frame_len()) else {
                break;
            };
            at += header.frame_len();
            self.read_slowly(header, payload, seat.as_mut(), language, adapter, now_ns, told)?;
            if told.closed.is_some() || told.turns() {
                break;
            }
        }
        self.tally.end_read(now_ns);
        self.tally.counts.bytes_in += at as u64;
        Ok(at)
    }

    /// The fast path: enters deliveries from `at` on as long as each is exactly what this listener must get next.
    fn read_expected(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        seat: &mut Seat<'_>,
        language: usize,
        adapter: &dyn Adapter,
        now_ns: u64,
    ) -> usize {
        let opcode = adapter.opcode();
        let track = &mut self.tracks[seat.track];
        let mut last = None;
        let mut count = 0;
        let mut payload_bytes = 0;
        while let Some((header_len, payload_len)) = frame::read_plain_header(&bytes[at..], opcode) {
            let payload_at = at + header_len;
            let Some(payload) = bytes.get(payload_at..payload_at + payload_len) else {
                break;
            };
            let Some(sent_ns) = track.take_expected(payload, seat.listener.next(), language) else {
                break;
            };
            seat.listener.step();
            if seat.is_slow {
                self.tally.untimed();
            } else {
                self.tally.delivery(sent_ns, now_ns);
            }
            count += 1;
            payload_bytes += payload_len;
            last = Some(payload);
            at = payload_at + payload_len;
        }
        self.deliveries += count;
        self.delivered_bytes += payload_bytes as u64;
        // Whole bodies are compared for one delivery of each run: all of them would cost more than delivering.
        if let Some(payload) = last {
            let offset = track.offset(language);
            self.check_body(payload, offset);
            note_place(seat, adapter, payload);
        }
        at
    }

    #[cold]
    fn read_slowly(
        &mut self,
        header: Header,
        payload: &[u8],
        seat: Option<&mut Seat<'_>>,
        language: usize,
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
                told.closed = Some(close_reason(payload));
                return Ok(());
            }
            opcode => {
                return Err(io::Error::other(format!(
                    "a frame of kind {opcode} (fin {}) that no target should send",
                    header.fin
                )));
            }
        }
        if let Some(seat) = seat
            && let Some(first) = marker::find(payload, 0)
            && adapter.is_delivery(payload)
        {
            self.read_marks(payload, first, seat, language, now_ns);
            note_place(seat, adapter, payload);
            return Ok(());
        }
        let before = told.heard.len();
        adapter.hear(payload, &mut told.heard);
        let refusals = told.heard[before..].iter().filter(|heard| matches!(heard, Heard::Refused { .. }));
        self.faults.refused += refusals.count() as u64;
        Ok(())
    }

    /// Deliveries whose place in the frame or in the order was not the expected one: all marks of the frame, one by one.
    fn read_marks(&mut self, payload: &[u8], first: usize, seat: &mut Seat<'_>, language: usize, now_ns: u64) {
        let mut code_at = Some(first);
        let mut count = 0;
        while let Some(offset) = code_at {
            count += 1;
            code_at = marker::find(payload, offset);
            self.check_body(payload, offset);
            let track = &mut self.tracks[seat.track];
            let mark = payload[offset..].first_chunk::<{ size_of::<Code>() }>().and_then(Mark::decode);
            let number = match mark {
                Some(mark) if mark.room == track.line.room && mark.number < track.line.published() => mark.number,
                _ => {
                    self.faults.unexpected += 1;
                    continue;
                }
            };
            match seat.listener.judge(number) {
                Verdict::InOrder | Verdict::Ahead => {}
                Verdict::Late => self.faults.reordered += 1,
                Verdict::Again => {
                    self.faults.duplicated += 1;
                    continue;
                }
            }
            let Some(sent_ns) = track.delivered(number) else { continue };
            self.deliveries += 1;
            if seat.is_slow {
                self.tally.untimed();
            } else {
                self.tally.delivery(sent_ns, now_ns);
            }
        }
        self.delivered_bytes += payload.len() as u64;
        if count == 1 {
            self.tracks[seat.track].learn(language, first, payload.len() + self.body.len());
        }
    }

    fn check_body(&mut self, payload: &[u8], code_at: usize) {
        let rest = code_at + size_of::<Code>();
        let filler = &self.body[BODY_MIN..];
        if payload.get(rest..rest + filler.len()) != Some(filler) {
            self.faults.damaged += 1;
        }
    }
}

/// Only the last delivery of a read is asked for its place, and those that begin an epoch: these look different.
fn note_place(seat: &mut Seat<'_>, adapter: &dyn Adapter, payload: &[u8]) {
    if let Some(cursor) = &mut seat.cursor
        && let Some((epoch, seq)) = adapter.place(payload)
    {
        cursor.seq = seq;
        cursor.epoch = epoch.unwrap_or(cursor.epoch);
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
    use crate::drive::line::{InFlight, Line};
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    /// A room of one listener into which `published` messages were sent, and the frames a faultless server would send.
    struct Bench {
        ledger: Ledger,
        line: Arc<Line>,
        in_flight: InFlight,
        listener: Listener,
        adapter: Box<dyn Adapter>,
        frames: Vec<Vec<u8>>,
    }

    fn bench(published: u64) -> Bench {
        let body = marker::template(64);
        let in_flight = InFlight::default();
        let line = Arc::new(Line::new(4, in_flight.clone(), 32));
        let frames = (0..published)
            .map(|_| {
                let number = line.publish(1_000, 1);
                let mut stamped = body.clone();
                marker::stamp(&mut stamped, &Mark { room: 4, number }.encode());
                // The prefix grows with the number, as decimal numbers in front of a body do.
                let mut payload = format!("{{\"seq\":{number},\"b\":\"").into_bytes();
                payload.extend_from_slice(&stamped);
                let mut frame = Vec::new();
                frame::write_plain(&mut frame, frame::BINARY, &payload);
                frame
            })
            .collect();
        let ledger = Ledger::new(vec![Track::new(line.clone(), 1, 1)], body);
        let adapter = adapter::make(Kind::Floor, &Settings::default());
        Bench { ledger, line, in_flight, listener: Listener::default(), adapter, frames }
    }

    impl Bench {
        fn read(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.read_told(bytes, &mut Told::default())
        }

        fn read_told(&mut self, bytes: &[u8], told: &mut Told) -> io::Result<usize> {
            let seat = Seat { listener: &mut self.listener, track: 0, is_slow: false, cursor: None };
            self.ledger.read(bytes, Some(seat), 0, self.adapter.as_mut(), 2_000, told)
        }

        fn faults(mut self, order: &[usize]) -> Faults {
            let bytes: Vec<u8> = order.iter().flat_map(|&i| self.frames[i].clone()).collect();
            assert_eq!(self.read(&bytes).unwrap(), bytes.len());
            Faults { lost: self.listener.lost(self.line.published()), ..self.ledger.faults }
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
        assert_eq!((bench.ledger.deliveries, bench.in_flight.load(Ordering::Relaxed)), (15, 0));
        assert_eq!(bench.ledger.tally.of(crate::record::What::Delivery).unwrap().len(), 15);
        assert_eq!(bench.ledger.faults, Faults::default());
        // `{"seq":N,"b":"` is 14 bytes, 15 from number 10 on.
        assert_eq!(bench.ledger.overhead_bytes(), 14 * 10 + 15 * 5);
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
            assert_eq!(bench.ledger.faults, Faults::default(), "cut at {cut}");
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
        other_room.line = Arc::new(Line::new(5, InFlight::default(), 4));
        other_room.ledger.tracks = vec![Track::new(other_room.line.clone(), 1, 1)];
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
        assert_eq!(bench.ledger.faults, Faults::default());
    }

    #[test]
    fn a_close_and_a_fragment_end_the_run_and_a_ping_is_answered() {
        let mut closed = Vec::new();
        frame::write_plain(&mut closed, frame::CLOSE, b"\x0f\xa0later");
        let mut told = Told::default();
        bench(0).read_told(&closed, &mut told).unwrap();
        assert_eq!(told.closed.as_deref(), Some("4000 later"));
        assert!(bench(0).read(&[0x02, 0]).is_err());

        bench(0).read_told(&[0x89, 1, b'x'], &mut told).unwrap();
        assert_eq!(told.pings, [b"x".to_vec()]);
    }
}
