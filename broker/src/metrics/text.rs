//! The figures in the text form of Prometheus.

use super::board;
use super::node::Node;
use super::row::{Metric, Source, Unit};
use super::spread::{BOUNDS, Spread};
use super::table::METRICS;
use std::fmt::Write;

/// Every row of the table of which there is something to show.
pub fn text(node: &Node<'_>) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let boards = || node.shards.iter().map(|shard| &shard.board);
    for (row, metric) in METRICS.iter().enumerate() {
        match metric.source {
            Source::Shard(_) => {
                head(&mut out, metric);
                for (shard, board) in boards().enumerate() {
                    line(&mut out, metric, &format!("shard=\"{shard}\""), board::of_shard(board, row));
                }
            }
            Source::Sum(..) => {
                head(&mut out, metric);
                for (index, word) in board::words(row).iter().enumerate() {
                    line(&mut out, metric, word, board::sum(boards(), row, index));
                }
            }
            Source::Spread(..) => {
                head(&mut out, metric);
                for (index, word) in board::words(row).iter().enumerate() {
                    steps(&mut out, metric.name, word, &board::spread(boards(), row, index));
                }
            }
            Source::Node(of) => {
                let samples = of(node);
                if !samples.is_empty() {
                    head(&mut out, metric);
                }
                for sample in samples {
                    line(&mut out, metric, &sample.labels, sample.value);
                }
            }
            Source::NodeSpread(of) => {
                if let Some(spread) = of(node) {
                    head(&mut out, metric);
                    steps(&mut out, metric.name, "", &spread);
                }
            }
        }
    }
    out
}

// Writing to a string cannot fail.

fn head(out: &mut String, Metric { name, kind, help, .. }: &Metric) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, metric: &Metric, labels: &str, value: u64) {
    out.push_str(metric.name);
    if !labels.is_empty() {
        let _ = write!(out, "{{{labels}}}");
    }
    let _ = match metric.unit {
        Unit::Count | Unit::Bytes => writeln!(out, " {value}"),
        Unit::Seconds => writeln!(out, " {}", seconds(value)),
    };
}

fn steps(out: &mut String, name: &str, labels: &str, spread: &Spread) {
    let comma = if labels.is_empty() { "" } else { "," };
    let bounds = BOUNDS.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
    let mut all = 0;
    for (bound, upto) in bounds.zip(spread.upto()) {
        let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {upto}");
        all = upto;
    }
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _ = writeln!(out, "{name}_sum{braced} {}\n{name}_count{braced} {all}", seconds(spread.sum()));
}

/// Exact, which a floating number would not be.
fn seconds(micros: u64) -> String {
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:06}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (micros, shown) in
            [(0, "0"), (25, "0.000025"), (2_500_000, "2.5"), (3_000_000, "3"), (1_000_001, "1.000001")]
        {
            assert_eq!(seconds(micros), shown);
        }
    }

    #[test]
    fn a_histogram_counts_upwards_and_ends_with_all() {
        let (mut out, mut spread) = (String::new(), Spread::default());
        spread.add(30, 2);
        spread.add(20_000_000, 1);
        steps(&mut out, "a_seconds", "level=\"local\"", &spread);
        for line in [
            "a_seconds_bucket{level=\"local\",le=\"0.000025\"} 0\n",
            "a_seconds_bucket{level=\"local\",le=\"0.00005\"} 2\n",
            "a_seconds_bucket{level=\"local\",le=\"10\"} 2\n",
            "a_seconds_bucket{level=\"local\",le=\"+Inf\"} 3\n",
            "a_seconds_sum{level=\"local\"} 20.00006\n",
            "a_seconds_count{level=\"local\"} 3\n",
        ] {
            assert!(out.contains(line), "{line} in {out}");
        }
    }
}
