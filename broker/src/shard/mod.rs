//! A shard: one pinned thread with its own runtime, connections and rooms.
//!
//! - [`mailbox`] is its only entrance; [`bell`] wakes it when it sleeps.

pub mod bell;
pub mod mailbox;
mod sync;
