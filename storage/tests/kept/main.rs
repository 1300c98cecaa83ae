//! What goes through all that is kept: checksums, the check of everything, copies, and looks at files.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod files;
mod journal;
mod rooms;
mod story;
