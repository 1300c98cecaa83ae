//! What [`bell`](super::bell) is built of. Its model test puts loom's parts in this place.

pub use std::sync::atomic::{AtomicBool, Ordering, fence};
pub use tokio::sync::Notify;
