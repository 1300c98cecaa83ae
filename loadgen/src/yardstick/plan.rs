//! What the yardstick runs: each workload over ours and over the floors that it is held against.

use serde::{Deserialize, Serialize};

use super::outcome::Workload;
use crate::floor::Mode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    Json,
    Binary,
}

pub const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Binary];

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Json => "json",
            Encoding::Binary => "binary",
        }
    }
}

/// The size of a floor's frames: nothing around the body, or as much as our encoding has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frames {
    Plain,
    Like(Encoding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    Ours { encoding: Encoding, shards: usize, history: History },
    Floor { mode: Mode, frames: Frames },
}

/// Where our history goes, and which core that costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    Memory,
    /// In memory, while the driver's core has as much to do for the disk as a store there would.
    MemoryBesideDisk,
    /// On disk, its threads on the shard's core.
    SameCore,
    /// On disk, its threads on the driver's core.
    OtherCore,
}

pub const PLAIN: Target = Target::Floor { mode: Mode::Batching, frames: Frames::Plain };
pub const PER_FRAME: Target = Target::Floor { mode: Mode::PerFrame, frames: Frames::Plain };

impl Target {
    pub fn ours(encoding: Encoding) -> Target {
        Target::Ours { encoding, shards: 1, history: History::Memory }
    }

    pub fn two_shards(encoding: Encoding) -> Target {
        Target::Ours { encoding, shards: 2, history: History::Memory }
    }

    pub fn stored(encoding: Encoding, history: History) -> Target {
        Target::Ours { encoding, shards: 1, history }
    }

    pub fn like(encoding: Encoding) -> Target {
        Target::Floor { mode: Mode::Batching, frames: Frames::Like(encoding) }
    }

    pub fn name(self) -> String {
        match self {
            Target::Ours { encoding, shards, history } => {
                let shards = if shards == 1 { String::new() } else { format!(", {shards} shards") };
                let history = match history {
                    History::Memory => "",
                    History::MemoryBesideDisk => ", disk's work elsewhere",
                    History::SameCore => ", store on its core",
                    History::OtherCore => ", store elsewhere",
                };
                format!("ours {}{shards}{history}", encoding.name())
            }
            Target::Floor { mode: Mode::Batching, frames: Frames::Plain } => "floor".to_owned(),
            Target::Floor { mode: Mode::Batching, frames: Frames::Like(encoding) } => {
                format!("floor, {} frames", encoding.name())
            }
            Target::Floor { mode: Mode::PerFrame, .. } => "floor, a send per frame".to_owned(),
        }
    }
}

/// One workload over one target; measured once in each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub workload: Workload,
    pub target: Target,
}

/// The cells of one round, workload by workload, so that what is compared is measured close together.
pub fn cells(workloads: &[Workload], with_ours: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &workload in workloads {
        let mut targets = vec![PLAIN];
        if workload == Workload::F2 {
            targets.push(PER_FRAME);
        }
        if with_ours {
            for encoding in ENCODINGS {
                targets.push(Target::ours(encoding));
                match workload {
                    Workload::F2 => targets.extend([Target::like(encoding), Target::two_shards(encoding)]),
                    Workload::F1 | Workload::F3 | Workload::F4 => targets.push(Target::like(encoding)),
                    Workload::A | Workload::C | Workload::I => {}
                }
            }
        }
        cells.extend(targets.into_iter().map(|target| Cell { workload, target }));
    }
    cells
}

/// How often a workload is measured in one round. F1 leaves both sides asleep most of the time, and a single measurement of
/// either swings by a third: it is measured more often, for half as long each time.
fn repeats(workload: Workload) -> usize {
    if workload == Workload::F1 { 4 } else { 1 }
}

/// The part of the usual window that one measurement of it lasts.
pub fn window(workload: Workload) -> f64 {
    if repeats(workload) > 1 { 0.5 } else { 1.0 }
}

/// What is measured one after the other: each cell with the number of the round in which it is compared. Whoever comes first
/// in a round is ahead by up to a tenth, so every other round goes the other way.
pub fn order(cells: &[Cell], rounds: usize) -> Vec<(usize, Cell)> {
    let mut order = Vec::new();
    for round in 0..rounds {
        for group in cells.chunk_by(|one, next| one.workload == next.workload) {
            let repeats = repeats(group[0].workload);
            for repeat in 0..repeats {
                let number = round * repeats + repeat;
                let cells = group.iter().map(|cell| (number, *cell));
                if number.is_multiple_of(2) { order.extend(cells) } else { order.extend(cells.rev()) }
            }
        }
    }
    // Memory per connection does not change from round to round, and is the slowest to set up.
    order.retain(|(round, cell)| cell.workload != Workload::I || *round == 0);
    order
}

/// The cells of a round that shows what the store costs the core.
pub fn store_cells(workloads: &[Workload]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &workload in workloads {
        for encoding in ENCODINGS {
            let histories = [History::Memory, History::SameCore, History::OtherCore, History::MemoryBesideDisk];
            cells.extend(histories.map(|history| Cell { workload, target: Target::stored(encoding, history) }));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_measured_close_together() {
        let cells = cells(&[Workload::A, Workload::F1, Workload::I], false);
        let order = order(&cells, 2);
        let of = |workload| order.iter().filter(move |(_, cell)| cell.workload == workload).map(|(round, _)| *round);
        assert_eq!(of(Workload::A).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(of(Workload::F1).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(of(Workload::I).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn nobody_is_always_first() {
        for cells in [cells(&[Workload::F1], true), cells(&[Workload::F3], true), store_cells(&[Workload::F2])] {
            let order = order(&cells, 3);
            let rounds = order.chunk_by(|one, next| one.0 == next.0);
            let first: Vec<(Target, Target)> =
                rounds.map(|group| (group[0].1.target, group[group.len() - 1].1.target)).collect();
            assert!(first.len() >= 3);
            for pair in first.windows(2) {
                assert_eq!((pair[0].0, pair[0].1), (pair[1].1, pair[1].0));
            }
        }
    }
}
