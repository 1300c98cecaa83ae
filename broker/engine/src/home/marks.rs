//! Watermarks: written with the room's batch, told to the room, and in direct rooms to the other's inbox.

use super::confirm::Ack;
use super::room::Room;
use super::world::World;
use crate::message::{Envelope, ToHome};
use crate::ports::Row;
use rookery_protocol::command::ReadMark;
use rookery_protocol::event::{Kind, Signal};
use rookery_protocol::ids::{AckLevel, Ordinal, Place, RoomKey, RoomKind, UserId};
use rookery_protocol::limits;
use rookery_protocol::reply::Reply;

/// A watermark to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub place: Place,
    pub ordinal: Ordinal,
    pub mark: ReadMark,
}

impl Room {
    pub(crate) fn mark(&mut self, w: &mut World<'_>, envelope: &Envelope, mark: Mark) {
        let Mark { place, ordinal, mark } = mark;
        let user = &envelope.who.user;
        let [delivered, read] = self.state.raise(user, mark, place, ordinal);
        for (mark, moved) in [(ReadMark::Delivered, delivered), (ReadMark::Read, read)] {
            if moved {
                self.rows().push(Row::Watermark { user: user.clone(), mark, place, ordinal });
            }
        }
        self.mark_dirty(w);
        let confirms = w.shared.settings.confirms;
        if confirms == AckLevel::Accepted {
            w.reply(envelope.reply_to, Reply::Done);
        } else {
            self.confirm.add_row_ack(Ack { to: envelope.reply_to, reply: Reply::Done, level: confirms, after: None });
        }
        // A crowd's reading is nobody's business, and too much of it.
        if self.here.count() <= limits::PRESENCE_MEDIUM as usize && self.fanout.wants(Kind::ReadUpTo) {
            let signal = Signal::ReadUpTo { user: user.clone(), place, mark };
            self.signal(w, &signal, Some(envelope.reply_to.to));
        }
        if self.key.kind == RoomKind::Direct && self.class.reports {
            self.report(w, user, place, mark);
        }
    }

    /// To whom the messages were from.
    fn report(&mut self, w: &mut World<'_>, by: &UserId, place: Place, mark: ReadMark) {
        for other in self.state.members.keys().filter(|user| *user != by) {
            let inbox = RoomKey { realm: self.key.realm.clone(), kind: RoomKind::Inbox, name: other.clone() };
            let signal = Signal::Report { room: self.key.clone(), by: by.clone(), place, mark };
            w.send_home(&inbox.clone(), ToHome::Signal { room: inbox, signal: Box::new(signal) });
        }
    }
}
