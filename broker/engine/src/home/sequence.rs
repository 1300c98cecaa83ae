//! From a proposal to its place: the sequencer is asked, and events are applied strictly in the order of their places.

use super::apply::{apply, place_body};
use super::confirm::Ack;
use super::effects;
use super::flight::{Asker, Early, Proposal};
use super::holds::holds;
use super::recent::Known;
use super::rights::Actor;
use super::room::Room;
use super::world::World;
use crate::message::{Action, Address, CauseEffect, EffectId, ReplyTo};
use crate::planted::{self, Bug};
use crate::ports::{Foreign, Row, SequenceRequest, Sequenced, Ticket};
use crate::settings::Deliver;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{AckLevel, Place, RoomKey, Seq};
use rookery_protocol::message::Message;
use rookery_protocol::reply::Reply;
use std::sync::Arc;

impl Room {
    /// Asks for a place, and for places of what follows from it.
    pub(crate) fn propose(&mut self, w: &mut World<'_>, mut proposal: Box<Proposal>) {
        let then = std::mem::take(&mut proposal.then);
        self.propose_one(w, proposal);
        for next in then {
            self.propose_one(w, Box::new(next));
        }
    }

    fn propose_one(&mut self, w: &mut World<'_>, proposal: Box<Proposal>) {
        let ticket = w.shared.ticket();
        let request = SequenceRequest {
            room: &self.key,
            handle: self.handle,
            after: self.flight.highest_place(self.state.last),
            run: self.run,
            key: proposal.key().map(|key| (&proposal.by, key)),
            expect: proposal.expect,
        };
        match w.ports.sequence(ticket, &request) {
            Some(answer) => self.answered(w, proposal, answer),
            None => {
                self.flight.waiting.insert(ticket, proposal);
            }
        }
    }

    /// A late answer of the sequencer. One to a proposal that was taken back meanwhile finds nothing.
    pub(crate) fn sequenced(&mut self, w: &mut World<'_>, ticket: Ticket, answer: Sequenced) {
        if let Some(proposal) = self.flight.waiting.remove(&ticket) {
            self.answered(w, proposal, answer);
            self.drain(w);
        }
    }

    fn answered(&mut self, w: &mut World<'_>, proposal: Box<Proposal>, answer: Sequenced) {
        match answer {
            Sequenced::Placed(place) if place.seq.0 == self.state.last.seq.0 + 1 => {
                self.place(w, proposal, place);
                self.place_early(w);
            }
            Sequenced::Placed(place) => self.hold(w, place, Early::Mine(proposal)),
            Sequenced::Duplicate(place) if self.became_void(place, proposal.seen) => {
                self.refuse_all(w, &proposal, ErrorCode::Overtaken);
            }
            Sequenced::Duplicate(place) => {
                for (to, level) in askers(&proposal) {
                    self.answer_duplicate(w, to, level, place);
                }
            }
            Sequenced::Unexpected => self.refuse_all(w, &proposal, ErrorCode::Unexpected),
            Sequenced::Unknown => self.refuse_all(w, &proposal, ErrorCode::Unsure),
        }
    }

    /// Whether what the sequencer placed under a key did not hold there: then its sender was refused, and so is a repeat.
    /// Of a place that is not at hand any more the decision would have known the message.
    fn became_void(&self, place: Place, seen: Place) -> bool {
        match self.recent.get(place.seq).filter(|event| event.place == place) {
            Some(event) => event.body == EventBody::Void,
            None => place <= seen,
        }
    }

    /// Another node's event. Every node stores what it sees, so that confirmed means the same on each.
    pub(crate) fn foreign(&mut self, w: &mut World<'_>, foreign: Box<Foreign>) {
        self.hold(w, foreign.event.place, Early::Foreign(foreign));
        self.drain(w);
    }

    /// Nothing is placed on a state that is not at hand, or that the store would not follow.
    fn can_place(&self) -> bool {
        self.is_ready() && !self.trouble.read_only
    }

    /// Keeps what is early until all before it is there. A room that cannot wait any longer begins again from the store.
    fn hold(&mut self, w: &mut World<'_>, place: Place, early: Early) {
        let stale = place.seq <= self.state.last.seq || place.epoch < self.state.last.epoch;
        if (self.is_ready() && stale) || self.flight.early.contains_key(&place.seq) {
            if let Early::Mine(proposal) = early {
                self.refuse_all(w, &proposal, ErrorCode::Unsure);
            }
            return;
        }
        self.flight.early.insert(place.seq, (place, early));
        self.place_early(w);
        if self.flight.early.len() <= w.shared.settings.limits.room_in_flight {
            return;
        }
        if self.is_ready() && self.confirm.is_idle() {
            self.lose_flight(w, ErrorCode::Unsure);
            self.reload(w);
        } else if let Some((_, (_, Early::Mine(proposal)))) = self.flight.early.pop_last() {
            // What the store has under way has to arrive first.
            self.refuse_all(w, &proposal, ErrorCode::Unsure);
        }
    }

    pub(crate) fn place_early(&mut self, w: &mut World<'_>) {
        while self.can_place() {
            let next = Seq(self.state.last.seq.0 + 1);
            let Some((place, early)) = self.flight.early.remove(&next) else { return };
            match early {
                Early::Mine(proposal) => self.place(w, proposal, place),
                Early::Foreign(foreign) => self.place_foreign(w, *foreign),
            }
        }
    }

    /// The next event of the room.
    fn place(&mut self, w: &mut World<'_>, mut proposal: Box<Proposal>, mut place: Place) {
        place.seq.0 += u64::from(planted::is(Bug::SkippedSeq) && place.seq.0.is_multiple_of(16));
        // What was decided on this very state needs no second look.
        if proposal.seen != self.state.last && !self.still_holds(&proposal) {
            self.refuse_all(w, &proposal, ErrorCode::Overtaken);
            let origin = origin(&proposal.asker);
            let done = if let Asker::Effect(id) = proposal.asker { Some(id) } else { None };
            let event = Event { place, at: proposal.at, by: proposal.by, body: EventBody::Void };
            self.put(w, event, None, origin);
            if let Some(id) = done {
                self.effect_taken(w, id);
            }
            return;
        }
        place_body(&self.state, &mut proposal.body, place);
        let ordinal = if let EventBody::Posted(m) = &proposal.body { Some(m.ordinal) } else { None };
        let effects = std::mem::take(&mut proposal.effects);
        let first_effect = self.add_effects(&proposal, place, effects);
        let origin = origin(&proposal.asker);
        let event = Event { place, at: proposal.at, by: proposal.by, body: proposal.body };
        self.put(w, event, proposal.base.as_ref(), origin);
        match proposal.asker {
            Asker::Nobody => {}
            Asker::Command(to) => {
                let after = first_effect.filter(|_| proposal.after_effect);
                self.ack(w, to, proposal.level, place, ordinal, false, proposal.reply, after);
            }
            Asker::Effect(id) => self.effect_taken(w, id),
        }
        for (to, level) in proposal.repeats {
            self.ack(w, to, level, place, ordinal, true, None, None);
        }
    }

    fn still_holds(&self, proposal: &Proposal) -> bool {
        let changes = if let EventBody::Posted(_) = &proposal.body { None } else { proposal.body.target() };
        holds(&self.state, proposal.actor(), &proposal.body, proposal.base.as_ref()).is_ok()
            && changes.is_none_or(|target| !self.recent.deleted_since(target, proposal.seen))
    }

    fn place_foreign(&mut self, w: &mut World<'_>, foreign: Foreign) {
        let Foreign { mut event, rows, privileged } = foreign;
        let place = event.place;
        let actor = Actor { user: &event.by, privileged };
        let base = event.body.target().and_then(|target| self.base_of_foreign(target, &rows));
        let target = if let EventBody::Posted(_) = &event.body { None } else { event.body.target() };
        let gone = target.is_some_and(|target| self.recent.deleted_since(target, Place::START));
        if gone || holds(&self.state, actor, &event.body, base.as_ref()).is_err() {
            event.body = EventBody::Void;
        } else {
            place_body(&self.state, &mut event.body, place);
        }
        self.put(w, event, base.as_ref(), None);
    }

    /// The message that another node's event changes: here, or in what that node wrote.
    fn base_of_foreign(&self, target: Place, rows: &[Row]) -> Option<Arc<Message>> {
        if let Known::Message(message) = self.recent.message(target) {
            return Some(message);
        }
        let rewritten = |row: &Row| if let Row::Rewrite(message) = row { Some(message.clone()) } else { None };
        rows.iter().filter_map(rewritten).find(|message| message.place == target)
    }

    /// The event is the room's from here on: state, recent log, batch, and its listeners unless they wait for the store.
    fn put(&mut self, w: &mut World<'_>, event: Event, base: Option<&Arc<Message>>, origin: Option<Address>) {
        w.shared.events.add(event.body.kind() as usize);
        let event = Arc::new(event);
        let batch = self.confirm.batch(&self.key, self.handle, &self.class);
        apply(&mut self.state, &event, base, &mut batch.rows);
        self.confirm.add(event.clone());
        self.recent.push(event.clone());
        self.note_expiry(w, &event);
        self.mark_dirty(w);
        match self.class.deliver {
            Deliver::Placed => self.deliver(w, &event, origin),
            Deliver::Stored => self.confirm.origins.push(origin),
        }
    }

    /// Drafts of effects become effects: their cause has its place.
    fn add_effects(&mut self, proposal: &Proposal, place: Place, effects: Vec<(RoomKey, Action)>) -> Option<EffectId> {
        let mut first = None;
        for (index, (target, action)) in effects.into_iter().enumerate() {
            let id = EffectId { cause: self.key.clone(), place, index: index as u16 };
            let action = effects::placed(action, place);
            let effect = CauseEffect { id: id.clone(), target, by: proposal.by.clone(), at: proposal.at, action };
            self.rows().push(Row::EffectPending(Box::new(effect.clone())));
            self.confirm.effects.push(id.clone());
            self.state.pending.insert(id.clone(), effect);
            first.get_or_insert(id);
        }
        first
    }

    /// Answers at the level asked: at once, or with the batch that the place is in.
    pub(crate) fn ack(
        &mut self,
        w: &mut World<'_>,
        to: ReplyTo,
        level: AckLevel,
        place: Place,
        ordinal: Option<u64>,
        duplicate: bool,
        reply: Option<Box<Reply>>,
        after: Option<EffectId>,
    ) {
        let reached = self.level_of(w, place.seq);
        let level = if level > AckLevel::Accepted { level.max(w.shared.settings.confirms) } else { level };
        let reply =
            reply.map_or(Reply::Placed { place, ordinal, level: level.max(reached), duplicate }, |reply| *reply);
        if reached >= level || planted::is(Bug::AckBeforeConfirmed) {
            return w.reply(to, reply);
        }
        let ack = Ack { to, reply, level, after };
        if place.seq <= self.confirm.place.seq {
            self.wait_until_settled(w, place.seq, ack);
        } else {
            self.confirm.add_ack(place.seq, self.state.last.seq, ack);
        }
    }

    /// What a place has reached.
    fn level_of(&self, w: &World<'_>, seq: Seq) -> AckLevel {
        if seq <= self.settling.seq {
            w.shared.settings.reach
        } else if seq <= self.confirm.place.seq {
            w.shared.settings.confirms
        } else {
            AckLevel::Accepted
        }
    }

    /// The first answer again, as far as it is at hand.
    pub(crate) fn answer_duplicate(&mut self, w: &mut World<'_>, to: ReplyTo, level: AckLevel, place: Place) {
        let first = self.recent.newest_message(place.seq).filter(|message| message.place == place);
        let ordinal = first.map(|message| message.ordinal);
        self.ack(w, to, level, place, ordinal, true, None, None);
    }

    pub(crate) fn refuse_all(&mut self, w: &mut World<'_>, proposal: &Proposal, code: ErrorCode) {
        for (to, _) in askers(proposal) {
            w.refuse_code(to, code);
        }
    }
}

fn askers(proposal: &Proposal) -> Vec<(ReplyTo, AckLevel)> {
    let first = if let Asker::Command(to) = &proposal.asker { Some((*to, proposal.level)) } else { None };
    first.into_iter().chain(proposal.repeats.iter().copied()).collect()
}

fn origin(asker: &Asker) -> Option<Address> {
    if let Asker::Command(to) = asker { Some(to.to) } else { None }
}
