//! Helpers that several dialects share: integers of variable length, WebSocket headers, JSON text, checks of fields.

pub mod bad;
pub mod check;
pub mod frames;
pub mod json;
pub mod scan;
pub mod varint;
