//! What a shard has written down of itself for whoever looks on: one cell for each figure, written by its own thread alone.

use super::row::Source;
use super::spread::{CELLS, Spread};
use super::table::METRICS;
use crate::auth::hook::HookCounters;
use crate::shard::spent::Spent;
use rookery_engine::shard::Shard;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a shard has counted, as it is at this moment.
pub struct Counted<'a> {
    pub shard: &'a Shard,
    pub spent: &'a Spent,
    pub hook: &'a HookCounters,
    /// How long the store took to answer what was read from it.
    pub reads: &'a Spread,
    pub connections: u64,
    pub received_bytes: u64,
    pub busy_micros: u64,
    pub awake_micros: u64,
    pub held_parcels: u64,
    pub unreadable: u64,
}

/// Where the cells of each row are.
struct Layout {
    /// By place in [`METRICS`].
    rows: Vec<(usize, Vec<String>)>,
    cells: usize,
}

static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let mut layout = Layout { rows: Vec::new(), cells: 0 };
    for metric in METRICS {
        let (words, width) = match metric.source {
            Source::Shard(_) => (vec![String::new()], 1),
            Source::Sum(words, _) => (words(), 1),
            Source::Spread(words, _) => (words(), CELLS),
            Source::Node(_) | Source::NodeSpread(_) => (Vec::new(), 0),
        };
        let cells = words.len() * width;
        layout.rows.push((layout.cells, words));
        layout.cells += cells;
    }
    layout
});

#[derive(Debug)]
pub struct Board(Box<[AtomicU64]>);

impl Default for Board {
    fn default() -> Board {
        Board((0..LAYOUT.cells).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Board {
    /// Only its shard calls it.
    pub fn write(&self, counted: &Counted<'_>) {
        for (metric, (first, words)) in METRICS.iter().zip(&LAYOUT.rows) {
            let mut cells = self.0[*first..].iter();
            let mut put = |value: u64| {
                if let Some(cell) = cells.next() {
                    cell.store(value, Ordering::Relaxed);
                }
            };
            match metric.source {
                Source::Shard(of) => put(of(counted)),
                Source::Sum(_, of) => (0..words.len()).for_each(|index| put(of(counted, index))),
                Source::Spread(_, of) => {
                    (0..words.len()).for_each(|index| of(counted, index).cells().iter().for_each(|cell| put(*cell)));
                }
                Source::Node(_) | Source::NodeSpread(_) => {}
            }
        }
    }

    fn cell(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }
}

/// The words of a row.
pub fn words(row: usize) -> &'static [String] {
    LAYOUT.rows.get(row).map_or(&[], |(_, words)| words)
}

/// What a shard has written for a row without words.
pub fn of_shard(board: &Board, row: usize) -> u64 {
    LAYOUT.rows.get(row).map_or(0, |(first, _)| board.cell(*first))
}

/// The sum of what shards have written for a row's word.
pub fn sum<'a>(boards: impl Iterator<Item = &'a Board>, row: usize, word: usize) -> u64 {
    LAYOUT.rows.get(row).map_or(0, |(first, _)| boards.map(|board| board.cell(first + word)).sum())
}

/// The same of a histogram.
pub fn spread<'a>(boards: impl Iterator<Item = &'a Board> + Clone, row: usize, word: usize) -> Spread {
    Spread::from_cells(std::array::from_fn(|cell| sum(boards.clone(), row, word * CELLS + cell)))
}
