//! The ledger of a thread: reads messages, enters each delivery, and hands the little that is none to the adapter.
//!
//! The fast path does no parsing beyond where a message ends: the sixteen letters at the room's learnt offset
//! are compared with those of the message this listener must get next.

use std::io;

use super::framing::{self, Divide, What};
use super::judge::{Faults, Listener, Verdict};
use super::tally::Tally;
use super::track::Track;
use crate::adapter::{Adapter, Framing, Heard, Place};
use crate::marker::{self, BODY_MIN, Code, Mark};

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
            Some(Heard::Subscribed { .. } | Heard::Done | Heard::Left | Heard::Gap { .. } | Heard::Retracted { .. })
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

    /// Reads the complete messages of one read that ended at `now_ns`, up to one that [turns](Told::turns) what follows;
    /// returns how many bytes they took. `rest` is how many of the next bytes belong to a frame that was begun.
    pub fn read(
        &mut self,
        bytes: &[u8],
        rest: &mut usize,
        seat: Option<Seat<'_>>,
        language: usize,
        adapter: &mut dyn Adapter,
        now_ns: u64,
        told: &mut Told,
    ) -> io::Result<usize> {
        let opcode = adapter.opcode();
        match adapter.framing() {
            Framing::Messages => {
                self.read_all(framing::Messages { opcode }, bytes, rest, seat, language, adapter, now_ns, told)
            }
            Framing::Separated(separator) => {
                let divide = framing::Separated { opcode, separator };
                self.read_all(divide, bytes, rest, seat, language, adapter, now_ns, told)
            }
            Framing::Nats => self.read_all(framing::Nats, bytes, rest, seat, language, adapter, now_ns, told),
        }
    }

    fn read_all<D: Divide>(
        &mut self,
        divide: D,
        bytes: &[u8],
        rest: &mut usize,
        mut seat: Option<Seat<'_>>,
        language: usize,
        adapter: &mut dyn Adapter,
        now_ns: u64,
        told: &mut Told,
    ) -> io::Result<usize> {
        let mut at = D::At::from(framing::Place { offset: 0, rest: *rest });
        loop {
            if let Some(seat) = &mut seat {
                at = self.read_expected(divide, bytes, at, seat, language, adapter, now_ns);
            }
            let Some((what, next)) = divide.any(bytes, at)? else { break };
            at = next;
            self.read_slowly(what, seat.as_mut(), language, adapter, now_ns, told);
            if told.closed.is_some() || told.turns() {
                break;
            }
        }
        let end: framing::Place = at.into();
        *rest = end.rest;
        self.tally.end_read(now_ns);
        self.tally.counts.bytes_in += end.offset as u64;
        Ok(end.offset)
    }

    /// The fast path: enters deliveries from `at` on as long as each is exactly what this listener must get next.
    fn read_expected<D: Divide>(
        &mut self,
        divide: D,
        bytes: &[u8],
        mut at: D::At,
        seat: &mut Seat<'_>,
        language: usize,
        adapter: &dyn Adapter,
        now_ns: u64,
    ) -> D::At {
        let track = &mut self.tracks[seat.track];
        let mut last = None;
        let mut count = 0;
        let mut payload_bytes = 0;
        while let Some((payload, next)) = divide.plain(bytes, at) {
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
            payload_bytes += payload.len();
            last = Some(payload);
            at = next;
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
        what: What<'_>,
        seat: Option<&mut Seat<'_>>,
        language: usize,
        adapter: &mut dyn Adapter,
        now_ns: u64,
        told: &mut Told,
    ) {
        let payload = match what {
            What::Message(payload) => payload,
            What::Ping(payload) => return told.pings.push(payload.to_vec()),
            What::Pong => return,
            What::Close(payload) => {
                told.closed = Some(close_reason(payload));
                return;
            }
        };
        if let Some(seat) = seat
            && let Some(first) = marker::find(payload, 0)
            && adapter.is_delivery(payload)
        {
            self.read_marks(payload, first, seat, language, now_ns);
            note_place(seat, adapter, payload);
            return;
        }
        let before = told.heard.len();
        adapter.hear(payload, &mut told.heard);
        let refusals = told.heard[before..].iter().filter(|heard| matches!(heard, Heard::Refused { .. }));
        self.faults.refused += refusals.count() as u64;
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

pub fn close_reason(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((code, reason)) => format!("{} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason)),
        None => "no code".to_owned(),
    }
}

#[cfg(test)]
mod tests;
