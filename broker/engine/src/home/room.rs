//! One room: its parts, and how what comes to it is taken up, one thing after another.

use super::bucket::Bucket;
use super::chores::Chores;
use super::confirm::Confirm;
use super::expiry::Expiry;
use super::failure::Trouble;
use super::flight::Flight;
use super::gather::Gathers;
use super::here::Here;
use super::line::Waiting;
use super::lobby::Lobby;
use super::parked::Parked;
use super::patience::Patience;
use super::presence::Untold;
use super::recent::Recent;
use super::replay::Pages;
use super::retention::Retention;
use super::settling::Settling;
use super::state::RoomState;
use super::summary::SummaryClock;
use super::turn::Answers;
use super::world::{BackOff, World};
use crate::fanout::RoomFanout;
use crate::message::Address;
use crate::ports::Ticket;
use crate::settings::{Deliver, RoomClass};
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::event::Signal;
use rookery_protocol::ids::{Epoch, Place, RoomHandle, RoomKey};
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct Room {
    pub handle: RoomHandle,
    pub key: RoomKey,
    pub class: Arc<RoomClass>,
    /// The epoch of what it places next.
    pub run: Epoch,
    pub phase: Phase,
    pub state: RoomState,
    pub recent: Recent,
    pub flight: Flight,
    pub confirm: Confirm,
    pub settling: Settling,
    pub trouble: Trouble,
    /// What listeners were given: the placed end, or the confirmed one in a class that delivers when stored.
    pub delivered: Place,
    pub fanout: RoomFanout,
    /// Who listens, and who is present.
    pub here: Here,
    /// What cannot be taken up yet, in order.
    pub line: VecDeque<Waiting>,
    /// What waits for an answer of the store, or for a duplicate key.
    pub parked: Parked,
    pub pages: Pages,
    /// Given at the end of this turn.
    pub answers: Answers,
    pub bucket: Bucket,
    pub summary: SummaryClock,
    pub effects_back_off: BackOff,
    pub effects_timer: bool,
    pub patience: Patience,
    pub chores: Chores,
    pub expiry: Expiry,
    pub retention: Retention,
    pub untold: Untold,
    pub gathers: Gathers,
    pub lobby: Option<Box<Lobby>>,
    /// It has something to do that no run before this one finished, and is not loaded yet.
    pub undone: bool,
    /// When it was last wanted.
    pub touched: u64,
    dirty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not loaded, and nobody asked for it.
    Cold,
    Loading(Ticket),
    Ready,
}

impl Room {
    pub fn new(handle: RoomHandle, key: RoomKey, class: Arc<RoomClass>, run: Epoch, now: u64) -> Room {
        Room {
            handle,
            key,
            run,
            phase: Phase::Cold,
            state: RoomState::default(),
            recent: Recent::default(),
            flight: Flight::default(),
            confirm: Confirm::default(),
            settling: Settling::default(),
            trouble: Trouble::default(),
            delivered: Place::START,
            fanout: RoomFanout::default(),
            here: Here::default(),
            line: VecDeque::new(),
            parked: Parked::default(),
            pages: Pages::default(),
            answers: Answers::default(),
            bucket: Bucket::full(class.events_burst, now),
            summary: SummaryClock::default(),
            effects_back_off: BackOff::default(),
            effects_timer: false,
            patience: Patience::default(),
            chores: Chores::default(),
            expiry: Expiry::default(),
            retention: Retention::default(),
            untold: Untold::default(),
            gathers: Gathers::default(),
            lobby: None,
            undone: false,
            touched: now,
            dirty: false,
            class,
        }
    }

    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// The end as listeners may know it.
    pub fn end(&self) -> Place {
        match self.class.deliver {
            Deliver::Placed => self.state.last,
            Deliver::Stored => self.confirm.place,
        }
    }

    /// Has something for the end of this turn.
    pub fn mark_dirty(&mut self, w: &mut World<'_>) {
        if !self.dirty {
            self.dirty = true;
            w.shared.dirty.push(self.handle);
        }
    }

    pub fn mark_clean(&mut self) {
        self.dirty = false;
    }

    /// Told to who listens now, kept nowhere.
    pub fn signal(&mut self, w: &mut World<'_>, signal: &Signal, origin: Option<Address>) {
        if self.fanout.wants(signal.kind()) {
            let room = RoomOnWire { handle: self.handle, key: &self.key };
            self.fanout.signal(room, signal, self.delivered, origin);
            self.mark_dirty(w);
        }
    }

    /// Has to be loaded, though nobody may touch it first: listeners wait, or it has to say that it writes again, or has
    /// something to do.
    pub fn is_wanted(&self) -> bool {
        !self.here.is_empty() || self.trouble.read_only || self.undone
    }

    /// Closes the chunks under construction, so that what comes next stands behind them.
    pub fn seal(&mut self, w: &mut World<'_>) {
        let room = RoomOnWire { handle: self.handle, key: &self.key };
        self.fanout.seal(room, &w.shared.pinned, w.out);
    }

    /// Nobody listens, nothing is under way: its state can be had again from the store.
    pub fn can_be_forgotten(&self) -> bool {
        self.here.is_empty()
            && self.fanout.is_idle()
            && self.line.is_empty()
            && self.parked.is_empty()
            && self.confirm.is_idle()
            && self.settling.is_idle()
            && !self.flight.is_busy()
            && !self.trouble.read_only
            && !self.trouble.holding
            && !self.undone
            && !matches!(self.phase, Phase::Loading(_))
            && self.state.pending.is_empty()
            && self.chores.is_empty()
            && self.gathers.is_empty()
            && self.answers.is_empty()
            && !self.pages.is_reading()
            && self.lobby.as_ref().is_none_or(|lobby| lobby.is_empty())
            && !self.dirty
    }
}
