//! Both native languages from both ends, as payloads without WebSocket headers.
#![allow(dead_code)]

use rookery_protocol::catalog::CommandKind;
use rookery_protocol::command::Command;
use rookery_protocol::dialect::contract::{Dialect, Form, Incoming, RoomOnWire, Stage, Talk};
use rookery_protocol::dialect::registry;
use rookery_protocol::dialect::speak::{Epochs, ServerFrame, Speak};
use rookery_protocol::ids::{Name, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::reply::{Mark, Reply};
use rookery_protocol::testing::Happening;
use rookery_protocol::wire::bad::Bad;
use rookery_protocol::wire::frames::Frames;

pub struct Language {
    pub word: &'static str,
    id: rookery_protocol::dialect::contract::DialectId,
}

pub const NATIVE: &[Language] =
    &[Language { word: "json", id: registry::NATIVE_JSON }, Language { word: "binary", id: registry::NATIVE_BINARY }];

pub fn language(word: &str) -> &'static Language {
    NATIVE.iter().find(|l| l.word == word).unwrap_or_else(|| panic!("no language {word}"))
}

/// The payloads of unmasked frames, with their opcodes.
pub fn payloads(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut payloads = Vec::new();
    while !bytes.is_empty() {
        let (header, length) = match bytes[1] {
            126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
            127 => (10, u64::from_be_bytes(bytes[2..10].try_into().unwrap()) as usize),
            n => (2, usize::from(n)),
        };
        payloads.push((bytes[0], bytes[header..header + length].to_vec()));
        bytes = &bytes[header + length..];
    }
    payloads
}

impl Language {
    pub fn dialect(&self) -> &'static dyn Dialect {
        registry::get(self.id)
    }

    pub fn speaker(&self) -> &'static dyn Speak {
        registry::speaker(self.id).unwrap()
    }

    /// As the transport would hand it over. None: text that is not UTF-8 never gets here.
    pub fn incoming<'a>(&self, payload: &'a [u8]) -> Option<Incoming<'a>> {
        match self.dialect().profile().form {
            Form::Text => std::str::from_utf8(payload).ok().map(Incoming::Text),
            Form::Binary | Form::Either => Some(Incoming::Binary(payload)),
        }
    }

    pub fn say(&self, number: u32, command: &Command) -> Vec<u8> {
        let mut out = Vec::new();
        self.speaker().say(number, command, &mut out);
        out
    }

    pub fn receive(&self, payload: &[u8]) -> Talk {
        let mut talk = Talk::default();
        if let Some(incoming) = self.incoming(payload) {
            self.dialect().receive(&mut Stage::default(), incoming, &mut talk);
        }
        talk
    }

    pub fn hear(&self, epochs: &mut Epochs, payload: &[u8]) -> Result<Vec<ServerFrame>, Bad> {
        let mut heard = Vec::new();
        let incoming = self.incoming(payload).ok_or_else(|| Bad::malformed("not UTF-8"))?;
        self.speaker().hear(epochs, incoming, &mut heard).map(|()| heard)
    }

    /// The one frame that was written, of the right opcode.
    fn one(&self, frames: &Frames) -> Vec<u8> {
        let mut payloads = payloads(frames.as_bytes());
        assert_eq!(payloads.len(), 1);
        let (first, payload) = payloads.remove(0);
        assert_eq!(first, if self.dialect().profile().form == Form::Text { 0x81 } else { 0x82 });
        payload
    }

    pub fn happen(&self, room: RoomHandle, happening: &Happening, opens_epoch: bool) -> Vec<u8> {
        let key = RoomKey { realm: Name::literal("realm"), kind: RoomKind::Room, name: Name::literal("room") };
        let room = RoomOnWire { handle: room, key: &key };
        let mut frames = Frames::new();
        match happening {
            Happening::Event(event) => self.dialect().event(0, room, event, opens_epoch, &mut frames),
            Happening::Signal(signal) => self.dialect().signal(0, room, signal, &mut frames),
        }
        self.one(&frames)
    }

    pub fn reply(&self, number: u32, reply: &Reply) -> Vec<u8> {
        let mut frames = Frames::new();
        self.dialect().reply(&mut Stage::default(), number, CommandKind::Ping.row(), reply, &mut frames);
        self.one(&frames)
    }

    pub fn mark(&self, mark: &Mark) -> Vec<u8> {
        let mut frames = Frames::new();
        self.dialect().mark(&mut Stage::default(), mark, &mut frames);
        self.one(&frames)
    }

    pub fn show(&self, payload: &[u8]) -> String {
        String::from_utf8_lossy(payload).into_owned()
    }
}
