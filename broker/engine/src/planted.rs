//! Faults that the simulation plants to see that it finds them. Nothing of this is in a build without the feature.
//!
//! Each name is the promise that its line breaks; `tests/sim/planted.rs` demands that every one is caught.

/// What can be wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Now and then an event is placed one seq too far.
    SkippedSeq,
    /// A turn's replies go before its chunks.
    ReplyOvertakesEvent,
    /// An outbox above its mark is passed over, and its subscription stays live.
    OutboxDropsSilently,
    /// A duplicate key that must be looked up is taken for a new one.
    KeyForgotten,
    /// Who catches up is called live while one event is missing.
    LiveOneEarly,
    /// A removed member keeps its subscriptions.
    RemovalKeepsSubscriptions,
    /// A failed write takes events back without telling those who have them.
    RetractNotTold,
    /// An ack at a stored level does not wait for the store.
    AckBeforeConfirmed,
    /// A page of replay leaves out the last event below its fence.
    PageFencedWrongly,
    /// Replay shows messages as they were, not as they are.
    OldBodyReplayed,
    /// A chunk that is left to the pages of a subscription that falls back is pushed all the same.
    ChunkTwiceAfterLag,
    /// A full lane loses the replies that wait for it.
    ReplyLostInFullLane,
    /// A cursor that was taken back is continued as if it stood.
    RetractNotSeenOnResume,
    /// An effect that is sent again is taken again.
    EffectTakenTwice,
    /// What is posted while a hook is asked about a post goes before it.
    HeldIsOvertaken,
}

impl Bug {
    pub const ALL: [Bug; 15] = [
        Bug::SkippedSeq,
        Bug::ReplyOvertakesEvent,
        Bug::OutboxDropsSilently,
        Bug::KeyForgotten,
        Bug::LiveOneEarly,
        Bug::RemovalKeepsSubscriptions,
        Bug::RetractNotTold,
        Bug::AckBeforeConfirmed,
        Bug::PageFencedWrongly,
        Bug::OldBodyReplayed,
        Bug::ChunkTwiceAfterLag,
        Bug::ReplyLostInFullLane,
        Bug::RetractNotSeenOnResume,
        Bug::EffectTakenTwice,
        Bug::HeldIsOvertaken,
    ];
}

#[cfg(feature = "planted")]
mod plant {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// What this thread's shards do wrong from now on.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    pub fn is(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted")]
pub use plant::{is, plant};

/// Whether this fault is planted here.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn is(_: Bug) -> bool {
    false
}
