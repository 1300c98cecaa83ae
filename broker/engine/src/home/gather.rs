//! Answers that take other rooms: each is asked, and who does not answer in time is left out.

use super::line::busy;
use super::room::Room;
use super::world::{Due, World};
use crate::message::{Answer, Question, ReplyTo, ToHome};
use rookery_protocol::ids::{Name, RoomKey, UserId};
use rookery_protocol::reply::{Reply, RoomEntry, UnreadEntry, UserEntry};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Gather {
    kind: Kind,
    more: bool,
    /// Rooms that have not answered.
    open: usize,
}

#[derive(Debug)]
enum Kind {
    /// In the order of the page; None: not answered yet, or nothing to say.
    Unread {
        user: UserId,
        entries: Vec<(RoomKey, Option<UnreadEntry>)>,
    },
    /// First the inbox says which rooms, then each room how it presents itself.
    Mine {
        inbox: RoomKey,
        user: UserId,
        after: Option<Name>,
        limit: u32,
        entries: Vec<RoomEntry>,
    },
    Users {
        lobby: RoomKey,
        entries: Vec<UserEntry>,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Gathers {
    last: u32,
    open: BTreeMap<u32, (ReplyTo, Gather)>,
}

/// A page is given with what is known by then.
const DEADLINE_MS: u64 = 2000;
/// Pages that a room gathers at the same time.
const OPEN: usize = 256;

impl Gathers {
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Gather {
    pub fn unread(user: UserId, rooms: Vec<RoomKey>, more: bool) -> Gather {
        let entries: Vec<_> = rooms.into_iter().map(|room| (room, None)).collect();
        Gather { open: entries.len(), kind: Kind::Unread { user, entries }, more }
    }

    pub fn mine(inbox: RoomKey, user: UserId, after: Option<Name>, limit: u32) -> Gather {
        Gather { open: 1, kind: Kind::Mine { inbox, user, after, limit, entries: Vec::new() }, more: false }
    }

    pub fn users(lobby: RoomKey, entries: Vec<UserEntry>, more: bool) -> Gather {
        Gather { open: usize::from(!entries.is_empty()), kind: Kind::Users { lobby, entries }, more }
    }

    /// What to ask, and whom.
    fn questions(&self) -> Vec<(RoomKey, Question)> {
        match &self.kind {
            Kind::Unread { user, entries } => {
                entries.iter().map(|(room, _)| (room.clone(), Question::Unread { user: user.clone() })).collect()
            }
            Kind::Mine { inbox, after, limit, .. } => {
                vec![(inbox.clone(), Question::Rooms { after: after.clone(), limit: *limit })]
            }
            Kind::Users { lobby, entries } => {
                let users = entries.iter().map(|entry| entry.user.clone()).collect();
                vec![(lobby.clone(), Question::Statuses { users })]
            }
        }
    }

    fn reply(self) -> Reply {
        let more = self.more;
        match self.kind {
            Kind::Unread { entries, .. } => {
                Reply::Unread { rooms: entries.into_iter().filter_map(|(_, entry)| entry).collect(), more }
            }
            Kind::Mine { entries, .. } => Reply::Rooms { rooms: entries, more },
            Kind::Users { entries, .. } => Reply::Users { users: entries, more },
        }
    }
}

impl Room {
    pub(crate) fn gather(&mut self, w: &mut World<'_>, to: ReplyTo, gather: Gather) {
        if gather.open == 0 {
            return w.reply(to, gather.reply());
        }
        if self.gathers.open.len() >= OPEN {
            return w.refuse(to, busy());
        }
        self.gathers.last = self.gathers.last.wrapping_add(1);
        let ticket = self.gathers.last;
        self.ask(w, ticket, gather.questions());
        self.gathers.open.insert(ticket, (to, gather));
        w.after(DEADLINE_MS, Due::Gather(self.handle, ticket));
    }

    fn ask(&self, w: &mut World<'_>, ticket: u32, questions: Vec<(RoomKey, Question)>) {
        for (room, question) in questions {
            let asker = self.key.clone();
            w.send_home(&room.clone(), ToHome::Ask { room, asker, ticket, question: Box::new(question) });
        }
    }

    /// Another room's answer.
    pub(crate) fn answer(&mut self, w: &mut World<'_>, ticket: u32, room: &RoomKey, answer: Answer) {
        let Some((_, gather)) = self.gathers.open.get_mut(&ticket) else { return };
        gather.open = gather.open.saturating_sub(1);
        let mut next = Vec::new();
        match (&mut gather.kind, answer) {
            (Kind::Unread { entries, .. }, Answer::Unread { last, unread, last_line }) => {
                if let Some((_, entry)) = entries.iter_mut().find(|(asked, _)| asked == room) {
                    *entry = Some(UnreadEntry { room: room.clone(), last, unread, last_line });
                }
            }
            (Kind::Mine { user, entries, .. }, Answer::Rooms { rooms, more }) => {
                gather.more = more;
                for room in rooms {
                    next.push((room.clone(), Question::Card { user: user.clone() }));
                    entries.push(RoomEntry { room, title: String::new(), role: None });
                }
                gather.open += next.len();
            }
            (Kind::Mine { entries, .. }, Answer::Card { title, role }) => {
                if let Some(entry) = entries.iter_mut().find(|entry| entry.room == *room) {
                    (entry.title, entry.role) = (title, role);
                }
            }
            (Kind::Users { entries, .. }, Answer::Statuses { statuses }) => {
                for (entry, status) in entries.iter_mut().zip(statuses) {
                    entry.status = status;
                }
            }
            // Nothing to add, or no answer to this question.
            (Kind::Unread { .. } | Kind::Mine { .. } | Kind::Users { .. }, _) => {}
        }
        let done = gather.open == 0;
        self.ask(w, ticket, next);
        if done {
            self.finish_gather(w, ticket);
        }
    }

    /// Everybody has answered, or had the time to.
    pub(crate) fn finish_gather(&mut self, w: &mut World<'_>, ticket: u32) {
        if let Some((to, gather)) = self.gathers.open.remove(&ticket) {
            w.reply(to, gather.reply());
        }
    }
}
