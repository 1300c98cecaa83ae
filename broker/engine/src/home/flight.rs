//! Proposals on their way to a place, and events that came before those they follow.

use super::rights::Actor;
use crate::message::{Action, EffectId, ReplyTo};
use crate::ports::{Foreign, Ticket};
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::{AckLevel, DuplicateKey, Millis, Place, RoomKey, Seq, UserId};
use rookery_protocol::message::Message;
use rookery_protocol::reply::Reply;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decided but not placed.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub body: EventBody,
    pub by: UserId,
    pub at: Millis,
    /// Rights that do not come from the room.
    pub privileged: bool,
    /// The message that a deletion empties.
    pub base: Option<Arc<Message>>,
    pub expect: Option<Place>,
    /// What it does in other rooms, once confirmed.
    pub effects: Vec<(RoomKey, Action)>,
    pub level: AckLevel,
    /// The answer, where it is not the place.
    pub reply: Option<Box<Reply>>,
    /// The answer waits until the first effect is done.
    pub after_effect: bool,
    pub asker: Asker,
    /// The state that it was decided on.
    pub seen: Place,
    /// Others that follow it, whatever becomes of them.
    pub then: Vec<Proposal>,
    /// Commands with the same duplicate key; they get the same answer.
    pub repeats: Vec<(ReplyTo, AckLevel)>,
}

/// Who hears what became of a proposal.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// Nobody: it follows from another one, or from a chore.
    Nobody,
    Command(ReplyTo),
    Effect(EffectId),
}

impl Proposal {
    pub fn new(body: EventBody, by: UserId, at: Millis, seen: Place) -> Box<Proposal> {
        Box::new(Proposal {
            body,
            by,
            at,
            privileged: false,
            base: None,
            expect: None,
            effects: Vec::new(),
            level: AckLevel::Accepted,
            reply: None,
            after_effect: false,
            asker: Asker::Nobody,
            seen,
            then: Vec::new(),
            repeats: Vec::new(),
        })
    }

    pub fn key(&self) -> Option<&DuplicateKey> {
        if let EventBody::Posted(message) = &self.body {
            return message.extra.as_ref()?.key.as_ref();
        }
        None
    }

    pub fn actor(&self) -> Actor<'_> {
        Actor { user: &self.by, privileged: self.privileged }
    }
}

/// An event that has its place before those below it are known.
#[derive(Debug)]
pub(crate) enum Early {
    Mine(Box<Proposal>),
    Foreign(Box<Foreign>),
}

#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// Waiting for a place.
    pub waiting: BTreeMap<Ticket, Box<Proposal>>,
    /// By seq, all above the room's last one.
    pub early: BTreeMap<Seq, (Place, Early)>,
}

impl Flight {
    /// The state will change by what was asked already.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || !self.early.is_empty()
    }

    pub fn len(&self) -> usize {
        self.waiting.len() + self.early.len()
    }

    fn proposals(&mut self) -> impl Iterator<Item = &mut Proposal> {
        let early = self.early.values_mut().filter_map(|(_, early)| match early {
            Early::Mine(p) => Some(&mut **p),
            Early::Foreign(_) => None,
        });
        self.waiting.values_mut().map(|p| &mut **p).chain(early)
    }

    /// The proposal that carries this key.
    pub fn keyed(&mut self, user: &UserId, key: &DuplicateKey) -> Option<&mut Proposal> {
        self.proposals().find(|p| p.by == *user && p.key() == Some(key))
    }

    pub fn has_key(&self, user: &UserId, key: &DuplicateKey) -> bool {
        self.all().any(|p| p.by == *user && p.key() == Some(key))
    }

    fn all(&self) -> impl Iterator<Item = &Proposal> {
        let early = self.early.values().filter_map(|(_, early)| match early {
            Early::Mine(p) => Some(&**p),
            Early::Foreign(_) => None,
        });
        self.waiting.values().map(|p| &**p).chain(early)
    }

    pub fn has_effect(&self, id: &EffectId) -> bool {
        self.all().any(|p| matches!(&p.asker, Asker::Effect(other) if other == id))
    }

    /// The highest place that is known to be given; `last` if none is higher.
    pub fn highest_place(&self, last: Place) -> Place {
        self.early.values().next_back().map_or(last, |(place, _)| last.max(*place))
    }
}
