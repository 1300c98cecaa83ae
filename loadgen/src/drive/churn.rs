//! Workload C: connect, join, leave, close, a fixed number at a time.

use std::io;
use std::time::{Duration, Instant};

use super::Options;
use super::latency::Latencies;
use super::ledger::{Ledger, Told};
use super::link::Link;
use super::net::Net;
use super::outcome::Outcome;
use crate::adapter::{self, Adapter};
use crate::measure::Reading;
use crate::sys::{Events, Ready};
use crate::ws::frame;

const READ_BUFFER: usize = 64 << 10;

/// A target that completes nothing for this long has failed.
const STALLED: Duration = Duration::from_secs(10);

/// Close code 1000: the normal end.
const GOODBYE: [u8; 2] = 1000u16.to_be_bytes();

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Opening,
    Joining,
    Leaving,
    Closing,
}

struct Cycle {
    link: Link,
    step: Step,
    began_ns: u64,
}

struct Churn {
    net: Net,
    adapter: Box<dyn Adapter>,
    ledger: Ledger,
    cycles: Vec<Cycle>,
    latencies: Latencies,
    completed: u64,
    started: Instant,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
}

pub fn run(options: &Options, at_once: usize) -> io::Result<Outcome> {
    let adapter = adapter::make(options.adapter, &options.settings);
    let net = Net::new(options.target)?;
    let ledger = Ledger::new(Vec::new(), 0, adapter.opcode(), Vec::new())?;
    let mut churn = Churn {
        net,
        adapter,
        ledger,
        cycles: Vec::new(),
        latencies: Latencies::new().map_err(io::Error::other)?,
        completed: 0,
        started: Instant::now(),
        buffer: vec![0; READ_BUFFER],
        scratch: Vec::new(),
    };
    for index in 0..at_once {
        let link = churn.connect(index)?;
        churn.cycles.push(Cycle { link, step: Step::Opening, began_ns: 0 });
    }
    churn.until(options.warmup)?;
    let (before, completed_before) = (Reading::take(options.server_pid)?, churn.completed);
    churn.latencies.set_recording(true);
    churn.until(churn.started.elapsed() + options.window)?;
    let spent = Reading::take(options.server_pid)?.since(&before);
    let mut outcome = Outcome::new(options.workload, options.adapter, churn.completed - completed_before, spent);
    outcome.latency_us = churn.latencies.percentiles();
    outcome.faults = churn.ledger.faults;
    outcome.first_refusal = churn.ledger.first_refusal;
    Ok(outcome)
}

impl Churn {
    fn until(&mut self, end: Duration) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut last = (self.completed, Instant::now());
        while let Some(left) = end.checked_sub(self.started.elapsed()) {
            self.net.epoll.wait(&mut events, Some(left.min(Duration::from_millis(100))))?;
            for ready in events.iter() {
                self.on_event(ready)?;
            }
            if self.completed != last.0 {
                last = (self.completed, Instant::now());
            } else if last.1.elapsed() > STALLED {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no connection completed its cycle"));
            }
        }
        Ok(())
    }

    fn connect(&mut self, index: usize) -> io::Result<Link> {
        let request = self.net.request(self.adapter.upgrade(index));
        Link::connect(&mut self.net, index as u64, request)
    }

    fn on_event(&mut self, ready: Ready) -> io::Result<()> {
        let index = ready.token as usize;
        let cycle = &mut self.cycles[index];
        let got = match cycle.link.advance(&self.net, ready, &mut self.buffer) {
            Ok(got) => got,
            // While closing, the end of the stream is the answer.
            Err(_) if cycle.step == Step::Closing => return self.complete(index),
            Err(error) => return Err(error),
        };
        if got.opened {
            self.say(index, Step::Joining)?;
        }
        if got.bytes.is_empty() {
            return Ok(());
        }
        let bytes = &self.buffer[got.bytes];
        let cycle = &mut self.cycles[index];
        let mut told = Told::default();
        let used = match self.ledger.read(bytes, None, self.adapter.as_mut(), 0, &mut told) {
            Ok(used) => used,
            // And so is the target's own close frame.
            Err(_) if cycle.step == Step::Closing => return self.complete(index),
            Err(error) => return Err(error),
        };
        cycle.link.keep(&bytes[used..]);
        match cycle.step {
            Step::Joining if told.subscribed > 0 => self.say(index, Step::Leaving),
            Step::Leaving if told.left > 0 => self.say(index, Step::Closing),
            Step::Opening | Step::Joining | Step::Leaving | Step::Closing => Ok(()),
        }
    }

    /// Sends what the next step begins with. Each place has its own room, so that nobody hears of anybody.
    fn say(&mut self, index: usize, step: Step) -> io::Result<()> {
        self.scratch.clear();
        let room = index as u16;
        let opcode = match step {
            Step::Opening => return Ok(()),
            Step::Joining => {
                self.adapter.subscribe(room, &mut self.scratch);
                self.adapter.opcode()
            }
            Step::Leaving => {
                self.adapter.leave(room, &mut self.scratch);
                self.adapter.opcode()
            }
            Step::Closing => {
                self.scratch.extend_from_slice(&GOODBYE);
                frame::CLOSE
            }
        };
        let key = self.net.mask_key();
        let cycle = &mut self.cycles[index];
        cycle.step = step;
        cycle.link.queue(opcode, &self.scratch, key);
        cycle.link.flush(&self.net)
    }

    /// Counts a cycle and begins the next one in its place; the old socket closes here.
    fn complete(&mut self, index: usize) -> io::Result<()> {
        let now_ns = self.started.elapsed().as_nanos() as u64;
        self.completed += 1;
        self.latencies.note(self.cycles[index].began_ns, now_ns);
        self.latencies.end_read(now_ns);
        let link = self.connect(index)?;
        self.cycles[index] = Cycle { link, step: Step::Opening, began_ns: now_ns };
        Ok(())
    }
}
