//! A crowd of connections on one epoll, one read buffer for all of them, and how it comes together.

use std::io;
use std::time::{Duration, Instant};

use super::ledger::{Ledger, Told};
use super::link::Link;
use super::net::Net;
use crate::adapter::Adapter;
use crate::sys::{Events, Ready};
use crate::ws::frame;

/// Enough for what many frames of one turn amount to; shared, so its size is paid once.
const READ_BUFFER: usize = 512 << 10;

/// Handshakes under way at once while gathering.
const OPENING_MAX: usize = 200;

const GATHER_LIMIT: Duration = Duration::from_secs(60);

pub struct Crowd {
    pub net: Net,
    pub adapter: Box<dyn Adapter>,
    pub events: Events,
    pub buffer: Vec<u8>,
    pub links: Vec<Link>,
    scratch: Vec<u8>,
}

impl Crowd {
    pub fn new(net: Net, adapter: Box<dyn Adapter>) -> Crowd {
        let events = Events::with_capacity(1024);
        Crowd { net, adapter, events, buffer: vec![0; READ_BUFFER], links: Vec::new(), scratch: Vec::new() }
    }

    /// Queues one message on a link; `write` fills in its payload.
    pub fn queue(&mut self, index: usize, write: impl FnOnce(&mut dyn Adapter, &mut Vec<u8>)) -> usize {
        self.scratch.clear();
        write(self.adapter.as_mut(), &mut self.scratch);
        let key = self.net.mask_key();
        self.links[index].queue(self.adapter.opcode(), &self.scratch, key);
        self.scratch.len()
    }

    pub fn flush(&mut self, index: usize) -> io::Result<()> {
        self.links[index].flush(&self.net)
    }

    pub fn answer_pings(&mut self, index: usize, told: &mut Told) -> io::Result<()> {
        for payload in told.pings.drain(..) {
            let key = self.net.mask_key();
            self.links[index].queue(frame::PONG, &payload, key);
        }
        self.flush(index)
    }

    /// Connects `count` links; link `i` subscribes to `room_of(i)`, if to any. Returns when all are ready.
    pub fn gather(
        &mut self,
        count: usize,
        ledger: &mut Ledger,
        room_of: impl Fn(usize) -> Option<u16>,
    ) -> io::Result<()> {
        let deadline = Instant::now() + GATHER_LIMIT;
        let mut done = 0;
        while done < count {
            while self.links.len() < count && self.links.len() - done < OPENING_MAX {
                let index = self.links.len();
                let request = self.net.request(self.adapter.upgrade(index));
                let link = Link::connect(&mut self.net, index as u64, request)?;
                self.links.push(link);
            }
            self.net.epoll.wait(&mut self.events, Some(Duration::from_millis(100)))?;
            let ready: Vec<Ready> = self.events.iter().collect();
            for ready in ready {
                done += usize::from(self.greet(ready, ledger, &room_of)?);
            }
            if let Some(reason) = &ledger.first_refusal {
                return Err(io::Error::other(format!("refused while subscribing: {reason}")));
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("only {done} of {count} connections became ready"),
                ));
            }
        }
        for link in &mut self.links {
            link.shrink();
        }
        Ok(())
    }

    /// One event of a link that is coming up; true when it became ready.
    fn greet(&mut self, ready: Ready, ledger: &mut Ledger, room_of: impl Fn(usize) -> Option<u16>) -> io::Result<bool> {
        let index = ready.token as usize;
        let got = self.links[index].advance(&self.net, ready, &mut self.buffer)?;
        let mut became_ready = false;
        if got.opened {
            match room_of(index) {
                Some(room) => {
                    self.queue(index, |adapter, out| adapter.subscribe(room, out));
                    self.flush(index)?;
                }
                None => became_ready = true,
            }
        }
        let mut told = Told::default();
        let bytes = &self.buffer[got.bytes];
        let used = ledger.read(bytes, None, self.adapter.as_mut(), 0, &mut told)?;
        self.links[index].keep(&bytes[used..]);
        if !told.pings.is_empty() {
            self.answer_pings(index, &mut told)?;
        }
        Ok(became_ready || told.subscribed > 0)
    }
}
