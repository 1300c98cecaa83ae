//! The network side of a shard: reading what WebSocket clients send, and answering what is not a room's business.
//!
//! - [`guard`] reads for all connections of a shard; one call of it is a walk over received bytes;
//! - [`header`] checks each frame's header, byte by byte as it arrives;
//! - [`assemble`] puts fragments together;
//! - [`violation`] lists all that a client may do wrong;
//! - [`outgoing`] builds the few frames that are not part of a room's chunk.
//!
//! Nothing here knows a command, a room or a dialect.

pub mod assemble;
mod feed;
pub mod guard;
pub mod header;
pub mod outgoing;
pub mod violation;
mod walk;
