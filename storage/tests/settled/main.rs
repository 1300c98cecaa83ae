//! The embedded settled store: every promise, the same answers as the model, and what damage does.
#![allow(clippy::unwrap_used)]

mod conformance;
mod forgetting;
mod rig;
