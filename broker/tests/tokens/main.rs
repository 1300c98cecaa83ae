//! Tokens against the real binary over real sockets: their end, their revocation, forgeries, and where they must not turn up.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod canary;
mod ends;
mod forge;
mod granted;
mod revoked;
mod tool;
