//! A run where there is no terminal: one line for each second, and one for each change of phase.

use std::io::{self, Write};

use super::text::{Count, doing, percent, short};
use super::{Phase, Pulse};
use crate::record::verdict::time;
use crate::record::{Gaps, Second};

/// Logs are read in windows of this width.
const COLUMNS: usize = 120;
/// What the judge may take of it before it says how much it leaves out.
const JUDGE_COLUMNS: usize = 48;

pub struct Lines<W: Write> {
    out: W,
    phase: Option<Phase>,
    /// When the last second that was printed ended.
    last: Option<f64>,
}

impl<W: Write> Lines<W> {
    pub fn new(out: W) -> Lines<W> {
        Lines { out, phase: None, last: None }
    }

    /// Prints what is new since the last call.
    pub fn pulse(&mut self, pulse: &Pulse) -> io::Result<()> {
        if self.phase.is_none() {
            self.enter(pulse)?;
        }
        // A second that ends with its phase still belongs before the word of the next one.
        if let Some(second) = pulse.second.as_ref().filter(|second| self.last != Some(second.at)) {
            writeln!(self.out, "{}", line(self.phase.unwrap_or(pulse.phase), second, pulse))?;
        }
        self.last = pulse.second.as_ref().map(|second| second.at);
        if self.phase != Some(pulse.phase) {
            self.enter(pulse)?;
        }
        self.out.flush()
    }

    fn enter(&mut self, pulse: &Pulse) -> io::Result<()> {
        self.phase = Some(pulse.phase);
        writeln!(self.out, "{}", change(pulse))
    }
}

fn change(pulse: &Pulse) -> String {
    let mut out = doing(pulse.phase).to_owned();
    if pulse.lasts > 0.0 {
        out += &format!(" for {} s", (pulse.lasts * 10.0).round() / 10.0);
    }
    if pulse.phase == Phase::Window {
        out += &format!(", {} connections, ", short(pulse.connections as f64));
        out += &match pulse.rate {
            Some(rate) => format!("{} posts/s asked for", short(rate)),
            None => "as fast as answers come".to_owned(),
        };
    }
    out
}

fn line(phase: Phase, second: &Second, pulse: &Pulse) -> String {
    // Where not all of it fits, the highest number goes first. What the judge says always stays.
    let mut parts = vec![(0, format!("{} {:>3.0} s", tag(phase), second.at))];
    let counts = Count::ALL.into_iter().filter(|count| *count != Count::Acks && count.of(second) > 0);
    for count in counts {
        let importance = match count {
            Count::Deliveries => 1,
            Count::Posts => 2,
            Count::Cycles | Count::Pages => 4,
            Count::Joins | Count::Acks => 5,
        };
        parts.push((importance, format!("{} {}/s", short(count.of(second) as f64), count.name())));
    }
    if second.max_us > 0.0 {
        let (p50, p99, max) = (time(second.p50_us), time(second.p99_us), time(second.max_us));
        parts.push((0, format!("p50 {p50} p99 {p99} max {max}")));
    }
    let driver = format!("driver {}", percent(second.driver_share));
    let server = second.server_share.map(|share| format!("server {} ", percent(share))).unwrap_or_default();
    parts.push((3, format!("{server}{driver}")));
    parts.push((0, judge(pulse)));
    loop {
        let text = parts.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>().join("  ");
        let length = text.chars().count();
        let least = parts.iter().enumerate().filter(|(_, part)| part.0 > 0).max_by_key(|(_, part)| part.0);
        match least.map(|(index, _)| index) {
            Some(index) if length > COLUMNS => drop(parts.remove(index)),
            _ => return text.chars().take(COLUMNS).collect(),
        }
    }
}

/// The name of a phase in the least room.
fn tag(phase: Phase) -> &'static str {
    match phase {
        Phase::Gathering => "seats ",
        Phase::WarmUp => "warmup",
        Phase::Window => "window",
        Phase::Draining => "drain ",
        Phase::Checking => "check ",
    }
}

fn judge(pulse: &Pulse) -> String {
    let Gaps { told, disconnects, resumed: _ } = pulse.gaps;
    let named = pulse.faults.named().into_iter().chain([("gaps", told), ("disconnects", disconnects)]);
    let seen: Vec<String> =
        named.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {}", short(count as f64))).collect();
    let mut out = if pulse.faults.sum() > 0 { String::new() } else { "ok".to_owned() };
    for (index, one) in seen.iter().enumerate() {
        if out.len() + one.len() + " and 9 more".len() > JUDGE_COLUMNS {
            out += &format!(" and {} more", seen.len() - index);
            break;
        }
        out += if out.is_empty() { "" } else { " " };
        out += one;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn printed(pulses: &[Pulse]) -> Vec<String> {
        let mut lines = Lines::new(Vec::new());
        pulses.iter().for_each(|pulse| lines.pulse(pulse).unwrap());
        let text = String::from_utf8(lines.out).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for line in &lines {
            assert!(line.chars().count() <= COLUMNS && !line.chars().any(char::is_control), "{line}");
            assert!(!line.is_empty() && line.trim_end() == line, "{line:?}");
        }
        lines
    }

    #[test]
    fn each_second_and_each_phase_has_one_line() {
        let warm = Pulse { phase: Phase::WarmUp, lasts: 1.0, ..Pulse::default() };
        let [one, two] = [1, 2].map(samples::fan_out);
        let begun = Pulse { second: None, ..one.clone() };
        let warmed = Pulse { second: one.second.clone(), ..warm.clone() };
        let last = Pulse { phase: Phase::Draining, ..two.clone() };
        let seen =
            printed(&[Pulse::default(), warm, warmed.clone(), warmed, begun, one.clone(), one, last.clone(), last]);
        assert_eq!(
            seen,
            [
                "taking seats",
                "warming up for 1 s",
                "warmup   1 s  12,401 posts/s  1.24 M deliveries/s  p50 38.0 µs p99 141 µs max 1.90 ms  server 82 % driver 41 %  ok",
                "measuring for 30 s, 10,000 connections, 12,400 posts/s asked for",
                "window   1 s  12,401 posts/s  1.24 M deliveries/s  p50 38.0 µs p99 141 µs max 1.90 ms  server 82 % driver 41 %  ok",
                "window   2 s  12,402 posts/s  1.24 M deliveries/s  p50 38.0 µs p99 141 µs max 1.90 ms  server 82 % driver 41 %  ok",
                "draining for 30 s",
            ]
        );
    }

    #[test]
    fn other_loads_say_what_they_count_and_nothing_is_said_twice() {
        let cycles = Pulse {
            second: Some(Second { at: 4.0, cycles: 900, joins: 900, driver_share: 0.1, ..Second::default() }),
            ..Pulse::default()
        };
        let nothing = Pulse { second: Some(Second { at: 5.0, ..Second::default() }), ..Pulse::default() };
        assert_eq!(
            printed(&[cycles, nothing.clone(), nothing]),
            [
                "taking seats",
                "seats    4 s  900 joins/s  900 cycles/s  driver 10 %  ok",
                "seats    5 s  driver 0 %  ok"
            ]
        );
    }

    #[test]
    fn faults_are_said_before_anything_else_when_room_is_short() {
        let mut gaps = samples::fan_out(3);
        gaps.gaps = Gaps { told: 7, disconnects: 2, resumed: 1 };
        let seen = printed(&[gaps]);
        assert!(seen[1].ends_with("  ok gaps 7 disconnects 2"), "{seen:?}");
        let seen = printed(&[samples::extreme()]);
        assert!(seen[1].contains("max 60.00 s") && seen[1].contains("lost 10.0 M duplicated"), "{seen:?}");
        assert!(seen[1].contains("10.0 M deliveries/s") && seen[1].ends_with("and 6 more"), "{seen:?}");
    }
}
