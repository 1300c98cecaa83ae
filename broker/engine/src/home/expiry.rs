//! Messages with a time to live: deleted when it is over. (Nobody is shown them meanwhile: pages leave them out.)

use super::room::Room;
use super::world::{Due, World};
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::Millis;

#[derive(Debug, Default)]
pub(crate) struct Expiry {
    /// When the first of those that are known ends, and the last.
    first: Option<Millis>,
    last: Millis,
    /// When the timer fires.
    set_for: Option<Millis>,
}

/// Between two looks while messages are known that will expire.
const SHORTEST_MS: u64 = 1000;
const LONGEST_MS: u64 = 30_000;

impl Room {
    pub(crate) fn note_expiry(&mut self, w: &mut World<'_>, event: &Event) {
        let EventBody::Posted(message) = &event.body else { return };
        let Some(at) = message.extra.as_ref().and_then(|extra| extra.expires_at) else { return };
        if message.is_deleted() {
            return;
        }
        self.expiry.last = self.expiry.last.max(at);
        self.expiry.first = Some(self.expiry.first.map_or(at, |first| first.min(at)));
        self.set_expiry(w, at);
    }

    fn set_expiry(&mut self, w: &mut World<'_>, at: Millis) {
        if self.expiry.set_for.is_none_or(|set| at < set) {
            self.expiry.set_for = Some(at);
            w.after(at.saturating_sub(w.now.wall), Due::Expiry(self.handle));
        }
    }

    pub(crate) fn expiry_timer(&mut self, w: &mut World<'_>) {
        let now = w.now.wall;
        if self.expiry.set_for.is_none_or(|set| set > now) {
            return;
        }
        self.expiry.set_for = None;
        if self.expiry.first.take_if(|first| *first <= now).is_some() && self.is_ready() {
            self.begin_expiring(w);
        }
        if self.expiry.last > now {
            // Which of those in between is next, nobody noted: look a few times.
            let pause = ((self.expiry.last - now) / 4).clamp(SHORTEST_MS, LONGEST_MS);
            let next = self.expiry.last.min(now + pause);
            self.expiry.first = Some(next);
            self.set_expiry(w, next);
        }
    }
}
