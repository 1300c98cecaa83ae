//! A whole run: threads are started, led through the phases, watched, and what they found becomes the record (`finish`).

mod finish;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Orders;
use super::control::{Control, Counted, Ending, Report};
use super::judge::Faults;
use super::tally::{Counts, Tally};
use super::worker::Worker;
use super::{seating, visit};
use crate::measure::{self, Reading};
use crate::record::curve::{Curve, HEAT_STEPS, heat_step};
use crate::record::{Gaps, Mark, Record, Second, Totals, What};
use crate::show::{Phase, Pulse, Show, Wish};
use crate::signals;
use crate::sys;

/// How often whoever watches is told.
const PULSE: Duration = Duration::from_millis(200);

/// Threads that do not end by themselves for so long are left alone.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// Runs what was ordered. Ends by itself, whatever the target does.
pub fn run(orders: Orders, watch: &mut dyn Show) -> io::Result<Record> {
    sys::raise_descriptor_limit()?;
    sys::pin_to(&orders.cores)?;
    visit::prepare(&orders).map_err(|error| io::Error::new(error.kind(), format!("while filling rooms: {error}")))?;
    let orders = Arc::new(orders);
    let mut run = Run::start(orders.clone(), watch)?;
    let found = run.lead();
    run.control.enter(Phase::Checking, run.started.elapsed());
    for thread in run.threads.drain(..) {
        // A thread that panicked has said why, and its report is missing.
        let _ = thread.join();
    }
    found?;
    run.finish()
}

struct Run<'a> {
    orders: Arc<Orders>,
    control: Arc<Control>,
    started: Instant,
    started_at: u64,
    threads: Vec<JoinHandle<()>>,
    reports: Receiver<Report>,
    watch: &'a mut dyn Show,
    phase: Phase,
    pulsed: Instant,
    memory_before: Option<u64>,
    /// At the begin of the window, at the end of each of its seconds, and at its end.
    readings: Vec<Reading>,
    window: Option<(Reading, Reading)>,
    /// What threads counted while connections came up.
    gathering: Tally,
    /// What threads counted in the window, in all and for each of its seconds.
    total: Tally,
    /// What threads counted in all phases.
    whole: Counts,
    seconds: BTreeMap<u32, (Tally, usize, u64)>,
    complete: Vec<Second>,
    heat: Vec<u64>,
    faults: Vec<(Faults, Gaps, u64)>,
    endings: Vec<Ending>,
    connections: u64,
    marks: Vec<Mark>,
    wants_stop: bool,
    /// Of the signals that ask to stop.
    signals: u32,
}

impl Run<'_> {
    fn start(orders: Arc<Orders>, watch: &mut dyn Show) -> io::Result<Run<'_>> {
        let seating = seating::seat(&orders.scenario, orders.cores.len());
        let control = Arc::new(Control::default());
        control.set_rate(orders.scenario.posts.rate);
        let memory_before = orders.server_pid.map(measure::private_memory).transpose()?;
        let (send, reports) = channel();
        let started = Instant::now();
        let seating = Arc::new(seating);
        let mut threads = Vec::new();
        for (index, &core) in orders.cores.iter().enumerate() {
            let (orders, control, send, seating) = (orders.clone(), control.clone(), send.clone(), seating.clone());
            let work = move || {
                let share = seating.share(index);
                let worker = sys::pin_to(&[core])
                    .and_then(|()| Worker::new(orders, control, send.clone(), started, &seating, share, index));
                match worker {
                    Ok(worker) => worker.run(),
                    Err(error) => drop(send.send(Report::Failed(error))),
                }
            };
            threads.push(thread::Builder::new().name(format!("{}{index}", measure::DRIVER_THREAD)).spawn(work)?);
        }
        let workers = threads.len();
        Ok(Run {
            orders,
            control,
            started,
            started_at: measure::unix_ms(),
            threads,
            reports,
            watch,
            phase: Phase::Gathering,
            pulsed: started,
            memory_before,
            readings: Vec::new(),
            window: None,
            gathering: Tally::default(),
            total: Tally::default(),
            whole: Counts::default(),
            seconds: BTreeMap::new(),
            complete: Vec::new(),
            heat: vec![0; usize::from(HEAT_STEPS)],
            faults: Vec::with_capacity(workers),
            endings: Vec::new(),
            connections: 0,
            marks: Vec::new(),
            wants_stop: false,
            signals: signals::heard(),
        })
    }

    /// Through all phases, until every thread has ended its work.
    fn lead(&mut self) -> io::Result<()> {
        let time = self.orders.scenario.time;
        let mut gathered = 0;
        while gathered < self.threads.len() {
            if let Some(Report::Gathered) = self.listen(PULSE)? {
                gathered += 1;
            }
        }
        self.enter(Phase::WarmUp);
        self.until(time.warm_up_seconds)?;
        let before = self.read()?;
        self.enter(Phase::Window);
        self.readings.push(before.clone());
        self.until(time.seconds)?;
        let after = self.read()?;
        self.enter(Phase::Draining);
        self.readings.push(after.clone());
        self.window = Some((before, after));
        let deadline = Instant::now() + DRAIN_LIMIT;
        while self.endings.len() < self.threads.len() {
            self.listen(PULSE)?;
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the run did not come to its end"));
            }
        }
        Ok(())
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.control.enter(phase, self.started.elapsed());
    }

    fn read(&self) -> io::Result<Reading> {
        Reading::take(self.orders.server_pid)
    }

    /// Until the phase has lasted so long. In the window a reading is taken each second.
    fn until(&mut self, seconds: f64) -> io::Result<()> {
        let begun = Duration::from_nanos(self.control.begun_ns());
        loop {
            let at = (self.started.elapsed() - begun).as_secs_f64();
            if at >= seconds || self.wants_stop {
                return Ok(());
            }
            let mut patience = seconds - at;
            if self.phase == Phase::Window {
                let next = self.readings.len() as f64;
                if at >= next {
                    let reading = self.read()?;
                    self.readings.push(reading);
                    self.complete_seconds();
                    continue;
                }
                patience = patience.min(next - at);
            }
            self.listen(Duration::from_secs_f64(patience).min(PULSE))?;
        }
    }

    /// One report, or none within this time.
    fn listen(&mut self, patience: Duration) -> io::Result<Option<Report>> {
        let report = match self.reports.recv_timeout(patience) {
            Ok(report) => Some(report),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("a thread of the run ended early")),
        };
        let rest = match report {
            Some(Report::Counted(counted)) => {
                self.count(*counted);
                None
            }
            Some(Report::Over(ending)) => {
                self.endings.push(*ending);
                None
            }
            Some(Report::Failed(error)) => return Err(error),
            other => other,
        };
        if self.threads.iter().any(JoinHandle::is_finished) {
            return Err(io::Error::other("a thread of the run ended early"));
        }
        if self.pulsed.elapsed() >= PULSE {
            self.pulsed = Instant::now();
            self.pulse()?;
        }
        Ok(rest)
    }

    fn count(&mut self, counted: Counted) {
        let Counted { phase, second, tally, faults, gaps, connections } = counted;
        // Only the sum over threads is shown, and each says its own whole: the newest so many are those of all threads.
        self.faults.push((faults, gaps, connections));
        if self.faults.len() > self.threads.len() {
            self.faults.remove(0);
        }
        self.whole.add(&tally.counts);
        if phase == Phase::Gathering {
            self.gathering.add(&tally);
        }
        if phase != Phase::Window {
            return;
        }
        let entry = self.seconds.entry(second).or_default();
        entry.0.add(&tally);
        entry.1 += 1;
        entry.2 += faults.sum();
        self.total.add(&tally);
        if let Some(histogram) = main(&tally) {
            for step in histogram.iter_recorded() {
                self.heat[usize::from(heat_step(step.value_iterated_to()))] += step.count_since_last_iteration();
            }
        }
        self.complete_seconds();
    }

    /// A second is complete when all threads have told it and its end was read.
    fn complete_seconds(&mut self) {
        let (workers, ends) = (self.threads.len(), self.readings.len());
        while let Some((second, (tally, _, faults))) = self
            .seconds
            .first_key_value()
            .filter(|(second, (_, reports, _))| *reports >= workers && (**second as usize + 1) < ends)
        {
            let (second, finished) = (*second, self.second(*second, tally, *faults));
            self.seconds.remove(&second);
            self.complete.extend(finished);
        }
    }

    /// A finished second. None: it is shorter than one, at the window's end.
    fn second(&self, second: u32, tally: &Tally, faults: u64) -> Option<Second> {
        let (from, to) = (self.readings.get(second as usize)?, self.readings.get(second as usize + 1)?);
        let spent = to.since(from);
        let curve = main(tally).map(Curve::of).unwrap_or_default();
        let mut heat: BTreeMap<u16, u64> = BTreeMap::new();
        for step in main(tally).into_iter().flat_map(|histogram| histogram.iter_recorded()) {
            *heat.entry(heat_step(step.value_iterated_to())).or_default() += step.count_since_last_iteration();
        }
        let wall = spent.wall.as_secs_f64();
        if wall < 0.5 {
            return None;
        }
        let counts = tally.counts;
        let share = |cpu: Duration| cpu.as_secs_f64() / wall;
        Some(Second {
            at: f64::from(second) + wall.min(1.0),
            posts: counts.posts,
            deliveries: counts.deliveries,
            acks: counts.acks,
            joins: counts.joins,
            pages: counts.pages,
            cycles: counts.cycles,
            p50_us: curve.p50_us,
            p99_us: curve.p99_us,
            max_us: curve.max_us,
            heat: heat.into_iter().collect(),
            driver_share: share(spent.driver),
            server_share: spent.server.map(share),
            server_memory_bytes: to.server_memory(),
            faults,
        })
    }

    fn pulse(&mut self) -> io::Result<()> {
        let begun = Duration::from_nanos(self.control.begun_ns());
        let time = self.orders.scenario.time;
        let (mut faults, mut gaps, mut connections) = (Faults::default(), Gaps::default(), 0);
        for (own, told, seated) in &self.faults {
            faults.add(own);
            gaps.add(told);
            connections += seated;
        }
        let at = (self.started.elapsed().saturating_sub(begun)).as_secs_f64();
        let pulse = Pulse {
            phase: self.phase,
            at,
            lasts: match self.phase {
                Phase::WarmUp => time.warm_up_seconds,
                Phase::Window => time.seconds,
                Phase::Gathering | Phase::Draining | Phase::Checking => 0.0,
            },
            connections,
            rate: (self.orders.scenario.posts.rate > 0.0).then(|| self.control.rate()),
            totals: self.totals(at),
            faults,
            gaps,
            second: self.complete.last().filter(|_| self.phase == Phase::Window).cloned(),
            heat: self.heat.clone(),
        };
        self.watch.pulse(&pulse)?;
        let signals = signals::heard();
        let stops = signals - std::mem::replace(&mut self.signals, signals);
        let asked = (0..stops).map(|_| Wish::Stop);
        for wish in self.watch.wishes()?.into_iter().chain(asked) {
            match wish {
                Wish::Rate(factor) => self.control.set_rate(self.control.rate() * factor),
                Wish::Mark(text) => self.marks.push(Mark { at, text }),
                // Whoever asks twice does not want to wait for the end.
                Wish::Stop if self.wants_stop => return Err(io::Error::other("stopped before its end")),
                Wish::Stop => self.wants_stop = true,
            }
        }
        Ok(())
    }

    fn totals(&self, seconds: f64) -> Totals {
        let counts = self.total.counts;
        Totals {
            seconds,
            connections: self.connections,
            posts: counts.posts,
            deliveries: counts.deliveries,
            acks: counts.acks,
            joins: counts.joins,
            cycles: counts.cycles,
            pages: counts.pages,
            bytes_in: counts.bytes_in,
            bytes_out: counts.bytes_out,
        }
    }
}

/// What a run is about: deliveries, or cycles or pages where nothing is delivered.
fn main(tally: &Tally) -> Option<&hdrhistogram::Histogram<u64>> {
    [What::Delivery, What::Cycle, What::Page, What::Join].into_iter().find_map(|what| tally.of(what))
}
