//! What the screen shows at one moment, and what can be read from it.

use std::collections::VecDeque;
use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};

use super::Pulse;
use super::text::Count;
use crate::record::Second;
use crate::record::curve::{HEAT_STEPS, heat_begin_us, heat_step};

/// How many seconds are kept.
pub const MINUTE: usize = 60;
const STEPS_OF_TEN: u16 = 5;

#[derive(Default)]
pub struct View {
    pub scenario: String,
    pub targets: String,
    pub pulse: Pulse,
    /// The last seconds, oldest first.
    pub minute: VecDeque<Second>,
    /// An answer to the last key.
    pub note: Option<String>,
    pub help: bool,
    pub paint: Paint,
}

impl View {
    pub fn pulse(&mut self, pulse: &Pulse) {
        // Whoever shows a second says it several times; a new phase counts from its own begin again.
        let known = self.pulse.second.as_ref().map(|second| second.at);
        if let Some(second) = pulse.second.as_ref().filter(|second| known != Some(second.at)) {
            self.minute.push_back(second.clone());
            self.minute.drain(..self.minute.len().saturating_sub(MINUTE));
        }
        self.pulse.clone_from(pulse);
    }

    /// The kinds of things that this run counts, or the usual ones before there is any.
    pub fn counts(&self) -> Vec<Count> {
        let seen = |count: &Count| self.total(*count) > 0 || self.minute.iter().any(|second| count.of(second) > 0);
        let all: Vec<Count> = Count::ALL.into_iter().filter(seen).collect();
        if all.is_empty() { vec![Count::Posts, Count::Deliveries] } else { all }
    }

    pub fn total(&self, count: Count) -> u64 {
        let totals = &self.pulse.totals;
        match count {
            Count::Posts => totals.posts,
            Count::Deliveries => totals.deliveries,
            Count::Acks => totals.acks,
            Count::Joins => totals.joins,
            Count::Cycles => totals.cycles,
            Count::Pages => totals.pages,
        }
    }

    /// What the latencies are of.
    pub fn main(&self) -> Count {
        let counts = self.counts();
        [Count::Deliveries, Count::Cycles, Count::Pages, Count::Joins]
            .into_iter()
            .find(|count| counts.contains(count))
            .unwrap_or(Count::Deliveries)
    }

    /// Whole powers of ten around all latencies of the window and the minute, as steps of the latency map.
    pub fn steps(&self) -> Range<u16> {
        let window = self.pulse.heat.iter().enumerate().filter(|(_, count)| **count > 0).map(|(step, _)| step as u16);
        let minute = self.minute.iter().flat_map(|second| &second.heat).filter(|(_, n)| *n > 0).map(|(step, _)| *step);
        tens(window.chain(minute))
    }

    /// The same around what each second of the minute says of itself, which leaves more height to it.
    pub fn latency_steps(&self) -> Range<u16> {
        let ends = self.minute.iter().flat_map(|second| [second.p50_us, second.p99_us, second.max_us]);
        tens(ends.filter(|us| *us > 0.0).map(|us| heat_step((us * 1_000.0) as u64)))
    }

    /// The step of the window's latencies in which this quantile lies.
    pub fn quantile(&self, quantile: f64) -> Option<u16> {
        let all: f64 = self.pulse.heat.iter().map(|count| *count as f64).sum();
        let mut below = 0.0;
        let step = self.pulse.heat.iter().position(|count| {
            below += *count as f64;
            *count > 0 && below >= all * quantile
        })?;
        Some(step.min(usize::from(HEAT_STEPS) - 1) as u16)
    }
}

fn tens(steps: impl Iterator<Item = u16>) -> Range<u16> {
    let ends = steps.map(|step| step.min(HEAT_STEPS - 1)).fold(None, |ends, step| match ends {
        None => Some((step, step)),
        Some((least, most)) => Some((step.min(least), step.max(most))),
    });
    let Some((least, most)) = ends else { return STEPS_OF_TEN..4 * STEPS_OF_TEN };
    let begin = least / STEPS_OF_TEN * STEPS_OF_TEN;
    // Three of them at least: less would let the bars jump about.
    let end = ((most / STEPS_OF_TEN + 1) * STEPS_OF_TEN).max(begin + 3 * STEPS_OF_TEN).min(HEAT_STEPS);
    begin.min(end - 3 * STEPS_OF_TEN)..end
}

/// A power of ten in its own unit, where a step begins one.
pub fn ten(step: u16) -> Option<String> {
    if !step.is_multiple_of(STEPS_OF_TEN) {
        return None;
    }
    let us = heat_begin_us(step).round();
    Some(match us {
        us if us < 1e3 => format!("{us} µs"),
        us if us < 1e6 => format!("{} ms", us / 1e3),
        us => format!("{} s", us / 1e6),
    })
}

/// The styles of the screen. A colour only repeats what the words say.
#[derive(Clone, Copy, Default)]
pub struct Paint {
    /// Whether there is any colour.
    pub colour: bool,
}

impl Paint {
    fn coloured(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub fn label(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub fn value(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub fn rates(self) -> Style {
        self.coloured(Color::Cyan)
    }

    pub fn latency(self) -> Style {
        self.coloured(Color::Magenta)
    }

    pub fn cost(self) -> Style {
        self.coloured(Color::Blue)
    }

    pub fn good(self) -> Style {
        self.coloured(Color::Green).add_modifier(Modifier::BOLD)
    }

    pub fn notable(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_second_is_kept_once_and_for_a_minute() {
        let mut view = View::default();
        for n in 1..=100 {
            view.pulse(&samples::fan_out(n));
            view.pulse(&samples::fan_out(n));
        }
        assert_eq!(
            view.minute.iter().map(|second| second.at as usize).collect::<Vec<_>>(),
            (41..=100).collect::<Vec<_>>()
        );
        // The first second of the next phase ends where that of the one before did.
        view.pulse(&Pulse::default());
        view.pulse(&samples::fan_out(100));
        assert_eq!(view.minute.back(), view.minute.get(MINUTE - 2));
    }

    #[test]
    fn steps_are_whole_powers_of_ten_around_what_was_seen() {
        let mut view = View::default();
        assert_eq!(view.steps(), 5..20);
        for (seen, meant) in [(vec![0], 0..15), (vec![39], 25..40), (vec![7, 21], 5..25), (vec![0, 39], 0..40)] {
            view.pulse.heat = vec![0; usize::from(HEAT_STEPS)];
            seen.iter().for_each(|step: &usize| view.pulse.heat[*step] = 1);
            assert_eq!(view.steps(), meant);
        }
        assert_eq!(
            [0, 5, 15, 30, 35, 6].map(ten).map(Option::unwrap_or_default),
            ["1 µs", "10 µs", "1 ms", "1 s", "10 s", ""]
        );
    }

    #[test]
    fn quantiles_are_where_so_many_are_not_above() {
        let mut view = View::default();
        assert_eq!(view.quantile(0.5), None);
        view.pulse.heat = vec![0, 50, 0, 49, 1];
        assert_eq!([0.0, 0.5, 0.51, 0.99, 0.999, 1.0].map(|at| view.quantile(at)), [1, 1, 3, 3, 4, 4].map(Some));
    }
}
