//! The little of WebSocket that a floor and a driver need: frames and the opening handshake.

pub mod frame;
pub mod handshake;
