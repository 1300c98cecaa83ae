//! From events to bytes: which shards and encodings listen to a room, and the chunks of a turn.

mod building;
mod chunk;
mod outbound;
mod page;
mod room;

pub use chunk::{Chunk, ChunkEntry, Pinned};
pub use outbound::Outbound;
pub use page::page_chunks;
pub use room::RoomFanout;
