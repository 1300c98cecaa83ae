//! What waits for each connection's socket: runs of shared chunks and bytes of its own, in order.
//!
//! All outboxes of a shard lie side by side, one cache line each, because the hot loop visits nothing else.

use crate::fanout::Chunk;
use rookery_protocol::wire::frames::Frames;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// A stretch of a chunk, or (None) of the connection's own bytes. Never empty.
#[derive(Debug)]
struct Run {
    chunk: Option<Arc<Chunk>>,
    from: u32,
    to: u32,
}

#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Outbox {
    runs: SmallVec<[Run; 2]>,
    /// Replies and marks; borrowed from the shard's pool while there are any.
    own: Option<Box<Frames>>,
    pub queued: u32,
    pub queued_own: u32,
    /// Of the connection that has this slot; 0 while none has.
    pub generation: u32,
    /// Subscriptions that want something as soon as the outbox is low.
    pub hungry: u16,
    standing: Standing,
    flags: u8,
}

const _: () = assert!(size_of::<Outbox>() == 64);

/// Whose turn it is to look at an outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Idle,
    /// On the list of dirty ones.
    Listed,
    /// The shell has it until it is empty.
    Taken,
}

/// Last words are queued: nothing follows them.
pub(super) const CLOSING: u8 = 1;
/// Close at the next chance, flushed or not.
pub(super) const GIVE_UP: u8 = 2;
/// The socket takes no bytes.
pub(super) const STALLED: u8 = 4;
/// Some bytes of the first run are written, and not up to the end of a frame.
const BEGUN: u8 = 8;

impl Outbox {
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub fn set(&mut self, flag: u8, on: bool) {
        if on { self.flags |= flag } else { self.flags &= !flag }
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.runs.iter().map(|run| {
            let range = run.from as usize..run.to as usize;
            match (&run.chunk, &self.own) {
                (Some(chunk), _) => &chunk.bytes()[range],
                (None, Some(own)) => &own.as_bytes()[range],
                (None, None) => &[],
            }
        })
    }

    fn push(&mut self, chunk: &Arc<Chunk>, range: Range<usize>) {
        let (from, to) = (range.start as u32, range.end as u32);
        if from == to {
            return;
        }
        self.queued += to - from;
        if let Some(last) = self.runs.last_mut()
            && last.to == from
            && last.chunk.as_ref().is_some_and(|c| Arc::ptr_eq(c, chunk))
        {
            last.to = to;
            return;
        }
        self.runs.push(Run { chunk: Some(chunk.clone()), from, to });
    }

    /// Forgets `bytes` from the front.
    fn consume(&mut self, bytes: u32) {
        if bytes >= self.queued {
            // A fresh list also gives back what a long one had allocated.
            self.runs = SmallVec::new();
            (self.queued, self.queued_own) = (0, 0);
            self.set(BEGUN, false);
            return;
        }
        self.queued -= bytes;
        let (mut left, mut done) = (bytes, 0);
        for run in &mut self.runs {
            let len = run.to - run.from;
            let taken = len.min(left);
            if run.chunk.is_none() {
                self.queued_own -= taken;
            }
            run.from += taken;
            left -= taken;
            if taken < len {
                break;
            }
            done += 1;
        }
        if bytes > 0 {
            self.runs.drain(..done);
            self.set(BEGUN, true);
        }
    }

    /// Drops everything but the rest of a frame that is on the wire already.
    fn cut(&mut self) {
        if !self.has(BEGUN) {
            self.consume(u32::MAX);
            return;
        }
        self.runs.truncate(1);
        if let Some(run) = self.runs.first_mut()
            && let Some(chunk) = &run.chunk
        {
            run.to = run.to.min(chunk.boundary_at(run.from as usize) as u32);
        }
        self.runs.retain(|run| run.from < run.to);
        let sum = |own: bool| self.runs.iter().filter(|r| !own || r.chunk.is_none()).map(|r| r.to - r.from).sum();
        (self.queued, self.queued_own) = (sum(false), sum(true));
    }
}

/// Every outbox of a shard, the list of dirty ones, and the buffers that their own bytes are written into.
#[derive(Debug, Default)]
pub(super) struct Outboxes {
    boxes: Vec<Outbox>,
    /// What all of them hold.
    queued: u64,
    listed: Vec<u32>,
    /// Bytes of their own that wait in all of them.
    own_bytes: u64,
    // Boxed, so that an outbox spends eight bytes on what most do not have.
    #[allow(clippy::vec_box)]
    pool: Vec<Box<Frames>>,
}

/// Buffers kept for the next reply, and the size above which one is given back instead.
const POOL: usize = 256;
const POOLED_BYTES: usize = 16 * 1024;
/// A buffer that never runs empty is moved together when this much of its front is written.
const STALE_BYTES: usize = 32 * 1024;

impl Outboxes {
    pub fn open(&mut self, slot: u32, generation: u32) {
        let slot = slot as usize;
        if self.boxes.len() <= slot {
            self.boxes.resize_with(slot + 1, Outbox::default);
        }
        self.boxes[slot] = Outbox { generation, ..Outbox::default() };
    }

    pub fn shut(&mut self, slot: u32) {
        let outbox = std::mem::take(&mut self.boxes[slot as usize]);
        self.queued -= u64::from(outbox.queued);
        self.own_bytes -= u64::from(outbox.queued_own);
        self.give_back(outbox.own);
    }

    /// Bytes that wait for sockets.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// The same, counted anew.
    #[cfg(test)]
    pub fn counted(&self) -> u64 {
        self.boxes.iter().map(|outbox| u64::from(outbox.queued)).sum()
    }

    pub fn own_bytes(&self) -> u64 {
        self.own_bytes
    }

    pub fn at(&self, slot: u32) -> &Outbox {
        &self.boxes[slot as usize]
    }

    pub fn at_mut(&mut self, slot: u32) -> &mut Outbox {
        &mut self.boxes[slot as usize]
    }

    pub fn get(&self, slot: u32, generation: u32) -> Option<&Outbox> {
        self.boxes.get(slot as usize).filter(|b| b.generation == generation)
    }

    /// THE hot loop: a whole chunk to every receiver whose outbox is not above `high`; the others are noted in `above`.
    pub fn push_to_all(&mut self, receivers: &[u32], chunk: &Arc<Chunk>, high: u32, above: &mut Vec<u32>) {
        let to = chunk.bytes().len() as u32;
        if to == 0 {
            return;
        }
        let passed_over = above.len();
        for &slot in receivers {
            let outbox = &mut self.boxes[slot as usize];
            if outbox.queued > high {
                above.push(slot);
                continue;
            }
            outbox.runs.push(Run { chunk: Some(chunk.clone()), from: 0, to });
            outbox.queued += to;
            if outbox.standing == Standing::Idle {
                outbox.standing = Standing::Listed;
                self.listed.push(slot);
            }
        }
        self.queued += u64::from(to) * (receivers.len() - (above.len() - passed_over)) as u64;
    }

    pub fn push(&mut self, slot: u32, chunk: &Arc<Chunk>, range: Range<usize>) {
        self.queued += range.len() as u64;
        self.boxes[slot as usize].push(chunk, range);
        self.list(slot);
    }

    /// Appends what `write` says to the connection alone.
    pub fn own(&mut self, slot: u32, write: impl FnOnce(&mut Frames)) {
        let outbox = &mut self.boxes[slot as usize];
        let own = outbox.own.get_or_insert_with(|| self.pool.pop().unwrap_or_default());
        let from = own.len() as u32;
        write(own);
        let to = own.len() as u32;
        outbox.queued += to - from;
        outbox.queued_own += to - from;
        self.queued += u64::from(to - from);
        self.own_bytes += u64::from(to - from);
        match outbox.runs.last_mut() {
            // After a cut they need not be neighbours.
            Some(last) if last.chunk.is_none() && last.to == from => last.to = to,
            _ if from < to => outbox.runs.push(Run { chunk: None, from, to }),
            _ => {}
        }
        self.list(slot);
    }

    /// `bytes` of the front are with the socket. True if nothing is left.
    pub fn consume(&mut self, slot: u32, bytes: usize) -> bool {
        let outbox = &mut self.boxes[slot as usize];
        let (before, own) = (outbox.queued, outbox.queued_own);
        outbox.consume(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.queued -= u64::from(before - outbox.queued);
        if outbox.own.is_some() {
            self.own_bytes -= u64::from(own - outbox.queued_own);
            self.tidy(slot);
        }
        let outbox = &mut self.boxes[slot as usize];
        if outbox.is_empty() && outbox.standing == Standing::Taken {
            outbox.standing = Standing::Idle;
        }
        outbox.is_empty()
    }

    pub fn cut(&mut self, slot: u32) {
        let outbox = &mut self.boxes[slot as usize];
        let (before, own) = (outbox.queued, outbox.queued_own);
        outbox.cut();
        self.queued -= u64::from(before - outbox.queued);
        self.own_bytes -= u64::from(own - outbox.queued_own);
        self.tidy(slot);
    }

    /// The shell looks at it once more, whatever it did with it before.
    pub fn relist(&mut self, slot: u32) {
        let outbox = &mut self.boxes[slot as usize];
        if outbox.standing != Standing::Listed {
            outbox.standing = Standing::Listed;
            self.listed.push(slot);
        }
    }

    /// Hands the dirty ones over, in the order in which they became so.
    pub fn take_listed(&mut self, mut each: impl FnMut(u32, u32)) {
        for slot in self.listed.drain(..) {
            let outbox = &mut self.boxes[slot as usize];
            // A slot whose connection is gone, or was listed by a connection before this one, is passed over.
            if outbox.standing == Standing::Listed {
                outbox.standing = Standing::Taken;
                each(slot, outbox.generation);
            }
        }
    }

    pub fn any_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    fn list(&mut self, slot: u32) {
        let outbox = &mut self.boxes[slot as usize];
        if outbox.standing == Standing::Idle && !outbox.is_empty() {
            outbox.standing = Standing::Listed;
            self.listed.push(slot);
        }
    }

    fn tidy(&mut self, slot: u32) {
        let outbox = &mut self.boxes[slot as usize];
        if outbox.queued_own == 0 {
            let own = outbox.own.take();
            self.give_back(own);
            return;
        }
        let first = outbox.runs.iter().find(|r| r.chunk.is_none()).map_or(0, |r| r.from);
        let Some(own) = &mut outbox.own else { return };
        if (first as usize) < STALE_BYTES || (first as usize) * 2 < own.len() {
            return;
        }
        let mut moved = self.pool.pop().unwrap_or_default();
        moved.raw(&own.as_bytes()[first as usize..]);
        std::mem::swap(own, &mut moved);
        for run in outbox.runs.iter_mut().filter(|r| r.chunk.is_none()) {
            run.from -= first;
            run.to -= first;
        }
        self.give_back(Some(moved));
    }

    fn give_back(&mut self, own: Option<Box<Frames>>) {
        if let Some(mut own) = own
            && self.pool.len() < POOL
            && own.len() <= POOLED_BYTES
        {
            own.clear();
            self.pool.push(own);
        }
    }
}
