//! The embedded settled store: every promise, the same answers as the model, and what damage does.
#![allow(clippy::unwrap_used)]

mod again;
mod conformance;
mod damage;
#[path = "../common/direct.rs"]
mod direct;
mod forgetting;
mod layouts;
mod meanwhile;
mod rig;
mod segments;
mod told;
mod written;
