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

/// The cells of a round that shows what the store costs the core.
pub fn store_cells(workloads: &[Workload]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &workload in workloads {
        for encoding in ENCODINGS {
            let histories = [History::Memory, History::SameCore, History::OtherCore];
            cells.extend(histories.map(|history| Cell { workload, target: Target::stored(encoding, history) }));
        }
    }
    cells
}
