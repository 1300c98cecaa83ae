//! The one door to history, and what every engine promises behind it.

use crate::AckLevel;
use crate::answer::Completion;
use crate::ask::Ask;
use crate::batch::Batch;

/// The caller's own number for a batch or an ask. The store only hands it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A store of rooms, as one shard holds it. Nothing here waits: work is handed in under a ticket, and what became of
/// it is fetched later with [`poll`](Store::poll). Time comes in as a number, in each ask that needs it.
///
/// The promises, each a part of [`crate::conformance`]:
///
/// 1. **Whole.** A batch is stored with all its events, rewrites and rows, or nothing of it is there; no read and no
///    crash ever shows a part.
/// 2. **In order.** Batches of one room take effect, and complete at each level, in the order they were submitted.
///    Nothing is promised about the order of two rooms.
/// 3. **Places.** A room's events have seqs from 1, without holes: a batch begins one above the room's newest place, or
///    opens a higher epoch (see 8). Anything else is refused as out of order, and no stored record is overwritten.
///    The sequencer sees to it that places follow; an engine may rely on that where checking would cost a read, except
///    after a failure. (Where an engine can be left with holes, by damage or by another node's death, it fills them
///    with voids before it shows the room.)
/// 4. **Levels.** A completed batch names the level it reached, never one above [`reach`](Store::reach). Levels of one
///    batch rise, and its last is that of `reach`. What reached `Local` or `Durable` survives a crash; what reached
///    only `Accepted` lives as long as the process. A batch that reached a level does not fail afterwards.
/// 5. **Failure leaves nothing.** A failed batch shows in no read. (Only where the disk itself failed may it reappear
///    after a crash, and then before any later success, as an unconfirmed tail does.) Its room is broken there:
///    batches that continue it fail too, until one comes that begins at the place where it broke — the same batches
///    again, or a higher epoch.
/// 6. **Visible.** An ask sees every batch whose completion was polled before the ask was made. Of batches still under
///    way it sees the first few of each room, or none; each of them whole.
/// 7. **Rewrites.** A message stands in its place in the version with the highest place, in whatever order rewrites
///    come; a lower or equal one changes nothing. After a rewrite with `deleted` the old payload is in no answer of
///    any read but [`Ask::Tail`], which shows batches as they were committed. A rewrite whose target is not kept
///    does nothing. No cut undoes a rewrite.
/// 8. **Epochs.** The first record with a higher epoch opens it, at the newest place + 1 or lower: what older epochs
///    placed at its seq or above is dropped, ordinals included. [`Cut::Above`](crate::Cut::Above) drops the same way
///    without opening one; after any cut only a higher epoch continues the room.
/// 9. **Fence.** An ask with a fence is answered as if no record above the fence had been placed. (A message below it may
///    already stand in a version from above; versions say so. Where a cursor stands is judged by all that is stored.)
/// 10. **Pages** hold messages only, of the room or of one thread, oldest first, with stubs in their places, and say how
///     many kept ones lie on either side. Their cost does not grow with their depth.
/// 11. **Replay** merges messages and changes in the order of seqs without a hole, voids included. A message, and the
///     message that a rewriting change names, comes as it is now: never a deleted or outdated body. A cursor below
///     what is kept is told so, and gets nothing; one beyond the end of its epoch is taken back to that end, told so,
///     and continues.
/// 12. **Duplicate keys** are found as long as their record is kept, deleted and expired ones included.
/// 13. **Rows.** The last write of a key wins, None removes it. [`Ask::Load`] returns all rows of the room,
///     [`Ask::Scan`] those of one table in all rooms, in order. [`Ask::Rest`] changes no answer. Rows of a message
///     ([`Table::of_message`](crate::Table::of_message)) go when their message is dropped, or emptied by a trim.
/// 14. **Retention.** A trim drops from the old end what `keep` does not keep, and nothing else. Messages and changes
///     have each their own range; a change placed below a dropped message goes with it. An expired message shows its
///     payload to nobody from that time on, trimmed or not (a deleted one stays the stub it is); it keeps place,
///     ordinal, thread and key. An engine with bounds of its own (the memory model) trims by itself in the same way.
/// 15. **Tail** gives committed batches whole, in the order of their commits, under rising positions; a position that
///     is no longer covered is answered with the gap.
/// 16. **Apart.** Rooms whose keys differ in realm, kind or name share nothing.
/// 17. **Rooms.** [`Ask::Rooms`] lists every room that was ever written, in the order of their keys: those without rows
///     and removed ones, too.
pub trait Store {
    /// The highest level that a batch can reach here. Fixed for the life of the store.
    fn reach(&self) -> AckLevel;

    /// The level at which a batch is confirmed: from there on it does not fail, and its room goes on from it.
    fn confirms(&self) -> AckLevel {
        self.reach()
    }

    /// How many bytes of batches ([`Batch::cost`]) it would take now. A home looks before it gives out places:
    /// a batch that does not fit fails as [`Full`](crate::Failure::Full), which breaks its room.
    fn window(&self) -> usize;

    /// Hands in a batch. One or more completions follow: [`Stored`](crate::Outcome::Stored) for each level it reaches
    /// (an engine may leave out a lower one), or one [`Failed`](crate::Outcome::Failed).
    fn submit(&mut self, batch: Batch, ticket: Ticket);

    /// Asks. Exactly one completion follows.
    fn ask(&mut self, ask: Ask, ticket: Ticket);

    /// Moves what has completed since the last call to the end of `out`.
    fn poll(&mut self, out: &mut Vec<Completion>);
}
