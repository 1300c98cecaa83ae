//! The judge of one subscription: what a client is told must follow from the ledger, in order, without a silent gap.

use crate::ledger::{Book, Ledger, Stamp, name, same_event};
use crate::pages::same_message;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{AckLevel, Place, RoomKey, UserId};
use rookery_protocol::message::Message;
use rookery_protocol::reply::{GapReason, Mark, Start, Subscribed};

/// What the judge remembers of one subscription of one connection.
#[derive(Debug)]
pub struct Sub {
    pub room: RoomKey,
    /// Of the plan's rooms.
    pub index: usize,
    pub user: UserId,
    /// Everything up to here was told.
    pub last: Place,
    /// The room's end when the home took the subscription.
    pub end: Place,
    pub asked: Stamp,
    pub state: SubState,
    /// Events come only once they are stored.
    pub when_stored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubState {
    /// Waits for the mark `resumed`.
    Resuming,
    /// Something follows before it is live, and no word says when.
    Lagging,
    Live,
    /// Nothing may follow.
    Ended,
}

/// What a client asked for, when.
#[derive(Clone, Debug)]
pub struct AskedRoom {
    pub room: RoomKey,
    pub index: usize,
    pub cursor: Option<Place>,
    pub stamp: Stamp,
}

pub fn subscribed(
    ledger: &mut Ledger,
    user: &UserId,
    asked: &AskedRoom,
    told: &Subscribed,
    when_stored: bool,
) -> Result<Sub, String> {
    let room = name(&told.room);
    if told.room != asked.room {
        return Err(format!("asked for {}, subscribed to {room}", name(&asked.room)));
    }
    let book = ledger.book(&told.room);
    let said = |what: String| format!("{room}: subscribe at {:?} answered {:?}: {what}", asked.cursor, told.start);
    let wrong = |what: String| Err(said(what));
    let known = |place: Place| {
        let lost = book.lost.get(&place).is_some_and(|l| l.at > asked.stamp);
        book.is_valid(place) || lost || book.may_be_ahead(place)
    };
    if !known(told.end) {
        return wrong(format!("end {} is no place of the room", told.end));
    }
    if !known(told.from) {
        return wrong(format!("from {} is no place of the room", told.from));
    }
    let state = match (asked.cursor, told.start) {
        // What came between the door and the answer follows.
        (None, Start::Live) if told.from < told.end => SubState::Lagging,
        (None, Start::Live) => {
            if told.from != told.end {
                return wrong(format!("live from {}, end {}", told.from, told.end));
            }
            SubState::Live
        }
        (Some(cursor), Start::Resuming) => {
            // From the very beginning: everything that is kept.
            let oldest = cursor == Place::START && told.from <= book.replay_from;
            if told.from != cursor && !oldest {
                return wrong(format!("resumes from {}", told.from));
            }
            SubState::Resuming
        }
        (Some(cursor), Start::Retract { above }) => {
            let fork = book.fork_of(cursor);
            if book.is_valid(cursor) {
                return wrong(format!("{cursor} was not taken back"));
            }
            if above != fork && !(above > fork && known(above)) {
                return wrong(format!("what is left of {cursor} ends at {fork}"));
            }
            if told.from != above {
                return wrong(format!("goes on from {}", told.from));
            }
            SubState::Resuming
        }
        (Some(cursor), Start::Gap(reason)) => {
            may_gap(book, cursor, reason, told.from).map_err(said)?;
            SubState::Lagging
        }
        (None, Start::Resuming | Start::Gap(_) | Start::Retract { .. }) | (Some(_), Start::Live) => {
            return wrong("that answers another question".to_owned());
        }
    };
    Ok(Sub {
        room: told.room.clone(),
        index: asked.index,
        user: user.clone(),
        last: told.from,
        end: told.end,
        asked: asked.stamp,
        state,
        when_stored,
    })
}

/// A gap needs a reason that is true.
fn may_gap(book: &Book, cursor: Place, reason: GapReason, from: Place) -> Result<(), String> {
    match reason {
        GapReason::TooOld | GapReason::Lagged => {
            if cursor >= book.replay_from {
                return Err(format!("a gap after {cursor}, but replay is whole above {}", book.replay_from));
            }
            if from < cursor {
                return Err(format!("a gap that goes back to {from}"));
            }
            Ok(())
        }
        GapReason::UnknownPlace => Err(format!("{cursor} is a place that the client was told")),
    }
}

impl Sub {
    fn wrong<T>(&self, what: String) -> Result<T, String> {
        Err(format!("{} at {} ({:?}) of {}: {what}", name(&self.room), self.last, self.state, self.user))
    }

    pub fn event(&mut self, ledger: &mut Ledger, event: &Event) -> Result<(), String> {
        let place = event.place;
        if self.state == SubState::Ended {
            return self.wrong(format!("{place} after the end"));
        }
        let stamp = ledger.tick();
        let book = ledger.book(&self.room);
        book.told_ahead(event, self.last)?;
        let (entry, before) = match (book.entry(place), book.lost.get(&place)) {
            (Some(entry), _) => (&entry.event, book.before_told(place, self.last)),
            (None, Some(lost)) => (&lost.event, lost.before),
            (None, None) => return self.wrong(format!("{place} was never placed: {event:?}")),
        };
        if !same_event(entry, event) {
            return self.wrong(format!("{place} is {entry:?}, told as {event:?}"));
        }
        if before != self.last {
            let what = if place <= self.last { "told again" } else { "told after a silent gap" };
            return self.wrong(format!("{place} {what}; it follows {before}"));
        }
        if self.when_stored && book.entry(place).is_none_or(|e| e.confirmed.is_none()) {
            return self.wrong(format!("{place} was told before it was stored"));
        }
        for (user, at) in &book.removals {
            if *user == self.user && *at > self.end && *at < place {
                return self.wrong(format!("{place} was told after this user was removed at {at}"));
            }
        }
        match &event.body {
            EventBody::Posted(message) | EventBody::Edited(message) => self.message(book, message)?,
            EventBody::Deleted { .. }
            | EventBody::Reacted { .. }
            | EventBody::Unreacted { .. }
            | EventBody::Pinned { .. }
            | EventBody::Unpinned { .. }
            | EventBody::Joined { .. }
            | EventBody::Left { .. }
            | EventBody::RoleSet { .. }
            | EventBody::Updated(_)
            | EventBody::Notified(_)
            | EventBody::Recorded(_)
            | EventBody::Void => {}
        }
        self.last = place;
        book.tell(place, stamp);
        Ok(())
    }

    /// A message is told in a version that it had, and in none older than what was safe when the client asked.
    fn message(&self, book: &Book, message: &Message) -> Result<(), String> {
        check_version(book, message, self.asked).or_else(|e| self.wrong(e))
    }

    pub fn mark(&mut self, ledger: &mut Ledger, mark: &Mark) -> Result<(), String> {
        if self.state == SubState::Ended {
            return self.wrong(format!("{mark:?} after the end"));
        }
        let book = ledger.book(&self.room);
        match mark {
            Mark::Resumed { at, .. } => {
                if self.state != SubState::Resuming {
                    return self.wrong(format!("resumed at {at} twice, or unasked"));
                }
                if *at != self.last {
                    return self.wrong(format!("resumed at {at}"));
                }
                // What was taken back since then cannot be told any more.
                if *at < self.end && book.is_valid(self.end) {
                    return self.wrong(format!("resumed at {at}, but the end was {} when it was asked", self.end));
                }
                self.state = SubState::Live;
            }
            Mark::Gap { reason, from, .. } => {
                may_gap(book, self.last, *reason, *from).or_else(|e| self.wrong(e))?;
                self.last = *from;
            }
            Mark::Ended { at, .. } => {
                if *at > self.last {
                    return self.wrong(format!("ended at {at}, which was not told"));
                }
                self.state = SubState::Ended;
            }
            Mark::Present { .. } => {}
        }
        Ok(())
    }

    pub fn retract(&mut self, ledger: &mut Ledger, above: Place, next: Place) -> Result<(), String> {
        if self.state == SubState::Ended {
            return self.wrong(format!("retract above {above} after the end"));
        }
        let book = ledger.book(&self.room);
        if !book.is_valid(above) && !book.lost.contains_key(&above) {
            return self.wrong(format!("retract above {above}, which is no place"));
        }
        if next <= above {
            return self.wrong(format!("retract above {above}, next {next}"));
        }
        if above < self.last {
            // Everything that the client drops must be gone.
            let mut at = self.last;
            while at > above {
                match book.lost.get(&at) {
                    Some(lost) => at = lost.before,
                    None => return self.wrong(format!("retract above {above}, but {at} stands")),
                }
            }
            self.last = above;
        }
        Ok(())
    }
}

/// A message that a client is shown, asked for at `asked`.
pub fn check_version(book: &Book, message: &Message, asked: Stamp) -> Result<(), String> {
    let place = message.place;
    let Some(version) = book.versions.get(&place).and_then(|v| v.get(&message.version)) else {
        return Err(format!("message {place} never had version {}", message.version));
    };
    let told = &version.message;
    let same = if version.deleted {
        message.is_deleted() && message.body.is_empty()
    } else {
        same_message(told, message) || (told.ordinal == 0 && told.body == message.body)
    };
    if !same {
        return Err(format!("message {place} in version {} is {told:?}, told as {message:?}", message.version));
    }
    if let Some((oldest, version)) = book.oldest_shown(place, asked)
        && message.version < oldest
    {
        let what = if version.deleted { "a deleted body" } else { "an old body" };
        return Err(format!("message {place}: {what} of {}, after {oldest} was stored", message.version));
    }
    Ok(())
}

/// What an ack says of a place.
pub struct Ack<'a> {
    pub room: &'a RoomKey,
    pub user: &'a UserId,
    pub place: Place,
    pub level: AckLevel,
    pub asked: AckLevel,
    /// Of a post: what the body was.
    pub body: Option<&'a [u8]>,
}

pub fn acked(ledger: &mut Ledger, ack: &Ack<'_>) -> Result<(), String> {
    let room = name(ack.room);
    let stamp = ledger.tick();
    let book = ledger.book(ack.room);
    let place = ack.place;
    book.tell(place, stamp);
    if ack.level < ack.asked {
        return Err(format!("{room}: {place} acked at {:?}, asked for {:?}", ack.level, ack.asked));
    }
    let lost = book.lost.get(&place).map(|l| &l.event);
    let Some(event) = book.entry(place).map(|e| &e.event).or(lost) else {
        if ack.level == AckLevel::Accepted && (book.may_be_ahead(place) || book.is_dead(place)) {
            return Ok(());
        }
        return Err(format!("{room}: {place} acked, never placed"));
    };
    if event.by != *ack.user {
        return Err(format!("{room}: {place} acked to {}, it is {event:?}", ack.user));
    }
    if let Some(body) = ack.body {
        let first = book.versions.get(&place).and_then(|v| v.get(&place));
        if first.is_none_or(|v| &v.message.body[..] != body) {
            return Err(format!("{room}: {place} acked for another message: {event:?}"));
        }
    }
    if ack.level >= AckLevel::Local {
        match book.chain.get_mut(&place.seq.0).filter(|e| e.event.place == place) {
            Some(entry) if entry.confirmed.is_some() => entry.promised = true,
            Some(_) => return Err(format!("{room}: {place} acked {:?} before it was stored", ack.level)),
            None => return Err(format!("{room}: {place} acked {:?}, but it was taken back", ack.level)),
        }
    }
    if ack.level == AckLevel::Durable && place.seq > book.settled.seq {
        return Err(format!("{room}: {place} acked durable, and only {} has settled", book.settled));
    }
    Ok(())
}
