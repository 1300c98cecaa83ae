//! The latency map: time from left to right, latency upwards, colour for how many.

use std::collections::BTreeMap;

use super::plot::{Plot, Series, Tick, line};
use super::scale::Scale;
use super::text::tick;
use super::timeline::{Column, Columns};
use crate::record::curve::{HEAT_STEPS, heat_begin_us};
use crate::record::verdict::{grouped, time};
use crate::record::{Record, Second};

/// Colours from few to many.
pub const LEVELS: usize = 8;

/// None: no second has any latency.
pub fn plot(record: &Record, columns: &Columns<'_>) -> Option<Plot> {
    let cells: Vec<BTreeMap<u16, u64>> = columns.all.iter().map(counts).collect();
    let used = || cells.iter().flat_map(|column| column.keys().copied());
    let (low, high) = (used().min()?, used().max()?);
    let most = cells.iter().flat_map(|column| column.values().copied()).max()?;
    let y = Scale::log_exact(heat_begin_us(low), heat_begin_us(high + 1));
    // The map has its own units, a column wide and a step high: whole numbers keep it small.
    let unit = columns.all.first().map(|column| column.to - column.from).filter(|unit| *unit > 0.0).unwrap_or(1.0);
    let mut levels = vec![String::new(); LEVELS + 1];
    for (column, counts) in columns.all.iter().zip(&cells) {
        let [left, wide] = [column.from / unit, (column.to - column.from) / unit].map(number);
        for (level, low, steps) in runs(counts, most) {
            levels[level] += &format!("M{left} {}h{wide}v{steps}h-{wide}z", high + 1 - low - steps);
        }
    }
    let mut drawn = format!(
        "<svg width=1000 height=1000 viewBox=\"0 0 {} {}\" preserveAspectRatio=none>",
        number(columns.end / unit),
        high - low + 1
    );
    for (n, path) in levels.iter().enumerate().skip(1) {
        drawn += &format!("<path class=\"cell h{n}\" d=\"{path}\"/>");
    }
    drawn += "</svg>";
    let mut series = Vec::new();
    type Of = fn(&Second) -> f64;
    let kinds: [(usize, &str, Of); 2] = [(7, "p50", |second| second.p50_us), (2, "p99", |second| second.p99_us)];
    for (colour, name, of) in kinds {
        let values: Vec<Option<f64>> =
            columns.all.iter().map(|column| column.most(|second| measured(second, of))).collect();
        let path = line(&columns.line(&y, &values));
        drawn += &format!("<path class=halo d=\"{path}\"/><path class=\"line c{colour}\" d=\"{path}\"/>");
        series.push(Series { colour, name: name.to_owned(), words: words(&values), end: None });
    }
    let greatest: Vec<Option<f64>> =
        columns.all.iter().map(|column| column.most(|second| measured(second, |second| second.max_us))).collect();
    series.push(Series { colour: 0, name: "max".to_owned(), words: words(&greatest), end: None });
    let worst = greatest.iter().flatten().copied().fold(0.0, f64::max);
    let when = greatest.iter().position(|value| *value == Some(worst)).and_then(|n| columns.all.get(n));
    let span = if columns.each == 1 { "a second".to_owned() } else { format!("{} seconds", columns.each) };
    let higher = if columns.each == 1 { "" } else { ", the highest of the column’s seconds" };
    Some(Plot {
        title: "Latency over time".to_owned(),
        note: format!(
            "Each column is {span}, each row a fifth of a power of ten. The stronger the colour the more lie there, \
             {} at most. The lines are p50 and p99{higher}.",
            grouped(most as f64)
        ),
        summary: format!(
            "A map of latencies over time. The greatest, {}, lies at second {:.0}.",
            time(worst),
            when.map_or(0.0, |column| column.to)
        ),
        height: 260,
        x: columns.ticks(),
        y: y.ticks().into_iter().map(|us| Tick { at: y.at(us), text: tick(us), spare: false }).collect(),
        drawn,
        series,
        flags: columns.flags(record),
        numbered: true,
        points: columns.points(),
        over_time: true,
    })
}

/// How many of a column lie in each step. A file may name steps that there are not.
fn counts(column: &Column<'_>) -> BTreeMap<u16, u64> {
    let mut sums = BTreeMap::new();
    for (step, count) in column.seconds.iter().flat_map(|second| &second.heat) {
        if *step < HEAT_STEPS && *count > 0 {
            let sum: &mut u64 = sums.entry(*step).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    sums
}

/// Neighbours of one colour are one rectangle: colour, lowest step, how many.
fn runs(counts: &BTreeMap<u16, u64>, most: u64) -> Vec<(usize, u16, u16)> {
    let mut all: Vec<(usize, u16, u16)> = Vec::new();
    for (step, count) in counts {
        let colour = level(*count, most);
        match all.last_mut() {
            Some((last, low, steps)) if *last == colour && *low + *steps == *step => *steps += 1,
            Some(_) | None => all.push((colour, *step, 1)),
        }
    }
    all
}

/// From 1 to [`LEVELS`], by powers: a single one among a million can be seen.
fn level(count: u64, most: u64) -> usize {
    let share = (count as f64).ln_1p() / (most as f64).ln_1p();
    ((share * LEVELS as f64).ceil() as usize).clamp(1, LEVELS)
}

/// A second in which nothing came has no latency.
fn measured(second: &Second, of: fn(&Second) -> f64) -> Option<f64> {
    Some(of(second)).filter(|us| *us > 0.0)
}

fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn words(values: &[Option<f64>]) -> Vec<String> {
    values.iter().map(|value| value.map_or_else(|| "–".to_owned(), time)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::stall;

    #[test]
    fn a_stall_is_a_gap_and_a_tower() {
        let record = Record::read(&stall().to_string()).unwrap();
        let plot = plot(&record, &Columns::of(&record)).unwrap();
        // Nothing was heard in seconds 30 and 31: no cell begins there, and the lines have a gap.
        assert!(!plot.drawn.contains("M30 ") && !plot.drawn.contains("M31 "));
        assert!(plot.drawn.contains("M32 0h1v"), "the second in which all comes at once reaches the top");
        assert_eq!(plot.drawn.matches(" 0h1v").count(), 1, "and no other does");
        assert_eq!(plot.series[1].words[30], "–");
        assert!(plot.summary.contains("2.51 s, lies at second 33"), "{}", plot.summary);
    }

    #[test]
    fn neighbours_of_one_colour_are_drawn_as_one() {
        let counts = BTreeMap::from([(3, 1_000), (4, 1_001), (6, 1_000), (7, 1)]);
        assert_eq!(runs(&counts, 1_001), [(8, 3, 2), (8, 6, 1), (1, 7, 1)]);
    }

    #[test]
    fn few_and_many_have_their_colours() {
        assert_eq!([1, 30, 1_000_000].map(|count| level(count, 1_000_000)), [1, 2, 8]);
        assert_eq!((level(1, 1), level(u64::MAX, u64::MAX)), (8, 8));
    }

    #[test]
    fn steps_that_there_are_not_are_not_drawn() {
        let mut record = Record::read(&stall().to_string()).unwrap();
        for second in &mut record.seconds {
            second.heat = vec![(40, 5), (u16::MAX, 7), (3, 0)];
        }
        assert!(plot(&record, &Columns::of(&record)).is_none());
    }
}
