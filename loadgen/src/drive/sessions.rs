//! Coming and going: opening, joining, staying, leaving, being cut, and coming back.

use std::cmp::Reverse;
use std::io;

use super::client::Step;
use super::judge::Listener;
use super::reading::slow_bite;
use super::worker::Worker;
use crate::adapter::{Heard, Place, Start};
use crate::record::What;
use crate::scenario::{Back, Leave};
use crate::show::Phase;

/// Whoever lost its connection comes back after a while between these two, in seconds.
const BACK_OFF: [f64; 2] = [0.05, 0.3];

/// What the kernel keeps for a slow reader; with more of it the target would not notice for long.
const SLOW_BUFFER: usize = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    Leave,
    Return,
    /// A slow reader reads on.
    Thaw,
}

impl Worker {
    pub fn begin_sessions(&mut self, now_ns: u64) {
        self.asking.begin_storms(now_ns, self.orders.scenario.storm.every_seconds);
        for index in 0..self.clients.len() {
            self.plan_leaving(index, now_ns);
        }
    }

    pub fn timers_due(&mut self, now_ns: u64) -> io::Result<()> {
        while let Some(Reverse((at, index, generation, due))) = self.timers.peek().copied() {
            if at > now_ns {
                return Ok(());
            }
            self.timers.pop();
            let index = index as usize;
            let client = &self.clients[index];
            if client.generation != generation {
                continue;
            }
            match (due, client.step) {
                (Due::Return, Step::Away) => self.open(index)?,
                (Due::Leave, Step::In) if self.phase != Phase::Draining => self.leave(index)?,
                (Due::Thaw, _) => {
                    if let Some(link) = &client.link {
                        link.thaw(&self.net)?;
                    }
                }
                (Due::Leave | Due::Return, _) => {}
            }
        }
        Ok(())
    }

    fn after(&mut self, index: usize, now_ns: u64, seconds: f64, due: Due) {
        let at = now_ns + (seconds * 1e9) as u64;
        self.timers.push(Reverse((at, index as u32, self.clients[index].generation, due)));
    }

    /// Begins a connection.
    pub fn open(&mut self, index: usize) -> io::Result<()> {
        let client = &self.clients[index];
        let (connection, token, language) = (client.connection, client.token(index), client.language);
        let is_slow = client.seat.as_ref().is_some_and(|seat| seat.is_slow);
        let upgrade = self.adapter(language).upgrade(connection);
        let request = upgrade.map(|upgrade| self.net.request(connection, upgrade));
        let length = request.as_ref().map_or(0, Vec::len);
        let opened = self
            .net
            .connect(connection, is_slow.then_some(SLOW_BUFFER))
            .and_then(|stream| super::link::Link::open(&self.net, stream, token, request));
        let began_ns = self.now_ns();
        let client = &mut self.clients[index];
        client.step = Step::Opening;
        client.began_ns = began_ns;
        match opened {
            Ok(link) => {
                client.link = Some(link);
                self.carried.bytes_out += length as u64;
                Ok(())
            }
            Err(error) => self.ended(index, &error.to_string()),
        }
    }

    /// A client has what it came for.
    pub fn came_in(&mut self, index: usize) -> io::Result<()> {
        self.gathered += usize::from(self.phase == Phase::Gathering);
        match self.clients[index].sender {
            Some(sender) => self.send_waiting(sender),
            None => Ok(()),
        }
    }

    /// One thing that the target said that is no delivery.
    pub fn heard(&mut self, index: usize, heard: Heard, now_ns: u64) -> io::Result<()> {
        let language = self.clients[index].language;
        match heard {
            Heard::Subscribed { start, from } if self.clients[index].step == Step::Joining => {
                self.joined(index, start, from, now_ns)
            }
            Heard::Left if self.clients[index].step == Step::Leaving => self.say_goodbye(index),
            Heard::Subscribed { .. } | Heard::Left => Ok(()),
            Heard::Ready if self.clients[index].step == Step::Opening => self.ready(index),
            Heard::Ready => Ok(()),
            Heard::Done => match self.clients[index].step {
                Step::Opening => self.ready(index),
                Step::Joining => self.joined(index, Start::Live, None, now_ns),
                Step::Leaving => self.say_goodbye(index),
                Step::In | Step::Closing | Step::Away | Step::Gone => Ok(()),
            },
            Heard::Voucher(voucher) => {
                self.clients[index].voucher = Some(voucher);
                Ok(())
            }
            Heard::Say(nth) => {
                self.queue(index, |adapter, who, out| adapter.say(nth, who, out));
                self.flush(index)
            }
            Heard::Acked { command, place } => self.acked(language, command, place, now_ns),
            Heard::Page { command, items, .. } => {
                self.got_page(language, command, &items, now_ns);
                Ok(())
            }
            Heard::Gap { from } => {
                self.told_gap(index, from);
                Ok(())
            }
            Heard::Retracted { above } => {
                self.told_retract(index, above);
                Ok(())
            }
            Heard::Refused { command, why } => self.refused(index, command, why),
        }
    }

    fn joined(&mut self, index: usize, start: Start, from: Option<Place>, now_ns: u64) -> io::Result<()> {
        let client = &mut self.clients[index];
        let took = now_ns.saturating_sub(client.began_ns);
        let Some(seat) = &mut client.seat else { return self.joined_to_speak(index) };
        client.step = Step::In;
        let (room, track) = (seat.room, seat.track);
        let published = self.lines[usize::from(room)].published();
        match start {
            Start::Live if !seat.is_owed => seat.listener = Listener::from(published),
            Start::Resuming => self.gaps.resumed += 1,
            Start::Retract(above) => {
                self.gaps.resumed += 1;
                seat.listener.retract(seat.cursor.seq.saturating_sub(above.seq));
                seat.cursor = above;
            }
            // A target that begins anew says as clearly as one that tells a gap that it has nothing of what was missed.
            Start::Live | Start::Gap => {
                let missed = seat.listener.skip_to(published);
                self.gaps.told += missed.end - missed.start;
                self.ledger.tracks[track].forgo(missed);
            }
        }
        if !matches!(start, Start::Resuming | Start::Retract(_))
            && let Some(from) = from
        {
            seat.cursor = from;
        }
        seat.is_owed = true;
        self.ledger.tally.counts.joins += 1;
        self.ledger.tally.time(What::Join, took);
        self.came_in(index)?;
        self.ask_history(index, room, now_ns)?;
        if self.phase != Phase::Gathering {
            self.plan_leaving(index, now_ns);
        }
        self.timers_due(now_ns)
    }

    /// What lies between a listener's last message and `from` does not come.
    fn told_gap(&mut self, index: usize, from: Option<Place>) {
        let Some(seat) = &mut self.clients[index].seat else { return };
        let published = self.lines[usize::from(seat.room)].published();
        // Rooms of a run hold nothing but its messages: as many places are left out as messages.
        let end = match from {
            Some(from) => (seat.listener.next() + from.seq.saturating_sub(seat.cursor.seq)).min(published),
            None => published,
        };
        let missed = seat.listener.skip_to(end);
        seat.cursor = from.unwrap_or(seat.cursor);
        self.gaps.told += missed.end.saturating_sub(missed.start);
        self.ledger.tracks[seat.track].forgo(missed);
    }

    fn told_retract(&mut self, index: usize, above: Place) {
        let Some(seat) = &mut self.clients[index].seat else { return };
        seat.listener.retract(seat.cursor.seq.saturating_sub(above.seq));
        seat.cursor = above;
    }

    fn refused(&mut self, index: usize, command: Option<u32>, why: String) -> io::Result<()> {
        let language = self.clients[index].language;
        if let Some(command) = command
            && self.refused_post(language, command)?
        {
            self.first_refusal.get_or_insert(why);
            return Ok(());
        }
        match self.clients[index].step {
            // It cannot go on with what it came for.
            Step::Joining | Step::Leaving => self.ended(index, &format!("refused: {why}")),
            Step::Opening | Step::In | Step::Closing | Step::Away | Step::Gone => {
                self.first_refusal.get_or_insert(why);
                Ok(())
            }
        }
    }

    fn plan_leaving(&mut self, index: usize, now_ns: u64) {
        let Some(stay) = self.orders.scenario.members.stay_seconds else { return };
        if self.clients[index].seat.is_some() && self.clients[index].step == Step::In {
            let seconds = self.draw(stay);
            self.after(index, now_ns, seconds, Due::Leave);
        }
    }

    fn leave(&mut self, index: usize) -> io::Result<()> {
        match self.orders.scenario.members.leave {
            Leave::Cut => {
                self.cut(index);
                Ok(())
            }
            Leave::Politely => {
                let Some(seat) = &mut self.clients[index].seat else { return Ok(()) };
                // What was missing until now was lost; what comes from now on may or may not.
                self.ledger.faults.lost += seat.listener.holes();
                seat.is_owed = false;
                let room = seat.room;
                self.clients[index].step = Step::Leaving;
                let mut is_answered = false;
                self.queue(index, |adapter, who, out| is_answered = adapter.leave(who, room, out));
                if is_answered { self.flush(index) } else { self.say_goodbye(index) }
            }
        }
    }

    fn say_goodbye(&mut self, index: usize) -> io::Result<()> {
        self.clients[index].step = Step::Closing;
        let key = self.net.mask_key();
        let Some(link) = &mut self.clients[index].link else { return Ok(()) };
        match link.say_goodbye(&self.net, key) {
            Ok(length) => {
                self.ledger.tally.counts.bytes_out += length as u64;
                Ok(())
            }
            Err(error) => self.ended(index, &error.to_string()),
        }
    }

    /// Ends a connection between two bytes; its client comes back.
    pub fn cut(&mut self, index: usize) {
        let members = &self.orders.scenario.members;
        let (away, back) = (members.away_seconds, members.back);
        self.hang_up(index);
        let client = &mut self.clients[index];
        client.step = Step::Away;
        if let Some(seat) = client.seat.as_mut().filter(|_| back == Back::Anew) {
            self.ledger.faults.lost += seat.listener.holes();
            seat.is_owed = false;
        }
        let (seconds, now_ns) = (self.draw(away), self.now_ns());
        self.after(index, now_ns, seconds, Due::Return);
    }

    /// A connection has ended, or could not begin.
    pub fn ended(&mut self, index: usize, why: &str) -> io::Result<()> {
        let client = &self.clients[index];
        let (step, began_ns) = (client.step, client.began_ns);
        self.hang_up(index);
        let now_ns = self.now_ns();
        match step {
            Step::Away | Step::Gone => return Ok(()),
            Step::Closing => {
                self.ledger.tally.counts.cycles += 1;
                self.ledger.tally.time(What::Cycle, now_ns.saturating_sub(began_ns));
                self.clients[index].step = Step::Away;
                let seconds = self.draw(self.orders.scenario.members.away_seconds);
                self.after(index, now_ns, seconds, Due::Return);
                return Ok(());
            }
            Step::Opening | Step::Joining | Step::In | Step::Leaving => {}
        }
        self.gaps.disconnects += 1;
        if let Some(sender) = self.clients[index].sender {
            self.unsend(sender);
        }
        let client = &mut self.clients[index];
        if self.orders.returns {
            client.step = Step::Away;
            let seconds = self.draw(BACK_OFF);
            self.after(index, now_ns, seconds, Due::Return);
            return Ok(());
        }
        client.step = Step::Gone;
        // A target may cut whoever is too slow.
        if !client.seat.as_ref().is_some_and(|seat| seat.is_slow) {
            self.broken.get_or_insert(why.to_owned());
        }
        Ok(())
    }

    /// A slow reader has read its bite.
    pub fn pause(&mut self, index: usize, now_ns: u64) -> io::Result<()> {
        if matches!(self.phase, Phase::Gathering | Phase::Draining) {
            return Ok(());
        }
        let pace = self.orders.scenario.members.slow_bytes_per_second;
        if let Some(link) = &self.clients[index].link {
            link.freeze(&self.net)?;
            self.after(index, now_ns, slow_bite(pace) as f64 / f64::from(pace), Due::Thaw);
        }
        Ok(())
    }

    /// At the end slow readers read as fast as they can: what was sent to them must all be there.
    pub fn thaw_all(&mut self) -> io::Result<()> {
        for client in self.clients.iter().filter(|client| client.seat.as_ref().is_some_and(|seat| seat.is_slow)) {
            if let Some(link) = &client.link {
                link.thaw(&self.net)?;
            }
        }
        Ok(())
    }
}
