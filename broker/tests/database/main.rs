//! A node on a real CQL server: what is acked at each level, an outage with a kill in it, and a node that comes back after
//! another one went on; a node that moves there while it runs.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../../../storage/tests/common/cassandra.rs"]
mod cassandra;
mod cluster;
mod levels;
mod moving;
mod outage;
mod proxy;
mod returns;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod talk;
