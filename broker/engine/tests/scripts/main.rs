//! Scripts: bytes of clients in, bytes for clients out, one file per feature. No runtime, no socket, no clock but the
//! one that the script moves; stores, sequencers and lanes are late, fail or are full when the script says so.
//!
//! What the node does with everything at hand is shown over real sockets by the conformance scripts of the shell.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod client;
mod outside;
mod stage;
#[path = "../sim/wire.rs"]
mod wire;

mod access;
mod admission;
mod calls;
mod catching_up;
mod classes;
mod directory;
mod drain;
mod effects;
mod grants;
mod hooks;
mod inbox;
mod keys;
mod loading;
mod lobby;
mod presence;
mod recent_log;
mod resume;
mod runs;
mod sessions;
mod slow_clients;
