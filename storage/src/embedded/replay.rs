//! Replay: the two ranges of one numbering as one run.

use super::faults::damaged;
use super::read::Room;
use super::runs::Way;
use crate::answer::{Item, Replay, Run};
use crate::ask::ReplayAsk;
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use crate::record::{Kind, Record, Touches};
use crate::settled::Fault;
use crate::{Millis, Seq};

pub fn replay(room: &Room<'_>, ask: &ReplayAsk) -> Result<Replay, Fault> {
    let meta = &room.meta;
    let after = meta.settle_cursor(ask.after);
    if after.seq < meta.floor.seq {
        return Ok(Replay::Gone { floor: meta.floor });
    }
    let end = meta.up_to(ask.fence);
    let mut next = Seq(after.seq.0.saturating_add(1));
    let mut messages = room.messages((next, end), Way::Up).peekable();
    let mut changes = room.changes((next, end)).peekable();
    let mut run =
        Run { retract: (after != ask.after).then_some(after), items: Vec::new(), reached: after, more: false };
    let mut bytes = 0;
    while next <= end {
        if run.items.len() >= ask.limit.min(PAGE_RECORDS) {
            run.more = true;
            break;
        }
        let stands = |record: &Result<Record, Fault>| record.as_ref().is_ok_and(|record| record.place.seq == next);
        let record = match messages.next_if(|record| stands(record) || record.is_err()) {
            Some(record) => record?,
            None => match changes.next_if(|record| stands(record) || record.is_err()) {
                Some(record) => record?,
                None => return Err(damaged(room.key, Some(meta.place_at(next)), "a record is missing")),
            },
        };
        let item = item(room, record, ask.now)?;
        bytes += item.record.payload.len() + item.current.as_ref().map_or(0, |record| record.payload.len());
        if bytes > PAGE_BYTES && !run.items.is_empty() {
            run.more = true;
            break;
        }
        run.reached = item.record.place;
        run.items.push(item);
        next = Seq(next.0.saturating_add(1));
    }
    Ok(Replay::Run(run))
}

fn item(room: &Room<'_>, record: Record, now: Millis) -> Result<Item, Fault> {
    let current = match record.kind {
        Kind::Change { touches: Touches::Rewrites(target) } => room.message(target)?.map(|message| message.at(now)),
        Kind::Change { touches: Touches::Nothing | Touches::Marks(_) } | Kind::Message { .. } | Kind::Void => None,
    };
    Ok(Item { record: record.at(now), current })
}
