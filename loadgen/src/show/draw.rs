//! The whole screen: what stands where, the head, the judge, and the keys.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::{clock, doing, percent, short};
use super::view::View;
use super::{Phase, Pulse, help, parts};
use crate::record::Gaps;
use crate::record::verdict::grouped;

/// Labels and values stand left of the bars, of which each second has a column.
pub const GUTTER: u16 = 20;
/// Rule, five quantiles beside five rows of bars, axis.
const HISTOGRAM_LEAST: u16 = 7;
/// Less of a map than this shows nothing.
const MAP_LEAST: u16 = 9;
/// From here on the judge has a rule of its own.
const TALL: u16 = 22;
/// From here on acks have a row beside the posts they follow.
const TALLER: u16 = 30;

pub fn draw(frame: &mut Frame<'_>, view: &View) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let plan = Plan::of(view, area.height);
    let mut rest = area;
    let mut take = |rows: u16| {
        let part = Rect { height: rows.min(rest.height), ..rest };
        rest.y += part.height;
        rest.height -= part.height;
        part
    };
    head(view, take(plan.head), buffer);
    parts::rates(view, plan.acks, take(plan.rates), buffer);
    parts::latency(view, take(plan.latency), buffer);
    parts::histogram(view, take(plan.histogram), buffer);
    parts::map(view, take(plan.map), buffer);
    parts::cost(view, take(plan.cost), buffer);
    take(plan.blank);
    judge(view, take(plan.judge), buffer);
    keys(view, take(plan.keys), buffer);
    if view.help {
        help::draw(view, area, buffer);
    }
}

/// How many rows each part has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    head: u16,
    rates: u16,
    latency: u16,
    histogram: u16,
    map: u16,
    cost: u16,
    blank: u16,
    judge: u16,
    keys: u16,
    acks: bool,
}

impl Plan {
    /// Gives rows by importance; what is left is for the pictures, which can use any number.
    fn of(view: &View, height: u16) -> Plan {
        let mut left = height;
        let mut take = |least: u16, most: u16| {
            let rows = if left < least { 0 } else { left.min(most) };
            left -= rows;
            rows
        };
        let acks = height >= TALLER;
        let mut plan = Plan {
            head: take(1, 2),
            judge: take(1, if height >= TALL { 3 } else { 2 }),
            keys: take(1, 1),
            rates: take(2, 1 + parts::counts(view, acks).len() as u16),
            latency: take(2, 4),
            cost: take(2, 4),
            acks,
            ..Plan::default()
        };
        let steps = view.steps().len() as u16;
        if left >= HISTOGRAM_LEAST + MAP_LEAST {
            let per_row = steps.div_ceil(left - HISTOGRAM_LEAST - 1);
            plan.map = 1 + steps.div_ceil(per_row);
            left -= plan.map;
        }
        if left >= 4 {
            plan.histogram = left
        } else {
            plan.blank = left
        }
        plan
    }
}

fn head(view: &View, area: Rect, buffer: &mut Buffer) {
    let Pulse { phase, at, lasts, connections, .. } = view.pulse;
    let paint = view.paint;
    let seats = format!("{} connections ", short(connections as f64));
    let end = right(buffer, area, area.right(), 0, &seats, Style::new());
    let end = end.saturating_sub(2);
    let name_end = left(buffer, area, 1, 0, end, &view.scenario, paint.value());
    left(buffer, area, name_end + 1, 0, end, &format!("on {}", view.targets), paint.label());

    left(buffer, area, 1, 1, GUTTER, doing(phase), paint.value());
    right(buffer, area, GUTTER - 1, 1, &clock(at), paint.value());
    if lasts <= 0.0 {
        return;
    }
    let share = (at / lasts).clamp(0.0, 1.0);
    let of = format!(" {:>5} of {} ", percent(share), clock(lasts));
    let end = right(buffer, area, area.right(), 1, &of, Style::new());
    let width = end.saturating_sub(GUTTER);
    let done = (f64::from(width) * share) as u16;
    for column in 0..width {
        let (symbol, style) = if column < done { ("━", paint.rates()) } else { ("─", paint.label()) };
        left(buffer, area, GUTTER + column, 1, end, symbol, style);
    }
}

fn judge(view: &View, area: Rect, buffer: &mut Buffer) {
    let paint = view.paint;
    let faults = view.pulse.faults;
    let mut row = 0;
    if area.height > 2 {
        parts::rule(view, area, 0, "judge", buffer);
        row = 1;
    }
    let all: u64 = faults.named().iter().fold(0, |all, (_, count)| all.saturating_add(*count));
    let (verdict, style) = match all {
        0 if view.pulse.phase == Phase::Gathering => ("nothing to judge yet".to_owned(), paint.label()),
        0 => ("✓ nothing lost, doubled or out of order".to_owned(), paint.good()),
        1 => ("✗ 1 fault: this run fails".to_owned(), paint.bad()),
        all => (format!("✗ {} faults: this run fails", short(all as f64)), paint.bad()),
    };
    let end = left(buffer, area, 1, row, area.right(), &verdict, style);
    let Gaps { told, disconnects, resumed } = view.pulse.gaps;
    let gaps = [("gaps told", told), ("disconnects", disconnects), ("resumed", resumed)];
    let style = if told > 0 || disconnects > 0 { paint.notable() } else { paint.label() };
    // Returns without a gap are no trouble, and the first to go where room is short.
    let room = usize::from(area.right().saturating_sub(end + 3));
    let texts = [listed(&gaps, " · "), listed(&gaps[..2], " · ")];
    if let Some(text) = texts.iter().find(|text| text.chars().count() <= room) {
        right(buffer, area, area.right().saturating_sub(1), row, text, style);
    } else if all == 0 {
        // The row below has nothing to say then.
        left(buffer, area, 3, row + 1, area.right(), &texts[0], style);
        return;
    }
    counts(view, area, row + 1, buffer);
}

/// All six counts where they fit, else those above zero, and how many more there are.
fn counts(view: &View, area: Rect, row: u16, buffer: &mut Buffer) {
    let paint = view.paint;
    let named = view.pulse.faults.named();
    let width = usize::from(area.width).saturating_sub(4);
    let fits = |between: &str| listed(&named, between).chars().count() <= width;
    let between = if fits("   ") { 3 } else { 2 };
    let shown: Vec<_> = named.into_iter().filter(|(_, count)| fits("  ") || *count > 0).collect();
    let mut x = 3;
    for (index, (name, count)) in shown.iter().enumerate() {
        let one = format!("{name} {}", short(*count as f64));
        let others = shown.len() - index;
        // Unless it is the last one, the number of the others must find its place behind it.
        let reserve = if others > 1 { "  and 6 more".len() } else { 0 };
        if usize::from(x) + one.len() + reserve > usize::from(area.width) && !fits("  ") {
            left(buffer, area, x, row, area.right(), &format!("and {others} more"), paint.bad());
            return;
        }
        let style = if *count > 0 { paint.bad() } else { paint.label() };
        x = left(buffer, area, x, row, area.right(), &one, style) + between;
    }
}

fn listed(list: &[(&str, u64)], between: &str) -> String {
    list.iter().map(|(name, count)| format!("{name} {}", short(*count as f64))).collect::<Vec<_>>().join(between)
}

fn keys(view: &View, area: Rect, buffer: &mut Buffer) {
    let paint = view.paint;
    let mut end = area.right();
    if let Some(note) = &view.note {
        end = right(buffer, area, end.saturating_sub(1), 0, note, paint.notable()).saturating_sub(2);
    }
    let mut x = 1;
    for (key, does) in [("?", "help"), ("q", "stop and judge"), ("m", "mark"), ("+", "faster"), ("-", "slower")] {
        if usize::from(end.saturating_sub(x)) < does.len() + 2 {
            break;
        }
        let key_end = left(buffer, area, x, 0, end, key, paint.value());
        x = left(buffer, area, key_end + 1, 0, end, does, paint.label()) + 3;
    }
}

/// Writes from this column on, not past `end`, and says where it ended.
pub fn left(buffer: &mut Buffer, area: Rect, x: u16, row: u16, end: u16, text: &str, style: Style) -> u16 {
    let x = area.x.saturating_add(x);
    let end = end.min(area.right());
    if row >= area.height || x >= end {
        return x;
    }
    // What was there before leaves nothing of its style.
    let style = Style::reset().patch(style);
    buffer.set_stringn(x, area.y + row, text, usize::from(end - x), style).0
}

/// Writes so that it ends before `end`, and says where it began; nothing where it does not fit.
pub fn right(buffer: &mut Buffer, area: Rect, end: u16, row: u16, text: &str, style: Style) -> u16 {
    let end = end.min(area.right());
    let width = text.chars().count();
    match usize::from(end).checked_sub(width) {
        Some(x) if x >= usize::from(area.x) && row < area.height => {
            left(buffer, area, x as u16 - area.x, row, end, text, style);
            x as u16
        }
        _ => end,
    }
}

/// All digits where they fit.
pub fn whole(count: u64, places: usize) -> String {
    let all = grouped(count as f64);
    if all.len() > places { short(count as f64) } else { all }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn rows_go_to_what_matters_first_and_none_are_left_over() {
        let mut view = View { minute: samples::minute(), ..View::default() };
        view.pulse(&samples::fan_out(12));
        for height in 0..200 {
            let Plan { head, rates, latency, histogram, map, cost, blank, judge, keys, .. } = Plan::of(&view, height);
            assert_eq!(head + rates + latency + histogram + map + cost + blank + judge + keys, height);
            assert!(blank < 4);
        }
        let at = |height| Plan::of(&view, height);
        assert_eq!((at(1).head, at(3).judge, at(4).judge, at(5).keys), (1, 1, 2, 1));
        assert_eq!((at(24).histogram, at(24).map, at(24).cost), (7, 0, 4));
        assert!(at(40).map > 10 && at(40).acks);
    }
}
