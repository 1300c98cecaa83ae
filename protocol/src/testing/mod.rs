//! What other tests can build on: proptest strategies for everything that can be said, in the form in which it comes
//! back from the wire; malformed inputs with their verdicts; the tables as documents.
//!
//! One strategy per kind, by an exhaustive match: what has no strategy does not compile.

mod commands;
pub mod documents;
mod happenings;
pub mod malformed;
mod replies;
pub mod stability;
mod values;

pub use commands::{command, command_of, post};
pub use happenings::{Happening, fact_of, happening, happening_of, message, room_info};
pub use replies::{mark, mark_of, reply, reply_of};
pub use values::{body, duplicate_key, handle, int, int32, name, place, room_key, room_ref, text, word};
