//! The real binary and real sockets, for tests that look from outside.
#![allow(dead_code, unused_imports)]

pub mod certificate;
pub mod client;
pub mod deaf;
pub mod load;
pub mod node;
pub mod origins;
pub mod tunnel;

pub use client::{Client, Heard};
pub use deaf::{PATIENT, deaf};
pub use node::{Folder, Node};

use rookery_protocol::dialect::native_binary::NativeBinary;
use rookery_protocol::dialect::native_json::NativeJson;
use rookery_protocol::dialect::speak::Speak;

/// A language that the same script is spoken in.
#[derive(Clone, Copy)]
pub struct Tongue {
    pub subprotocol: &'static str,
    pub text: bool,
    pub speak: &'static dyn Speak,
}

pub const JSON: Tongue = Tongue { subprotocol: "rookery.v1.json", text: true, speak: &NativeJson };
pub const BINARY: Tongue = Tongue { subprotocol: "rookery.v1.binary", text: false, speak: &NativeBinary };
