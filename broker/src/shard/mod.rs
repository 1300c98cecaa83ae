//! One pinned thread: an engine shard, its sockets, and the mailbox that is the only door between threads.
//!
//! - [`mailbox`]: the door, bounded in entries and bytes; [`bell`] wakes a sleeping shard once, not per message.
//! - [`cell`]: the engine and its ports, borrowed without ever awaiting.
//! - [`turn`]: ends a turn; [`write`]: each dirty connection gets one write; [`awake`]: when to sleep until the next.
//! - [`connection`]: one socket's reading side.
//! - [`since`] and [`spent`]: how long turns take, and what they carry.
//! - [`calls`]: commands without a connection, and their answers.
//! - [`strangers`]: whoever has not been upgraded yet, one at a time.
//! - [`thread`]: the runtime and the tasks of a shard.

mod awake;
pub mod bell;
pub mod calls;
pub mod cell;
mod connection;
pub mod mailbox;
pub mod since;
pub mod spent;
mod strangers;
mod sync;
pub mod thread;
mod turn;
mod write;
