//! The parts of the screen with bars: rates, latencies, their distribution, and what both sides cost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw::{GUTTER, left, right, whole};
use super::text::{Count, bytes, percent, short};
use super::view::{MINUTE, View, ten};
use super::{Phase, bars};
use crate::record::Second;
use crate::record::curve::{HEAT_STEPS, heat_begin_us};
use crate::record::verdict::time;

/// Columns right of the bars, where the screen is wide: the mean and the most of the minute, and the window's total.
const ASIDE: [(u16, &str); 3] = [(9, "mean"), (19, "most"), (35, "in all")];
const ASIDE_WIDTH: u16 = 36;
const TOTAL_PLACES: usize = 15;

/// Where the bars of the minute stand, and whether there is room beside them.
fn minute_area(area: Rect) -> (Rect, bool) {
    let room = area.width.saturating_sub(GUTTER);
    let aside = room >= MINUTE as u16 + ASIDE_WIDTH;
    // Each second has the same number of columns.
    let columns = if aside { (room - ASIDE_WIDTH) / MINUTE as u16 * MINUTE as u16 } else { room.min(MINUTE as u16) };
    (Rect { x: area.x + GUTTER.min(area.width), width: columns, ..area }, aside)
}

/// One row: a label, the value of the last second, and the minute.
struct Series<'a> {
    label: &'a str,
    value: String,
    levels: Vec<f64>,
    style: Style,
    aside: [String; 3],
}

fn series(view: &View, area: Rect, row: u16, series: &Series<'_>, buffer: &mut Buffer) {
    if row >= area.height {
        return;
    }
    let (bars, aside) = minute_area(area);
    let value = right(buffer, area, GUTTER - 1, row, &series.value, view.paint.value());
    left(buffer, area, 1, row, value.saturating_sub(1), series.label, view.paint.label());
    let line = Rect { y: area.y + row, height: 1, ..bars };
    let each = usize::from(bars.width) / MINUTE;
    let levels = series.levels.iter().flat_map(|level| std::iter::repeat_n(*level, each.max(1)));
    bars::newest_right(levels, line, buffer, series.style);
    for ((end, _), text) in ASIDE.iter().zip(&series.aside).filter(|_| aside) {
        right(buffer, area, bars.right() + end, row, text, Style::new());
    }
}

pub fn rule(view: &View, area: Rect, row: u16, title: &str, buffer: &mut Buffer) {
    left(buffer, area, 0, row, area.right(), &"─".repeat(usize::from(area.width)), view.paint.label());
    left(buffer, area, 1, row, area.right().saturating_sub(1), &format!(" {title} "), Style::new());
}

/// What is counted, without what only follows it where rows are few.
pub fn counts(view: &View, acks: bool) -> Vec<Count> {
    let all = view.counts();
    all.iter().copied().filter(|count| acks || *count != Count::Acks || all.len() == 1).collect()
}

pub fn rates(view: &View, acks: bool, area: Rect, buffer: &mut Buffer) {
    let asked = match (view.pulse.rate, view.pulse.phase) {
        (_, Phase::Draining | Phase::Checking) => "a second · nothing is posted any more".to_owned(),
        (Some(rate), _) => format!("a second · {} posts asked for", short(rate)),
        (None, _) => "a second · as fast as answers come".to_owned(),
    };
    let (bars, aside) = minute_area(area);
    rule(view, area, 0, &asked, buffer);
    let seconds = format!(" the last {} s ", bars.width.min(MINUTE as u16));
    if usize::from(bars.right()) > asked.chars().count() + seconds.len() + 4 {
        right(buffer, area, bars.right() - u16::from(!aside), 0, &seconds, view.paint.label());
    }
    for (end, name) in ASIDE.into_iter().filter(|_| aside) {
        right(buffer, area, bars.right() + end + 1, 0, &format!(" {name} "), view.paint.label());
    }
    for (count, row) in counts(view, acks).into_iter().zip(1..) {
        let values: Vec<f64> = view.minute.iter().map(|second| count.of(second) as f64).collect();
        let now = values.last().copied().unwrap_or_default();
        let aside = [short(mean(&values)), short(most(&values)), whole(view.total(count), TOTAL_PLACES)];
        let one = Series {
            label: count.name(),
            value: short(now),
            levels: of_most(&values, 0.0),
            style: view.paint.rates(),
            aside,
        };
        series(view, area, row, &one, buffer);
    }
}

pub fn latency(view: &View, area: Rect, buffer: &mut Buffer) {
    let steps = view.latency_steps();
    let scale = [steps.start, steps.end].map(|step| ten(step).unwrap_or_default());
    let title = format!("latency of {} · log scale from {} to {}", view.main().name(), scale[0], scale[1]);
    rule(view, area, 0, &title, buffer);
    let figures = |second: &Second| [("p50", second.p50_us), ("p99", second.p99_us), ("max", second.max_us)];
    for (index, (label, _)) in figures(&Second::default()).into_iter().enumerate() {
        let values: Vec<f64> = view.minute.iter().map(|second| figures(second)[index].1).collect();
        let place = |us: &f64| {
            let step = us.max(1.0).log10() * 5.0 - f64::from(steps.start);
            // A second without any has no bar; the best that there is has the least one.
            if *us > 0.0 { (step / f64::from(steps.end - steps.start)).max(f64::MIN_POSITIVE) } else { 0.0 }
        };
        let said = |us: f64| if us > 0.0 { time(us) } else { "–".to_owned() };
        let one = Series {
            label,
            value: said(values.last().copied().unwrap_or_default()),
            levels: values.iter().map(place).collect(),
            style: view.paint.latency(),
            aside: [String::new(), said(most(&values)), String::new()],
        };
        series(view, area, index as u16 + 1, &one, buffer);
    }
}

pub fn cost(view: &View, area: Rect, buffer: &mut Buffer) {
    rule(view, area, 0, "cost · 100 % is one core", buffer);
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let last = view.minute.back();
    let server: Vec<f64> = view.minute.iter().map(|second| second.server_share.unwrap_or_default()).collect();
    let driver: Vec<f64> = view.minute.iter().map(|second| second.driver_share).collect();
    let memory: Vec<f64> =
        view.minute.iter().map(|second| second.server_memory_bytes.unwrap_or_default() as f64).collect();
    let has_server = view.minute.iter().any(|second| second.server_share.is_some());
    let shares = |values: &[f64], known: bool| match known {
        true => [percent(mean(values)), percent(most(values)), String::new()],
        false => Default::default(),
    };
    let rows = [
        (
            "server cpu",
            known(last.and_then(|second| second.server_share).map(percent)),
            of_most(&server, 1.0),
            shares(&server, has_server),
        ),
        (
            "driver cpu",
            percent(last.map(|second| second.driver_share).unwrap_or_default()),
            of_most(&driver, 1.0),
            shares(&driver, true),
        ),
        (
            "server mem",
            known(last.and_then(|second| second.server_memory_bytes).map(bytes)),
            of_most(&memory, 0.0),
            match has_server {
                true => [bytes(mean(&memory) as u64), bytes(most(&memory) as u64), String::new()],
                false => Default::default(),
            },
        ),
    ];
    for ((label, value, levels, aside), row) in rows.into_iter().zip(1..) {
        series(view, area, row, &Series { label, value, levels, style: view.paint.cost(), aside }, buffer);
    }
}

/// How many of the window took how long, with the quantiles beside it.
pub fn histogram(view: &View, area: Rect, buffer: &mut Buffer) {
    let all: u64 = view.pulse.heat.iter().fold(0, |all, count| all.saturating_add(*count));
    let name = view.main().name();
    rule(view, area, 0, &format!("the window so far · {} {name}", whole(view.total(view.main()), 26)), buffer);
    if area.height < 3 {
        return;
    }
    if all == 0 {
        left(buffer, area, GUTTER, area.height / 2, area.right(), "nothing was timed yet", view.paint.label());
        return;
    }
    let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.999_9)];
    for ((label, at), row) in quantiles.into_iter().zip(1..area.height - 1) {
        let Some(step) = view.quantile(at) else { continue };
        // Nothing ends the last step.
        let (sign, bound) = if step + 1 == HEAT_STEPS { ('≥', step) } else { ('≤', step + 1) };
        left(buffer, area, 1, row, GUTTER - 1, label, view.paint.label());
        right(buffer, area, GUTTER - 1, row, &format!("{sign} {}", time(heat_begin_us(bound))), view.paint.value());
    }
    let steps = view.steps();
    let at = |step: u16| view.pulse.heat.get(usize::from(step)).copied().unwrap_or_default() as f64;
    let counts: Vec<f64> = steps.clone().map(at).collect();
    let width = area.width.saturating_sub(GUTTER + 1);
    let bars = Rect { x: area.x + GUTTER, y: area.y + 1, width, height: area.height - 2 };
    bars::spread(&of_most(&counts, 0.0), bars.intersection(area), buffer, view.paint.latency());
    // A tick stands where its bar begins.
    let mut free = GUTTER;
    for step in steps.clone() {
        let Some(label) = ten(step) else { continue };
        let x = GUTTER + ((step - steps.start) * width).div_ceil(steps.len() as u16);
        if x >= free && usize::from(area.width.saturating_sub(x)) > label.chars().count() {
            free = left(buffer, area, x, area.height - 1, area.right(), &format!("╵{label}"), view.paint.label());
        }
    }
}

/// Each second's latencies: slow ones above, many of them dark.
pub fn map(view: &View, area: Rect, buffer: &mut Buffer) {
    let steps = view.steps();
    let rows = area.height.saturating_sub(1);
    if rows == 0 {
        return;
    }
    rule(view, area, 0, "each second's latencies · slow above fast, the fuller the more", buffer);
    let (bars, _) = minute_area(area);
    let each = (usize::from(bars.width) / MINUTE).max(1) as u16;
    let per_row = (steps.len() as u16).div_ceil(rows);
    let of_row = |second: &Second, row: u16| -> f64 {
        let begin = steps.start + row * per_row;
        let of = second.heat.iter().filter(|(step, _)| (begin..begin + per_row).contains(step));
        of.map(|(_, count)| *count as f64).sum()
    };
    let highest = (steps.len() as u16).div_ceil(per_row);
    let most = (0..highest).flat_map(|row| view.minute.iter().map(move |second| (second, row)));
    let most = most.map(|(second, row)| of_row(second, row)).fold(1.0, f64::max);
    for row in 0..highest {
        let y = area.height - 1 - row;
        let begin = steps.start + row * per_row;
        if let Some(label) = (begin..(begin + per_row).min(steps.end)).find_map(ten) {
            right(buffer, area, GUTTER - 1, y, &label, view.paint.label());
        }
        let cells = view.minute.iter().rev().flat_map(|second| std::iter::repeat_n(second, usize::from(each)));
        for (second, x) in cells.zip((bars.left()..bars.right()).rev()) {
            // Single ones beside millions are what one looks for.
            let dark = of_row(second, row).ln_1p() / most.ln_1p();
            bars::shade(dark, x, area.y + y, buffer, view.paint.latency());
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// As parts of the most, or of `least` where all are below it.
fn of_most(values: &[f64], least: f64) -> Vec<f64> {
    let all = most(values).max(least).max(f64::MIN_POSITIVE);
    values.iter().map(|value| value / all).collect()
}
