//! The thresholds that the core is held to, and whether the measured rounds meet them.

use serde::Serialize;

use super::outcome::{Outcome, Workload};
use super::plan::{Cell, ENCODINGS, History, PER_FRAME, PLAIN, Target};

/// One run of one cell.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub round: usize,
    pub cell: Cell,
    /// A run that could not be made says why.
    pub result: Result<Outcome, String>,
}

impl Sample {
    /// The outcome, unless the run failed: a wrong answer has no speed.
    pub fn valid(&self) -> Option<&Outcome> {
        self.result.as_ref().ok().filter(|outcome| !outcome.failed())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    Rate,
    ServerCpu,
    ShardCpu,
    P50,
    Memory,
}

impl Metric {
    pub fn of(self, outcome: &Outcome) -> Option<f64> {
        match self {
            Metric::Rate => Some(outcome.per_second),
            Metric::ServerCpu => outcome.server_cpu_us_each,
            Metric::ShardCpu => outcome.shard_cpu_us_each,
            Metric::P50 => Some(outcome.p50_us),
            Metric::Memory => outcome.memory_bytes_each,
        }
    }

    fn name(self, workload: Workload) -> String {
        match self {
            Metric::Rate => "deliveries/s".to_owned(),
            Metric::ServerCpu => format!("server CPU per {}", workload.unit()),
            Metric::ShardCpu => format!("shard's CPU per {}", workload.unit()),
            Metric::P50 => "p50".to_owned(),
            Metric::Memory => "memory per idle connection, bytes".to_owned(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        }
    }
}

/// A figure of one cell, as a multiple of another cell's where there is one.
#[derive(Clone, Copy, Debug)]
struct Criterion {
    workload: Workload,
    metric: Metric,
    of: Target,
    against: Option<Target>,
    bound: Bound,
    /// False: shown, but not part of the verdict.
    counts: bool,
}

/// A criterion and what came out.
#[derive(Clone, Debug, Serialize)]
pub struct Ruling {
    pub what: String,
    pub bound: Bound,
    /// The median over the rounds that have both figures; none if there is no such round.
    pub value: Option<f64>,
    pub rounds: usize,
    pub counts: bool,
    pub passed: bool,
}

fn criteria() -> Vec<Criterion> {
    use Workload::{A, C, F1, F2, F3, F4, I};
    let mut all = vec![Criterion {
        workload: F2,
        metric: Metric::ServerCpu,
        of: PER_FRAME,
        against: Some(PLAIN),
        bound: Bound::AtLeast(25.0),
        counts: true,
    }];
    for encoding in ENCODINGS {
        let of = Target::ours(encoding);
        let two_shards = Target::two_shards(encoding);
        let like = Target::like(encoding);
        let mut hold = |workload, metric, of, against, bound, counts| {
            all.push(Criterion { workload, metric, of, against, bound, counts });
        };
        for (workload, least) in [(F2, 0.7), (F3, 0.75), (F4, 0.6)] {
            hold(workload, Metric::Rate, of, Some(like), Bound::AtLeast(least), true);
            hold(workload, Metric::Rate, of, Some(PLAIN), Bound::AtLeast(least), false);
        }
        hold(F1, Metric::ServerCpu, of, Some(like), Bound::AtMost(1.1), true);
        hold(A, Metric::P50, of, Some(PLAIN), Bound::AtMost(1.1), true);
        hold(C, Metric::ServerCpu, of, Some(PLAIN), Bound::AtMost(2.0), true);
        hold(F2, Metric::ServerCpu, two_shards, Some(of), Bound::AtMost(1.2), true);
        hold(I, Metric::Memory, of, None, Bound::AtMost(3_072.0), true);
        let (same, other) = (Target::stored(encoding, History::SameCore), Target::stored(encoding, History::OtherCore));
        let beside = Target::stored(encoding, History::MemoryBesideDisk);
        for (workload, most) in [(F2, 1.3), (F3, 1.4)] {
            hold(workload, Metric::ServerCpu, same, Some(of), Bound::AtMost(most), true);
            hold(workload, Metric::ShardCpu, other, Some(of), Bound::AtMost(1.05), true);
            hold(workload, Metric::ShardCpu, other, Some(beside), Bound::AtMost(1.05), false);
            hold(workload, Metric::Rate, same, Some(of), Bound::AtLeast(1.0 / most), false);
            hold(workload, Metric::Rate, other, Some(of), Bound::AtLeast(0.95), false);
        }
    }
    all
}

/// Judges every criterion whose cells were part of the plan.
pub fn judge(cells: &[Cell], samples: &[Sample]) -> Vec<Ruling> {
    let planned = |workload, target| cells.contains(&Cell { workload, target });
    criteria()
        .into_iter()
        .filter(|criterion| {
            planned(criterion.workload, criterion.of)
                && criterion.against.is_none_or(|target| planned(criterion.workload, target))
        })
        .map(|criterion| criterion.rule(samples))
        .collect()
}

impl Criterion {
    /// Ratios are taken within a round, where both figures saw the same weather, and then their median.
    fn rule(&self, samples: &[Sample]) -> Ruling {
        let figure = |round: usize, target: Target| {
            let cell = Cell { workload: self.workload, target };
            let sample = samples.iter().find(|sample| sample.round == round && sample.cell == cell)?;
            self.metric.of(sample.valid()?)
        };
        let last = samples.iter().map(|sample| sample.round).max().unwrap_or(0);
        let values: Vec<f64> = (0..=last)
            .filter_map(|round| {
                let value = figure(round, self.of)?;
                match self.against {
                    Some(target) => Some(value / figure(round, target)?),
                    None => Some(value),
                }
            })
            .filter(|value| value.is_finite())
            .collect();
        // One run that lost something fails the criterion, however fast the others were.
        let concerned = |sample: &&Sample| {
            sample.cell.workload == self.workload
                && (sample.cell.target == self.of || Some(sample.cell.target) == self.against)
        };
        let sound = samples.iter().filter(concerned).all(|sample| sample.valid().is_some());
        let value = median(values.clone());
        let against = self.against.map(|target| format!(" as a multiple of: {}", target.name())).unwrap_or_default();
        Ruling {
            what: format!("{:?} {} of {}{against}", self.workload, self.metric.name(self.workload), self.of.name()),
            bound: self.bound,
            value,
            rounds: values.len(),
            counts: self.counts,
            passed: sound && value.is_some_and(|value| self.bound.holds(value)),
        }
    }
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[middle - 1] + upper) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yardstick::plan::{Encoding, cells};

    fn outcome(rate: f64, cpu: f64) -> Outcome {
        let text = format!(
            r#"{{"workload":"F2","unit":"delivery","seconds":1.0,"operations":10,"per_second":{rate},
            "server_cpu_us_each":{cpu},"server_cpu_share":0.9,"client_cpu_share":0.5,"headroom":2.0,"p50_us":1.0,"p99_us":1.0,
            "faults":{{"lost":0,"duplicated":0,"reordered":0,"unexpected":0,"damaged":0,"refused":0}},
            "reasons":[],"delivery_overhead":0.0,"post_overhead":0.0}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn sample(round: usize, target: Target, outcome: Outcome) -> Sample {
        Sample { round, cell: Cell { workload: Workload::F2, target }, result: Ok(outcome) }
    }

    #[test]
    fn medians_of_odd_even_and_no_values() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn a_floor_that_is_not_cheap_enough_is_no_floor() {
        let plan = cells(&[Workload::F2], false);
        for (per_frame, passed) in [(2.4, false), (2.6, true)] {
            let samples = [sample(0, PLAIN, outcome(1e6, 0.1)), sample(0, PER_FRAME, outcome(1e5, per_frame))];
            let rulings = judge(&plan, &samples);
            assert_eq!(rulings.len(), 1);
            assert_eq!(rulings[0].passed, passed, "{rulings:?}");
        }
    }

    #[test]
    fn ratios_are_taken_within_rounds_and_a_faulty_round_fails_the_criterion() {
        let plan = cells(&[Workload::F2], true);
        let (ours, like) = (Target::ours(Encoding::Json), Target::like(Encoding::Json));
        let mut samples = Vec::new();
        for (round, weather) in [1.0, 0.5, 2.0].into_iter().enumerate() {
            samples.push(sample(round, ours, outcome(0.8e6 * weather, 0.1)));
            samples.push(sample(round, like, outcome(1e6 * weather, 0.1)));
        }
        let ruling = |samples: &[Sample]| {
            let what = "F2 deliveries/s of ours json as a multiple of: floor, json frames";
            judge(&plan, samples).into_iter().find(|ruling| ruling.what == what).unwrap()
        };
        let clean = ruling(&samples);
        assert!(clean.passed && clean.counts && clean.rounds == 3, "{clean:?}");
        assert!((clean.value.unwrap() - 0.8).abs() < 1e-9);

        samples[2].result.as_mut().unwrap().faults.lost = 1;
        let faulty = ruling(&samples);
        assert!(!faulty.passed && faulty.rounds == 2, "{faulty:?}");
        samples[2].result = Err("did not start".to_owned());
        assert!(!ruling(&samples).passed);
    }

    #[test]
    fn without_any_round_nothing_passes() {
        let plan = cells(&[Workload::F2, Workload::I], true);
        let rulings = judge(&plan, &[]);
        assert!(rulings.len() > 5 && rulings.iter().all(|ruling| !ruling.passed));
    }
}
