//! Bytes of what the engine keeps: hand-specified, versioned layouts, in `docs/storage/events.md` byte by byte.
//!
//! Wire types are never disk types: nothing here is shared with a dialect but the form of a number, and the numbers of
//! closed lists, which a test pins.

pub mod bytes;
pub mod keys;
pub mod message;
pub mod records;
pub mod values;
