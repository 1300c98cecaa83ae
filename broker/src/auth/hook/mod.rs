//! The hook: a backend of a realm's own that is asked who may come in, and what may be read and said.
//!
//! Read in this order: [`settings`], [`question`] and [`answer`] (what is said, in JSON), [`sign`], [`link`] and [`asker`] (how,
//! on a thread of its own), [`cache`], [`port`] (how a shard asks). `docs/reference/hook.md` is for whoever writes a backend.

mod answer;
mod asker;
mod cache;
mod link;
mod port;
mod question;
mod settings;
mod sign;

pub use asker::{Asking, Hooks, begin};
pub use port::{Entrance, HookCounters, HookPort, Post, Ruled};
pub use settings::{HookSettings, OnNoRuling};
