//! From an open connection to one that may listen and speak: what a target wants to hear first, and joining.

use std::io;

use super::client::Step;
use super::worker::Worker;
use crate::adapter::Place;

impl Worker {
    /// The connection is made, and upgraded where the language wants that.
    pub fn opened(&mut self, index: usize) -> io::Result<()> {
        let mut waits = false;
        self.queue(index, |adapter, who, out| waits = adapter.opening(who, out));
        if waits { self.flush(index) } else { self.ready(index) }
    }

    /// The target lets the connection join.
    pub fn ready(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        let joins = self.adapters[client.language].senders_join();
        match (&client.seat, client.sender) {
            (Some(seat), _) => {
                let after = seat.is_owed.then_some(seat.cursor).filter(|cursor| *cursor != Place::default());
                let room = seat.room;
                client.step = Step::Joining;
                self.queue(index, |adapter, who, out| adapter.subscribe(who, room, after, out));
                self.flush(index)
            }
            (None, Some(sender)) if joins => {
                self.posting.senders[sender].joined = 0;
                self.join_to_speak(index, sender)
            }
            (None, _) => {
                client.step = Step::In;
                self.came_in(index)
            }
        }
    }

    /// A sender without a seat joins the next of its rooms, if there is one left.
    fn join_to_speak(&mut self, index: usize, sender: usize) -> io::Result<()> {
        let sender = &self.posting.senders[sender];
        let Some(room) = sender.plan.rooms.get(sender.joined).copied() else {
            self.clients[index].step = Step::In;
            return self.came_in(index);
        };
        self.clients[index].step = Step::Joining;
        self.queue(index, |adapter, who, out| adapter.subscribe(who, room, None, out));
        self.flush(index)
    }

    pub fn joined_to_speak(&mut self, index: usize) -> io::Result<()> {
        let Some(sender) = self.clients[index].sender else { return Ok(()) };
        self.posting.senders[sender].joined += 1;
        self.join_to_speak(index, sender)
    }
}
