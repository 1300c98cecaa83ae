//! Summaries for rooms in the background: the newest message, not more often than once in a while.

use super::room::Room;
use super::world::{Due, World};
use rookery_protocol::event::{Event, Kind, Signal};
use rookery_protocol::limits;
use rookery_protocol::message::Message;

#[derive(Debug, Default)]
pub(crate) struct SummaryClock {
    /// None: never told.
    told_at: Option<u64>,
    untold: Option<Signal>,
}

impl Room {
    pub(crate) fn summarise(&mut self, w: &mut World<'_>, event: &Event, message: &Message) {
        if !self.fanout.wants(Kind::Summary) {
            return;
        }
        let signal = Signal::Summary {
            last: event.place,
            ordinal: message.ordinal,
            by: message.sender.clone(),
            at: event.at,
            line: line_of(message),
        };
        let waits = self.summary.told_at.map_or(0, |at| (at + limits::SUMMARY_MS).saturating_sub(w.now.mono));
        if waits == 0 {
            self.summary.told_at = Some(w.now.mono);
            return self.signal(w, &signal, None);
        }
        if self.summary.untold.replace(signal).is_none() {
            w.after(waits, Due::Summary(self.handle));
        }
    }

    pub(crate) fn tell_summary(&mut self, w: &mut World<'_>) {
        if let Some(signal) = self.summary.untold.take() {
            self.summary.told_at = Some(w.now.mono);
            self.signal(w, &signal, None);
        }
    }
}

/// The beginning of a text, cut between characters; nothing of other kinds.
fn line_of(message: &Message) -> String {
    if !message.kind.is_text() {
        return String::new();
    }
    let most = limits::SUMMARY_LINE_BYTES as usize;
    let cut = &message.body[..message.body.len().min(most)];
    let text = match std::str::from_utf8(cut) {
        Ok(text) => text,
        Err(broken) => std::str::from_utf8(&cut[..broken.valid_up_to()]).unwrap_or_default(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}
