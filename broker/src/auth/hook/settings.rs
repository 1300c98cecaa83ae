//! Whom a realm asks, what about, and what becomes of what it cannot say: plain values, filled from the configuration.

use super::super::secret::Secret;
use rookery_engine::settings::Decides;
use rookery_protocol::ids::Realm;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct HookSettings {
    pub realm: Realm,
    pub url: String,
    /// Certificates to trust instead of the public ones, in a PEM file.
    pub roots: Option<PathBuf>,
    /// Signs each question.
    pub secret: Option<Secret>,
    /// Whether it is asked when somebody comes in.
    pub connect: bool,
    /// It says who that is: what a client shows is passed on as it is, and not looked at here.
    pub authenticates: bool,
    pub decides: Decides,
    /// A post's body goes with the question.
    pub sends_bodies: bool,
    /// From the question to the last byte of its answer.
    pub deadline: Duration,
    pub on_failure: OnNoRuling,
    /// How long something allowed is not asked about again.
    pub keep: Duration,
    /// Questions under way at a time.
    pub at_once: usize,
}

/// What becomes of a question without an answer that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNoRuling {
    Refuse,
    Allow,
}
