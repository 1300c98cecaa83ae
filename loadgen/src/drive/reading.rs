//! What comes in on a thread's connections, and how something is said on one.

use std::io;
use std::time::Duration;

use super::ledger::{Seat, Told};
use super::worker::{TICKER, Worker};
use crate::adapter::Adapter;
use crate::show::Phase;
use crate::sys::Ready;
use crate::ws::frame;

impl Worker {
    /// One wait and all the input it brought; true if it brought nothing.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<bool> {
        let mut events = std::mem::take(&mut self.events);
        self.net.epoll.wait(&mut events, Some(timeout))?;
        let mut quiet = true;
        for ready in events.iter() {
            if ready.token == TICKER {
                if let Some((ticker, _)) = &self.ticker {
                    ticker.clear();
                }
                continue;
            }
            quiet = false;
            self.receive(ready)?;
        }
        self.events = events;
        Ok(quiet)
    }

    fn receive(&mut self, ready: Ready) -> io::Result<()> {
        let index = ready.token as u32 as usize;
        let client = &mut self.clients[index];
        let Some(link) = client.link.as_mut().filter(|_| client.generation == (ready.token >> 32) as u32) else {
            return Ok(());
        };
        let slow = client.seat.as_ref().filter(|seat| seat.is_slow && self.phase != Phase::Draining);
        let bite = slow_bite(self.orders.scenario.members.slow_bytes_per_second);
        let limit = slow.map_or(usize::MAX, |_| link.kept() + bite).min(self.buffer.len());
        let got = match link.advance(&self.net, ready, &mut self.buffer[..limit]) {
            Ok(got) => got,
            Err(error) => return self.ended(index, &error.to_string()),
        };
        if got.opened {
            self.opened(index)?;
        }
        if got.bytes.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let read = self.read(index, &buffer[got.bytes]);
        self.buffer = buffer;
        read
    }

    /// Everything that one read brought. What the target says between deliveries takes effect between them.
    fn read(&mut self, index: usize, mut bytes: &[u8]) -> io::Result<()> {
        let now_ns = self.now_ns();
        let generation = self.clients[index].generation;
        loop {
            let client = &mut self.clients[index];
            let adapter = self.adapters[client.language].as_mut();
            let seat = client.seat.as_mut().map(|seat| Seat {
                listener: &mut seat.listener,
                track: seat.track,
                is_slow: seat.is_slow,
                cursor: adapter.has_places().then_some(&mut seat.cursor),
            });
            let mut told = Told::default();
            let used = match self.ledger.read(bytes, seat, client.language, adapter, now_ns, &mut told) {
                Ok(used) => used,
                Err(error) => return self.ended(index, &error.to_string()),
            };
            bytes = &bytes[used..];
            let is_all = !told.turns();
            self.hear(index, told, now_ns)?;
            if self.clients[index].generation != generation {
                return Ok(());
            }
            if is_all {
                break;
            }
        }
        let client = &mut self.clients[index];
        if let Some(link) = client.link.as_mut().filter(|_| !bytes.is_empty()) {
            link.keep(bytes);
        }
        if client.seat.as_ref().is_some_and(|seat| seat.is_slow) {
            return self.pause(index, now_ns);
        }
        Ok(())
    }

    fn hear(&mut self, index: usize, told: Told, now_ns: u64) -> io::Result<()> {
        for heard in told.heard {
            self.heard(index, heard, now_ns)?;
        }
        if !told.pings.is_empty()
            && let Some(link) = &mut self.clients[index].link
        {
            for payload in told.pings {
                let key = self.net.mask_key();
                link.queue(frame::PONG, &payload, key);
            }
            self.flush(index)?;
        }
        match told.closed {
            Some(reason) => self.ended(index, &format!("closed by the target: {reason}")),
            None => Ok(()),
        }
    }

    /// Queues one message on a client's link, if it has one; `write` fills in its payload, whose length is returned.
    pub fn queue(&mut self, index: usize, write: impl FnOnce(&mut dyn Adapter, &mut Vec<u8>)) -> usize {
        self.scratch.clear();
        let client = &mut self.clients[index];
        let adapter = self.adapters[client.language].as_mut();
        write(adapter, &mut self.scratch);
        if self.scratch.is_empty() {
            // This language cannot say it.
            return 0;
        }
        let key = self.net.mask_key();
        if let Some(link) = &mut client.link {
            let length = link.queue(adapter.opcode(), &self.scratch, key);
            self.ledger.tally.counts.bytes_out += length as u64;
        }
        self.scratch.len()
    }

    pub fn flush(&mut self, index: usize) -> io::Result<()> {
        let Some(link) = &mut self.clients[index].link else { return Ok(()) };
        match link.flush(&self.net) {
            Ok(()) => Ok(()),
            Err(error) => self.ended(index, &error.to_string()),
        }
    }

    pub fn adapter(&mut self, language: usize) -> &mut dyn Adapter {
        self.adapters[language].as_mut()
    }

    /// Between the two, evenly.
    pub fn draw(&mut self, [least, most]: [f64; 2]) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        least + (most - least) * ((self.random >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// What a slow reader takes at once: a twentieth of a second's worth, and enough for a frame's header.
pub fn slow_bite(bytes_per_second: u32) -> usize {
    (bytes_per_second as usize / 20).max(64)
}
