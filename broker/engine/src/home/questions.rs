//! What other homes ask of a room.

use super::commands::lists;
use super::line::Waiting;
use super::parked::Sought;
use super::room::Room;
use super::world::World;
use crate::message::{Answer, Question, ToHome};
use crate::ports::{Fetch, Fetched};
use rookery_protocol::command::HistoryFrom;
use rookery_protocol::ids::{RoomKey, UserId};
use rookery_protocol::message::Message;
use std::sync::Arc;

impl Room {
    pub(crate) fn question(
        &mut self,
        w: &mut World<'_>,
        asker: RoomKey,
        ticket: u32,
        question: Question,
        mut sought: Sought,
    ) {
        let answer = match &question {
            Question::Unread { user } => {
                let last_line = match self.last_line(&mut sought) {
                    Ok(line) => line,
                    Err(what) => match self.seek(w, &what) {
                        Ok(Some(found)) => newest_of(found),
                        Ok(None) => return self.park(&what, Waiting::Question { asker, ticket, question, sought }),
                        Err(_) => None,
                    },
                };
                self.unread(user, last_line)
            }
            Question::Card { .. } if self.state.is_deleted() => Answer::Nothing,
            Question::Card { user } => {
                let title = self.state.info.as_ref().map(|info| info.title.clone()).unwrap_or_default();
                Answer::Card { title, role: self.state.role(user) }
            }
            Question::Rooms { after, limit } => {
                let (rooms, more) = lists::belongs(&self.state.belongs, after.as_ref(), *limit as usize);
                Answer::Rooms { rooms, more }
            }
            Question::Statuses { users } => {
                Answer::Statuses { statuses: users.iter().map(|user| self.presence_of(user).status).collect() }
            }
        };
        let room = self.key.clone();
        w.send_home(&asker.clone(), ToHome::Answer { asker, ticket, room, answer: Box::new(answer) });
    }

    fn unread(&self, user: &UserId, last_line: Option<Arc<Message>>) -> Answer {
        if self.state.is_deleted() {
            return Answer::Nothing;
        }
        let read = self.state.marks(user).read.1;
        Answer::Unread { last: self.confirm.place, unread: self.confirm.messages.saturating_sub(read), last_line }
    }

    /// The newest confirmed message, or where it can be had.
    fn last_line(&self, sought: &mut Sought) -> Result<Option<Arc<Message>>, Fetch> {
        if self.confirm.messages == 0 {
            return Ok(None);
        }
        if let Some(message) = self.recent.newest_message(self.confirm.place.seq) {
            return Ok(Some(message.clone()));
        }
        match sought.pop() {
            Some((_, found)) => Ok(newest_of(found)),
            None => Err(Fetch::Page { from: HistoryFrom::Newest, limit: 1, thread: None, fence: self.confirm.place }),
        }
    }
}

fn newest_of(found: Fetched) -> Option<Arc<Message>> {
    if let Fetched::Page { mut messages, .. } = found { messages.pop() } else { None }
}
