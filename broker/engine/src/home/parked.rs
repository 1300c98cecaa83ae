//! Commands that wait for an answer of the store, and messages that wait for the one with their duplicate key.

use super::line::{Waiting, busy};
use super::room::{Phase, Room};
use super::world::World;
use crate::message::Envelope;
use crate::ports::{Fetch, Fetched, StoreFault, Ticket};
use compact_str::CompactString;
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{DuplicateKey, UserId};
use rookery_protocol::reply::Refusal;
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};

/// What was looked up for a command already.
pub(crate) type Sought = SmallVec<[(Fetch, Fetched); 1]>;

#[derive(Debug, Default)]
pub(crate) struct Parked {
    fetches: BTreeMap<Ticket, (Fetch, Vec<Waiting>)>,
    keys: BTreeMap<KeyOf, VecDeque<Box<Envelope>>>,
    count: usize,
}

/// Messages that must not overtake each other while one of them is looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyOf {
    Stream(UserId, u64),
    Free(UserId, CompactString),
}

pub(crate) fn key_of(envelope: &Envelope) -> Option<KeyOf> {
    let Command::Post(post) = &envelope.command else { return None };
    let user = envelope.who.user.clone();
    match post.key.as_ref()? {
        DuplicateKey::Stream { stream, .. } => Some(KeyOf::Stream(user, *stream)),
        DuplicateKey::Free(key) => Some(KeyOf::Free(user, key.clone())),
    }
}

/// When a store that did not answer may be asked again.
pub(crate) const FAULT_MS: u32 = 1000;

pub(crate) fn fault() -> Refusal {
    Refusal::later(ErrorCode::Busy, FAULT_MS)
}

impl Parked {
    pub fn is_empty(&self) -> bool {
        self.fetches.is_empty() && self.keys.is_empty()
    }

    pub fn holds_key_of(&self, envelope: &Envelope) -> bool {
        !self.keys.is_empty() && key_of(envelope).is_some_and(|key| self.keys.contains_key(&key))
    }

    fn asked(&mut self, what: &Fetch) -> Option<&mut Vec<Waiting>> {
        self.fetches.values_mut().find(|(asked, _)| asked == what).map(|(_, waiting)| waiting)
    }
}

impl Room {
    /// Looks something up: found at once, or (None) under way, and the asker is to be parked.
    pub(crate) fn seek(&mut self, w: &mut World<'_>, what: &Fetch) -> Result<Option<Fetched>, Refusal> {
        if self.parked.count >= w.shared.settings.limits.room_waiting {
            return Err(busy());
        }
        if self.parked.asked(what).is_some() {
            return Ok(None);
        }
        let ticket = w.shared.ticket();
        match w.ports.fetch(ticket, self.handle, &self.key, what) {
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(StoreFault)) => Err(fault()),
            None => {
                self.parked.fetches.insert(ticket, (what.clone(), Vec::new()));
                Ok(None)
            }
        }
    }

    pub(crate) fn park(&mut self, what: &Fetch, item: Waiting) {
        if let Waiting::Command(envelope, _) = &item
            && let Some(key) = key_of(envelope)
        {
            self.parked.keys.entry(key).or_default();
        }
        if let Some(waiting) = self.parked.asked(what) {
            waiting.push(item);
            self.parked.count += 1;
        }
    }

    pub(crate) fn park_behind_key(&mut self, w: &mut World<'_>, envelope: Box<Envelope>) {
        if self.parked.count >= w.shared.settings.limits.room_waiting {
            return w.refuse(envelope.reply_to, busy());
        }
        let queue = key_of(&envelope).and_then(|key| self.parked.keys.get_mut(&key));
        if let Some(queue) = queue {
            queue.push_back(envelope);
            self.parked.count += 1;
        }
    }

    /// The one that looked is decided: those behind it follow, in order.
    pub(crate) fn release_key(&mut self, w: &mut World<'_>, key: &KeyOf) {
        let Some(queue) = self.parked.keys.remove(key) else { return };
        self.parked.count -= queue.len();
        for envelope in queue {
            self.take_up(w, Waiting::Command(envelope, Sought::new()));
        }
    }

    /// The one that looked is turned away: so are those behind it, or nothing would ever take them up.
    pub(crate) fn turn_away_behind(&mut self, w: &mut World<'_>, looked: &Envelope) {
        let Some(queue) = key_of(looked).and_then(|key| self.parked.keys.remove(&key)) else { return };
        self.parked.count -= queue.len();
        for envelope in queue {
            w.refuse(envelope.reply_to, busy());
        }
    }

    /// A late answer of the store: who waited for it is decided again.
    pub(crate) fn fetched(&mut self, w: &mut World<'_>, ticket: Ticket, answer: Result<Fetched, StoreFault>) {
        let Some((what, waiting)) = self.parked.fetches.remove(&ticket) else {
            return self.page_fetched(w, ticket, answer);
        };
        self.parked.count -= waiting.len();
        for item in waiting {
            match (&answer, item) {
                (Ok(found), Waiting::Command(envelope, mut sought)) => {
                    sought.push((what.clone(), found.clone()));
                    self.take_up(w, Waiting::Command(envelope, sought));
                }
                (Ok(found), Waiting::Question { asker, ticket, question, mut sought }) => {
                    sought.push((what.clone(), found.clone()));
                    self.take_up(w, Waiting::Question { asker, ticket, question, sought });
                }
                (Ok(found), Waiting::Sweep { target, mut sought }) => {
                    sought.push((what.clone(), found.clone()));
                    self.take_up(w, Waiting::Sweep { target, sought });
                }
                (
                    Ok(_),
                    item @ (Waiting::Attach(_)
                    | Waiting::Effect(_)
                    | Waiting::EffectDone(_)
                    | Waiting::Revocations { .. }),
                ) => self.take_up(w, item),
                (Err(StoreFault), item) => {
                    let key = if let Waiting::Command(envelope, _) = &item { key_of(envelope) } else { None };
                    if let Waiting::Command(envelope, _) = &item {
                        w.refuse(envelope.reply_to, fault());
                    } else {
                        self.turn_away(w, item);
                    }
                    if let Some(key) = key {
                        self.release_key(w, &key);
                    }
                }
            }
        }
        self.drain(w);
        self.submit_if_large(w);
    }

    /// Decided now, or in line behind what waits already.
    pub(crate) fn take_up(&mut self, w: &mut World<'_>, item: Waiting) {
        if self.phase == Phase::Cold {
            self.turn_away(w, item);
        } else if !self.is_ready() || !self.line.is_empty() {
            self.line.push_back(item);
        } else if let Some(item) = self.step(w, item) {
            self.line.push_back(item);
        }
    }
}
