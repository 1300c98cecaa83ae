//! What the native languages share, and their other end: how a client speaks, for load, tests and scripts.

use super::contract::{Hello, Incoming, Number, Talk};
use crate::command::Command;
use crate::errors::{DropReason, ErrorCode};
use crate::event::{Event, Kind, Signal};
use crate::ids::{Epoch, RoomHandle};
use crate::limits;
use crate::reply::{Mark, Refusal, Reply};
use crate::wire::bad::Bad;
use crate::wire::frames::Frames;
use std::collections::HashMap;

/// Every kind of event and signal, as a profile says it.
pub const EVERYTHING: u64 = {
    let mut bits = 0;
    let mut i = 0;
    while i < Kind::ALL.len() {
        bits |= Kind::ALL[i].bit();
        i += 1;
    }
    bits
};

/// What a server says, as a client understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerFrame {
    Reply { number: Number, reply: Reply },
    Mark(Mark),
    Event { room: RoomHandle, opens_epoch: bool, event: Event },
    Signal { room: RoomHandle, signal: Signal },
}

/// The epoch that each room's next event belongs to, unless it says otherwise: events carry it only when it changes.
#[derive(Clone, Debug, Default)]
pub struct Epochs(HashMap<RoomHandle, Epoch>);

impl Epochs {
    /// Epoch 0 for a room that nothing was heard of.
    pub fn of(&self, room: RoomHandle) -> Epoch {
        self.0.get(&room).copied().unwrap_or_default()
    }

    pub fn learn(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Event { room, opens_epoch: true, event } => self.set(*room, event.place.epoch),
            ServerFrame::Event { opens_epoch: false, .. } => {}
            ServerFrame::Signal { room, signal: Signal::Retract { next, .. } } => self.set(*room, next.epoch),
            ServerFrame::Signal { .. } => {}
            ServerFrame::Mark(Mark::Gap { room, from, .. }) => self.set(*room, from.epoch),
            ServerFrame::Mark(Mark::Resumed { .. } | Mark::Ended { .. } | Mark::Present { .. }) => {}
            ServerFrame::Reply { reply, .. } => {
                if let Reply::Subscribed(subscribed) = reply {
                    self.set(subscribed.handle, subscribed.from.epoch);
                }
            }
        }
    }

    fn set(&mut self, room: RoomHandle, epoch: Epoch) {
        self.0.insert(room, epoch);
    }
}

/// A client's end of a native language.
pub trait Speak: Send + Sync {
    /// Appends one command as the payload of one WebSocket message.
    fn say(&self, number: Number, command: &Command, out: &mut Vec<u8>);

    /// One message of the server. Kinds that are newer than this code are passed over.
    fn hear(&self, epochs: &mut Epochs, message: Incoming<'_>, heard: &mut Vec<ServerFrame>) -> Result<(), Bad>;
}

/// A token that came with the request is the first thing asked, under number 0.
pub fn authenticate_at_once(hello: &Hello<'_>, talk: &mut Talk) {
    let Some(token) = hello.token else { return };
    if token.len() as u64 > limits::TOKEN_BYTES {
        let detail = format!("a token has at most {} bytes", limits::TOKEN_BYTES);
        return talk.refuse(0, Refusal::because(ErrorCode::TooLarge, detail));
    }
    talk.ask(0, Command::Authenticate { token: token.to_owned() });
}

/// A close frame whose reason begins with the drop reason's word.
pub fn goodbye(reason: DropReason, detail: &str, out: &mut Frames) {
    let said = if detail.is_empty() { reason.sentence() } else { detail };
    out.close(reason.close_code(), &format!("{}: {said}", reason.word()));
}
