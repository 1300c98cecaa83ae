//! Subscriptions that pull: attached with a cursor, lagging, or left behind. One mechanism for all of them.

use super::Edge;
use super::connection::{Presence, Standing, Sub};
use super::deadlines::Due;
use super::links::take_catching;
use super::rooms::{CatchUp, Waits};
use crate::fanout::{Chunk, Outbound};
use crate::message::{ConnId, Lane, PageAnswer, ToHome};
use crate::planted::{self, Bug};
use crate::ports::Now;
use rookery_protocol::dialect::contract::{OnLag, RoomOnWire};
use rookery_protocol::errors::DropReason;
use rookery_protocol::event::Signal;
use rookery_protocol::ids::{Place, RoomHandle};
use rookery_protocol::reply::{GapReason, Mark};
use std::sync::Arc;

/// Pages under way for one connection. Each may add a chunk to an outbox that was at its low mark, and together they
/// must leave it below its high one.
const PULLS_PER_CONNECTION: u8 = 2;
/// Pulls of one shard within a millisecond; so that rooms full of what a dialect cannot say do not stop the world.
const PULLS_PER_MS: u32 = 512;
/// When an answer brought nothing new although it should have.
const AGAIN_MS: u32 = 50;

impl Edge {
    /// What a connection's subscriptions want, as long as its outbox is low: each in its turn.
    pub(super) fn feed(&mut self, now: Now, slot: u32, out: &mut Outbound) {
        let Some(connection) = self.conns.at(slot).filter(|c| c.closing.is_none()) else { return };
        let (conn, subs, first) = (connection.id, connection.subs.len(), usize::from(connection.feed_next));
        for turn in 0..subs {
            if !self.is_low(slot) {
                return;
            }
            let Some(connection) = self.conns.at_mut(slot) else { return };
            let at = (first + turn) % subs;
            let sub = connection.subs[at];
            if sub.standing == Standing::CatchingUp {
                if connection.pulls >= PULLS_PER_CONNECTION {
                    return;
                }
                if self.catch_up(slot, sub.room).is_none_or(|c| c.waits != Waits::No) {
                    continue;
                }
                // Not wrapped around: the list may be longer next time.
                self.conns.at_mut(slot).into_iter().for_each(|c| c.feed_next = at as u16 + 1);
                if !self.pull(now, conn, &sub, out) {
                    self.timers.set(now.mono + 1, Due::Feed(conn));
                    return;
                }
            } else if sub.presence == Presence::Due {
                self.ask_presence(conn, sub.room, out);
            }
        }
    }

    pub(super) fn is_low(&self, slot: u32) -> bool {
        self.outboxes.at(slot).queued as usize <= self.settings.limits.outbox_low_bytes
    }

    /// False if this millisecond has had its share of pulls.
    fn pull(&mut self, now: Now, conn: ConnId, sub: &Sub, out: &mut Outbound) -> bool {
        let home = self.shard_of_handle(sub.room);
        let Some(lane) = self.rooms.lane_mut(sub.room, sub.lane) else { return true };
        let Some(catch_up) = lane.catching.get_mut(sub.index as usize).filter(|c| c.waits == Waits::No) else {
            return true;
        };
        let after = catch_up.cursor;
        if lane.pulls.contains(&after) {
            self.counters.pulls_shared += 1;
        } else {
            if self.pulls_at != now.mono {
                (self.pulls_at, self.pulls_then) = (now.mono, 0);
            }
            if self.pulls_then >= PULLS_PER_MS {
                return false;
            }
            self.pulls_then += 1;
            self.counters.pulls += 1;
            lane.pulls.push(after);
            out.to_home(home, ToHome::Pull { room: sub.room, lane: sub.lane, after });
        }
        catch_up.waits = Waits::ForPage;
        if let Some(connection) = self.conns.get_mut(conn) {
            connection.pulls += 1;
        }
        true
    }

    /// A page, for everybody who waits for what comes after `after`.
    pub(super) fn page(
        &mut self,
        now: Now,
        room: RoomHandle,
        lane: Lane,
        after: Place,
        answer: &PageAnswer,
        end: Place,
        out: &mut Outbound,
    ) {
        self.counters.pages += 1;
        let Some(state) = self.rooms.lane_mut(room, lane) else { return };
        state.pulls.retain(|p| *p != after);
        // A page comes behind every chunk that was sent: what lies between was skipped.
        if state.has_places() && end > state.place {
            self.skipped(now, room, lane, end, out);
        }
        let Some(state) = self.rooms.lane(room, lane) else { return };
        let waiting: Vec<u32> = state.catching.iter().filter(|c| waits_for(c, after)).map(|c| c.slot).collect();
        for slot in waiting {
            self.take_page(now, slot, room, (after, end), answer, out);
        }
    }

    fn take_page(
        &mut self,
        now: Now,
        slot: u32,
        room: RoomHandle,
        (after, end): (Place, Place),
        answer: &PageAnswer,
        out: &mut Outbound,
    ) {
        let Some(catch_up) = self.catch_up(slot, room).filter(|c| waits_for(c, after)) else { return };
        catch_up.waits = Waits::No;
        if let Some(connection) = self.conns.at_mut(slot) {
            connection.pulls -= 1;
        }
        match answer {
            PageAnswer::Events(chunk) => self.take_events(now, slot, room, chunk),
            PageAnswer::AtEnd => self.take_end(now, slot, room, end),
            PageAnswer::Gap { reason, from } => self.take_gap(now, slot, room, *reason, *from),
            PageAnswer::Retract { above, next } => self.take_retract(now, slot, room, *above, *next),
            PageAnswer::Later { retry_after_ms } => self.wait(now, slot, room, *retry_after_ms),
        }
        self.went_on(slot, room, out);
        self.feed(now, slot, out);
    }

    fn take_events(&mut self, now: Now, slot: u32, room: RoomHandle, chunk: &Arc<Chunk>) {
        let Some(catch_up) = self.catch_up(slot, room) else { return };
        let cursor = catch_up.cursor;
        if chunk.last.seq <= cursor.seq {
            self.wait(now, slot, room, AGAIN_MS);
            return;
        }
        let ends_at = catch_up.ending.as_ref().map(|e| e.at);
        if ends_at.is_some_and(|at| at <= cursor || at.epoch < chunk.last.epoch) {
            catch_up.end_here();
            return;
        }
        let stop = ends_at.filter(|at| *at < chunk.last);
        let range = chunk.offset_above(cursor)..stop.map_or(chunk.bytes().len(), |at| chunk.offset_above(at));
        catch_up.cursor = stop.unwrap_or(chunk.last);
        if chunk.before.seq > cursor.seq {
            self.tell_gap(slot, room, GapReason::Lagged, chunk.before);
        }
        let echo = self.rooms.lane(room, chunk.lane).is_none_or(|l| l.echo);
        if range.start < range.end {
            self.push_page(slot, chunk, range, echo);
        }
    }

    /// Home has nothing more.
    fn take_end(&mut self, now: Now, slot: u32, room: RoomHandle, end: Place) {
        let Some(sub) = self.conns.at(slot).and_then(|c| c.sub(room)).copied() else { return };
        let Some(lane) = self.rooms.lane_mut(room, sub.lane) else { return };
        if lane.live.is_empty() {
            // Nobody depends on it: the rest may have been taken back without a word, because nobody listened.
            lane.place = end;
        }
        let place = lane.place;
        let Some(catch_up) = lane.catching.get_mut(sub.index as usize) else { return };
        if catch_up.ending.is_some() {
            catch_up.end_here();
        } else if catch_up.cursor != place {
            self.wait(now, slot, room, AGAIN_MS);
        }
    }

    fn take_gap(&mut self, now: Now, slot: u32, room: RoomHandle, reason: GapReason, from: Place) {
        let Some(catch_up) = self.catch_up(slot, room) else { return };
        let ends_at = catch_up.ending.as_ref().map(|e| e.at);
        if ends_at.is_some_and(|at| at <= catch_up.cursor) {
            catch_up.end_here();
            return;
        }
        // A gap that leads nowhere is all that is left of a room that is gone.
        let from = ends_at.map_or(from, |at| if from <= catch_up.cursor { at } else { at.min(from) });
        if from == catch_up.cursor {
            self.wait(now, slot, room, AGAIN_MS);
            return;
        }
        catch_up.cursor = from;
        self.tell_gap(slot, room, reason, from);
    }

    /// A dialect that cannot be told closes instead.
    fn tell_gap(&mut self, slot: u32, room: RoomHandle, reason: GapReason, from: Place) {
        self.counters.gap(reason);
        let Some(connection) = self.conns.at(slot) else { return };
        let conn = connection.id;
        match connection.dialect.profile().on_lag {
            OnLag::Mark => self.mark(conn, &Mark::Gap { room, reason, from }),
            OnLag::Close => self.doomed.push((conn, DropReason::Lagged)),
        }
    }

    fn take_retract(&mut self, now: Now, slot: u32, room: RoomHandle, above: Place, next: Place) {
        let Some(catch_up) = self.catch_up(slot, room) else { return };
        if catch_up.cursor == above {
            self.wait(now, slot, room, AGAIN_MS);
            return;
        }
        catch_up.cursor = above;
        self.counters.retracts += 1;
        let Some(conn) = self.conns.at(slot).map(|c| c.id) else { return };
        let Some(key) = self.rooms.get(room).map(|r| r.key.clone()) else { return };
        self.say(conn, |dialect, stage, frames| {
            let on_wire = RoomOnWire { handle: room, key: &key };
            let signal = Signal::Retract { above, next };
            if dialect.profile().says & signal.kind().bit() != 0 {
                dialect.signal(dialect.variant(stage), on_wire, &signal, frames);
            }
        });
    }

    /// Asks again later.
    fn wait(&mut self, now: Now, slot: u32, room: RoomHandle, ms: u32) {
        let Some(catch_up) = self.catch_up(slot, room) else { return };
        catch_up.waits = Waits::ForTimer;
        if let Some(connection) = self.conns.at(slot) {
            let at = now.mono + u64::from(ms.max(1));
            self.timers.set(at, Due::Again(connection.id, room));
        }
    }

    /// The timer of [`Edge::wait`].
    pub(super) fn pull_again(&mut self, now: Now, conn: ConnId, room: RoomHandle, out: &mut Outbound) {
        if self.conns.get(conn).is_none() {
            return;
        }
        if let Some(catch_up) = self.catch_up(conn.slot, room)
            && catch_up.waits == Waits::ForTimer
        {
            catch_up.waits = Waits::No;
        }
        self.feed(now, conn.slot, out);
    }

    /// Its cursor moved: it may have reached its end, or what the live ones have.
    pub(super) fn went_on(&mut self, slot: u32, room: RoomHandle, out: &mut Outbound) {
        let Some(connection) = self.conns.at(slot) else { return };
        let (conn, closing) = (connection.id, connection.closing.is_some());
        let Some(sub) = connection.sub(room).copied().filter(|s| s.standing == Standing::CatchingUp) else { return };
        let Some(lane) = self.rooms.lane_mut(room, sub.lane) else { return };
        let Some(catch_up) = lane.catching.get(sub.index as usize) else { return };
        if closing || catch_up.waits != Waits::No {
            return;
        }
        if let Some(ending) = catch_up.ending.as_deref().copied() {
            if catch_up.cursor == ending.at {
                self.finish_ending(conn, room, ending, out);
            }
            return;
        }
        let early = planted::is(Bug::LiveOneEarly) && catch_up.cursor.seq.0 + 1 == lane.place.seq.0;
        if catch_up.cursor != lane.place && !early {
            return;
        }
        let done = take_catching(&mut self.conns, lane, room, sub.index);
        self.link_live(slot, room);
        self.count_hunger(slot);
        if done.asked {
            self.mark(conn, &Mark::Resumed { room, at: done.cursor });
        }
    }

    fn catch_up(&mut self, slot: u32, room: RoomHandle) -> Option<&mut CatchUp> {
        let sub = self.conns.at(slot)?.sub(room).copied()?;
        if sub.standing == Standing::Live {
            return None;
        }
        self.rooms.lane_mut(room, sub.lane)?.catching.get_mut(sub.index as usize)
    }
}

fn waits_for(catch_up: &CatchUp, after: Place) -> bool {
    catch_up.waits == Waits::ForPage && catch_up.cursor == after
}
