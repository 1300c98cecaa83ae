//! Helpers that several dialects share: integers of variable length, WebSocket headers.

pub mod frames;
