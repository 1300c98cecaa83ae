//! From placed to confirmed: batches of a turn go to the store, and what waits for them follows when they are there.

use super::room::Room;
use super::world::World;
use crate::message::{Address, EffectId, ReplyTo, ToHome};
use crate::ports::{Batch, Row, Stored, Ticket};
use crate::settings::{Deliver, OnFailure, RoomClass};
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{AckLevel, Ordinal, Place, RoomHandle, RoomKey, Seq};
use rookery_protocol::reply::Reply;
use std::collections::VecDeque;
use std::sync::Arc;

/// What of a room is confirmed, what is under way, and what belongs to the batch of this turn.
#[derive(Debug, Default)]
pub(crate) struct Confirm {
    /// The confirmed place: history and counts end here.
    pub place: Place,
    pub messages: Ordinal,
    batch: Option<Box<Batch>>,
    acks: Vec<Ack>,
    /// Effects whose cause is in the batch.
    pub effects: Vec<EffectId>,
    /// Effects of other rooms that the batch has taken.
    pub done: Vec<EffectId>,
    /// Of each event of the batch, in a class that delivers when stored.
    pub origins: Vec<Option<Address>>,
    pub under_way: VecDeque<UnderWay>,
    /// Acks of places that are given but not known here yet.
    odd: Vec<(Seq, Ack)>,
    /// Events in `under_way`.
    events_under_way: usize,
    /// Of bodies in the batch.
    bytes: usize,
}

/// An answer that waits for the store.
#[derive(Debug)]
pub(crate) struct Ack {
    pub to: ReplyTo,
    pub reply: Reply,
    /// What it waits for.
    pub level: AckLevel,
    /// It waits for this effect of its event, too.
    pub after: Option<EffectId>,
}

/// A batch that the store has.
#[derive(Debug)]
pub(crate) struct UnderWay {
    ticket: Ticket,
    step: Step,
    last: Place,
    messages: Ordinal,
    events: Vec<Arc<Event>>,
    origins: Vec<Option<Address>>,
    acks: Vec<Ack>,
    effects: Vec<EffectId>,
    taken: Vec<EffectId>,
    /// For a class that keeps: to be submitted again.
    again: Option<Box<Batch>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Sent,
    /// Waits until the store takes writes again.
    Held,
    Done,
}

/// A batch is handed over before the turn's end when it has grown to this: stores have their limits.
const BATCH_EVENTS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

impl Confirm {
    pub fn at(place: Place, messages: Ordinal) -> Confirm {
        Confirm { place, messages, ..Confirm::default() }
    }

    pub fn batch(&mut self, key: &RoomKey, handle: RoomHandle, class: &Arc<RoomClass>) -> &mut Batch {
        self.batch.get_or_insert_with(|| {
            Box::new(Batch { room: key.clone(), handle, class: class.clone(), events: Vec::new(), rows: Vec::new() })
        })
    }

    /// An event is the batch's from here on.
    pub fn add(&mut self, event: Arc<Event>) {
        if let EventBody::Posted(message) | EventBody::Edited(message) = &event.body {
            self.bytes += message.body.len();
        }
        if let Some(batch) = &mut self.batch {
            batch.events.push(event);
        }
    }

    fn is_large(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.batch.as_ref().is_some_and(|b| b.events.len() >= BATCH_EVENTS)
    }

    pub fn is_idle(&self) -> bool {
        self.batch.is_none() && self.under_way.is_empty()
    }

    /// Somebody hears of this turn's batch only when it is confirmed.
    pub fn is_awaited(&self, class: &RoomClass) -> bool {
        !self.acks.is_empty()
            || !self.effects.is_empty()
            || !self.done.is_empty()
            || !self.odd.is_empty()
            || class.deliver == Deliver::Stored
    }

    /// Events that have a place and are not confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.events_under_way + self.batch.as_ref().map_or(0, |b| b.events.len())
    }

    /// With the batch that the place is in; what belongs to no event, with the present one.
    pub fn add_ack(&mut self, seq: Seq, last: Seq, ack: Ack) {
        if seq > last {
            self.odd.push((seq, ack));
            return;
        }
        match self.under_way.iter_mut().find(|u| u.last.seq >= seq && !u.events.is_empty()) {
            Some(under_way) => under_way.acks.push(ack),
            None => self.acks.push(ack),
        }
    }

    /// Behind the rows of the present batch.
    pub fn add_row_ack(&mut self, ack: Ack) {
        self.acks.push(ack);
    }

    /// An effect was taken, but its taking is not confirmed.
    pub fn has_taken(&self, id: &EffectId) -> bool {
        self.done.contains(id) || self.under_way.iter().any(|u| u.taken.contains(id))
    }

    /// What the store had and has lost waits under new tickets: nothing that it still says of the old ones counts.
    pub fn hold(&mut self, w: &mut World<'_>) {
        for under_way in self.under_way.iter_mut().filter(|u| u.step == Step::Sent) {
            under_way.step = Step::Held;
            under_way.ticket = w.shared.ticket();
        }
    }

    /// Everybody who waits for the store.
    pub fn take_acks(&mut self) -> Vec<Ack> {
        let mut acks: Vec<Ack> = self.under_way.drain(..).flat_map(|u| u.acks).collect();
        acks.append(&mut self.acks);
        acks.extend(self.odd.drain(..).map(|(_, ack)| ack));
        acks
    }
}

impl Room {
    pub(crate) fn rows(&mut self) -> &mut Vec<Row> {
        &mut self.confirm.batch(&self.key, self.handle, &self.class).rows
    }

    /// Hands over early what has become large.
    pub(crate) fn submit_if_large(&mut self, w: &mut World<'_>) {
        if self.confirm.is_large() {
            self.submit(w);
        }
    }

    pub(crate) fn submit(&mut self, w: &mut World<'_>) {
        let Some(batch) = self.confirm.batch.take() else { return };
        self.confirm.bytes = 0;
        let keeps = self.class.on_failure == OnFailure::Keep;
        let under_way = UnderWay {
            ticket: w.shared.ticket(),
            step: if self.trouble.holding { Step::Held } else { Step::Sent },
            last: self.state.last,
            messages: self.state.messages,
            events: batch.events.clone(),
            origins: std::mem::take(&mut self.confirm.origins),
            acks: std::mem::take(&mut self.confirm.acks),
            effects: std::mem::take(&mut self.confirm.effects),
            taken: std::mem::take(&mut self.confirm.done),
            again: keeps.then(|| Box::new(batch_again(&batch))),
        };
        self.confirm.events_under_way += under_way.events.len();
        let ticket = under_way.ticket;
        self.confirm.under_way.push_back(under_way);
        // Behind what is held, so that the order stays.
        if !self.trouble.holding
            && let Some(answer) = w.ports.submit(ticket, *batch)
        {
            self.stored(w, ticket, answer);
        }
    }

    /// What the store says of a batch. Of one that is no longer under way, nothing follows.
    pub(crate) fn stored(&mut self, w: &mut World<'_>, ticket: Ticket, answer: Stored) {
        if self.trouble.is_probe(ticket) {
            return self.probed(w, answer);
        }
        let waiting = self.confirm.under_way.iter_mut().find(|u| u.ticket == ticket);
        match (answer, waiting) {
            (Stored::Settled, _) => self.settled(w, ticket),
            (Stored::Done | Stored::Failed { .. }, None) => {}
            (Stored::Failed { run }, Some(_)) => self.failed(w, run),
            (Stored::Done, Some(under_way)) => {
                under_way.step = Step::Done;
                while self.confirm.under_way.front().is_some_and(|u| u.step == Step::Done) {
                    if let Some(under_way) = self.confirm.under_way.pop_front() {
                        self.confirmed(w, under_way);
                    }
                }
            }
        }
    }

    fn confirmed(&mut self, w: &mut World<'_>, under_way: UnderWay) {
        let UnderWay { ticket, last, messages, events, origins, mut acks, effects, taken, .. } = under_way;
        self.confirm.events_under_way -= events.len();
        self.confirm.place = last;
        self.confirm.messages = messages;
        self.trouble.reset();
        if self.class.deliver == Deliver::Stored {
            for (event, origin) in events.iter().zip(origins) {
                self.deliver(w, event, origin);
            }
            self.mark_dirty(w);
        }
        self.announce(w, &events);
        self.recent.trim(&w.shared.settings.limits, last.seq);
        self.trim_if_grown(w);
        if !self.confirm.odd.is_empty() {
            let odd = self.confirm.odd.extract_if(.., |(seq, _)| *seq <= last.seq);
            acks.extend(odd.map(|(_, ack)| ack));
        }
        let confirms = w.shared.settings.confirms;
        if w.shared.settings.reach > confirms {
            let later = acks.extract_if(.., |ack| ack.level > confirms).collect();
            self.settles(w, ticket, last.seq, later);
        }
        for ack in acks {
            self.acknowledge(w, ack);
        }
        for id in effects {
            self.send_effect(w, &id);
        }
        for id in taken {
            w.send_home(&id.cause.clone(), ToHome::EffectDone(id));
        }
    }

    pub(crate) fn acknowledge(&mut self, w: &mut World<'_>, ack: Ack) {
        match &ack.after {
            Some(id) if self.state.pending.contains_key(id) => self.wait_for_effect(w, ack),
            Some(_) | None => w.reply(ack.to, ack.reply),
        }
    }

    /// Submits again what is held, in order, until the store fails again.
    pub(crate) fn submit_held(&mut self, w: &mut World<'_>) {
        self.trouble.holding = false;
        while !self.trouble.holding {
            let Some(next) = self.confirm.under_way.iter_mut().find(|u| u.step == Step::Held) else { return };
            let Some(batch) = next.again.as_ref().map(|b| batch_again(b)) else { return };
            next.step = Step::Sent;
            let ticket = next.ticket;
            if let Some(answer) = w.ports.submit(ticket, batch) {
                self.stored(w, ticket, answer);
            }
        }
    }
}

fn batch_again(batch: &Batch) -> Batch {
    Batch {
        room: batch.room.clone(),
        handle: batch.handle,
        class: batch.class.clone(),
        events: batch.events.clone(),
        rows: batch.rows.clone(),
    }
}
