//! A whole run: threads are started, led through the phases, watched, and what they found becomes the record.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Orders;
use super::acked::Acked;
use super::control::{Control, Counted, Ending, Report};
use super::judge::Faults;
use super::tally::{KINDS, Tally};
use super::worker::Worker;
use super::{seating, visit};
use crate::adapter::Language;
use crate::measure::{self, Reading};
use crate::record::curve::{Curve, HEAT_STEPS, heat_step};
use crate::record::{Acks, Cost, FORM, Gaps, Mark, Record, Second, Side, Totals, What};
use crate::show::{Phase, Pulse, Show, Wish};
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
    seconds: BTreeMap<u32, (Tally, usize, u64)>,
    complete: Vec<Second>,
    heat: Vec<u64>,
    faults: Vec<(Faults, Gaps, u64)>,
    endings: Vec<Ending>,
    connections: u64,
    marks: Vec<Mark>,
    wants_stop: bool,
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
            seconds: BTreeMap::new(),
            complete: Vec::new(),
            heat: vec![0; usize::from(HEAT_STEPS)],
            faults: Vec::with_capacity(workers),
            endings: Vec::new(),
            connections: 0,
            marks: Vec::new(),
            wants_stop: false,
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
        for wish in self.watch.wishes()? {
            match wish {
                Wish::Rate(factor) => self.control.set_rate(self.control.rate() * factor),
                Wish::Mark(text) => self.marks.push(Mark { at, text }),
                // Whoever asks twice does not want to wait for the end.
                Wish::Stop if self.wants_stop => return Err(io::Error::other("stopped from the keyboard")),
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

    /// In the window; how long joining took, where nobody joined then, when everybody did.
    fn timed(&self, what: What) -> Option<&hdrhistogram::Histogram<u64>> {
        self.total.of(what).or_else(|| self.gathering.of(what).filter(|_| what == What::Join))
    }

    /// Looks promises up and writes everything down.
    fn finish(mut self) -> io::Result<Record> {
        self.phase = Phase::Checking;
        self.pulse()?;
        let Some((before, after)) = self.window.take() else { return Err(io::Error::other("nothing was measured")) };
        let (mut faults, mut gaps) = (Faults::default(), Gaps::default());
        let (mut first_refusal, mut broken) = (None, None);
        let mut acked: Vec<(u16, Acked)> = Vec::new();
        let (mut published, mut deliveries, mut delivered_bytes, mut published_bytes) = (0, 0, 0, 0);
        for ending in std::mem::take(&mut self.endings) {
            faults.add(&ending.faults);
            gaps.add(&ending.gaps);
            first_refusal = first_refusal.or(ending.first_refusal);
            broken = broken.or(ending.broken);
            acked.extend(ending.acked);
            published += ending.published;
            deliveries += ending.deliveries;
            delivered_bytes += ending.overhead_bytes;
            published_bytes += ending.publish_overhead_bytes;
        }
        let mut acks = Acks { given: acked.iter().map(|(_, acked)| acked.count()).sum(), ..Acks::default() };
        let mut first_broken_ack = None;
        if self.orders.checks_acks && acks.given > 0 {
            let audit = visit::audit(&self.orders, &acked);
            let audit =
                audit.map_err(|error| io::Error::new(error.kind(), format!("while looking acks up: {error}")))?;
            if let Some((checked, first)) = audit {
                acks = checked;
                first_broken_ack = first;
            }
        }
        let spent = after.since(&before);
        let totals = self.totals(spent.wall.as_secs_f64());
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / (totals.deliveries.max(1) as f64);
        let per = |sum: i64, count: u64| if count == 0 { 0.0 } else { sum as f64 / count as f64 };
        let seated = self.orders.scenario.rooms.all_seats();
        let memory = after.server_memory().zip(self.memory_before);
        let latency = KINDS
            .into_iter()
            .filter_map(|what| self.timed(what).map(|histogram| (what, Curve::of(histogram))))
            .filter(|(_, curve)| curve.count > 0)
            .collect();
        Ok(Record {
            form: FORM.to_owned(),
            loadgen: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.orders.command.clone(),
            started_at: self.started_at,
            verdict: Default::default(),
            scenario: self.orders.scenario.clone(),
            targets: self.orders.targets.iter().map(ToString::to_string).collect(),
            languages: self.orders.languages.iter().map(Language::name).collect(),
            environment: measure::environment(&self.orders.cores),
            totals: Totals { connections: seated, ..totals },
            posted: published,
            faults,
            first_refusal,
            first_disconnect: broken,
            first_broken_ack,
            gaps,
            acks,
            latency,
            cost: Cost {
                driver: Side {
                    user_seconds: spent.driver_user.as_secs_f64(),
                    system_seconds: spent.driver.saturating_sub(spent.driver_user).as_secs_f64(),
                    share: spent.driver.as_secs_f64() / spent.wall.as_secs_f64(),
                    memory_bytes: measure::private_memory(std::process::id())?,
                },
                server: spent.server.map(|cpu| Side {
                    user_seconds: spent.server_user.as_secs_f64().min(cpu.as_secs_f64()),
                    system_seconds: cpu.saturating_sub(spent.server_user).as_secs_f64(),
                    share: cpu.as_secs_f64() / spent.wall.as_secs_f64(),
                    memory_bytes: after.server_memory().unwrap_or(0),
                }),
                server_us_per_delivery: spent.server.filter(|_| totals.deliveries > 0).map(each),
                shard_us_per_delivery: spent.shards.filter(|_| totals.deliveries > 0).map(each),
                server_bytes_per_connection: memory
                    .map(|(after, before)| (after as f64 - before as f64) / seated as f64),
                headroom: spent.wall.as_secs_f64() / spent.busiest.as_secs_f64().max(1e-6),
                stolen_share: spent.stolen,
                delivery_overhead_bytes: per(delivered_bytes, deliveries),
                post_overhead_bytes: per(published_bytes, published),
            },
            seconds: self.complete,
            marks: self.marks,
            search: Vec::new(),
            expectations: Vec::new(),
        })
    }
}

/// What a run is about: deliveries, or cycles or pages where nothing is delivered.
fn main(tally: &Tally) -> Option<&hdrhistogram::Histogram<u64>> {
    [What::Delivery, What::Cycle, What::Page, What::Join].into_iter().find_map(|what| tally.of(what))
}
