//! The sentence that stands first: whether the run held, and by which figures.

use serde::{Deserialize, Serialize};

use super::{Acks, Record, What};
use crate::drive::Faults;

/// The driver must have been able to receive so many times the rate that it judged.
pub const HEADROOM_LEAST: f64 = 1.2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Word {
    /// Nothing was wrong, and what was expected held.
    #[default]
    Pass,
    /// Something was lost, or an expectation did not hold.
    Fail,
    /// The driver was the bottleneck, or nothing was measured: the figures say nothing about the target.
    Invalid,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub word: Word,
    /// The whole first line.
    pub sentence: String,
    /// Why it is not `PASS`.
    pub reasons: Vec<String>,
}

impl Word {
    pub fn text(self) -> &'static str {
        match self {
            Word::Pass => "PASS",
            Word::Fail => "FAIL",
            Word::Invalid => "INVALID",
        }
    }
}

/// Judges a record that is complete but for its verdict.
pub fn of(record: &Record) -> Verdict {
    let mut invalid = Vec::new();
    if record.main_latency().is_none() && record.totals.connections == 0 {
        invalid.push("nothing was measured".to_owned());
    }
    if record.cost.headroom < HEADROOM_LEAST {
        invalid.push(format!(
            "the load generator was the bottleneck: it could have received {:.2} × what it judged, {HEADROOM_LEAST} × are asked",
            record.cost.headroom
        ));
    }
    let mut failed = faults(&record.faults, &record.acks);
    failed.extend(record.first_disconnect.iter().map(|reason| format!("a connection ended: {reason}")));
    failed.extend(record.first_broken_ack.clone());
    failed.extend(record.first_refusal.iter().map(|reason| format!("first refusal: {reason}")));
    failed.extend(record.expectations.iter().filter(|one| !one.held).map(|one| one.sentence()));
    // What was lost was lost, whoever was the bottleneck.
    let word = match (failed.is_empty(), invalid.is_empty()) {
        (false, _) => Word::Fail,
        (true, false) => Word::Invalid,
        (true, true) => Word::Pass,
    };
    let reasons = [failed, invalid].concat();
    let sentence = sentence(word, record, &reasons);
    Verdict { word, sentence, reasons }
}

fn faults(faults: &Faults, acks: &Acks) -> Vec<String> {
    let mut all: Vec<String> = faults
        .named()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if acks.broken > 0 {
        all.push(format!("{} of {} acks not found in history where they said", acks.broken, acks.checked));
    }
    all
}

fn sentence(word: Word, record: &Record, reasons: &[String]) -> String {
    let per_second = |count: u64| grouped(count as f64 / record.totals.seconds.max(1e-9));
    let mut parts = vec![format!("{} connections", grouped(record.totals.connections as f64))];
    let totals = &record.totals;
    for (count, unit) in [
        (totals.posts, "posts/s"),
        (totals.deliveries, "deliveries/s"),
        (totals.cycles, "cycles/s"),
        (totals.pages, "pages/s"),
    ] {
        if count > 0 {
            parts.push(format!("{} {unit}", per_second(count)));
        }
    }
    if let Some((what, curve)) = record.main_latency() {
        let of = match what {
            What::Delivery => "",
            What::Ack => "ack ",
            What::Join => "join ",
            What::Page => "page ",
            What::Cycle => "cycle ",
        };
        parts.push(format!(
            "{of}p50 {} p99 {} p99.9 {} max {}",
            time(curve.p50_us),
            time(curve.p99_us),
            time(curve.p999_us),
            time(curve.max_us)
        ));
    }
    if totals.deliveries > 0 {
        let Faults { lost, duplicated, reordered, .. } = record.faults;
        parts.push(format!("lost {lost} dup {duplicated} reordered {reordered}"));
    }
    let driver = format!("generator {:.0} %", record.cost.driver.share * 100.0);
    parts.push(match &record.cost.server {
        Some(server) => format!("server {:.0} % cpu, {driver}", server.share * 100.0),
        None => driver,
    });
    if let Some(bytes) = record.cost.server_bytes_per_connection.filter(|_| totals.deliveries == 0) {
        parts.push(format!("{} bytes a connection", grouped(bytes)));
    }
    let mut sentence = format!("{}  {}", word.text(), parts.join(" · "));
    if let Some(first) = reasons.first() {
        sentence += &format!(" — {first}");
        if reasons.len() > 1 {
            sentence += &format!(", and {} more", reasons.len() - 1);
        }
    }
    sentence
}

/// Thousands apart.
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut out = if number <= -0.5 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Microseconds in the unit that suits them.
pub fn time(us: f64) -> String {
    match us {
        us if us < 100.0 => format!("{us:.1} µs"),
        us if us < 1_000.0 => format!("{us:.0} µs"),
        us if us < 100_000.0 => format!("{:.2} ms", us / 1_000.0),
        us if us < 1_000_000.0 => format!("{:.0} ms", us / 1_000.0),
        us => format!("{:.2} s", us / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0.0, 12.0, 1_234.0, 1_240_000.4, -4_321.0].map(grouped),
            ["0", "12", "1,234", "1,240,000", "-4,321"]
        );
        assert_eq!(
            [3.1, 640.0, 1_900.0, 250_000.0, 2_500_000.0].map(time),
            ["3.1 µs", "640 µs", "1.90 ms", "250 ms", "2.50 s"]
        );
    }
}
