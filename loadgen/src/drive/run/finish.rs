//! The end of a run: promises are looked up, and everything that was found becomes the record.

use std::io;

use super::Run;
use crate::adapter::Language;
use crate::drive::acked::Acked;
use crate::drive::judge::Faults;
use crate::drive::tally::KINDS;
use crate::drive::visit;
use crate::measure;
use crate::record::curve::Curve;
use crate::record::{Acks, Carried, Cost, FORM, Gaps, Record, Side, Totals, What};
use crate::show::Phase;
use std::time::Duration;

impl Run<'_> {
    /// In the window; how long joining took, where nobody joined then, when everybody did.
    fn timed(&self, what: What) -> Option<&hdrhistogram::Histogram<u64>> {
        self.total.of(what).or_else(|| self.gathering.of(what).filter(|_| what == What::Join))
    }

    /// Looks promises up and writes everything down.
    pub fn finish(mut self) -> io::Result<Record> {
        self.phase = Phase::Checking;
        self.pulse()?;
        let Some((before, after)) = self.window.take() else { return Err(io::Error::other("nothing was measured")) };
        let (mut faults, mut gaps) = (Faults::default(), Gaps::default());
        let (mut first_refusal, mut broken) = (None, None);
        let whole = self.whole;
        let mut carried = Carried {
            deliveries: whole.deliveries,
            bytes_in: whole.bytes_in,
            bytes_out: whole.bytes_out,
            ..Carried::default()
        };
        let mut acked: Vec<(u16, Acked)> = Vec::new();
        let (mut published, mut deliveries, mut delivered_bytes, mut published_bytes) = (0, 0, 0, 0);
        for ending in std::mem::take(&mut self.endings) {
            faults.add(&ending.faults);
            gaps.add(&ending.gaps);
            carried.add(&ending.carried);
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
            carried,
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
