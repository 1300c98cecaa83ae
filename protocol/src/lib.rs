//! Rookery's words and bytes: what can be asked, what can happen, and the languages that say it.
//!
//! Read in this order:
//! 1. [`ids`]: names, places, keys — what everything else is made of.
//! 2. [`command`], [`event`], [`reply`]: the vocabulary. [`catalog`] has one row per command.
//! 3. [`errors`] and [`limits`]: the closed lists from which enums, documents and close codes follow.
//! 4. [`rest`]: commands and replies of requests that have no connection, and their schemas.
//! 5. [`dialect`]: the contract of a client language, and one folder per language.
//!
//! Pure: no I/O, no async, no clock. Time and randomness come in from outside.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
pub mod words;

pub mod catalog;
pub mod command;
pub mod dialect;
pub mod errors;
pub mod event;
pub mod ids;
pub mod layout;
pub mod limits;
pub mod message;
pub mod principal;
pub mod reply;
pub mod rest;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod wire;
