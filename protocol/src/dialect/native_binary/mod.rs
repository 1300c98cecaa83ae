//! `rookery.v1.binary`: frames of `varint length | kind | fields` in binary messages. Specified in
//! `docs/protocol/binary.md`.

mod command;
mod event;
mod form;
mod message;
mod reader;
mod reply;

use crate::catalog::Row;
use crate::command::Command;
use crate::dialect::contract::{
    Dialect, Form, Hello, Incoming, Number, OnExpiry, OnLag, Profile, RoomOnWire, Stage, Talk,
};
use crate::dialect::speak::{self, Epochs, ServerFrame, Speak};
use crate::errors::{DropReason, ErrorCode};
use crate::event::{Event, Kind, Signal};
use crate::limits;
use crate::reply::{Mark, MarkKind, Refusal, Reply, ReplyKind};
use crate::wire::bad::Bad;
use crate::wire::frames::Frames;
use reader::{Reader, measured};
use smallvec::SmallVec;

pub struct NativeBinary;

static PROFILE: Profile = Profile {
    name: "native_binary",
    subprotocol: Some("rookery.v1.binary"),
    form: Form::Binary,
    says: speak::EVERYTHING,
    text_bodies: false,
    echo: true,
    presence_grace_ms: None,
    on_lag: OnLag::Mark,
    on_expiry: OnExpiry::Close,
    rate_limited: true,
    connections_per_user: Some(limits::CONNECTIONS_PER_USER as u32),
    message_bytes: limits::MESSAGE_BYTES as u32,
};

/// Every kind of frame, by its range. The numbers themselves stand in the tables that own them, and never meet.
const _: () = {
    assert!((Kind::Retract as u8) < MarkKind::Resumed as u8, "1 to 63: events and signals");
    assert!((MarkKind::Present as u8) < ReplyKind::Done as u8, "64 to 79: marks");
    assert!((ReplyKind::Refused as u8) < command::COMMANDS, "80 to 127: replies; from 128: commands");
};

/// One frame: its length, its kind, its fields. The length of a chat message takes two bytes.
#[inline]
fn frame(kind: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    measured(2, out, |out| {
        out.push(kind);
        write(out);
    });
}

/// The frames of one message, without their lengths. Bad lengths leave nothing to tell the frames apart by.
#[inline]
fn frames(message: &[u8]) -> Result<SmallVec<[&[u8]; 8]>, Bad> {
    let mut from = Reader::new(message);
    let mut frames = SmallVec::new();
    while !from.is_empty() {
        if frames.len() as u64 == limits::FRAMES_PER_MESSAGE {
            return Err(Bad::too_large(limits::FRAMES_PER_MESSAGE, "frames in one message"));
        }
        let frame = from.bytes()?;
        if frame.is_empty() {
            return Err(Bad::malformed("a frame has a kind"));
        }
        frames.push(frame);
    }
    Ok(frames)
}

impl Dialect for NativeBinary {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn open(&self, _: &mut Stage, hello: &Hello<'_>, talk: &mut Talk) {
        speak::authenticate_at_once(hello, talk);
    }

    /// All or nothing: where the frames cannot be told apart, none of them is taken up.
    fn receive(&self, _: &mut Stage, message: Incoming<'_>, talk: &mut Talk) {
        let Incoming::Binary(bytes) = message else {
            talk.close = Some(DropReason::WrongForm);
            return;
        };
        if bytes.len() as u64 > limits::MESSAGE_BYTES {
            talk.close = Some(DropReason::TooBig);
            return;
        }
        match frames(bytes) {
            Ok(frames) if frames.is_empty() => {
                talk.refuse(0, Refusal::because(ErrorCode::Malformed, "a message has at least one frame"));
            }
            Ok(frames) => frames.iter().for_each(|frame| command::receive(frame, talk)),
            Err(bad) if bad.code == ErrorCode::TooLarge => talk.refuse(0, bad.refusal()),
            Err(_) => talk.close = Some(DropReason::Malformed),
        }
    }

    fn variant(&self, _: &Stage) -> u8 {
        0
    }

    fn reply(&self, _: &mut Stage, number: Number, _: &'static Row, reply: &Reply, out: &mut Frames) {
        out.binary(|out| reply::write(number, reply, out));
    }

    fn mark(&self, _: &mut Stage, mark: &Mark, out: &mut Frames) {
        out.binary(|out| reply::write_mark(mark, out));
    }

    fn event(&self, _: u8, room: RoomOnWire<'_>, event: &Event, opens_epoch: bool, out: &mut Frames) {
        out.binary(|out| event::write(room.handle, event, opens_epoch, out));
    }

    fn signal(&self, _: u8, room: RoomOnWire<'_>, signal: &Signal, out: &mut Frames) {
        out.binary(|out| event::write_signal(room.handle, signal, out));
    }

    fn goodbye(&self, _: &mut Stage, reason: DropReason, detail: &str, out: &mut Frames) {
        speak::goodbye(reason, detail, out);
    }
}

impl Speak for NativeBinary {
    fn say(&self, number: Number, command: &Command, out: &mut Vec<u8>) {
        command::write(number, command, out);
    }

    fn hear(&self, epochs: &mut Epochs, message: Incoming<'_>, heard: &mut Vec<ServerFrame>) -> Result<(), Bad> {
        let Incoming::Binary(bytes) = message else { return Err(Bad::malformed("not binary")) };
        for frame in frames(bytes)? {
            let mut from = Reader::new(frame);
            let kind = u64::from(from.byte()?);
            let frame = if let Some(kind) = Kind::from_number(kind) {
                event::hear(kind, &mut from, epochs)?
            } else if let Some(kind) = ReplyKind::from_number(kind) {
                Some(reply::hear(kind, &mut from)?)
            } else if let Some(kind) = MarkKind::from_number(kind) {
                Some(reply::hear_mark(kind, &mut from)?)
            } else {
                None
            };
            if let Some(frame) = frame {
                epochs.learn(&frame);
                heard.push(frame);
            }
        }
        Ok(())
    }
}
