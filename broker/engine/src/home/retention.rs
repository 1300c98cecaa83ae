//! What a class bounds goes: while a room is at hand it asks the store to drop what need not be kept. (Rooms that rest
//! are looked after by whoever carries the store.)

use super::room::Room;
use super::world::{Due, World};
use crate::ports::{Fetch, Fetched, StoreFault, Ticket};
use crate::settings::RoomClass;
use rookery_protocol::ids::{Ordinal, Place, Seq};

#[derive(Debug, Default)]
pub(crate) struct Retention {
    /// A trim under way, and the confirmed place when it was asked for.
    asked: Option<(Ticket, Place)>,
    /// Messages there were at the last trim.
    at: Ordinal,
    timer: bool,
}

/// After a room was loaded, and then again and again; more often where a class keeps messages for a short time only.
const FIRST_MS: u64 = 10_000;
const SHORTEST_MS: u64 = 1000;
const LONGEST_MS: u64 = 3_600_000;

/// A room may be above its class's number of messages by this, and an eighth of that number.
const SLACK: u64 = 16;

impl Retention {
    fn is_due(&self, class: &RoomClass, messages: Ordinal) -> bool {
        let slack = class.keep_messages / 8 + SLACK;
        class.keep_messages > 0 && self.asked.is_none() && messages.saturating_sub(self.at) >= slack
    }
}

impl Room {
    /// The room is at hand.
    pub(crate) fn begin_retention(&mut self, w: &mut World<'_>) {
        self.retention.asked = None;
        self.retention.at = self.confirm.messages;
        if !self.retention.timer && (self.class.keep_messages > 0 || self.class.keep_ms > 0) {
            self.retention.timer = true;
            w.after(FIRST_MS, Due::Retention(self.handle));
        }
    }

    pub(crate) fn retention_timer(&mut self, w: &mut World<'_>) {
        self.retention.timer = false;
        if !self.is_ready() {
            // It begins again when it is loaded.
            return;
        }
        self.trim(w);
        self.retention.timer = true;
        let ms = if self.class.keep_ms == 0 { LONGEST_MS } else { self.class.keep_ms / 8 };
        w.after(ms.clamp(SHORTEST_MS, LONGEST_MS), Due::Retention(self.handle));
    }

    /// Messages were confirmed.
    pub(crate) fn trim_if_grown(&mut self, w: &mut World<'_>) {
        if self.retention.is_due(&self.class, self.confirm.messages) {
            self.trim(w);
        }
    }

    fn trim(&mut self, w: &mut World<'_>) {
        if self.retention.asked.is_some() {
            return;
        }
        let ticket = w.shared.ticket();
        self.retention.at = self.confirm.messages;
        self.retention.asked = Some((ticket, self.confirm.place));
        let what = Fetch::Trim { keep: self.class.keep(w.now.wall), at: w.now.wall };
        if let Some(answer) = w.ports.fetch(ticket, self.handle, &self.key, &what) {
            self.trimmed(ticket, answer);
        }
    }

    pub(crate) fn is_trim(&self, ticket: Ticket) -> bool {
        self.retention.asked.is_some_and(|(asked, _)| asked == ticket)
    }

    /// What belonged to messages that went is forgotten here, too.
    pub(crate) fn trimmed(&mut self, ticket: Ticket, answer: Result<Fetched, StoreFault>) {
        let Some((_, end)) = self.retention.asked.take_if(|(asked, _)| *asked == ticket) else { return };
        if let Ok(Fetched::Places(oldest)) = answer {
            let oldest = oldest.first().copied().unwrap_or(Place { seq: Seq(end.seq.0 + 1), ..end });
            self.state.forget_below(oldest);
        }
    }
}
