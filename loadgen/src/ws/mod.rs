//! The little of WebSocket that a floor and a driver need: frames, streams in frames, and the opening handshake.

pub mod frame;
pub mod handshake;
pub mod stream;
