//! Logs: readable on a terminal, JSON otherwise. Each line has a stable event name; none has a token or a body.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Libraries tell of their own work only what is wrong with it.
const DEFAULT: &str = "info,lsm_tree=warn,scylla=off";

pub fn init() {
    let filter = EnvFilter::try_from_env("ROOKERY_LOG__LEVEL").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    // A log that cannot be written, as on a full disk, is no reason to fail: telling of it on the same stream would panic.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    // A second call (in tests) finds the first one's subscriber and leaves it.
    let _ = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}
