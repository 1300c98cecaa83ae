//! From events to bytes: which shards and encodings listen to a room, and the chunks of a turn.

mod chunk;
mod outbound;
mod room;

pub use chunk::{Chunk, ChunkEntry, Pinned};
pub use outbound::Outbound;
pub use room::RoomFanout;
