//! The shell.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod net;
pub mod shard;
