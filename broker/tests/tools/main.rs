//! `rookery store …`: the real binary on real folders, and beside a node that runs.
// Whatever a story does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod copies;
mod erasing;
mod fill;
mod looking;
mod moving;
mod tool;
