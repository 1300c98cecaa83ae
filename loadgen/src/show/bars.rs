//! Bars out of block characters: an eighth of a cell is the least that is seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const SHADES: [&str; 5] = [" ", "░", "▒", "▓", "█"];

/// Draws the last of these values, the newest in the rightmost column. One is the whole height; above zero is never blank.
pub fn newest_right(values: impl DoubleEndedIterator<Item = f64>, area: Rect, buffer: &mut Buffer, style: Style) {
    for (value, x) in values.rev().zip((area.left()..area.right()).rev()) {
        bar(value, x, area, buffer, style);
    }
}

/// Spreads these values over the whole width.
pub fn spread(values: &[f64], area: Rect, buffer: &mut Buffer, style: Style) {
    for column in 0..area.width {
        let index = usize::from(column) * values.len() / usize::from(area.width);
        if let Some(value) = values.get(index) {
            bar(*value, area.left() + column, area, buffer, style);
        }
    }
}

fn bar(value: f64, x: u16, area: Rect, buffer: &mut Buffer, style: Style) {
    let all = f64::from(area.height) * 8.0;
    let mut eighths = (value.clamp(0.0, 1.0) * all).ceil() as usize;
    for y in (area.top()..area.bottom()).rev() {
        let here = eighths.min(8);
        eighths -= here;
        put(buffer, x, y, EIGHTHS[here], style);
    }
}

/// A cell of a map; above zero is never blank.
pub fn shade(value: f64, x: u16, y: u16, buffer: &mut Buffer, style: Style) {
    let step = (value.clamp(0.0, 1.0) * 4.0).ceil() as usize;
    put(buffer, x, y, SHADES[step], style);
}

fn put(buffer: &mut Buffer, x: u16, y: u16, symbol: &str, style: Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_symbol(symbol).set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_seen_and_the_most_fills_its_place() {
        let area = Rect::new(0, 0, 6, 2);
        let mut buffer = Buffer::empty(area);
        let values = [9.0, 0.0, 1e-9, 0.5, 0.75, 1.0, f64::NAN];
        newest_right(values.into_iter(), area, &mut buffer, Style::new());
        assert_eq!(buffer, Buffer::with_lines(["   ▄█ ", " ▁███ "]));
        spread(&[1.0, 0.0, 0.25], area, &mut buffer, Style::new());
        assert_eq!(buffer, Buffer::with_lines(["██    ", "██  ▄▄"]));
        // Places outside the screen are nobody's.
        spread(&[1.0], Rect::new(5, 1, 10, 10), &mut buffer, Style::new());
        spread(&[], area, &mut buffer, Style::new());
    }
}
