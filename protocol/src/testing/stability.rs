//! What holds for any bytes at all: nobody panics, and what was understood is understood again.
//! The fuzz targets and the tests on stable call the same functions.

use crate::command::Command;
use crate::dialect::contract::{DialectId, Form, Incoming, Number, RoomOnWire, Stage, Talk};
use crate::dialect::registry::{self, NATIVE_BINARY, NATIVE_JSON};
use crate::dialect::speak::{Epochs, ServerFrame, Speak};
use crate::ids::{Name, RoomHandle, RoomKey, RoomKind};
use crate::limits;
use crate::wire::frames::Frames;

pub fn native_json(data: &[u8]) {
    check(NATIVE_JSON, data);
}

pub fn native_binary(data: &[u8]) {
    check(NATIVE_BINARY, data);
}

/// These bytes, as a client's message and as a server's.
fn check(id: DialectId, data: &[u8]) {
    let Some(incoming) = incoming(id, data) else { return };
    let mut talk = Talk::default();
    registry::get(id).receive(&mut Stage::default(), incoming, &mut talk);
    assert!(!talk.commands.is_empty() || !talk.refused.is_empty() || talk.close.is_some(), "no answer at all");
    assert!(talk.commands.len() + talk.refused.len() <= limits::FRAMES_PER_MESSAGE as usize);
    for asked in &talk.commands {
        said_again(asked.number, &asked.command);
    }
    let mut heard = Vec::new();
    // What comes before a frame that cannot be read was understood all the same.
    let _ = speaker(id).hear(&mut Epochs::default(), incoming, &mut heard);
    heard.iter().for_each(told_again);
}

fn speaker(id: DialectId) -> &'static dyn Speak {
    match registry::speaker(id) {
        Some(speaker) => speaker,
        None => unreachable!("native languages have a client's end"),
    }
}

/// Text that is not UTF-8 is stopped before it gets to a dialect.
fn incoming(id: DialectId, data: &[u8]) -> Option<Incoming<'_>> {
    match registry::get(id).profile().form {
        Form::Text => std::str::from_utf8(data).ok().map(Incoming::Text),
        Form::Binary | Form::Either => Some(Incoming::Binary(data)),
    }
}

/// A command that was understood can be said in either language, and means the same there.
fn said_again(number: Number, command: &Command) {
    for id in [NATIVE_JSON, NATIVE_BINARY] {
        let mut said = Vec::new();
        speaker(id).say(number, command, &mut said);
        // Bytes in base64 take more room than bytes: a large one may not fit there.
        if said.len() as u64 > limits::MESSAGE_BYTES {
            continue;
        }
        let mut talk = Talk::default();
        let incoming = incoming(id, &said).unwrap_or(Incoming::Binary(&[]));
        registry::get(id).receive(&mut Stage::default(), incoming, &mut talk);
        assert!(talk.refused.is_empty() && talk.close.is_none(), "{command:?} became {talk:?}");
        assert_eq!(talk.commands.len(), 1);
        assert_eq!((talk.commands[0].number, &talk.commands[0].command), (number, command));
    }
}

/// And so can what a server told.
fn told_again(frame: &ServerFrame) {
    for id in [NATIVE_JSON, NATIVE_BINARY] {
        let mut epochs = Epochs::default();
        if let ServerFrame::Event { room, event, .. } = frame {
            epochs.learn(&ServerFrame::Event { room: *room, opens_epoch: true, event: event.clone() });
        }
        let payload = tell(id, frame);
        let mut heard = Vec::new();
        let understood = incoming(id, &payload).map(|incoming| speaker(id).hear(&mut epochs, incoming, &mut heard));
        assert_eq!(understood, Some(Ok(())), "{frame:?}");
        assert_eq!(heard, std::slice::from_ref(frame));
    }
}

/// The payload of the one frame that says this.
pub fn tell(id: DialectId, frame: &ServerFrame) -> Vec<u8> {
    let key = RoomKey { realm: Name::literal("realm"), kind: RoomKind::Room, name: Name::literal("room") };
    let on_wire = |handle: &RoomHandle| RoomOnWire { handle: *handle, key: &key };
    let (dialect, stage, mut out) = (registry::get(id), &mut Stage::default(), Frames::new());
    match frame {
        ServerFrame::Reply { number, reply } => {
            dialect.reply(stage, *number, Command::Ping.row(), reply, &mut out);
        }
        ServerFrame::Mark(mark) => dialect.mark(stage, mark, &mut out),
        ServerFrame::Event { room, opens_epoch, event } => {
            dialect.event(0, on_wire(room), event, *opens_epoch, &mut out);
        }
        ServerFrame::Signal { room, signal } => dialect.signal(0, on_wire(room), signal, &mut out),
    }
    let bytes = out.as_bytes();
    let header = match bytes[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    bytes[header..].to_vec()
}
