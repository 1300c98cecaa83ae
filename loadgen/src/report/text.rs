//! Values as words: units that suit them, moments, command lines, and text that is safe where it is put.

use crate::record::verdict::grouped;

/// Longer texts are cut: a report is for reading, the record has them whole.
const TEXT_MAX: usize = 240;

/// The same for what stands in a report once.
const LONG_MAX: usize = 3_000;

/// Text as HTML shows it, in element and attribute alike.
pub fn escape(text: &str) -> String {
    escaped(text, TEXT_MAX)
}

/// As [`escape`], for a text that may be longer.
pub fn escape_long(text: &str) -> String {
    escaped(text, LONG_MAX)
}

fn escaped(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (n, letter) in text.chars().enumerate() {
        match letter {
            _ if n == most => return out + "…",
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            letter => out.push(letter),
        }
    }
    out
}

/// Text for a terminal: a record may come from anywhere and must not steer it.
pub fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// As [`verdict::time`](crate::record::verdict::time), without digits that say nothing.
pub fn tick(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 1_000.0 => (us, "µs"),
        us if us < 1_000_000.0 => (us / 1_000.0, "ms"),
        us => (us / 1_000_000.0, "s"),
    };
    format!("{} {unit}", short(value))
}

/// Up to three digits behind the point, and none where they are zeros.
pub fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    if value.abs() >= 1_000.0 { grouped(value) } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

pub fn rate(per_second: f64) -> String {
    if per_second.abs() < 10.0 { format!("{}/s", round(per_second)) } else { format!("{}/s", grouped(per_second)) }
}

fn round(value: f64) -> String {
    short((value * 100.0).round() / 100.0)
}

pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() < 10.0 { format!("{} %", round(percent)) } else { format!("{percent:.0} %") }
}

/// Memory, in the unit of its size.
pub fn bytes(bytes: f64) -> String {
    let (value, unit) = match bytes {
        bytes if bytes < 10_000.0 => return format!("{} B", grouped(bytes)),
        bytes if bytes < 1024.0 * 1024.0 => (bytes / 1024.0, "KiB"),
        bytes if bytes < 1024.0 * 1024.0 * 1024.0 => (bytes / (1024.0 * 1024.0), "MiB"),
        bytes => (bytes / (1024.0 * 1024.0 * 1024.0), "GiB"),
    };
    if value < 100.0 { format!("{value:.1} {unit}") } else { format!("{} {unit}", grouped(value)) }
}

/// A moment of a run by the unit of its length.
pub fn moment(seconds: f64) -> String {
    match seconds {
        seconds if seconds <= 0.0 => "0".to_owned(),
        seconds if seconds < 120.0 => format!("{} s", round(seconds)),
        seconds if seconds < 7_200.0 => format!("{} min", round(seconds / 60.0)),
        seconds => format!("{} h", round(seconds / 3_600.0)),
    }
}

const MONTHS: [(&str, u64); 12] = [
    ("January", 31),
    ("February", 28),
    ("March", 31),
    ("April", 30),
    ("May", 31),
    ("June", 30),
    ("July", 31),
    ("August", 31),
    ("September", 30),
    ("October", 31),
    ("November", 30),
    ("December", 31),
];

/// Milliseconds since 1970 as day and time.
pub fn date(millis: u64) -> String {
    let seconds = millis / 1_000;
    let mut days = seconds / 86_400;
    let mut year = 1970u64;
    let leaps = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    loop {
        let length = if leaps(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        if year == 9999 {
            return format!("{millis} ms since 1970");
        }
        (days, year) = (days - length, year + 1);
    }
    let mut name = "December";
    for (month, length) in MONTHS {
        let length = length + u64::from(month == "February" && leaps(year));
        if days < length {
            name = month;
            break;
        }
        days -= length;
    }
    let clock = seconds % 86_400;
    format!("{} {name} {year}, {:02}:{:02} UTC", days + 1, clock / 3_600, clock / 60 % 60)
}

/// A command line that a shell reads as these words.
pub fn command(words: &[String]) -> String {
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter);
    let quoted = |word: &String| {
        if !word.is_empty() && word.chars().all(safe) {
            return word.clone();
        }
        format!("'{}'", word.replace('\'', r"'\''"))
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!(escape(&"x".repeat(5_000)).chars().count(), TEXT_MAX + 1);
        assert_eq!(plain("a\x1b[31mb\nc"), "a [31mb c");
    }

    #[test]
    fn values_read_well() {
        assert_eq!([0.5, 20.0, 1_500.0, 5e6].map(tick), ["0.5 µs", "20 µs", "1.5 ms", "5 s"]);
        assert_eq!([0.0, 1.234, 99_980.4].map(rate), ["0/s", "1.23/s", "99,980/s"]);
        assert_eq!([0.004, 0.325, 1.5].map(percent), ["0.4 %", "32 %", "150 %"]);
        assert_eq!([2_310.0, 66e6, 33_554_432_000.0].map(bytes), ["2,310 B", "62.9 MiB", "31.2 GiB"]);
        assert_eq!([0.0, 2.5, 90.0, 300.0, 9_000.0].map(moment), ["0", "2.5 s", "90 s", "5 min", "2.5 h"]);
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(date(0), "1 January 1970, 00:00 UTC");
        assert_eq!(date(951_782_400_000), "29 February 2000, 00:00 UTC");
        assert_eq!(date(1_791_036_189_000), "3 October 2026, 14:03 UTC");
        assert_eq!(date(4_107_542_399_000), "28 February 2100, 23:59 UTC");
        assert_eq!(date(4_107_542_400_000), "1 March 2100, 00:00 UTC");
        assert_eq!(date(u64::MAX), format!("{} ms since 1970", u64::MAX));
    }

    #[test]
    fn a_command_line_can_be_pasted() {
        let words = ["loadgen", "--expect", "p99<5ms", "it's", ""].map(str::to_owned);
        assert_eq!(command(&words), r"loadgen --expect 'p99<5ms' 'it'\''s' ''");
    }
}
