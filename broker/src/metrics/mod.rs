//! What a node shows of itself at `/metrics`: every figure stands once, in [`table`], with its kind, unit, labels and a
//! sentence; the page and `docs/reference/metrics.md` follow from it.
//!
//! Read in this order: [`table`], [`row`] (what a row is made of), [`board`] (what shards write down, without a lock),
//! [`spread`] (histograms), [`node`] and [`process`] (what is looked up when somebody asks), [`text`].

pub mod board;
pub mod node;
mod process;
#[cfg(test)]
mod reference;
pub mod row;
pub mod spread;
pub mod table;
mod text;

pub use board::{Board, Counted};
pub use node::Figures;
pub use table::METRICS;
