//! What comes to a room waits in line while the room is loading, or while what is in flight may change the answer.

use super::commands;
use super::confirm::Ack;
use super::decide::{Context, Go, Stop, decide};
use super::flight::Asker;
use super::parked::{self, Sought};
use super::rights;
use super::room::{Phase, Room};
use super::world::World;
use crate::message::{Answer, Attach, CauseEffect, EffectId, Envelope, Question, ReplyTo, ShardId, ToHome};
use crate::settings::RoomClass;
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{AckLevel, Place, RoomKey};
use rookery_protocol::reply::{Refusal, Reply};

/// Something that a room takes up in order.
#[derive(Debug)]
pub(crate) enum Waiting {
    Command(Box<Envelope>, Sought),
    Attach(Box<Attach>),
    Effect(Box<CauseEffect>),
    EffectDone(EffectId),
    Question {
        asker: RoomKey,
        ticket: u32,
        question: Question,
        sought: Sought,
    },
    /// Of a chore: a message is to go.
    Sweep {
        target: Place,
        sought: Sought,
    },
    /// An edge of that shard asks what the directory has revoked.
    Revocations {
        shard: ShardId,
    },
}

/// When somebody whose command found a queue full may try again.
pub(crate) const BUSY_MS: u32 = 100;

pub(crate) fn busy() -> Refusal {
    Refusal::later(ErrorCode::Busy, BUSY_MS)
}

impl Room {
    /// Something for the room: taken up now, or in line.
    pub(crate) fn enter(&mut self, w: &mut World<'_>, item: Waiting) {
        if let Err((to, refusal)) = self.admit(&item) {
            return w.refuse(to, refusal);
        }
        self.touched = w.now.mono;
        if self.phase == Phase::Cold {
            self.load(w);
        }
        if self.is_ready() && self.line.is_empty() {
            if let Some(item) = self.step(w, item) {
                self.line.push_back(item);
            }
            self.submit_if_large(w);
        } else if self.phase == Phase::Cold || self.line.len() >= w.shared.settings.limits.room_waiting {
            self.turn_away(w, item);
        } else {
            self.line.push_back(item);
        }
    }

    /// The one place where what a token is good for is looked at. It needs no state, so nobody has a room loaded that
    /// its token does not open.
    fn admit(&self, item: &Waiting) -> Result<(), (ReplyTo, Refusal)> {
        let (who, command, to) = match item {
            Waiting::Command(envelope, _) => (&envelope.who, envelope.command.kind(), envelope.reply_to),
            Waiting::Attach(attach) => (&attach.who, CommandKind::Subscribe, attach.reply_to),
            Waiting::Effect(_)
            | Waiting::EffectDone(_)
            | Waiting::Question { .. }
            | Waiting::Sweep { .. }
            | Waiting::Revocations { .. } => return Ok(()),
        };
        rights::allowed_by_token(who, command, &self.key).map_err(|refusal| (to, refusal))
    }

    /// Takes up what waits, until something has to wait on.
    pub(crate) fn drain(&mut self, w: &mut World<'_>) {
        while self.is_ready() {
            let Some(item) = self.line.pop_front() else { return };
            if let Some(item) = self.step(w, item) {
                self.line.push_front(item);
                return;
            }
        }
    }

    /// There is no place for it. Who asks is told; what others repeat is left to them.
    pub(crate) fn turn_away(&mut self, w: &mut World<'_>, item: Waiting) {
        match item {
            Waiting::Command(envelope, sought) => {
                w.refuse(envelope.reply_to, busy());
                if !sought.is_empty() {
                    self.turn_away_behind(w, &envelope);
                }
            }
            Waiting::Attach(attach) => w.refuse(attach.reply_to, busy()),
            Waiting::Question { asker, ticket, .. } => {
                let room = self.key.clone();
                let answer = Box::new(Answer::Nothing);
                w.send_home(&asker.clone(), ToHome::Answer { asker, ticket, room, answer });
            }
            Waiting::Sweep { .. } => self.swept(w, false),
            Waiting::Revocations { shard } => self.tell_revocations(w, shard, None),
            Waiting::Effect(_) | Waiting::EffectDone(_) => {}
        }
    }

    /// Decides; gives back what has to wait for what is in flight.
    pub(crate) fn step(&mut self, w: &mut World<'_>, item: Waiting) -> Option<Waiting> {
        match item {
            Waiting::Command(envelope, sought) => self.command(w, envelope, sought),
            Waiting::Attach(attach) => self.attach(w, attach),
            Waiting::Effect(effect) => self.effect(w, effect),
            Waiting::EffectDone(id) => {
                self.effect_done(w, &id);
                None
            }
            Waiting::Question { asker, ticket, question, sought } => {
                self.question(w, asker, ticket, question, sought);
                None
            }
            Waiting::Sweep { target, sought } => {
                self.sweep(w, target, sought);
                None
            }
            Waiting::Revocations { shard } => {
                let facts = self.state.facts().revocations().collect();
                self.tell_revocations(w, shard, Some(facts));
                None
            }
        }
    }

    fn command(&mut self, w: &mut World<'_>, envelope: Box<Envelope>, sought: Sought) -> Option<Waiting> {
        // A message whose key is being looked up waits behind the one that looks, or a sender's order would turn.
        let looks = !sought.is_empty();
        if !looks && self.parked.holds_key_of(&envelope) {
            self.park_behind_key(w, envelope);
            return None;
        }
        let key = if looks { parked::key_of(&envelope) } else { None };
        let waits = self.decide(w, envelope, sought);
        if let Some(key) = key.filter(|_| waits.is_none()) {
            self.release_key(w, &key);
        }
        waits
    }

    fn decide(&mut self, w: &mut World<'_>, envelope: Box<Envelope>, mut sought: Sought) -> Option<Waiting> {
        let to = envelope.reply_to;
        loop {
            let context = Context::new(self, &w.shared.settings, w.now, &envelope, &sought);
            let stop = match decide(&context, &envelope.command) {
                Ok(go) => {
                    self.go(w, &envelope, go);
                    return None;
                }
                Err(stop) => stop,
            };
            match stop {
                Stop::Wait if self.flight.is_busy() => return Some(Waiting::Command(envelope, sought)),
                Stop::Wait => w.refuse(to, busy()),
                Stop::Refuse(refusal) if self.flight.is_busy() && may_change(refusal.code) => {
                    return Some(Waiting::Command(envelope, sought));
                }
                Stop::Refuse(refusal) => w.refuse(to, refusal),
                Stop::Need(what) => match self.seek(w, &what) {
                    Ok(Some(found)) => {
                        sought.push((what, found));
                        continue;
                    }
                    Ok(None) => self.park(&what, Waiting::Command(envelope, sought)),
                    Err(refusal) => w.refuse(to, refusal),
                },
            }
            return None;
        }
    }

    /// The room's own limit; rooms that nobody talks in have none.
    fn spend(&mut self, w: &World<'_>, events: usize) -> Result<(), u32> {
        if !commands::TALK.contains(&self.key.kind) {
            return Ok(());
        }
        let RoomClass { events_per_second, events_burst, .. } = *self.class;
        self.bucket.take(events as u32, events_per_second, events_burst, w.now.mono)
    }

    /// The same answer as the one with this key that has no place yet.
    fn join_repeat(&mut self, w: &mut World<'_>, envelope: &Envelope, level: AckLevel) {
        let key = if let Command::Post(post) = &envelope.command { post.key.as_ref() } else { None };
        let first = key.and_then(|key| self.flight.keyed(&envelope.who.user, key));
        match first {
            Some(first) if first.repeats.len() < w.shared.settings.limits.room_waiting => {
                first.repeats.push((envelope.reply_to, level));
            }
            Some(_) | None => w.refuse(envelope.reply_to, busy()),
        }
    }

    /// Carries out what was decided.
    fn go(&mut self, w: &mut World<'_>, envelope: &Envelope, go: Go) {
        let to = envelope.reply_to;
        match go {
            Go::Propose(_) if !w.ports.takes_writes() => w.refuse(to, busy()),
            Go::Propose(mut proposal) => {
                if let Err(retry_after_ms) = self.spend(w, 1 + proposal.then.len()) {
                    return w.refuse(to, Refusal::later(ErrorCode::RateLimited, retry_after_ms));
                }
                proposal.asker = Asker::Command(to);
                self.propose(w, proposal);
            }
            Go::Answer(reply) => w.reply(to, reply),
            Go::AnswerAfter { effect, reply } => {
                let level = w.shared.settings.confirms;
                self.wait_for_effect(w, Ack { to, reply, level, after: Some(effect) });
            }
            Go::First { place, level } => self.answer_duplicate(w, to, level, place),
            Go::Join { level } => self.join_repeat(w, envelope, level),
            Go::Mark(mark) => self.mark(w, envelope, mark),
            Go::Signal(signal) => {
                self.signal(w, &signal, Some(to.to));
                w.reply(to, Reply::Done);
            }
            Go::Status { status, text } => self.set_status(w, envelope, status, text),
            Go::Gather(gather) => self.gather(w, to, gather),
            Go::Disconnect => w.close_sessions(&self.key, to),
        }
    }
}

/// Whether what is in flight could make this refusal another answer.
fn may_change(code: ErrorCode) -> bool {
    match code {
        ErrorCode::NotAllowed
        | ErrorCode::NoSuchRoom
        | ErrorCode::RoomExists
        | ErrorCode::RoomArchived
        | ErrorCode::NotAMember
        | ErrorCode::NoSuchMessage
        | ErrorCode::NoSuchUser
        | ErrorCode::NameTaken
        | ErrorCode::Overtaken
        | ErrorCode::LastOwner => true,
        ErrorCode::Malformed
        | ErrorCode::UnknownCommand
        | ErrorCode::TooLarge
        | ErrorCode::NotAuthenticated
        | ErrorCode::BadToken
        | ErrorCode::TokenExpired
        | ErrorCode::Revoked
        | ErrorCode::NotSubscribed
        | ErrorCode::RateLimited
        | ErrorCode::TooManyRooms
        | ErrorCode::TooManyConnections
        | ErrorCode::Unexpected
        | ErrorCode::LevelUnavailable
        | ErrorCode::NotAvailable
        | ErrorCode::Busy
        | ErrorCode::ReadOnly
        | ErrorCode::NotStored
        | ErrorCode::Unsure
        | ErrorCode::Draining
        | ErrorCode::NoSuchPath
        | ErrorCode::WrongMethod
        | ErrorCode::WrongType
        | ErrorCode::TooSlow
        | ErrorCode::NotDurable
        | ErrorCode::NoRuling => false,
    }
}
