//! The network side of a shard: listening, the HTTP front door, the WebSocket upgrade, and reading frames.
//!
//! In the order in which a connection meets them:
//! - [`listen`] gives every shard its own listener on the shared port, and [`descriptors`] room for what is accepted;
//! - [`front`] speaks HTTP on a fresh socket and gives the socket back after an upgrade;
//! - [`upgrade`] holds the rules of the WebSocket handshake, [`origin`] who may ask from a browser, and
//!   [`own_page`] which pages are the node's own;
//! - [`guard`] reads for all connections of a shard; one call of it is a walk over received bytes;
//! - [`header`] checks each frame's header, byte by byte as it arrives;
//! - [`assemble`] puts fragments together;
//! - [`violation`] lists all that a client may do wrong;
//! - [`burst`] writes to many sockets at once;
//! - [`reach`] goes the other way: to whom the node itself asks.
//!
//! Nothing here knows a command, a room or a dialect.

pub mod addresses;
pub mod assemble;
pub mod burst;
pub mod descriptors;
pub mod early;
pub mod entrance;
mod feed;
pub mod front;
pub mod guard;
pub mod header;
pub mod listen;
pub mod network;
pub mod origin;
pub mod own_page;
pub mod proxy;
pub mod reach;
pub mod sealed;
pub mod tls;
pub mod upgrade;
pub mod violation;
mod walk;
