//! Replay: the two ranges of one numbering as one run.

use super::fetch::{Range, Room};
use super::rooms::damaged;
use crate::answer::{Item, Replay, Run};
use crate::ask::ReplayAsk;
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use crate::record::{Kind, Record, Touches};
use crate::settled::Fault;
use crate::{Millis, Seq};

pub async fn replay(room: &Room<'_>, ask: &ReplayAsk) -> Result<Replay, Fault> {
    let meta = room.meta();
    let after = meta.settle_cursor(ask.after);
    if after.seq < meta.floor.seq {
        return Ok(Replay::Gone { floor: meta.floor });
    }
    let end = meta.up_to(ask.fence);
    let mut next = Seq(after.seq.0.saturating_add(1));
    let limit = ask.limit.min(PAGE_RECORDS);
    let mut messages = room.records(Range::Messages, (next, end), true);
    let mut changes = room.records(Range::Changes, (next, end), true);
    messages.wanting(limit);
    changes.wanting(limit);
    let mut heads: [Option<Record>; 2] = [None, None];
    let mut run =
        Run { retract: (after != ask.after).then_some(after), items: Vec::new(), reached: after, more: false };
    let mut bytes = 0;
    while next <= end {
        if run.items.len() >= limit {
            run.more = true;
            break;
        }
        if heads[0].is_none() {
            heads[0] = messages.next().await?;
        }
        if heads[1].is_none() {
            heads[1] = changes.next().await?;
        }
        let standing = heads.iter_mut().find(|head| head.as_ref().is_some_and(|record| record.place.seq == next));
        let Some(record) = standing.and_then(Option::take) else {
            return Err(damaged(room.key, Some(meta.place_at(next)), "a record is missing"));
        };
        let item = item(room, record, ask.now).await?;
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

async fn item(room: &Room<'_>, record: Record, now: Millis) -> Result<Item, Fault> {
    let current = match record.kind {
        Kind::Change { touches: Touches::Rewrites(target) } => {
            room.message(target).await?.map(|message| message.at(now))
        }
        Kind::Change { touches: Touches::Nothing | Touches::Marks(_) } | Kind::Message { .. } | Kind::Void => None,
    };
    Ok(Item { record: record.at(now), current })
}
