//! What the keys do and how the screen is read, over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget};

use super::draw::left;
use super::view::View;

const KEYS: [(&str, &str); 5] = [
    ("+ or =", "a quarter more posts a second (× 1.25)"),
    ("-", "fewer again (÷ 1.25)"),
    ("m", "mark this moment: mark 1, mark 2, …"),
    ("q or Ctrl-C", "stop now; the run is judged as it is"),
    ("?", "this help, and back"),
];

const READING: [&str; 5] = [
    "Bars: one for each second, the newest at the right.",
    "Latency counts from when a message was due, and is",
    "drawn on a log scale. p50 ≤ 63 µs: half of all took",
    "no longer. Gaps told are places that the target said",
    "it would not deliver; they are not lost.",
];

const WIDTH: u16 = 58;

pub fn draw(view: &View, screen: Rect, buffer: &mut Buffer) {
    let height = (KEYS.len() + READING.len() + 3) as u16;
    let (width, height) = (WIDTH.min(screen.width), height.min(screen.height));
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    Clear.render(area, buffer);
    let block = Block::bordered().title(" help ");
    let inside = block.inner(area);
    block.render(area, buffer);
    for ((key, does), row) in KEYS.into_iter().zip(0..) {
        left(buffer, inside, 1, row, inside.right(), key, view.paint.value());
        left(buffer, inside, 14, row, inside.right(), does, Style::new());
    }
    for (line, row) in READING.into_iter().zip(KEYS.len() as u16 + 1..) {
        left(buffer, inside, 1, row, inside.right(), line, Style::new());
    }
}
