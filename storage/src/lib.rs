//! History that survives: one trait, one promise, one conformance suite.
//!
//! Read in this order:
//! 1. [`record`]: an event as stored, and its bytes. [`table`]: the closed list of what else is kept.
//! 2. [`batch`], [`ask`], [`answer`]: what goes in and what comes out.
//! 3. [`store`]: the trait with its promises in prose, numbered.
//! 4. [`memory`]: the model, an engine for nodes that forget. [`faulty`]: any engine, but late, failing and crashing.
//! 5. [`entry`]: a batch as bytes. [`journal`]: the node's append log, which keeps such entries.
//! 6. [`settled`]: the store behind the journal; [`embedded`], the one inside the process, and [`scylla`], a database;
//!    `meta`, where a room stands, and `plan`, what a batch does to it, in both; [`both`]: two of them, while a node moves
//!    from one to the other. `sealed`: values with a checksum and a version, whoever keeps them.
//! 7. [`persistent`]: both together, as a node has them: a [`Store`] for each shard.
//! 8. [`walk`]: going through all that is kept; [`checksum`] and [`verify`], which do.
//! 9. [`conformance`]: the promises as checks that every engine passes.
//!
//! What is absent: the storage knows no command and no wire type (payloads are opaque bytes), no clock (time comes in
//! as a number; only the lease of a database goes by one), and of `rookery-protocol` only the ids. Nothing here waits.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod answer;
pub mod ask;
mod background;
pub mod batch;
pub mod both;
pub mod checksum;
pub mod conformance;
pub mod dice;
pub mod embedded;
pub mod entry;
pub mod faulty;
pub mod journal;
pub mod limits;
pub mod memory;
mod meta;
pub mod persistent;
mod plan;
pub mod record;
pub mod scylla;
mod sealed;
pub mod settled;
pub mod store;
pub mod table;
pub mod verify;
pub mod walk;

pub use answer::{
    Completion, Failure, Found, Item, Outcome, Page, Replay, RoomState, RoomsPage, Run, ScanPage, TailPage, Trimmed,
};
pub use ask::{Ask, Keep, PageAsk, PageFrom, Position, ReplayAsk};
pub use batch::{Batch, Cut, Rewrite, Row, RowWrite};
pub use record::{Kind, Record, State, Touches};
pub use rookery_protocol::ids::{AckLevel, Epoch, Millis, Name, Ordinal, Place, RoomKey, RoomKind, Seq};
pub use settled::{Entry, Fault, Settled};
pub use store::{Store, Ticket};
pub use table::Table;
