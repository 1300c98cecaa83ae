//! What clients do besides talking: they read history and type; and the storms that cut them off.

use std::collections::HashMap;
use std::io;

use super::client::Step;
use super::worker::Worker;
use crate::adapter::Item;
use crate::record::What;

/// Clients that are tried until one is in its seat.
const TRIES: usize = 8;

#[derive(Default)]
pub struct Asking {
    /// When pages without an answer were to be asked for, by language and command.
    pages: HashMap<(usize, u32), u64>,
    next_page_ns: f64,
    next_typing_ns: f64,
    next_storm_ns: f64,
}

impl Asking {
    pub fn begin_storms(&mut self, now_ns: u64, every_seconds: f64) {
        self.next_storm_ns = now_ns as f64 + every_seconds * 1e9;
    }
}

impl Worker {
    pub fn is_asking(&self) -> bool {
        self.orders.scenario.pages.rate > 0.0 || self.orders.scenario.members.typing_rate > 0.0
    }

    pub fn begin_asking(&mut self, now_ns: u64) {
        self.asking.next_page_ns = now_ns as f64;
        self.asking.next_typing_ns = now_ns as f64;
    }

    pub fn ask_due(&mut self, now_ns: u64) -> io::Result<()> {
        // Each thread asks for its share.
        let threads = self.orders.cores.len().max(1) as f64;
        let (pages, typing) = (self.orders.scenario.pages, self.orders.scenario.members.typing_rate);
        while pages.rate > 0.0 && self.asking.next_page_ns <= now_ns as f64 {
            let intended_ns = self.asking.next_page_ns as u64;
            self.asking.next_page_ns += threads * 1e9 / pages.rate;
            let most = f64::from(pages.prepared.saturating_sub(pages.size));
            let skip = self.draw([0.0, most]) as u64;
            if let Some((index, room)) = self.anybody() {
                self.ask_page(index, room, Some(skip), pages.size, intended_ns)?;
            }
        }
        while typing > 0.0 && self.asking.next_typing_ns <= now_ns as f64 {
            self.asking.next_typing_ns += threads * 1e9 / typing;
            if let Some((index, room)) = self.anybody() {
                self.queue(index, |adapter, who, out| _ = adapter.typing(who, room, true, out));
                self.flush(index)?;
            }
        }
        Ok(())
    }

    /// A client in its seat, drawn by lot, and its room.
    fn anybody(&mut self) -> Option<(usize, u16)> {
        for _ in 0..TRIES {
            let index = (self.draw([0.0, self.clients.len() as f64]) as usize).min(self.clients.len() - 1);
            let client = &self.clients[index];
            if let Some(seat) = client.seat.as_ref().filter(|seat| client.step == Step::In && !seat.is_slow) {
                return Some((index, seat.room));
            }
        }
        None
    }

    fn ask_page(&mut self, index: usize, room: u16, skip: Option<u64>, size: u32, intended_ns: u64) -> io::Result<()> {
        let language = self.clients[index].language;
        let mut command = None;
        self.queue(index, |adapter, _, out| command = adapter.page(room, skip, size, out));
        if let Some(command) = command {
            self.asking.pages.insert((language, command), intended_ns);
        }
        self.flush(index)
    }

    /// What a client that has just joined wants to show.
    pub fn ask_history(&mut self, index: usize, room: u16, now_ns: u64) -> io::Result<()> {
        match self.orders.scenario.members.history {
            0 => Ok(()),
            size => self.ask_page(index, room, None, size, now_ns),
        }
    }

    pub fn got_page(&mut self, language: usize, command: u32, items: &[Item], now_ns: u64) {
        let Some(intended_ns) = self.asking.pages.remove(&(language, command)) else { return };
        self.ledger.tally.counts.pages += 1;
        self.ledger.tally.time(What::Page, now_ns.saturating_sub(intended_ns));
        if !items.is_sorted_by(|one, next| one.place < next.place) {
            self.ledger.faults.reordered += 1;
        }
    }

    /// At its time, a storm cuts this thread's share of those who are in.
    pub fn storm_due(&mut self, now_ns: u64) -> io::Result<()> {
        let storm = self.orders.scenario.storm;
        if storm.every_seconds <= 0.0 || self.asking.next_storm_ns > now_ns as f64 {
            return Ok(());
        }
        self.asking.next_storm_ns += storm.every_seconds * 1e9;
        for index in 0..self.clients.len() {
            let is_hit = self.clients[index].step == Step::In && self.clients[index].sender.is_none();
            if is_hit && self.draw([0.0, 1.0]) < storm.share {
                self.cut(index);
            }
        }
        Ok(())
    }
}
