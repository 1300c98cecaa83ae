//! A comparison as text for a terminal: a column for each run, and the sentence that sums it up.

use super::judge::{Cell, Comparison, Row, Ruling, Unit};
use crate::record::verdict::{grouped, time};
use crate::report::text::{bytes, percent, rate, short};

/// So many figures are named in the summing sentence.
const NAMED_MAX: usize = 3;

pub fn text(comparison: &Comparison) -> String {
    let mut out = format!("{}  {}\n", word(comparison), sentence(comparison));
    for warning in &comparison.warnings {
        out += &format!("warning: {warning}\n");
    }
    let mut lines = vec![head(comparison)];
    let mut group = "";
    for row in &comparison.rows {
        if row.group != group {
            group = row.group;
            lines.push(vec![group.to_owned()]);
        }
        lines.push(cells(row));
    }
    out.push('\n');
    out + &aligned(&lines)
}

/// What the last run is against the first.
pub fn word(comparison: &Comparison) -> &'static str {
    let any = |ruling| !comparison.ruled(ruling).is_empty();
    match comparison.worse {
        true => "WORSE",
        false if any(Ruling::Better) => "BETTER",
        false if any(Ruling::Same) => "SAME",
        false => "UNCLEAR",
    }
}

pub fn sentence(comparison: &Comparison) -> String {
    let (Some(first), Some(last)) = (comparison.runs.first(), comparison.runs.last()) else { return String::new() };
    let mut parts = Vec::new();
    for (ruling, name) in [
        (Ruling::Worse, "worse"),
        (Ruling::Better, "better"),
        (Ruling::Same, "the same"),
        (Ruling::TooFew, "with too few samples"),
    ] {
        let rows = comparison.ruled(ruling);
        if rows.is_empty() {
            continue;
        }
        let named: Vec<String> = rows.iter().take(NAMED_MAX).map(|row| changed(row)).collect();
        let more = if rows.len() > NAMED_MAX { ", …" } else { "" };
        match ruling {
            Ruling::Worse | Ruling::Better => parts.push(format!("{} {name} ({}{more})", rows.len(), named.join(", "))),
            Ruling::Same | Ruling::TooFew => parts.push(format!("{} {name}", rows.len())),
        }
    }
    if parts.is_empty() {
        parts.push("nothing that both have measured".to_owned());
    }
    let tolerance = percent(comparison.tolerance);
    format!("{} against {}, tolerance {tolerance}: {}", last.name, first.name, parts.join(", "))
}

fn changed(row: &Row) -> String {
    let group =
        if matches!(row.group, "rates" | "cost" | "faults") { String::new() } else { format!("{} ", row.group) };
    let change =
        row.cells.last().and_then(|cell| cell.change).map_or_else(String::new, |change| format!(" {}", signed(change)));
    format!("{group}{}{change}", row.figure)
}

/// `+12 %`, `-3.4 %`.
pub fn signed(change: f64) -> String {
    let sign = match change {
        change if change.abs() < 0.000_05 => "",
        change if change < 0.0 => "−",
        _ => "+",
    };
    let percent = change.abs() * 100.0;
    match change {
        change if change >= 9.995 => format!("× {}", short(((change + 1.0) * 10.0).round() / 10.0)),
        _ if percent < 9.95 => format!("{sign}{} %", short((percent * 10.0).round() / 10.0)),
        _ => format!("{sign}{percent:.0} %"),
    }
}

pub fn value(cell: &Cell, unit: Unit) -> String {
    let Some(value) = cell.value else { return "–".to_owned() };
    match unit {
        Unit::Microseconds if value < 100.0 => format!("{value:.2} µs"),
        Unit::Microseconds => time(value),
        Unit::PerSecond => rate(value),
        Unit::Share => percent(value),
        Unit::Bytes => bytes(value),
        Unit::Count => grouped(value),
        Unit::Times => format!("{value:.1} ×"),
    }
}

pub fn ruled(ruling: Option<Ruling>) -> &'static str {
    match ruling {
        Some(Ruling::Better) => "better",
        Some(Ruling::Worse) => "worse",
        Some(Ruling::Same) => "same",
        Some(Ruling::TooFew) => "too few",
        None => "",
    }
}

/// The name of a run, or its verdict, over its value: three columns for each but the base.
fn head(comparison: &Comparison) -> Vec<String> {
    let mut line = vec![String::new()];
    for (n, run) in comparison.runs.iter().enumerate() {
        line.push(format!("{} {}", run.name, run.word.text()));
        line.extend((n > 0).then(|| [String::new(), String::new()]).into_iter().flatten());
    }
    line
}

fn cells(row: &Row) -> Vec<String> {
    let mut line = vec![format!("  {}", row.figure)];
    for (n, cell) in row.cells.iter().enumerate() {
        line.push(value(cell, row.unit));
        if n > 0 {
            line.push(cell.change.map_or_else(String::new, signed));
            line.push(ruled(cell.ruling).to_owned());
        }
    }
    line
}

/// Names to the left, values and changes to the right, rulings to the left.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|text| text.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| wide(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (n, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let left = n == 0 || (n > 1 && (n - 1).is_multiple_of(3));
            text += &if left { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
        }
        out += text.trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::report::compare::{Run, compare};
    use crate::report::sample::{calm, slower};

    fn runs() -> Vec<Run> {
        let run = |name: &str, value: serde_json::Value| Run {
            name: name.to_owned(),
            file: format!("{name}.json"),
            record: Record::read(&value.to_string()).unwrap(),
        };
        vec![run("before", calm()), run("after-the-change", slower()), run("again", calm())]
    }

    #[test]
    fn columns_stand_below_each_other() {
        let text = text(&compare(&runs()[..2], 0.05));
        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with("WORSE  after-the-change against before, tolerance 5 %: "), "{text}");
        let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
        assert!(line("p99 ").ends_with("+58 %  worse"), "{text}");
        assert!(line("deliveries/s").ends_with("same"), "{text}");
        assert!(line("max").ends_with("too few"), "{text}");
        let end = |line: &str| line.find("PASS").or_else(|| line.find(" ms")).unwrap();
        assert!(end(line("p99.9 ")) > 20 && text.lines().any(|line| line == "delivery"), "{text}");
        let ends: Vec<usize> = ["p50 ", "p99 "].map(|start| line(start).find("worse").unwrap()).to_vec();
        assert_eq!(ends[0], ends[1]);
    }

    #[test]
    fn the_sentence_is_about_the_last_run() {
        let runs = runs();
        let comparison = compare(&runs, 0.05);
        assert_eq!(word(&comparison), "SAME");
        assert!(sentence(&comparison).starts_with("again against before"));
    }

    #[test]
    fn two_runs_that_share_nothing_are_no_verdict() {
        let mut runs = runs();
        runs.truncate(2);
        for run in &mut runs {
            run.record.latency.clear();
            (run.record.totals, run.record.cost) = Default::default();
        }
        let mut comparison = compare(&runs, 0.05);
        comparison.rows.clear();
        assert_eq!(word(&comparison), "UNCLEAR");
        assert!(sentence(&comparison).ends_with("nothing that both have measured"));
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!([0.0, 0.125, -0.034, 30.0].map(signed), ["0 %", "+12 %", "−3.4 %", "× 31"]);
    }
}
