//! One thread of a run: its connections on one epoll, its share of the load, and the judging of all that comes back.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender as Reports;
use std::time::{Duration, Instant};

use super::Orders;
use super::asking::Asking;
use super::client::{Client, Sitting, Step};
use super::control::{Control, Counted, Ending, Report};
use super::judge::Listener;
use super::ledger::Ledger;
use super::line::Line;
use super::net::Net;
use super::posting::Posting;
use super::seating::{Seating, Share};
use super::sessions::Due;
use super::track::Track;
use crate::adapter::{self, Adapter, Place};
use crate::marker;
use crate::record::{Carried, Gaps};
use crate::scenario::Pace;
use crate::show::Phase;
use crate::sys::{Events, Interest, Ticker};

/// Enough for what many frames of one turn amount to; shared, so its size is paid once.
const READ_BUFFER: usize = 512 << 10;

/// Handshakes under way at once while gathering.
const OPENING_MAX: usize = 200;

const GATHER_LIMIT: Duration = Duration::from_secs(120);

/// After the last message: how long without any delivery until the rest counts as lost, and how long to listen on when
/// everything has come, for what should not come.
const SILENCE: Duration = Duration::from_secs(2);
const AFTERMATH: Duration = Duration::from_millis(20);

/// The longest wait: how late a thread may hear that a phase begins, when nothing else happens.
const NAP: Duration = Duration::from_millis(10);

/// A faster schedule is served by several messages per tick.
const SHORTEST_TICK: Duration = Duration::from_micros(100);

/// Pages and signals may be this late without anybody minding.
const ASKING_TICK: Duration = Duration::from_millis(1);

pub const TICKER: u64 = u64::MAX;

pub struct Worker {
    pub orders: Arc<Orders>,
    pub control: Arc<Control>,
    reports: Reports<Report>,
    pub started: Instant,
    pub lines: Arc<[Arc<Line>]>,
    pub threads_of: Arc<[u32]>,
    pub net: Net,
    pub adapters: Vec<Box<dyn Adapter>>,
    pub events: Events,
    pub buffer: Vec<u8>,
    pub scratch: Vec<u8>,
    pub ledger: Ledger,
    pub clients: Vec<Client>,
    pub posting: Posting,
    pub asking: Asking,
    pub timers: BinaryHeap<Reverse<(u64, u32, u32, Due)>>,
    pub phase: Phase,
    pub pace: Pace,
    second: u32,
    pub gathered: usize,
    pub gaps: Gaps,
    /// Handshakes, and what the kernel counted of connections that are gone.
    pub carried: Carried,
    pub refused: Vec<(u16, u64)>,
    pub first_refusal: Option<String>,
    pub broken: Option<String>,
    pub ticker: Option<(Ticker, Duration)>,
    pub random: u64,
}

impl Worker {
    pub fn new(
        orders: Arc<Orders>,
        control: Arc<Control>,
        reports: Reports<Report>,
        started: Instant,
        seating: &Seating,
        share: Share,
        index: usize,
    ) -> io::Result<Worker> {
        let net = Net::new(orders.targets.clone(), index)?;
        let adapters: Vec<_> =
            orders.languages.iter().map(|language| adapter::make(language, &orders.settings)).collect();
        let body = marker::template(orders.scenario.posts.body as usize);
        let mut counted: HashMap<u16, u32> = HashMap::new();
        for chair in &share.seats {
            *counted.entry(chair.room).or_default() += u32::from(!chair.is_slow);
        }
        let mut rooms: Vec<(u16, u32)> = counted.into_iter().collect();
        rooms.sort_unstable();
        let track_of: HashMap<u16, usize> = rooms.iter().enumerate().map(|(track, (room, _))| (*room, track)).collect();
        let tracks = rooms
            .iter()
            .map(|&(room, listeners)| {
                Track::new(seating.lines[usize::from(room)].clone(), listeners, orders.languages.len())
            })
            .collect();
        let pace = orders.scenario.posts.pace();
        let mut worker = Worker {
            control,
            reports,
            started,
            lines: seating.lines.clone().into(),
            threads_of: seating.threads_of.clone().into(),
            net,
            adapters,
            events: Events::with_capacity(1024),
            buffer: vec![0; READ_BUFFER],
            scratch: Vec::new(),
            ledger: Ledger::new(tracks, body.clone()),
            clients: Vec::with_capacity(share.seats.len() + share.senders.len()),
            posting: Posting::new(body, orders.stream),
            asking: Asking::default(),
            timers: BinaryHeap::new(),
            phase: Phase::Gathering,
            pace,
            second: 0,
            gathered: 0,
            gaps: Gaps::default(),
            carried: Carried::default(),
            refused: Vec::new(),
            first_refusal: None,
            broken: None,
            ticker: None,
            random: 0x9E37_79B9_7F4A_7C15 ^ orders.stream ^ index as u64,
            orders,
        };
        for chair in share.seats {
            let seat = Sitting {
                room: chair.room,
                track: track_of[&chair.room],
                listener: Listener::default(),
                cursor: Place::default(),
                is_slow: chair.is_slow,
                is_owed: false,
            };
            worker.add_client(chair.connection, Some(seat));
        }
        for plan in share.senders {
            let seated = worker.clients.iter().position(|client| plan.has_seat && client.connection == plan.connection);
            let client = seated.unwrap_or_else(|| worker.add_client(plan.connection, None));
            worker.clients[client].sender = Some(worker.posting.senders.len());
            worker.posting.add(plan, client);
        }
        Ok(worker)
    }

    fn add_client(&mut self, connection: usize, seat: Option<Sitting>) -> usize {
        let language = connection % self.adapters.len();
        let step = Step::Away;
        self.clients.push(Client {
            connection,
            language,
            link: None,
            voucher: None,
            generation: 0,
            step,
            began_ns: 0,
            seat,
            sender: None,
        });
        self.clients.len() - 1
    }

    /// Everything this thread does, until the run has told it that there is nothing more to do.
    pub fn run(mut self) {
        let report = match self.work() {
            Ok(()) => Report::Over(Box::new(self.ending())),
            Err(error) => Report::Failed(error),
        };
        // Nobody listens any more if the run has failed elsewhere.
        let _ = self.reports.send(report);
        // Connections stay open until everybody is done: what a target says to those that leave is not judged.
        while self.control.phase() != Phase::Checking {
            std::thread::sleep(NAP);
        }
    }

    fn work(&mut self) -> io::Result<()> {
        self.gather()?;
        let _ = self.reports.send(Report::Gathered);
        // Straight to the end where the run has failed elsewhere.
        while !matches!(self.phase, Phase::Draining | Phase::Checking) {
            let now_ns = self.now_ns();
            self.keep_time(now_ns)?;
            match self.phase {
                Phase::WarmUp | Phase::Window => {
                    self.post_due(now_ns)?;
                    self.ask_due(now_ns)?;
                    self.timers_due(now_ns)?;
                    self.storm_due(now_ns)?;
                }
                Phase::Gathering | Phase::Draining | Phase::Checking => {}
            }
            self.turn(self.patience(now_ns))?;
        }
        self.drain()
    }

    pub fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Connects everybody, not too many at once.
    fn gather(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + GATHER_LIMIT;
        let mut opened = 0;
        while self.gathered < self.clients.len() {
            while opened < self.clients.len() && opened - self.gathered < OPENING_MAX {
                self.open(opened)?;
                opened += 1;
            }
            self.turn(NAP)?;
            if let Some(reason) = self.first_refusal.as_ref().or(self.broken.as_ref()) {
                return Err(io::Error::other(format!("while connections came up: {reason}")));
            }
            if Instant::now() > deadline || self.control.phase() == Phase::Checking {
                let (done, all) = (self.gathered, self.clients.len());
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("only {done} of {all} connections became ready"),
                ));
            }
        }
        for client in &mut self.clients {
            client.link.iter_mut().for_each(|link| link.shrink());
        }
        Ok(())
    }

    /// Begins what the run says has begun, and hands in what was counted until then.
    fn keep_time(&mut self, now_ns: u64) -> io::Result<()> {
        let phase = self.control.phase();
        if phase != self.phase {
            self.hand_in();
            self.second = 0;
            let was = std::mem::replace(&mut self.phase, phase);
            if was == Phase::Gathering {
                let begun_ns = self.control.begun_ns();
                self.begin_posting(begun_ns);
                self.begin_asking(begun_ns);
                self.begin_sessions(begun_ns);
            }
        }
        let second = (now_ns.saturating_sub(self.control.begun_ns()) / 1_000_000_000) as u32;
        if second != self.second && phase != Phase::Gathering {
            self.hand_in();
            self.second = second;
        }
        self.set_ticker()
    }

    /// The timer follows the rate, which may change.
    fn set_ticker(&mut self) -> io::Result<()> {
        let Some(interval) = self.tick() else { return Ok(()) };
        match &mut self.ticker {
            Some((_, set)) if *set == interval => {}
            Some((ticker, set)) => {
                ticker.set(interval)?;
                *set = interval;
            }
            None => {
                let ticker = Ticker::every(interval)?;
                self.net.epoll.add(&ticker, TICKER, Interest::Read)?;
                self.ticker = Some((ticker, interval));
            }
        }
        Ok(())
    }

    /// How often this thread must look at the clock. None: only when something comes.
    fn tick(&self) -> Option<Duration> {
        let own = self.posting.senders.len() as f64;
        let asking = self.is_asking().then_some(ASKING_TICK);
        let posting = match self.pace {
            Pace::Rate(_) if own > 0.0 => {
                let rate = self.control.rate() * own / f64::from(self.orders.scenario.posts.senders);
                Some(Duration::from_secs_f64((1.0 / rate.max(1.0)).min(1.0)).max(SHORTEST_TICK))
            }
            // Others may have what a sender of this thread waits for.
            Pace::InFlight(_) if own > 0.0 && self.orders.cores.len() > 1 => Some(SHORTEST_TICK),
            Pace::Rate(_) | Pace::InFlight(_) | Pace::Silent => None,
        };
        asking.into_iter().chain(posting).min()
    }

    fn patience(&self, now_ns: u64) -> Duration {
        let next = self.timers.peek().map_or(u64::MAX, |Reverse((at, ..))| *at);
        Duration::from_nanos(next.saturating_sub(now_ns)).min(NAP)
    }

    fn hand_in(&mut self) {
        let counted = Counted {
            phase: self.phase,
            second: self.second,
            tally: std::mem::take(&mut self.ledger.tally),
            faults: self.ledger.faults,
            gaps: self.gaps,
            connections: self.clients.iter().filter(|client| client.step == Step::In).count() as u64,
        };
        let _ = self.reports.send(Report::Counted(Box::new(counted)));
    }

    /// Listens on without posting: until everything has come, or nothing comes any more.
    fn drain(&mut self) -> io::Result<()> {
        self.thaw_all()?;
        let mut last = (self.ledger.deliveries, self.ledger.tally.counts, Instant::now());
        loop {
            self.timers_due(self.now_ns())?;
            let quiet = self.turn(AFTERMATH)?;
            if (self.ledger.deliveries, self.ledger.tally.counts) != (last.0, last.1) {
                last = (self.ledger.deliveries, self.ledger.tally.counts, Instant::now());
            }
            if quiet && self.is_complete() || last.2.elapsed() > SILENCE || self.control.phase() == Phase::Checking {
                return Ok(());
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.posting.is_quiet() && self.clients.iter().all(|client| self.lost(client) == 0)
    }

    /// What a client is owed and did not get.
    fn lost(&self, client: &Client) -> u64 {
        let Some(seat) = &client.seat else { return 0 };
        let is_owed = match client.step {
            Step::In => true,
            Step::Opening | Step::Joining | Step::Away => seat.is_owed,
            Step::Leaving | Step::Closing => false,
            // A slow one may be cut; everybody else is owed everything.
            Step::Gone => !seat.is_slow,
        };
        if is_owed { seat.listener.lost(self.lines[usize::from(seat.room)].published()) } else { 0 }
    }

    /// The link is gone, and so is whatever it would still say.
    pub fn hang_up(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if let Some(link) = client.link.take() {
            let counted = link.counted();
            self.carried.kernel_bytes_in += counted.received;
            self.carried.kernel_bytes_out += counted.sent;
        }
        client.voucher = None;
        client.generation = client.generation.wrapping_add(1) & 0x7FFF_FFFF;
    }

    fn ending(&mut self) -> Ending {
        self.hand_in();
        let mut carried = self.carried;
        for link in self.clients.iter().filter_map(|client| client.link.as_ref()) {
            let counted = link.counted();
            carried.kernel_bytes_in += counted.received;
            carried.kernel_bytes_out += counted.sent;
        }
        let mut faults = self.ledger.faults;
        let lost: u64 = self.clients.iter().map(|client| self.lost(client)).sum();
        // What was refused could not be delivered; that it was refused is a fault of its own.
        let seats = |room: u16| {
            self.clients.iter().filter_map(|client| client.seat.as_ref()).filter(move |seat| seat.room == room)
        };
        let refused: u64 = self.refused.iter().map(|(room, _)| seats(*room).count() as u64).sum();
        faults.lost += lost.saturating_sub(refused);
        Ending {
            faults,
            gaps: self.gaps,
            first_refusal: self.first_refusal.take(),
            broken: self.broken.take(),
            acked: self.posting.take_acked(),
            deliveries: self.ledger.deliveries,
            overhead_bytes: self.ledger.overhead_bytes(),
            published: self.posting.published,
            publish_overhead_bytes: self.posting.overhead_bytes(),
            carried,
        }
    }
}
