//! The report of one run as one HTML file: the verdict, the figures, the curves, and everything that led to them.

use super::page::{Tone, page, verdict};
use super::percentile::{KINDS, meaning, name};
use super::text::{bytes, date, escape, escape_long, moment, percent, short};
use super::timeline::Columns;
use super::{curves, details, heat, tables, timeline};
use crate::record::Record;
use crate::record::verdict::{grouped, time};

pub fn html(record: &Record) -> String {
    let word = record.verdict.word;
    // The word stands above the sentence, in its colour.
    let sentence = record.verdict.sentence.strip_prefix(word.text()).unwrap_or(&record.verdict.sentence).trim();
    let (reasons, more) = super::page::shown(&record.verdict.reasons, 20);
    let reasons: Vec<String> = reasons.iter().cloned().chain(more).collect();
    let mut body = verdict(Tone::of(word), word.text(), sentence, &reasons);
    body += &about(record);
    body += &tiles(record);
    body += &latency(record);
    body += &over_time(record);
    body += "<h2>What was right and wrong</h2>\n";
    body += &tables::counts(record);
    body += &tables::expectations(record);
    body += &details::search(record);
    body += &details::cost(record);
    body += &details::run(record);
    let title = format!("{} · {} · loadgen", word.text(), title(record));
    page(&title, &body)
}

fn title(record: &Record) -> &str {
    if record.scenario.name.is_empty() { "a run" } else { &record.scenario.name }
}

fn about(record: &Record) -> String {
    let mut facts = vec![date(record.started_at), format!("{} measured", moment(record.totals.seconds))];
    if !record.targets.is_empty() {
        facts.push(record.targets.join(", "));
    }
    facts.push(record.languages.join(" and "));
    facts.retain(|fact| !fact.is_empty());
    let about = match record.scenario.about.as_str() {
        "" => String::new(),
        about => format!("<p>{}</p>\n", escape_long(about)),
    };
    format!(
        "<section class=about>\n<h2>{}</h2>\n{about}<p class=note>{}</p>\n</section>\n",
        escape(title(record)),
        escape_long(&facts.join(" · "))
    )
}

/// The handful of figures that everybody asks for first.
fn tiles(record: &Record) -> String {
    let totals = &record.totals;
    let mut all = vec![("connections".to_owned(), grouped(totals.connections as f64))];
    let counts = [
        ("posts", totals.posts),
        ("deliveries", totals.deliveries),
        ("cycles", totals.cycles),
        ("pages", totals.pages),
    ];
    // Where much is delivered, cycles and pages are beside the point.
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0).take(2) {
        all.push((format!("{name} a second"), compact(count as f64 / totals.seconds.max(1e-9))));
    }
    if let Some((what, curve)) = record.main_latency() {
        for (name_of, us) in [("p50", curve.p50_us), ("p99", curve.p99_us), ("max", curve.max_us)] {
            all.push((format!("{} {name_of}", name(what)), time(us)));
        }
    }
    if let Some(server) = &record.cost.server {
        all.push(("server CPU".to_owned(), percent(server.share)));
    }
    if let Some(us) = record.cost.server_us_per_delivery {
        all.push(("server per delivery".to_owned(), format!("{} µs", short((us * 100.0).round() / 100.0))));
    } else if let Some(each) = record.cost.server_bytes_per_connection {
        all.push(("server per connection".to_owned(), bytes(each)));
    }
    let tile =
        |(name, value): &(String, String)| format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
    format!("<dl class=tiles style=\"--n:{}\">{}</dl>\n", all.len(), all.iter().map(tile).collect::<String>())
}

/// A tile is narrow: millions are told with two digits.
fn compact(value: f64) -> String {
    match value {
        value if value < 10.0 => short((value * 100.0).round() / 100.0),
        value if value < 1e6 => grouped(value),
        value => format!("{:.2} M", value / 1e6),
    }
}

fn latency(record: &Record) -> String {
    let measured: Vec<_> = KINDS
        .iter()
        .filter_map(|what| Some((*what, record.latency.get(what).filter(|curve| curve.count > 0)?)))
        .collect();
    let main = record.main_latency().map(|(what, _)| what);
    // What the run is about is drawn last, on top of the others.
    let mut drawn: Vec<curves::Drawn<'_>> = Vec::new();
    for (what, curve) in &measured {
        let colour = KINDS.iter().position(|kind| kind == what).unwrap_or_default() + 1;
        let one = curves::Drawn { colour, name: name(*what).to_owned(), curve };
        let first = if main == Some(*what) { 0 } else { drawn.len() };
        drawn.insert(first, one);
    }
    let note = "Both axes are logarithmic. Where a line is dotted, fewer than ten samples lie above.";
    let Some(plot) = curves::plot("Latency by percentile", note, &drawn) else {
        return "<h2>Latency</h2>\n<p class=note>No latency was measured.</p>\n".to_owned();
    };
    let meanings: String =
        measured.iter().map(|(what, _)| format!("<dt>{}</dt><dd>{}</dd>", name(*what), meaning(*what))).collect();
    format!(
        "<h2>Latency</h2>\n<dl class=meanings>{meanings}</dl>\n{}{}",
        plot.html("percentiles"),
        tables::latencies(&measured)
    )
}

fn over_time(record: &Record) -> String {
    let columns = Columns::of(record);
    if columns.all.is_empty() {
        return String::new();
    }
    let mut out = "<h2>Over time</h2>\n".to_owned();
    out += &tables::marks(record);
    out += &heat::plot(record, &columns).map_or_else(String::new, |plot| plot.html("heat"));
    out += "<div class=small>\n";
    for (id, plot) in timeline::plots(record, &columns) {
        out += &plot.html(&id);
    }
    out + "</div>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Mark, Step, What};
    use crate::report::sample::{Sample, calm, record, stall};

    fn read(value: serde_json::Value) -> Record {
        Record::read(&value.to_string()).unwrap()
    }

    /// 300 KiB would be a slow mail; requests to others would tell them who reads.
    fn stands_alone(page: &str) {
        assert!(page.len() <= 300_000, "{} bytes", page.len());
        for word in ["http://", "https://", "src=", "@import", "url(", "<link", "<img", "<iframe"] {
            assert!(!page.contains(word), "asks for something: {word}");
        }
    }

    #[test]
    fn a_report_says_everything_that_its_record_says() {
        let page = html(&read(stall()));
        stands_alone(&page);
        let verdict = page.find("<span class=word>FAIL</span>").unwrap();
        assert!(verdict < page.find("<h2>").unwrap() && verdict < page.find("<svg").unwrap());
        for text in [
            "server 56 % cpu, generator 33 %",
            "3 October 2026, 14:03 UTC",
            "id=percentiles",
            "id=heat",
            "id=rate-1",
            "id=cpu",
            "id=memory",
            "disk &lt;back&gt; &amp; well",
            "rate_limited: &lt;try&gt; again &amp; later",
            "broken",
            "returns that went on without a gap",
            "p99&lt;10ms",
            "not held",
            "p99 88.00 ms is above 10 ms",
            "8-core processor",
            "slow_bytes_per_second = 20000",
            "--expect &#39;p99&lt;10ms&#39;",
            "rookery-binary",
        ] {
            assert!(page.contains(text), "nothing of {text}");
        }
        assert_eq!(page.matches("role=img").count(), page.matches("<title id=").count());
    }

    #[test]
    fn tiles_are_short() {
        assert_eq!([2.5, 99_980.4, 1_240_000.0].map(compact), ["2.5", "99,980", "1.24 M"]);
    }

    #[test]
    fn a_long_run_and_long_lists_stay_a_small_file() {
        let mut long = read(record(Sample { seconds: 20_000, stall: true, slower: 2 }));
        for (n, second) in long.seconds.iter_mut().enumerate() {
            second.heat = (0..40).map(|step| (step, 1 + (n as u64 * 7_919 * u64::from(step)) % 1_000_003)).collect();
            second.faults = 1;
        }
        let text = "<&'\"".repeat(2_000);
        long.marks = (0..5_000).map(|n| Mark { at: f64::from(n), text: text.clone() }).collect();
        let step = Step { rate: 1.0, held: false, p99_us: 5.0, why: Some(text.clone()) };
        long.search = vec![step; 500];
        long.verdict.reasons = vec![text.clone(); 500];
        let expectation = long.expectations[0].clone();
        long.expectations = vec![expectation; 500];
        long.command = vec![text.clone(); 50];
        let mut curve = long.latency[&What::Delivery].clone();
        curve.points = (0..100_000).map(|n| (f64::from(n) / 1e5, f64::from(n), n as u64)).collect();
        long.latency.insert(What::Delivery, curve);
        stands_alone(&html(&long));
    }

    #[test]
    fn a_run_that_measured_nothing_has_a_report_too() {
        let mut empty = read(calm());
        empty.latency.clear();
        empty.seconds.clear();
        empty.marks.clear();
        empty.search.clear();
        empty.expectations.clear();
        empty.cost = Default::default();
        empty.totals = Default::default();
        let page = html(&empty);
        stands_alone(&page);
        assert!(page.contains("No latency was measured") && !page.contains("<svg") && !page.contains("NaN"));
    }
}
