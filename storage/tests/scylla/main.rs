//! The settled store in a database, judged on a real one: Apache Cassandra, which this program starts for itself.
//!
//! It needs Java 17, python3 and curl; what is missing is said, and fails these tests.
#![allow(clippy::unwrap_used)]

mod again;
#[path = "../common/cassandra.rs"]
mod cassandra;
mod conformance;
mod crash;
#[path = "../common/direct.rs"]
mod direct;
mod filling;
mod keyspace;
mod late;
mod rig;
mod server;
#[path = "../settled/told.rs"]
mod told;
mod trouble;
