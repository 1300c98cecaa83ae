//! Logs: readable on a terminal, JSON otherwise. Each line has a stable event name; none has a token or a body.

use crate::config::value::LogLevel;
use std::io::IsTerminal;
use std::sync::OnceLock;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// What tells of how much, while the process runs.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Whether a level can be set to this.
pub fn is_filter(text: &str) -> bool {
    !text.is_empty() && EnvFilter::builder().parse(text).is_ok()
}

/// The first call says where logs go; any call how much there is of them.
pub fn log(level: &LogLevel) {
    let Ok(filter) = EnvFilter::builder().parse(&level.0) else { return };
    if let Some(handle) = LEVEL.get() {
        // Only a subscriber that is gone could not take it.
        let _ = handle.reload(filter);
        return;
    }
    let (filter, handle) = reload::Layer::new(filter);
    // A log that cannot be written, as on a full disk, is no reason to fail: telling of it on the same stream would panic.
    let lines = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(filter);
    let begun = if std::io::stderr().is_terminal() {
        registry.with(lines.with_target(false)).try_init()
    } else {
        registry.with(lines.json().flatten_event(true)).try_init()
    };
    // A second subscriber (in tests) is left to the first.
    if begun.is_ok() {
        let _ = LEVEL.set(handle);
    }
}
