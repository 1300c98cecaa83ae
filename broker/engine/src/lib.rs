//! Rookery's decisions: bytes and facts in, effects out. No runtime, no socket, no clock, no disk.
//!
//! Read in this order:
//! 1. [`shard`]: one core's worth of engine, as the shell (or a test) drives it.
//! 2. [`message`]: everything that edges and homes say to each other. They share nothing else, even on one core.
//! 3. [`ports`]: what the engine asks of the world, and the facts that come back.
//! 4. [`home`]: rooms decide. [`fanout`]: events become chunks. [`edge`]: connections receive them.
//! 5. [`settings`]: room classes and limits. [`tally`]: how things are counted.
//!
//! With the feature `testing`: ports that answer from memory, at once or late.
//!
//! Home knows no dialect's rules; edge knows no room's content.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod edge;
pub mod fanout;
pub mod home;
pub mod message;
pub mod placement;
pub mod planted;
pub mod ports;
pub mod settings;
pub mod shard;
pub mod tally;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod timers;
