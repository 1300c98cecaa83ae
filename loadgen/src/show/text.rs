//! Numbers and words as the screen and the lines say them: short, and of a length that can be planned for.

use super::Phase;
use crate::record::Second;
use crate::record::verdict::grouped;

/// Seven places at most, up to the largest count there is: all digits below a million, three of them above.
pub fn short(number: f64) -> String {
    if number < 999_999.5 {
        return grouped(number);
    }
    let mut rest = number / 1e6;
    let mut units = ["M", "G", "T", "P"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while rest >= 999.5 {
        let Some(larger) = units.next() else { break };
        unit = larger;
        rest /= 1e3;
    }
    match rest {
        rest if rest < 9.995 => format!("{rest:.2} {unit}"),
        rest if rest < 99.95 => format!("{rest:.1} {unit}"),
        rest => format!("{rest:.0} {unit}"),
    }
}

/// Seven places at most.
pub fn bytes(count: u64) -> String {
    let mut rest = count as f64 / 1024.0;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB", "PiB"] {
        if rest < 999.5 {
            break;
        }
        rest /= 1024.0;
        unit = larger;
    }
    if rest < 9.95 { format!("{rest:.1} {unit}") } else { format!("{rest:.0} {unit}") }
}

pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Minutes and seconds.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// What a phase does.
pub fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Gathering => "taking seats",
        Phase::WarmUp => "warming up",
        Phase::Window => "measuring",
        Phase::Draining => "draining",
        Phase::Checking => "checking",
    }
}

/// A kind of thing that is counted each second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Posts,
    Deliveries,
    Acks,
    Joins,
    Cycles,
    Pages,
}

impl Count {
    pub const ALL: [Count; 6] =
        [Count::Posts, Count::Deliveries, Count::Acks, Count::Joins, Count::Cycles, Count::Pages];

    pub fn name(self) -> &'static str {
        match self {
            Count::Posts => "posts",
            Count::Deliveries => "deliveries",
            Count::Acks => "acks",
            Count::Joins => "joins",
            Count::Cycles => "cycles",
            Count::Pages => "pages",
        }
    }

    pub fn of(self, second: &Second) -> u64 {
        match self {
            Count::Posts => second.posts,
            Count::Deliveries => second.deliveries,
            Count::Acks => second.acks,
            Count::Joins => second.joins,
            Count::Cycles => second.cycles,
            Count::Pages => second.pages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_places() {
        assert_eq!(
            [0.0, 999_999.4, 999_999.6, 1_240_000.0, 10_000_000.0, 999_600_000.0, 1e12].map(short),
            ["0", "999,999", "1.00 M", "1.24 M", "10.0 M", "1.00 G", "1.00 T"]
        );
        assert_eq!(
            [0, 1 << 20, 340 << 20, 1000 << 20, 5 << 40].map(bytes),
            ["0.0 KiB", "1.0 MiB", "340 MiB", "1.0 GiB", "5.0 TiB"]
        );
        for power in 0..64 {
            for number in [1u64 << power, (1 << power) - 1, u64::MAX >> power] {
                // The unit of bytes has a letter more, and the largest number has five digits of it.
                assert!(short(number as f64).len() <= 8 && bytes(number).len() <= 9, "{number}");
            }
        }
    }

    #[test]
    fn times_read_like_a_clock() {
        assert_eq!(
            [0.0, 9.99, 61.0, 3_600.0, -1.0, f64::NAN].map(clock),
            ["0:00", "0:09", "1:01", "60:00", "0:00", "0:00"]
        );
        assert_eq!([0.0, 0.824, 16.0].map(percent), ["0 %", "82 %", "1600 %"]);
    }
}
