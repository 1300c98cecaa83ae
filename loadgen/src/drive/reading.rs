//! What comes in on a thread's connections, and how something is said on one.

use std::io;
use std::time::Duration;

use super::client::Step;
use super::ledger::{Seat, Told, close_reason};
use super::worker::{TICKER, Worker};
use crate::adapter::{Adapter, Framing, Who};
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
            self.carried.bytes_in += got.bytes.start as u64;
            self.opened(index)?;
        }
        if got.bytes.is_empty() || self.clients[index].link.is_none() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = match self.adapters[self.clients[index].language].framing() {
            Framing::Messages | Framing::Separated(_) => self.read_framed(index, &buffer[got.bytes]),
            Framing::Nats => self.read_stream(index, &mut buffer[got.bytes]),
        };
        self.buffer = buffer;
        read
    }

    fn read_framed(&mut self, index: usize, bytes: &[u8]) -> io::Result<()> {
        let now_ns = self.now_ns();
        let Some(rest) = self.read(index, bytes, now_ns)? else { return Ok(()) };
        if let Some(link) = self.clients[index].link.as_mut().filter(|_| !rest.is_empty()) {
            link.keep(rest);
        }
        self.has_read(index, now_ns)
    }

    /// The same for a language that does not care for frames.
    fn read_stream(&mut self, index: usize, bytes: &mut [u8]) -> io::Result<()> {
        let Some(link) = &mut self.clients[index].link else { return Ok(()) };
        let unframed = match link.unframe(bytes) {
            Ok(Some(unframed)) => unframed,
            Ok(None) => return self.read_framed(index, bytes),
            Err(error) => return self.ended(index, &error),
        };
        self.ledger.tally.counts.bytes_in += (unframed.raw - unframed.plain) as u64;
        let now_ns = self.now_ns();
        let Some(rest) = self.read(index, &bytes[..unframed.plain], now_ns)? else { return Ok(()) };
        if let Some(link) = &mut self.clients[index].link {
            link.keep_stream(rest, &bytes[unframed.raw..]);
        }
        let mut told = Told::default();
        for (opcode, payload) in unframed.controls {
            match opcode {
                frame::PING => told.pings.push(payload),
                frame::CLOSE => told.closed = Some(close_reason(&payload)),
                _ => {}
            }
        }
        self.hear(index, told, now_ns)?;
        self.has_read(index, now_ns)
    }

    fn has_read(&mut self, index: usize, now_ns: u64) -> io::Result<()> {
        let client = &self.clients[index];
        if client.link.is_some() && client.seat.as_ref().is_some_and(|seat| seat.is_slow) {
            return self.pause(index, now_ns);
        }
        Ok(())
    }

    /// Everything that one read brought. What the target says between deliveries takes effect between them. Returns what is
    /// not complete yet; None: the connection is gone.
    fn read<'a>(&mut self, index: usize, mut bytes: &'a [u8], now_ns: u64) -> io::Result<Option<&'a [u8]>> {
        let generation = self.clients[index].generation;
        let mut rest = 0;
        loop {
            let client = &mut self.clients[index];
            let adapter = self.adapters[client.language].as_mut();
            // What comes before it has joined is owed to nobody.
            let seat = client.seat.as_mut().filter(|_| client.step != Step::Joining).map(|seat| Seat {
                listener: &mut seat.listener,
                track: seat.track,
                is_slow: seat.is_slow,
                cursor: adapter.has_places().then_some(&mut seat.cursor),
            });
            let mut told = Told::default();
            let used = match self.ledger.read(bytes, &mut rest, seat, client.language, adapter, now_ns, &mut told) {
                Ok(used) => used,
                Err(error) => {
                    self.ended(index, &error.to_string())?;
                    return Ok(None);
                }
            };
            bytes = &bytes[used..];
            let is_all = !told.turns();
            self.hear(index, told, now_ns)?;
            if self.clients[index].generation != generation {
                return Ok(None);
            }
            if is_all {
                return Ok(Some(bytes));
            }
        }
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
                self.ledger.tally.counts.bytes_out += link.queue(frame::PONG, &payload, key) as u64;
            }
            self.flush(index)?;
        }
        match told.closed {
            Some(reason) => self.ended(index, &format!("closed by the target: {reason}")),
            None => Ok(()),
        }
    }

    /// Queues one message on a client's link, if it has one; `write` fills in its payload, whose length is returned.
    pub fn queue(&mut self, index: usize, write: impl FnOnce(&mut dyn Adapter, Who<'_>, &mut Vec<u8>)) -> usize {
        self.scratch.clear();
        let client = &mut self.clients[index];
        let adapter = self.adapters[client.language].as_mut();
        let who = Who { connection: client.connection, voucher: client.voucher.as_deref().unwrap_or_default() };
        write(adapter, who, &mut self.scratch);
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
