//! What a run is expected to show, `p99<5ms` or `lost=0`: figures by name, and whether they held.

use serde::{Deserialize, Serialize};

use super::{Record, What};

/// One expectation and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// As it was written.
    pub text: String,
    /// In the unit of the figure: microseconds, a count, a rate a second, a share. None: the run has no such figure.
    pub found: Option<f64>,
    pub held: bool,
}

impl Expectation {
    pub fn sentence(&self) -> String {
        match self.found {
            Some(found) => format!("expected {}, found {found:.6}", self.text)
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned(),
            None => format!("expected {}, and nothing of the kind was measured", self.text),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [(&str, Sign); 5] =
    [("<=", Sign::AtMost), (">=", Sign::AtLeast), ("<", Sign::Less), (">", Sign::More), ("=", Sign::Equal)];

/// A unit and how many of the figure's own it is.
const UNITS: [(&str, f64); 7] =
    [("us", 1.0), ("µs", 1.0), ("ms", 1e3), ("s", 1e6), ("%", 0.01), ("kib", 1024.0), ("", 1.0)];

/// An expectation that can be asked of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    text: String,
    figure: &'static str,
    sign: Sign,
    bound: f64,
}

type Figure = fn(&Record) -> Option<f64>;

/// Every figure that can be expected, by its name. Latencies are of what the run is about.
pub const FIGURES: &[(&str, Figure)] = &[
    ("p50", |record| record.main_latency().map(|(_, curve)| curve.p50_us)),
    ("p90", |record| record.main_latency().map(|(_, curve)| curve.p90_us)),
    ("p99", |record| record.main_latency().map(|(_, curve)| curve.p99_us)),
    ("p99.9", |record| record.main_latency().map(|(_, curve)| curve.p999_us)),
    ("p99.99", |record| record.main_latency().map(|(_, curve)| curve.p9999_us)),
    ("max", |record| record.main_latency().map(|(_, curve)| curve.max_us)),
    ("ack.p50", |record| record.latency.get(&What::Ack).map(|curve| curve.p50_us)),
    ("ack.p99", |record| record.latency.get(&What::Ack).map(|curve| curve.p99_us)),
    ("join.p50", |record| record.latency.get(&What::Join).map(|curve| curve.p50_us)),
    ("join.p99", |record| record.latency.get(&What::Join).map(|curve| curve.p99_us)),
    ("page.p50", |record| record.latency.get(&What::Page).map(|curve| curve.p50_us)),
    ("page.p99", |record| record.latency.get(&What::Page).map(|curve| curve.p99_us)),
    ("lost", |record| Some(record.faults.lost as f64)),
    ("duplicated", |record| Some(record.faults.duplicated as f64)),
    ("reordered", |record| Some(record.faults.reordered as f64)),
    ("unexpected", |record| Some(record.faults.unexpected as f64)),
    ("damaged", |record| Some(record.faults.damaged as f64)),
    ("refused", |record| Some(record.faults.refused as f64)),
    ("gaps", |record| Some(record.gaps.told as f64)),
    ("disconnects", |record| Some(record.gaps.disconnects as f64)),
    ("broken_acks", |record| Some(record.acks.broken as f64)),
    ("posts/s", |record| per_second(record, record.totals.posts)),
    ("deliveries/s", |record| per_second(record, record.totals.deliveries)),
    ("joins/s", |record| per_second(record, record.totals.joins)),
    ("cycles/s", |record| per_second(record, record.totals.cycles)),
    ("pages/s", |record| per_second(record, record.totals.pages)),
    ("headroom", |record| Some(record.cost.headroom)),
    ("kernel_difference", |record| Some(record.carried.difference())),
    ("server.share", |record| record.cost.server.map(|server| server.share)),
    ("server.us_per_delivery", |record| record.cost.server_us_per_delivery),
    ("server.bytes_per_connection", |record| record.cost.server_bytes_per_connection),
];

fn per_second(record: &Record, count: u64) -> Option<f64> {
    (record.totals.seconds > 0.0).then(|| count as f64 / record.totals.seconds)
}

impl std::str::FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Expected, String> {
        let found = SIGNS
            .iter()
            .filter_map(|(word, sign)| text.find(word).map(|at| (at, *word, *sign)))
            .min_by_key(|found| found.0);
        let Some((at, word, sign)) = found else {
            return Err(format!("`{text}` has none of < <= = >= >, as in `p99<5ms`"));
        };
        let (name, bound) = (text[..at].trim(), text[at + word.len()..].trim());
        let figure = FIGURES.iter().find(|(figure, _)| *figure == name).map(|(figure, _)| *figure);
        let Some(figure) = figure else {
            let all: Vec<&str> = FIGURES.iter().map(|(figure, _)| *figure).collect();
            return Err(format!("`{name}` is no figure of a run; there are {}", all.join(", ")));
        };
        let digits = bound
            .find(|letter: char| !(letter.is_ascii_digit() || letter == '.' || letter == '_'))
            .unwrap_or(bound.len());
        let number: Option<f64> = bound[..digits].replace('_', "").parse().ok();
        let unit = bound[digits..].trim().to_lowercase();
        let factor = UNITS.iter().find(|(unit_name, _)| *unit_name == unit).map(|(_, factor)| *factor);
        let (Some(number), Some(factor)) = (number, factor) else {
            return Err(format!("`{bound}` is no number with us, ms, s, %, KiB or nothing behind it, as in `p99<5ms`"));
        };
        Ok(Expected { text: text.to_owned(), figure, sign, bound: number * factor })
    }
}

impl Expected {
    pub fn judge(&self, record: &Record) -> Expectation {
        let found = FIGURES.iter().find(|(name, _)| *name == self.figure).and_then(|(_, figure)| figure(record));
        let held = found.is_some_and(|found| match self.sign {
            Sign::Less => found < self.bound,
            Sign::AtMost => found <= self.bound,
            Sign::Equal => found == self.bound,
            Sign::AtLeast => found >= self.bound,
            Sign::More => found > self.bound,
        });
        Expectation { text: self.text.clone(), found, held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Expected {
        text.parse().unwrap()
    }

    #[test]
    fn expectations_are_read_with_their_units() {
        assert_eq!(parsed("p99<5ms").bound, 5_000.0);
        assert_eq!((parsed("p99 <= 1.5 s").bound, parsed("p99<=1s").sign), (1_500_000.0, Sign::AtMost));
        assert_eq!((parsed("lost=0").bound, parsed("lost=0").sign), (0.0, Sign::Equal));
        assert_eq!(parsed("deliveries/s>1_000_000").bound, 1e6);
        assert_eq!(parsed("server.bytes_per_connection<=3KiB").bound, 3_072.0);
    }

    #[test]
    fn what_is_no_expectation_says_why() {
        let wrong = |text: &str| text.parse::<Expected>().unwrap_err();
        assert!(wrong("p99").contains("none of <"));
        assert!(wrong("p98<5ms").contains("p99.9"), "names what there is");
        assert!(wrong("p99<five").contains("`five`"));
        assert!(wrong("p99<5 weeks").contains("5 weeks"));
    }
}
