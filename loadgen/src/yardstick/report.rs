//! The yardstick's findings as tables for people.

use super::criteria::{Bound, Metric, Ruling, Sample, median};
use super::outcome::{Outcome, Workload};
use super::plan::Cell;

/// One line per cell: medians over its rounds.
pub fn medians(cells: &[Cell], samples: &[Sample]) -> String {
    let mut out = format!(
        "{:<3} {:<32} {:>13} {:>12} {:>12} {:>10} {:>10} {:>8} {:>8}\n",
        "", "", "per second", "CPU µs each", "shard's", "p50 µs", "p99 µs", "server", "driver"
    );
    for &cell in cells {
        let runs: Vec<&Sample> = samples.iter().filter(|sample| sample.cell == cell).collect();
        let valid: Vec<&Outcome> = runs.iter().filter_map(|sample| sample.valid()).collect();
        let middle = |figure: &dyn Fn(&Outcome) -> Option<f64>| {
            median(valid.iter().filter_map(|outcome| figure(outcome)).collect())
        };
        let head = format!("{:<3} {:<32}", format!("{:?}", cell.workload), cell.target.name());
        if valid.is_empty() {
            out += &format!("{head} no valid run\n");
        } else if cell.workload == Workload::I {
            out +=
                &format!("{head} {} bytes per connection\n", number(middle(&|outcome| Metric::Memory.of(outcome)), 0));
        } else {
            let percent = |figure| middle(figure).map(|share| share * 100.0);
            out += &format!(
                "{head} {:>13} {:>12} {:>12} {:>10} {:>10} {:>7}% {:>7}%\n",
                number(middle(&|outcome| Metric::Rate.of(outcome)), 0),
                number(middle(&|outcome| Metric::ServerCpu.of(outcome)), 3),
                number(middle(&|outcome| Metric::ShardCpu.of(outcome)), 3),
                number(middle(&|outcome| Metric::P50.of(outcome)), 1),
                number(middle(&|outcome| Some(outcome.p99_us)), 1),
                number(percent(&|outcome| outcome.server_cpu_share), 0),
                number(percent(&|outcome| Some(outcome.client_cpu_share)), 0),
            );
        }
        for sample in runs {
            if let Some(what) = complaint(sample) {
                out += &format!("      round {}: {what}\n", sample.round + 1);
            }
        }
    }
    out
}

/// What is wrong with a run, if anything is.
fn complaint(sample: &Sample) -> Option<String> {
    match &sample.result {
        Err(error) => Some(format!("NO RESULT: {error}")),
        Ok(outcome) if outcome.failed() => {
            let reasons = outcome.reasons.join(", ");
            Some(format!("FAILED: {} operations, {:?} {reasons}", outcome.operations, outcome.faults))
        }
        Ok(outcome) if outcome.driver_bound() => Some("the driver was the bottleneck".to_owned()),
        Ok(outcome) if !outcome.was_quiet() => {
            let percent = outcome.stolen_cpu_share.unwrap_or(0.0) * 100.0;
            Some(format!("others took {percent:.0} % of the machine's CPU"))
        }
        Ok(_) => None,
    }
}

/// One line per criterion.
pub fn rulings(rulings: &[Ruling]) -> String {
    let line = |ruling: &Ruling| {
        let word = match (ruling.passed, ruling.counts) {
            (true, true) => "pass",
            (false, true) => "FAIL",
            (true, false) => "(yes)",
            (false, false) => "(no)",
        };
        let (sign, limit) = match ruling.bound {
            Bound::AtLeast(least) => ('≥', least),
            Bound::AtMost(most) => ('≤', most),
        };
        let digits = if limit >= 100.0 { 0 } else { 2 };
        format!(
            "{word:<6} {:>8} {sign} {:<7} {}\n",
            number(ruling.value, digits),
            number(Some(limit), digits),
            ruling.what
        )
    };
    rulings.iter().map(line).collect()
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
