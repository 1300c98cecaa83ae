//! The rooms' side: state, decisions, and what follows from them. Knows no dialect, no connection's content, no socket.
//!
//! Read in this order:
//! 1. [`line`]: how a room takes up what comes to it; [`decide`] and [`commands`]: what is decided, and on what.
//! 2. [`sequence`]: a proposal gets its place; [`apply`]: the only change of state; [`holds`]: checked again.
//! 3. [`deliver`]: what listeners get; [`confirm`] and [`settling`]: what the store has; [`failure`]: when it has not.
//! 4. [`attach`], [`replay`], [`turn`]: who listens, catching up, and the end of a turn.
//! 5. [`effects`], [`gather`], [`sessions`], [`lobby`]: what rooms do to each other.

mod apply;
mod attach;
mod bucket;
mod chores;
mod commands;
mod confirm;
mod decide;
mod deliver;
mod effects;
mod epochs;
mod expiry;
mod facts;
mod failure;
mod flight;
mod gather;
mod here;
mod holds;
mod line;
mod loading;
mod lobby;
mod marks;
mod parked;
mod patience;
mod presence;
mod questions;
mod recent;
mod replay;
mod retention;
mod rights;
mod room;
mod rooms;
mod sequence;
mod sessions;
mod settling;
mod state;
mod streams;
mod summary;
// A test picks out of our enums what it looks at.
#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
mod turn;
mod world;

use crate::fanout::{Outbound, Pinned};
use crate::message::{PageAnswer, ShardId, ToEdge, ToHome};
use crate::ports::{Fact, Now, Ports};
use crate::settings::Settings;
use line::Waiting;
use parked::Sought;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::Kind;
use rookery_protocol::ids::{Place, RoomHandle};
use rookery_protocol::reply::GapReason;
use rooms::Rooms;
use std::sync::Arc;
use world::{Shared, World};

pub struct Home {
    rooms: Rooms,
    shared: Shared,
}

impl Home {
    pub fn new(settings: Arc<Settings>) -> Home {
        Home { rooms: Rooms::default(), shared: Shared::new(settings) }
    }

    /// Rooms at hand follow at once.
    pub fn configure(&mut self, settings: Arc<Settings>) {
        self.rooms.configure(&settings);
        self.shared.settings = settings;
    }

    /// A message from an edge or another home. Commands are decided at once, one after another.
    pub fn take(&mut self, now: Now, ports: &mut dyn Ports, from: ShardId, message: ToHome, out: &mut Outbound) {
        let w = &mut World { now, ports, out, shared: &mut self.shared };
        match message {
            ToHome::Command(envelope) => self.rooms.command(w, envelope),
            ToHome::Attach(attach) => {
                let to = attach.reply_to;
                match self.rooms.of(w, &attach.room) {
                    Some(room) => room.enter(w, Waiting::Attach(attach)),
                    None => w.refuse_code(to, ErrorCode::NoSuchRoom),
                }
            }
            ToHome::Detach(detach) => {
                if let Some(room) = self.rooms.get(detach.room) {
                    room.detach(w, detach);
                }
            }
            ToHome::Pull { room: handle, lane, after } => match self.rooms.get(handle) {
                Some(room) => room.pull(w, turn::Pull { shard: from, lane, after }),
                None => {
                    let answer = PageAnswer::Gap { reason: GapReason::UnknownPlace, from: Place::START };
                    out.late(from, ToEdge::Page { room: handle, lane, after, answer, end: Place::START });
                }
            },
            ToHome::SessionOpened(opened) => w.session_opened(*opened),
            ToHome::SessionClosed { inbox, address } => w.session_closed(&inbox, address),
            ToHome::Effect(effect) => {
                if let Some(room) = self.rooms.by_key(w, &effect.target) {
                    room.enter(w, Waiting::Effect(effect));
                }
            }
            ToHome::EffectDone(id) => {
                if let Some(room) = self.rooms.by_key(w, &id.cause) {
                    room.enter(w, Waiting::EffectDone(id));
                }
            }
            ToHome::Seen { lobby, user, status, text, at } => {
                if let Some(room) = self.rooms.by_key(w, &lobby) {
                    room.seen(w, &user, status, text, at);
                }
            }
            ToHome::Ask { room, asker, ticket, question } => {
                if let Some(room) = self.rooms.by_key(w, &room) {
                    room.enter(w, Waiting::Question { asker, ticket, question: *question, sought: Sought::new() });
                }
            }
            ToHome::Answer { asker, ticket, room, answer } => {
                if let Some(asker) = self.rooms.loaded(&asker) {
                    asker.answer(w, ticket, &room, *answer);
                }
            }
            ToHome::Signal { room, signal } => {
                if let Some(room) = self.rooms.loaded(&room) {
                    room.signal(w, &signal, None);
                }
            }
            ToHome::Revocations { directory } => match self.rooms.by_key(w, &directory) {
                Some(room) => room.enter(w, Waiting::Revocations { shard: from }),
                // A realm that this node does not have: nothing in it can be entered.
                None => out.late(from, ToEdge::Revocations { realm: directory.realm, facts: Some(Vec::new()) }),
            },
            ToHome::Who { room, to } => {
                if let Some(room) = self.rooms.get(room) {
                    room.tell_who(w, to);
                }
            }
        }
    }

    /// A late answer of a port.
    pub fn fact(&mut self, now: Now, ports: &mut dyn Ports, fact: Fact, out: &mut Outbound) {
        let w = &mut World { now, ports, out, shared: &mut self.shared };
        match fact {
            Fact::Sequenced { room, ticket, answer } => {
                if let Some(room) = self.rooms.get(room) {
                    room.sequenced(w, ticket, answer);
                }
            }
            Fact::Stored { room, ticket, answer } => {
                if let Some(room) = self.rooms.get(room) {
                    room.stored(w, ticket, answer);
                }
            }
            Fact::Loaded { room, ticket, image } => {
                if let Some(room) = self.rooms.get(room) {
                    room.loaded(w, ticket, image);
                }
            }
            Fact::Fetched { room, ticket, answer } => {
                if let Some(room) = self.rooms.get(room) {
                    room.fetched(w, ticket, answer);
                }
            }
            Fact::Foreign { room, event } => {
                // A room that nobody has here reads it from the store when it is touched.
                if let Some(room) = self.rooms.loaded(&room) {
                    room.foreign(w, event);
                }
            }
            Fact::StoreBack => {
                for handle in w.shared.faulty.clone() {
                    if let Some(room) = self.rooms.get(handle) {
                        room.try_store(w);
                    }
                }
            }
            Fact::Undone { room } => {
                if let Some(room) = self.rooms.by_key(w, &room) {
                    room.wake(w);
                }
            }
            // Of edges.
            Fact::Verified { .. } | Fact::Consulted { .. } => {}
        }
    }

    pub fn tick(&mut self, now: Now, ports: &mut dyn Ports, out: &mut Outbound) {
        while let Some(due) = self.shared.timers.due(now.mono) {
            let w = &mut World { now, ports: &mut *ports, out: &mut *out, shared: &mut self.shared };
            self.rooms.due(w, due);
        }
    }

    pub fn next_deadline(&self) -> Option<u64> {
        self.shared.timers.next()
    }

    /// Submits batches that somebody waits for, seals chunks, then answers what was attached and pulled in this turn.
    pub fn end_turn(&mut self, now: Now, ports: &mut dyn Ports, out: &mut Outbound) {
        let mut dirty = std::mem::take(&mut self.shared.dirty);
        for handle in dirty.drain(..) {
            if let Some(room) = self.rooms.get(handle) {
                let w = &mut World { now, ports: &mut *ports, out: &mut *out, shared: &mut self.shared };
                room.end_turn(w);
            }
        }
        // What an end of turn made dirty has its own end in the next round.
        dirty.append(&mut self.shared.dirty);
        self.shared.dirty = dirty;
    }

    /// Submits the batches that nobody waits for.
    pub fn submit_rest(&mut self, now: Now, ports: &mut dyn Ports, out: &mut Outbound) {
        let mut unhurried = std::mem::take(&mut self.shared.unhurried);
        for handle in unhurried.drain(..) {
            if let Some(room) = self.rooms.get(handle) {
                let w = &mut World { now, ports: &mut *ports, out: &mut *out, shared: &mut self.shared };
                room.submit(w);
            }
        }
        self.shared.unhurried = unhurried;
    }

    /// Whether some room has something for the end of a turn.
    pub fn wants_end(&self) -> bool {
        !self.shared.dirty.is_empty()
    }

    /// The end of a room as its listeners may know it.
    pub fn end_of(&self, room: RoomHandle) -> Option<Place> {
        self.rooms.end_of(room)
    }

    /// Events that got their place here.
    pub fn events(&self, kind: Kind) -> u64 {
        self.shared.events.of(kind as usize)
    }

    /// Rooms at hand.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Bytes that chunks of this home hold, wherever their last reader is.
    pub fn pinned(&self) -> &Arc<Pinned> {
        &self.shared.pinned
    }
}
