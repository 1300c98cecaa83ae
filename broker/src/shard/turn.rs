//! The end of a turn: the engine closes it, then each dirty connection is written to once.

use super::awake;
use super::calls;
use super::cell::{Inner, ShardCell};
use super::write::write_all;
use rookery_engine::ports::Now;
use rookery_engine::shard::TurnEnd;
use rookery_protocol::limits;
use std::rc::Rc;
use std::time::Duration;

/// How long a full lane is left alone before it is tried again.
const LANE_RETRY: Duration = Duration::from_millis(1);

/// The task that ends turns. Woken by the first thing to do, it runs behind the readers of the same poll.
pub async fn flusher(cell: Rc<ShardCell>) {
    loop {
        awake::work(&cell).await;
        if run(&cell) == TurnEnd::LaneFull {
            let cell = cell.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(LANE_RETRY).await;
                cell.work.notify_one();
            });
        }
    }
}

/// A turn that has grown long ends before more is read.
pub fn end_if_long(cell: &Rc<ShardCell>) {
    let long = {
        let inner = cell.inner.borrow();
        inner.commands_this_turn >= limits::TURN_COMMANDS
            || (inner.commands_this_turn > 0
                && cell.clock.micros().saturating_sub(inner.turn_began_micros) >= limits::TURN_MICROS)
    };
    if long && run(cell) == TurnEnd::LaneFull {
        cell.work.notify_one();
    }
}

pub fn run(cell: &Rc<ShardCell>) -> TurnEnd {
    let micros = cell.clock.micros();
    let now = cell.clock.at(micros);
    let mut inner = cell.inner.borrow_mut();
    let inner = &mut *inner;
    inner.pace.turn(std::mem::take(&mut inner.commands_this_turn), inner.turn_began_micros, micros);
    inner.ports.at(micros);
    let sent = inner.ports.send_held();
    let mut end = inner.shard.turn(now, &mut inner.ports);
    if !sent {
        end = TurnEnd::LaneFull;
    }
    let end = rounds(cell, inner, now, end);
    calls::answer(inner);
    let since = std::mem::take(&mut inner.ports.since);
    inner.spent.turn(micros, cell.clock.micros(), &since, &inner.shard.edge.counters);
    end
}

fn rounds(cell: &Rc<ShardCell>, inner: &mut Inner, now: Now, mut end: TurnEnd) -> TurnEnd {
    // Writing makes room, room lets lagging subscriptions ask for a page, and pages dirty connections again: a few
    // rounds, since each connection asks for one page at a time and stops when its socket does.
    for _ in 0..ROUNDS {
        let mut dirty = std::mem::take(&mut inner.dirty);
        inner.shard.take_dirty(&mut dirty);
        write_all(cell, inner, now, &dirty);
        dirty.clear();
        inner.dirty = dirty;
        inner.shard.after_writes(now, &mut inner.ports);
        // What waits for a full lane is tried again later.
        if end == TurnEnd::LaneFull || !inner.shard.wants_turn() {
            return end;
        }
        end = inner.shard.turn(now, &mut inner.ports);
    }
    cell.work.notify_one();
    end
}

const ROUNDS: usize = 4;
