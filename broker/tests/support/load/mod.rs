//! Load whose end can come at any moment: senders that post again what was not acked, watchers that believe what they are
//! told, and a judge that reads everything and compares.

pub mod judge;
pub mod sender;
pub mod watcher;

pub use judge::judge;
pub use sender::Sender;
pub use watcher::Watcher;

use super::{Folder, Node};
use std::sync::Arc;

pub const ROOMS: usize = 64;

pub fn room_name(room: usize) -> String {
    format!("room-{room}")
}

/// A node that takes as much as comes.
pub fn start(data: Arc<Folder>) -> Node {
    const NO_LIMITS: [&str; 6] =
        ["--commands-per-second", "0", "--user-commands-per-second", "0", "--room-events-per-second", "0"];
    Node::start_in(data, 2, &NO_LIMITS)
}
