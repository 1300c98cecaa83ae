//! Tables of a report: latencies, faults and promises, expectations, marks.

use super::page::shown;
use super::percentile::{PERCENTILES, name};
use super::text::{bytes, escape, moment, percent, rate, short};
use super::timeline::MARKS_MAX;
use crate::record::curve::Curve;
use crate::record::expect::Expectation;
use crate::record::verdict::{grouped, time};
use crate::record::{Record, What};

/// More rows than this are not read.
const ROWS_MAX: usize = 40;

/// One column for each latency, one row for each percentile.
pub fn latencies(measured: &[(What, &Curve)]) -> String {
    let heads: String = measured.iter().map(|(what, _)| format!("<th scope=col>{}</th>", name(*what))).collect();
    let mut out =
        format!("<div class=wide><table>\n<thead><tr><th scope=col>Percentile</th>{heads}</tr></thead>\n<tbody>\n");
    let mut few = false;
    for percentile in &PERCENTILES {
        out += &format!("<tr><th scope=row>{}</th>", percentile.name);
        for (_, curve) in measured {
            // Nobody takes the greatest for more than it is.
            let known = percentile.is_known(curve) || percentile.name == "max";
            few |= !known;
            let class = if known { "value" } else { "few" };
            out += &format!("<td class={class}>{}</td>", time((percentile.of)(curve)));
        }
        out += "</tr>\n";
    }
    let row = |title: &str, value: &dyn Fn(&Curve) -> String| {
        let cells: String = measured.iter().map(|(_, curve)| format!("<td>{}</td>", value(curve))).collect();
        format!("<tr><th scope=row>{title}</th>{cells}</tr>\n")
    };
    out += &row("mean", &|curve| time(curve.mean_us));
    out += &row("standard deviation", &|curve| time(curve.stddev_us));
    out += &row("samples", &|curve| grouped(curve.count as f64));
    out += "</tbody></table></div>\n";
    if few {
        out += "<p class=note>* Fewer than ten samples lie above: an anecdote rather than a figure.</p>\n";
    }
    out
}

/// What went wrong, what was left out, what was promised: zeros stand back.
pub fn counts(record: &Record) -> String {
    let mut faults: Vec<(String, u64, bool)> =
        record.faults.named().into_iter().map(|(name, count)| (name.to_owned(), count, true)).collect();
    faults.push(("all faults".to_owned(), faults.iter().map(|one| one.1).fold(0, u64::saturating_add), true));
    let gaps = [
        ("deliveries the target said it left out", record.gaps.told, false),
        ("connections that ended unasked", record.gaps.disconnects, false),
        ("returns that went on without a gap", record.gaps.resumed, false),
    ];
    let acks = [
        ("given", record.acks.given, false),
        ("looked up in history", record.acks.checked, false),
        ("broken: not there, or elsewhere", record.acks.broken, true),
    ];
    let owned = |rows: [(&str, u64, bool); 3]| rows.map(|(name, count, bad)| (name.to_owned(), count, bad));
    let mut out = format!(
        "<div class=three>\n{}{}{}</div>\n",
        count_table("Faults", &faults),
        count_table("Gaps", &owned(gaps)),
        count_table("Acks", &owned(acks))
    );
    if let Some(reason) = &record.first_refusal {
        out += &format!("<p class=note>First refusal: {}</p>\n", escape(reason));
    }
    out
}

/// `bad`: anything but zero is wrong.
fn count_table(caption: &str, rows: &[(String, u64, bool)]) -> String {
    let row = |(name, count, bad): &(String, u64, bool)| {
        let class = match (count, bad) {
            (0, _) => "zero",
            (_, true) => "word-bad",
            (_, false) => "value",
        };
        format!("<tr><th scope=row>{name}</th><td class={class}>{}</td></tr>\n", grouped(*count as f64))
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<div class=\"wide counts\"><table><caption>{caption}</caption><tbody>\n{rows}</tbody></table></div>\n")
}

pub fn expectations(record: &Record) -> String {
    if record.expectations.is_empty() {
        return String::new();
    }
    let (all, more) = shown(&record.expectations, ROWS_MAX);
    let mut out = "<h2>Expectations</h2>\n<div class=wide><table>\n<thead><tr><th scope=col>Expected</th>\
                   <th scope=col>Found</th><th scope=col class=left>Held</th></tr></thead>\n<tbody>\n"
        .to_owned();
    for one in all {
        let (class, word) = if one.held { ("word-good", "✓ held") } else { ("word-bad", "✕ not held") };
        let text = escape(&one.text);
        out += &format!(
            "<tr><td class=left><code>{text}</code></td><td class=value>{}</td>\
             <td class=\"left {class}\">{word}</td></tr>\n",
            escape(&found(one))
        );
    }
    out += "</tbody></table></div>\n";
    out + &more.map_or_else(String::new, |more| format!("<p class=note>{more}</p>\n"))
}

/// The figure in the unit that its name asks for.
fn found(one: &Expectation) -> String {
    let Some(value) = one.found else { return "not measured".to_owned() };
    let figure = one.text.split(['<', '>', '=']).next().unwrap_or_default().trim();
    let last = figure.rsplit('.').next().unwrap_or_default();
    match figure {
        _ if figure.ends_with("/s") => rate(value),
        "server.share" => percent(value),
        "server.us_per_delivery" => format!("{} µs", short(value)),
        "server.bytes_per_connection" => bytes(value),
        "max" => time(value),
        _ if figure.starts_with('p') || last.starts_with('p') => time(value),
        _ => short(value),
    }
}

/// The list to which the numbers in the charts belong.
pub fn marks(record: &Record) -> String {
    if record.marks.is_empty() {
        return String::new();
    }
    let (all, more) = shown(&record.marks, MARKS_MAX);
    let item = |(n, mark): (usize, &crate::record::Mark)| {
        let (at, text) = (moment(mark.at), escape(&mark.text));
        format!("<li><span class=flag>{}</span><time>{at}</time> {text}</li>\n", n + 1)
    };
    let items: String = all.iter().enumerate().map(item).collect();
    let more = more.map_or_else(String::new, |more| format!("<li class=note>{more}</li>\n"));
    format!("<ol class=marks>\n{items}{more}</ol>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_has_the_unit_of_its_figure() {
        let found = |text: &str, value| found(&Expectation { text: text.to_owned(), found: Some(value), held: true });
        assert_eq!(found("p99<5ms", 1_480_000.0), "1.48 s");
        assert_eq!(found("ack.p50 <= 1ms", 640.0), "640 µs");
        assert_eq!(found("pages/s>9", 600.0), "600/s");
        assert_eq!(found("lost=0", 3.0), "3");
        assert_eq!(found("server.share<80%", 0.55), "55 %");
        assert_eq!(found("headroom>1.2", 2.9), "2.9");
    }

    #[test]
    fn a_percentile_that_rests_on_few_is_told_from_one_that_does_not() {
        let curve = Curve { count: 1_000, p99_us: 900.0, p999_us: 1_500.0, ..Curve::default() };
        let table = latencies(&[(What::Join, &curve)]);
        assert!(table.contains("<td class=value>900 µs</td>") && table.contains("<td class=few>1.50 ms</td>"));
        assert!(table.contains("Fewer than ten samples"));
    }
}
