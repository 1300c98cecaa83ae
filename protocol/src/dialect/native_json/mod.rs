//! `rookery.v1.json`: one JSON object per text message. Specified in `docs/protocol/json.md`.

mod body;
mod command;
mod event;
mod form;
mod message;
mod object;
pub(crate) mod plain;
mod reply;
pub(crate) mod schema;

use crate::catalog::Row;
use crate::command::Command;
use crate::dialect::contract::{
    Dialect, Form, Hello, Incoming, Number, OnExpiry, OnLag, Profile, RoomOnWire, Stage, Talk,
};
use crate::dialect::speak::{self, Epochs, ServerFrame, Speak};
use crate::errors::DropReason;
use crate::event::{Event, Signal};
use crate::limits;
use crate::reply::{Mark, Reply};
use crate::wire::bad::Bad;
use crate::wire::frames::Frames;
use crate::wire::json;
use crate::wire::scan::DEEP;
use object::{Field, Object};

pub struct NativeJson;

static PROFILE: Profile = Profile {
    name: "native_json",
    subprotocol: Some("rookery.v1.json"),
    form: Form::Text,
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

impl Dialect for NativeJson {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn open(&self, _: &mut Stage, hello: &Hello<'_>, talk: &mut Talk) {
        speak::authenticate_at_once(hello, talk);
    }

    fn receive(&self, _: &mut Stage, message: Incoming<'_>, talk: &mut Talk) {
        match message {
            Incoming::Text(text) if text.len() as u64 > limits::MESSAGE_BYTES => talk.close = Some(DropReason::TooBig),
            Incoming::Text(text) => command::receive(text, talk),
            Incoming::Binary(_) => talk.close = Some(DropReason::WrongForm),
        }
    }

    fn variant(&self, _: &Stage) -> u8 {
        0
    }

    fn reply(&self, _: &mut Stage, number: Number, _: &'static Row, reply: &Reply, out: &mut Frames) {
        out.text(|out| reply::write(number, reply, out));
    }

    fn mark(&self, _: &mut Stage, mark: &Mark, out: &mut Frames) {
        out.text(|out| reply::write_mark(mark, out));
    }

    fn event(&self, _: u8, room: RoomOnWire<'_>, event: &Event, opens_epoch: bool, out: &mut Frames) {
        out.text(|out| event::write(room.handle, event, opens_epoch, out));
    }

    fn signal(&self, _: u8, room: RoomOnWire<'_>, signal: &Signal, out: &mut Frames) {
        out.text(|out| event::write_signal(room.handle, signal, out));
    }

    fn goodbye(&self, _: &mut Stage, reason: DropReason, detail: &str, out: &mut Frames) {
        speak::goodbye(reason, detail, out);
    }
}

impl Speak for NativeJson {
    fn say(&self, number: Number, command: &Command, out: &mut Vec<u8>) {
        command::write(number, command, out);
    }

    fn hear(&self, epochs: &mut Epochs, message: Incoming<'_>, heard: &mut Vec<ServerFrame>) -> Result<(), Bad> {
        let Incoming::Text(text) = message else { return Err(Bad::malformed("not text")) };
        let mut object = Object::new();
        object.fill(text, DEEP)?;
        object.complete()?;
        let frame = if let Some(raw) = object.given(Field::ev) {
            event::hear(&json::text(raw)?, &object, epochs)?
        } else if let Some(raw) = object.given(Field::re) {
            reply::hear(raw, &object)?
        } else if let Some(raw) = object.given(Field::mark) {
            reply::hear_mark(raw, &object)?
        } else {
            None
        };
        if let Some(frame) = frame {
            epochs.learn(&frame);
            heard.push(frame);
        }
        Ok(())
    }
}
