//! What operators see, at the real binary: the page of figures, and that Prometheus, its rules and the dashboard can use it.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod dashboard;
mod figures;
mod page;
mod prometheus;
mod rules;
#[path = "../support/mod.rs"]
mod support;
mod tools;
mod traffic;
