//! Better, worse, the same, or not to be told: one ruling for each figure of each run against the first.

use serde::Serialize;

use super::Run;
use super::differ::warnings;
use crate::record::Record;
use crate::record::curve::Curve;
use crate::record::verdict::Word;
use crate::report::percentile::{ABOVE_LEAST, KINDS, PERCENTILES, Percentile, name};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    Better,
    Worse,
    Same,
    /// Fewer than ten samples lie above it in one of both runs, or chance can have made the change.
    TooFew,
}

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Microseconds,
    PerSecond,
    Share,
    Bytes,
    Count,
    Times,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// None: not measured.
    pub value: Option<f64>,
    /// Share of the base's value by which it is more or, below 0, less.
    pub change: Option<f64>,
    /// None: the base itself, or nothing to rule on.
    pub ruling: Option<Ruling>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// `delivery`, `rates`, …
    pub group: &'static str,
    pub figure: &'static str,
    pub unit: Unit,
    /// One for each run.
    pub cells: Vec<Cell>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Heading {
    pub name: String,
    pub file: String,
    pub word: Word,
}

#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub form: &'static str,
    /// A share of one.
    pub tolerance: f64,
    pub runs: Vec<Heading>,
    /// Why the comparison says less than it seems to.
    pub warnings: Vec<String>,
    pub rows: Vec<Row>,
    /// Whether the last run is worse than the first in anything.
    pub worse: bool,
}

impl Comparison {
    /// The rows in which the last run got this ruling.
    pub fn ruled(&self, ruling: Ruling) -> Vec<&Row> {
        let last = |row: &Row| row.cells.last().and_then(|cell| cell.ruling);
        self.rows.iter().filter(|row| last(row) == Some(ruling)).collect()
    }
}

/// What a change means.
#[derive(Clone, Copy, PartialEq)]
enum Good {
    Less,
    More,
    /// None at all is good, and one more is worse.
    Zero,
    /// It is shown and not judged.
    Neither,
}

type Figure = fn(&Record) -> Option<f64>;

type Count = fn(&Record) -> u64;

/// Counted in the window, a rate each.
const RATES: [(&str, Count); 6] = [
    ("posts/s", |record| record.totals.posts),
    ("deliveries/s", |record| record.totals.deliveries),
    ("acks/s", |record| record.totals.acks),
    ("joins/s", |record| record.totals.joins),
    ("pages/s", |record| record.totals.pages),
    ("cycles/s", |record| record.totals.cycles),
];

const FIGURES: [(&str, &str, Unit, Good, Figure); 12] = [
    ("cost", "server µs/delivery", Unit::Microseconds, Good::Less, |record| record.cost.server_us_per_delivery),
    ("cost", "its shards alone", Unit::Microseconds, Good::Less, |record| record.cost.shard_us_per_delivery),
    ("cost", "server CPU", Unit::Share, Good::Neither, |record| Some(record.cost.server?.share)),
    ("cost", "server memory", Unit::Bytes, Good::Less, |record| Some(record.cost.server?.memory_bytes as f64)),
    ("cost", "memory/connection", Unit::Bytes, Good::Less, |record| record.cost.server_bytes_per_connection),
    ("cost", "generator CPU", Unit::Share, Good::Neither, |record| Some(record.cost.driver.share)),
    ("cost", "headroom", Unit::Times, Good::Neither, |record| Some(record.cost.headroom)),
    ("cost", "taken by others", Unit::Share, Good::Neither, |record| record.cost.stolen_share),
    ("faults", "faults", Unit::Count, Good::Zero, |record| {
        Some(record.faults.named().iter().map(|(_, count)| *count as f64).sum())
    }),
    ("faults", "broken acks", Unit::Count, Good::Zero, |record| Some(record.acks.broken as f64)),
    ("faults", "gaps told", Unit::Count, Good::Neither, |record| Some(record.gaps.told as f64)),
    ("faults", "disconnects", Unit::Count, Good::Neither, |record| Some(record.gaps.disconnects as f64)),
];

/// `tolerance` is a share of one. There is at least one run.
pub fn compare(runs: &[Run], tolerance: f64) -> Comparison {
    let mut rows = Vec::new();
    for what in KINDS {
        let curves: Vec<Option<&Curve>> =
            runs.iter().map(|run| run.record.latency.get(&what).filter(|curve| curve.count > 0)).collect();
        if curves.iter().any(Option::is_some) {
            rows.extend(
                PERCENTILES.iter().map(|percentile| percentile_row(name(what), percentile, &curves, tolerance)),
            );
        }
    }
    for (figure, count) in RATES {
        let counts: Vec<(u64, f64)> = runs.iter().map(|run| (count(&run.record), run.record.totals.seconds)).collect();
        if counts.iter().any(|(count, _)| *count > 0) {
            rows.push(rate_row(figure, &counts, tolerance));
        }
    }
    for (group, figure, unit, good, of) in FIGURES {
        let values: Vec<Option<f64>> = runs.iter().map(|run| of(&run.record)).collect();
        if values.iter().any(Option::is_some) {
            let cells = cells(&values, |_, base, value| ruling(base, value, good, tolerance));
            rows.push(Row { group, figure, unit, cells });
        }
    }
    let runs_seen = runs.iter().map(|run| Heading {
        name: run.name.clone(),
        file: run.file.clone(),
        word: run.record.verdict.word,
    });
    let mut comparison = Comparison {
        form: "loadgen.comparison.v1",
        tolerance,
        runs: runs_seen.collect(),
        warnings: warnings(runs),
        rows,
        worse: false,
    };
    comparison.worse = !comparison.ruled(Ruling::Worse).is_empty() || failed_anew(runs);
    comparison
}

/// A run that fails where the base passed is worse, whatever its figures.
fn failed_anew(runs: &[Run]) -> bool {
    let word = |run: Option<&Run>| run.map(|run| run.record.verdict.word);
    word(runs.first()) == Some(Word::Pass) && word(runs.last()) == Some(Word::Fail)
}

fn percentile_row(group: &'static str, percentile: &Percentile, curves: &[Option<&Curve>], tolerance: f64) -> Row {
    let values: Vec<Option<f64>> = curves.iter().map(|curve| curve.map(percentile.of)).collect();
    let cells = cells(&values, |n, base, value| {
        let (first, this) = (curves.first().copied().flatten()?, curves[n]?);
        if !percentile.is_known(first) || !percentile.is_known(this) {
            return Some(Ruling::TooFew);
        }
        let (a, b) = (percentile.margin(first), percentile.margin(this));
        let by_chance = a.0 <= b.1 && b.0 <= a.1;
        unless_by_chance(by_chance, ruling(base, value, Good::Less, tolerance))
    });
    Row { group, figure: percentile.name, unit: Unit::Microseconds, cells }
}

fn rate_row(figure: &'static str, counts: &[(u64, f64)], tolerance: f64) -> Row {
    let values: Vec<Option<f64>> =
        counts.iter().map(|(count, seconds)| (*seconds > 0.0).then(|| *count as f64 / seconds)).collect();
    let cells = cells(&values, |n, base, value| {
        let (first, this) = (counts.first()?.0, counts[n].0);
        if first.max(this) < ABOVE_LEAST {
            return Some(Ruling::TooFew);
        }
        // Two standard errors of counts that come by chance.
        let noise = 2.0 * (1.0 / first.max(1) as f64 + 1.0 / this.max(1) as f64).sqrt();
        let by_chance = (value - base).abs() <= base * noise;
        unless_by_chance(by_chance, ruling(base, value, Good::More, tolerance))
    });
    Row { group: "rates", figure, unit: Unit::PerSecond, cells }
}

/// The base without a ruling, and every other run with the one that `rule` gives it.
fn cells(values: &[Option<f64>], rule: impl Fn(usize, f64, f64) -> Option<Ruling>) -> Vec<Cell> {
    let base = values.first().copied().flatten();
    let cell = |(n, value): (usize, &Option<f64>)| match (n, base, *value) {
        (1.., Some(base), Some(value)) => {
            let change = (base > 0.0).then(|| value / base - 1.0);
            Cell { value: Some(value), change, ruling: rule(n, base, value) }
        }
        (_, _, value) => Cell { value, change: None, ruling: None },
    };
    values.iter().enumerate().map(cell).collect()
}

/// A change that chance alone can have made is none, however large; that it is none is not known either.
fn unless_by_chance(by_chance: bool, ruling: Option<Ruling>) -> Option<Ruling> {
    match ruling {
        Some(Ruling::Better | Ruling::Worse) if by_chance => Some(Ruling::TooFew),
        other => other,
    }
}

fn ruling(base: f64, value: f64, good: Good, tolerance: f64) -> Option<Ruling> {
    let tolerance = if good == Good::Zero { 0.0 } else { tolerance };
    let ruling = match good {
        Good::Neither => return None,
        _ if (value - base).abs() <= base.abs() * tolerance => Ruling::Same,
        Good::Less | Good::Zero if value < base => Ruling::Better,
        Good::More if value > base => Ruling::Better,
        Good::Less | Good::More | Good::Zero => Ruling::Worse,
    };
    Some(ruling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::What;
    use crate::report::sample::{calm, slower, stall};

    fn run(name: &str, value: serde_json::Value) -> Run {
        let record = Record::read(&value.to_string()).unwrap();
        Run { name: name.to_owned(), file: format!("{name}.json"), record }
    }

    fn last(comparison: &Comparison, group: &str, figure: &str) -> Cell {
        let row = comparison.rows.iter().find(|row| row.group == group && row.figure == figure);
        row.unwrap_or_else(|| panic!("no {group} {figure}")).cells.last().unwrap().clone()
    }

    #[test]
    fn a_run_is_the_same_as_itself() {
        let comparison = compare(&[run("a", calm()), run("b", calm())], 0.0);
        assert!(!comparison.worse && comparison.ruled(Ruling::Better).is_empty());
        assert!(comparison.warnings.is_empty(), "{:?}", comparison.warnings);
        assert_eq!(last(&comparison, "delivery", "p99.99").ruling, Some(Ruling::Same));
        assert_eq!(last(&comparison, "delivery", "max").ruling, Some(Ruling::TooFew));
        assert_eq!(last(&comparison, "cost", "headroom").ruling, None);
    }

    #[test]
    fn what_became_slower_is_worse_and_the_other_way_round_better() {
        let (fast, slow) = (|| run("fast", calm()), || run("slow", slower()));
        let comparison = compare(&[fast(), slow()], 0.05);
        let p99 = last(&comparison, "delivery", "p99");
        assert!(comparison.worse && p99.ruling == Some(Ruling::Worse));
        assert!((p99.change.unwrap() - 0.585).abs() < 0.01, "a fifth of a decade: {p99:?}");
        assert_eq!(last(&comparison, "cost", "server µs/delivery").ruling, Some(Ruling::Worse));
        assert_eq!(last(&comparison, "rates", "deliveries/s").ruling, Some(Ruling::Same));
        let back = compare(&[slow(), fast()], 0.05);
        assert!(!back.worse && last(&back, "delivery", "p99").ruling == Some(Ruling::Better));
        assert!(!compare(&[fast(), slow()], 1.0).worse, "a tolerance of the double");
        assert!(!compare(&[fast(), slow(), fast()], 0.05).worse, "the last counts");
    }

    #[test]
    fn few_samples_prove_nothing() {
        let few = |name, p50_us| {
            let mut run = run(name, calm());
            let points =
                (0..=10).map(|n| (f64::from(n) / 10.0, p50_us * (0.5 + f64::from(n) / 10.0), n as u64 * 3)).collect();
            let curve = Curve { count: 30, p50_us, p90_us: p50_us * 1.4, points, ..Curve::default() };
            run.record.latency.insert(What::Delivery, curve);
            run
        };
        let comparison = compare(&[few("a", 1_000.0), few("b", 1_100.0)], 0.05);
        assert_eq!(last(&comparison, "delivery", "p50").ruling, Some(Ruling::TooFew), "chance explains a tenth");
        assert_eq!(last(&comparison, "delivery", "p90").ruling, Some(Ruling::TooFew));
        let comparison = compare(&[few("a", 1_000.0), few("b", 3_000.0)], 0.05);
        assert_eq!(last(&comparison, "delivery", "p50").ruling, Some(Ruling::Worse), "and not three times as much");
    }

    #[test]
    fn one_fault_more_is_worse_and_so_is_a_failure() {
        let comparison = compare(&[run("a", calm()), run("b", stall())], 10.0);
        assert_eq!(last(&comparison, "faults", "faults").ruling, Some(Ruling::Worse));
        let mut failed = run("b", calm());
        failed.record.verdict.word = Word::Fail;
        assert!(compare(&[run("a", calm()), failed], 0.05).worse);
    }

    #[test]
    fn what_only_one_has_measured_is_not_ruled_on() {
        let mut without = run("b", calm());
        without.record.latency.remove(&What::Ack);
        let comparison = compare(&[run("a", calm()), without], 0.05);
        assert_eq!(last(&comparison, "ack", "p50"), Cell { value: None, change: None, ruling: None });
        assert!(comparison.warnings.iter().any(|warning| warning == "b has no latency of the kind `ack`, a has"));
    }
}
