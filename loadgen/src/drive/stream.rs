//! Workloads A and F1–F4: publishers, rooms, and every delivery judged.

use std::io;
use std::time::{Duration, Instant};

use super::Options;
use super::crowd::Crowd;
use super::judge::{Listener, Track};
use super::ledger::{Ledger, Told};
use super::net::Net;
use super::outcome::Outcome;
use super::workload::{Pace, Stream};
use crate::adapter;
use crate::marker;
use crate::measure::Reading;
use crate::sys::{Interest, Ready, Ticker};

const TICKER: u64 = u64::MAX;

/// A run on a schedule must remember this many messages while a target stalls.
const PACED_IN_FLIGHT: usize = 8_192;

/// A faster schedule is served by several messages per tick.
const SHORTEST_TICK: Duration = Duration::from_micros(100);

/// After the last publication: how long without any delivery until the rest counts as lost,
/// and how long to listen on when everything has come, for what should not come.
const SILENCE: Duration = Duration::from_secs(2);
const AFTERMATH: Duration = Duration::from_millis(20);

struct Publisher {
    link: usize,
    tracks: Vec<usize>,
    turn: usize,
    published: u64,
}

struct Run {
    crowd: Crowd,
    ledger: Ledger,
    /// One per link; those without a seat stay unused.
    listeners: Vec<Listener>,
    seats: Vec<Option<usize>>,
    publishers: Vec<Publisher>,
    body: Vec<u8>,
    started: Instant,
    published_bytes: u64,
}

pub fn run(options: &Options, plan: Stream) -> io::Result<Outcome> {
    let mut run = Run::gather(options, plan)?;
    let ticker = match plan.pace {
        Pace::Window(_) => None,
        Pace::Rate(rate) => Some(Ticker::every((Duration::from_secs(1) / rate).max(SHORTEST_TICK))?),
    };
    if let Some(ticker) = &ticker {
        run.crowd.net.epoll.add(ticker, TICKER, Interest::Read)?;
    }
    run.started = Instant::now();
    run.until(options.warmup, plan.pace, ticker.as_ref())?;
    let (before, deliveries_before) = (Reading::take(options.server_pid)?, run.ledger.deliveries);
    run.ledger.latencies.set_recording(true);
    // From now on, however late it is: whoever was held up meanwhile measures the whole window all the same.
    run.until(run.started.elapsed() + options.window, plan.pace, ticker.as_ref())?;
    run.ledger.latencies.set_recording(false);
    let spent = Reading::take(options.server_pid)?.since(&before);
    let deliveries = run.ledger.deliveries - deliveries_before;
    drop(ticker);
    run.drain()?;

    let Run { ledger, listeners, seats, .. } = &mut run;
    ledger.count_lost(listeners.iter().zip(seats.iter()).filter_map(|(listener, seat)| Some((listener, (*seat)?))));
    let mut outcome = Outcome::new(options.workload, options.adapter, deliveries, spent);
    outcome.latency_us = ledger.latencies.percentiles();
    outcome.faults = ledger.faults;
    outcome.first_refusal = ledger.first_refusal.clone();
    outcome.acked = ledger.acked;
    outcome.delivery_overhead = ledger.delivery_overhead();
    outcome.published = run.publishers.iter().map(|publisher| publisher.published).sum();
    if outcome.published > 0 {
        outcome.publish_overhead = run.published_bytes as f64 / outcome.published as f64 - options.body as f64;
    }
    Ok(outcome)
}

impl Run {
    fn gather(options: &Options, plan: Stream) -> io::Result<Run> {
        let adapter = adapter::make(options.adapter, &options.settings);
        let net = Net::new(options.target)?;
        let in_flight = match plan.pace {
            Pace::Window(window) => window,
            Pace::Rate(_) => PACED_IN_FLIGHT,
        };
        let tracks = (0..plan.rooms)
            .map(|room| {
                let number = u16::try_from(room).map_err(|_| io::Error::other("too many rooms"))?;
                Ok(Track::new(number, room % plan.publishers, plan.per_room as u32, in_flight))
            })
            .collect::<io::Result<Vec<Track>>>()?;
        let body = marker::template(options.body);
        let mut ledger = Ledger::new(tracks, plan.publishers, adapter.opcode(), body.clone())?;
        let mut crowd = Crowd::new(net, adapter);

        // Subscribers first, room by room; then the publishers, unless subscribers publish themselves.
        let subscribers = plan.rooms * plan.per_room;
        let seat = |index: usize| (index < subscribers).then_some(index / plan.per_room);
        let links = subscribers + if plan.publisher_listens { 0 } else { plan.publishers };
        crowd.gather(links, &mut ledger, |index| seat(index).map(|room| room as u16))?;
        let publishers = (0..plan.publishers)
            .map(|index| Publisher {
                link: if plan.publisher_listens { index * plan.per_room } else { subscribers + index },
                tracks: (index..plan.rooms).step_by(plan.publishers).collect(),
                turn: 0,
                published: 0,
            })
            .collect();
        Ok(Run {
            crowd,
            ledger,
            listeners: (0..links).map(|_| Listener::default()).collect(),
            seats: (0..links).map(seat).collect(),
            publishers,
            body,
            started: Instant::now(),
            published_bytes: 0,
        })
    }

    fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Keeps the load up until `end` after the start.
    fn until(&mut self, end: Duration, pace: Pace, ticker: Option<&Ticker>) -> io::Result<()> {
        loop {
            self.publish(pace)?;
            let Some(left) = end.checked_sub(self.started.elapsed()) else {
                return Ok(());
            };
            self.turn(left.min(Duration::from_millis(100)), ticker)?;
        }
    }

    /// Listens on without publishing: until everything has come, or nothing comes any more.
    fn drain(&mut self) -> io::Result<()> {
        let mut last = (self.ledger.deliveries, Instant::now());
        loop {
            let complete = self.ledger.in_flight.iter().all(|&count| count == 0);
            let quiet = self.turn(AFTERMATH, None)?;
            if self.ledger.deliveries != last.0 {
                last = (self.ledger.deliveries, Instant::now());
            }
            if quiet && complete || last.1.elapsed() > SILENCE {
                return Ok(());
            }
        }
    }

    /// One wait and all the input it brought; true if it brought nothing.
    fn turn(&mut self, timeout: Duration, ticker: Option<&Ticker>) -> io::Result<bool> {
        let mut events = std::mem::take(&mut self.crowd.events);
        self.crowd.net.epoll.wait(&mut events, Some(timeout))?;
        let mut quiet = true;
        for ready in events.iter() {
            quiet = false;
            if ready.token == TICKER {
                if let Some(ticker) = ticker {
                    ticker.clear();
                }
                continue;
            }
            self.receive(ready)?;
        }
        self.crowd.events = events;
        Ok(quiet)
    }

    fn receive(&mut self, ready: Ready) -> io::Result<()> {
        let index = ready.token as usize;
        let Crowd { net, adapter, buffer, links, .. } = &mut self.crowd;
        let got = links[index].advance(net, ready, buffer)?;
        if got.bytes.is_empty() {
            return Ok(());
        }
        let now_ns = self.started.elapsed().as_nanos() as u64;
        let bytes = &buffer[got.bytes];
        let listener = self.seats[index].map(|track| (&mut self.listeners[index], track));
        let mut told = Told::default();
        let used = self.ledger.read(bytes, listener, adapter.as_mut(), now_ns, &mut told)?;
        if used < bytes.len() {
            links[index].keep(&bytes[used..]);
        }
        if !told.pings.is_empty() {
            self.crowd.answer_pings(index, &mut told)?;
        }
        Ok(())
    }

    /// Everything that is due now, one write per publisher.
    fn publish(&mut self, pace: Pace) -> io::Result<()> {
        let now_ns = self.now_ns();
        for index in 0..self.publishers.len() {
            let mut queued = false;
            while let Some(intended_ns) = self.due(index, pace, now_ns) {
                self.publish_one(index, intended_ns);
                queued = true;
            }
            if queued {
                self.crowd.flush(self.publishers[index].link)?;
            }
        }
        Ok(())
    }

    /// When this publisher's next message should have gone out, if that is not in the future.
    fn due(&self, index: usize, pace: Pace, now_ns: u64) -> Option<u64> {
        match pace {
            Pace::Window(window) => (self.ledger.in_flight[index] < window).then_some(now_ns),
            Pace::Rate(rate) => {
                // Publishers take turns: the schedule is one for all of them.
                let nth = self.publishers[index].published * self.publishers.len() as u64 + index as u64;
                let intended_ns = nth * 1_000_000_000 / u64::from(rate);
                (intended_ns <= now_ns).then_some(intended_ns)
            }
        }
    }

    fn publish_one(&mut self, index: usize, sent_ns: u64) {
        let publisher = &mut self.publishers[index];
        let track = &mut self.ledger.tracks[publisher.tracks[publisher.turn]];
        publisher.turn = (publisher.turn + 1) % publisher.tracks.len();
        let (number, code) = track.publish(sent_ns);
        let room = track.room();
        publisher.published += 1;
        self.ledger.in_flight[index] += 1;
        marker::stamp(&mut self.body, &code);
        let body = &self.body;
        let length = self.crowd.queue(publisher.link, |adapter, out| adapter.publish(room, number, body, out));
        self.published_bytes += length as u64;
    }
}
