//! The shell of Rookery: threads, sockets and ports around the engine.
//!
//! Read in this order: [`start`] (what a node is made of), [`shard`] (one thread of it), [`net`] and [`http`] (how
//! bytes come in), [`ports`] (what the engine asks of the world), [`auth`], [`data`], [`stop`], [`metrics`]; then [`tools`] (what is done to a
//! folder without a node) and [`control`] (what is asked of one that runs).
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod allocator;
pub mod auth;
mod banner;
pub mod cli;
pub mod config;
pub mod control;
pub mod data;
pub mod exit;
pub mod health;
pub mod http;
mod live;
mod manager;
pub mod metrics;
pub mod net;
pub mod observe;
pub mod ports;
pub mod shard;
pub mod start;
mod stop;
pub mod tools;
