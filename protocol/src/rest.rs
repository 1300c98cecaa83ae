//! Commands and replies of requests that have no connection: the JSON of the native language, where a command's fields
//! come from a URL, a header and a body, and the same as JSON Schema. Which request asks which command is the shell's.

pub use crate::dialect::native_json::plain::{read, text, write};
pub use crate::dialect::native_json::schema::{Shape, command, components, object, one_of, reply};
