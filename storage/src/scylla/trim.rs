//! Retention of one room, in steps: each is committed by itself and leaves the room whole.

use super::cut::{drop_to, next_place, unindex};
use super::fetch::{Range, Records};
use super::stage::{Stage, last_moment};
use super::statements::Verb;
use super::write::{MARK, Write, bucket, mark_bucket, moment};
use crate::answer::Trimmed;
use crate::ask::Keep;
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::settled::Fault;
use crate::{Millis, Place, Seq};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Records that one commit drops or empties.
const STEP: usize = 512;

pub async fn trim(stage: &mut Stage<'_>, keep: &Keep, now: Millis) -> Result<Trimmed, Fault> {
    let expired = expire_all(stage, now).await?;
    let trimmed = drop_oldest(stage, keep, true).await?;
    Ok(Trimmed { expired, ..trimmed })
}

/// Drops every record: all but the last step in commits of their own, that one with whatever else is staged.
pub async fn empty(stage: &mut Stage<'_>) -> Result<(), Fault> {
    let keep = Keep { messages: 0, changes: 0, ..Keep::ALL };
    if stage.meta.messages.saturating_add(stage.meta.changes) > STEP as u64 {
        let is_replacing = std::mem::replace(&mut stage.is_replacing, false);
        drop_oldest(stage, &keep, true).await?;
        stage.is_replacing = is_replacing;
    }
    drop_oldest(stage, &keep, false).await.map(drop)
}

/// Empties every message whose time has come.
async fn expire_all(stage: &mut Stage<'_>, now: Millis) -> Result<u64, Fault> {
    let mut expired = 0;
    loop {
        let due = stage.room().due(now, STEP).await?;
        let before = expired;
        for (time, place) in &due {
            let Some(old) = stage.message(*place).await?.filter(|message| message.expires() == Some(*time)) else {
                // Nothing expires there any more: an entry that was left behind.
                let at = moment(stage.meta.newest);
                stage.later(Write::expiring(Verb::DropExpiring, *time, *place, at));
                continue;
            };
            let mut message = old.clone();
            message.expire();
            let at = last_moment(&old, stage.meta.newest);
            stage.replace(&old, message, at);
            stage.drop_rows(*place, next_place(*place));
            expired += 1;
        }
        if !due.is_empty() {
            stage.commit().await?;
        }
        if due.len() < STEP || expired == before {
            return Ok(expired);
        }
    }
}

/// What a trim looks at, one after the other; whether a record is too old is asked in its own phase only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Messages,
    Changes,
    Bytes,
    /// Changes placed below a dropped message go with it.
    Settling,
    Over,
}

/// Drops what `keep` does not keep.
async fn drop_oldest(stage: &mut Stage<'_>, keep: &Keep, commits: bool) -> Result<Trimmed, Fault> {
    let (mut trimmed, mut phase) = (Trimmed::default(), Phase::Messages);
    while phase != Phase::Over {
        let went = step(stage, keep, &mut phase, if commits { STEP } else { usize::MAX }).await?;
        trimmed.messages += went.messages;
        trimmed.changes += went.changes;
        if commits && went != Trimmed::default() {
            stage.commit().await?;
        }
    }
    Ok(trimmed)
}

/// The next of what must go, at most so many as one commit takes; and with them what belongs to them.
async fn step(stage: &mut Stage<'_>, keep: &Keep, phase: &mut Phase, most: usize) -> Result<Trimmed, Fault> {
    let old = stage.meta.clone();
    let drops = oldest(stage, keep, phase, most).await?;
    let mut trimmed = Trimmed::default();
    let mut threads: HashMap<Place, (u64, Place), RandomState> = HashMap::default();
    // No place below will be given again, so nothing is hidden by too much.
    let mut at = moment(old.newest).saturating_add(1);
    let mut last_ordinal = None;
    for record in &drops {
        at = at.max(last_moment(record, old.newest));
        unindex(stage, record);
        if record.is_message() {
            trimmed.messages += 1;
            last_ordinal = record.ordinal();
        } else {
            trimmed.changes += 1;
        }
        if let Some(root) = record.thread() {
            let (count, last) = threads.entry(root).or_insert((0, record.place));
            (*count, *last) = (*count + 1, record.place);
        }
    }
    let room = stage.room();
    for (root, (count, last)) in threads {
        let first = room.thread(root, 0, true, 1).await?;
        let first = first.first().map_or(0, |(number, _)| *number);
        let to = first.saturating_add(count).saturating_sub(1);
        // A thread that is empty begins again: what comes then is placed above.
        stage.later(Write::new(Verb::DropThread, moment(last), &[root.epoch.0, root.seq.0, 0, to]));
    }
    if trimmed.changes > 0 {
        drop_to(stage, Range::Changes, old.change_floor, stage.meta.change_floor, at);
    }
    if trimmed.messages > 0 {
        let floor = stage.meta.message_floor;
        drop_to(stage, Range::Messages, old.message_floor.seq, floor.seq, at);
        stage.drop_rows(Place::START, next_place(floor));
    }
    // A cleared room's ordinals begin again, too.
    if let Some(ordinal) = last_ordinal.filter(|last| *last >= MARK) {
        let first = old.first_ordinal();
        for bucket in mark_bucket(first)..=mark_bucket(ordinal) {
            let at = moment(stage.meta.message_floor);
            stage.later(Write::new(Verb::DropMarks, at, &[bucket, 0, ordinal]));
        }
    }
    Ok(trimmed)
}

/// The partition that the first kept record after this seq may lie in.
pub fn first_bucket(floor: Seq) -> u64 {
    bucket(Seq(floor.0.saturating_add(1)))
}

async fn oldest(stage: &mut Stage<'_>, keep: &Keep, phase: &mut Phase, most: usize) -> Result<Vec<Record>, Fault> {
    let room = stage.room();
    let all = (Seq(0), room.meta().newest.seq);
    // What was dropped in this stage already lies below.
    let from = |floor: Seq| (Seq(floor.0.saturating_add(1)), all.1);
    let mut messages = Peeked::new(room.records(Range::Messages, from(stage.meta.message_floor.seq), true));
    let mut changes = Peeked::new(room.records(Range::Changes, from(stage.meta.change_floor), true));
    let meta: &mut RoomMeta = &mut stage.meta;
    let mut drops: Vec<Record> = Vec::new();
    while drops.len() < most && *phase != Phase::Over {
        let takes_message = match *phase {
            Phase::Messages => match messages.peek().await? {
                Some(message) if keep.too_old(message) || meta.messages > keep.messages => Some(true),
                Some(_) | None => None,
            },
            Phase::Changes => match changes.peek().await? {
                Some(change) if keep.too_old(change) || meta.changes > keep.changes => Some(false),
                Some(_) | None => None,
            },
            Phase::Bytes if meta.bytes > keep.bytes as u64 => {
                let message = messages.peek().await?.map(|record| record.place.seq);
                let change = changes.peek().await?.map(|record| record.place.seq);
                match (message, change) {
                    (Some(message), Some(change)) => Some(message < change),
                    (Some(_), None) => Some(true),
                    (None, Some(_)) => Some(false),
                    (None, None) => None,
                }
            }
            Phase::Settling => match changes.peek().await? {
                Some(change) if change.place < meta.message_floor => Some(false),
                Some(_) | None => None,
            },
            Phase::Bytes | Phase::Over => None,
        };
        let Some(takes_message) = takes_message else {
            *phase = match *phase {
                Phase::Messages => Phase::Changes,
                Phase::Changes => Phase::Bytes,
                Phase::Bytes => Phase::Settling,
                Phase::Settling | Phase::Over => Phase::Over,
            };
            continue;
        };
        let side = if takes_message { &mut messages } else { &mut changes };
        let Some(record) = side.take().await? else { continue };
        let place = record.place;
        meta.bytes = meta.bytes.saturating_sub(record.cost() as u64);
        meta.floor = meta.floor.max(place);
        if takes_message {
            meta.messages = meta.messages.saturating_sub(1);
            meta.message_floor = place;
        } else {
            meta.changes = meta.changes.saturating_sub(1);
            meta.change_floor = meta.change_floor.max(place.seq);
        }
        drops.push(record);
    }
    Ok(drops)
}

/// Records of which the next one can be looked at.
struct Peeked<'r, 'a> {
    records: Records<'r, 'a>,
    head: Option<Record>,
}

impl<'r, 'a> Peeked<'r, 'a> {
    fn new(records: Records<'r, 'a>) -> Peeked<'r, 'a> {
        Peeked { records, head: None }
    }

    async fn peek(&mut self) -> Result<Option<&Record>, Fault> {
        if self.head.is_none() {
            self.head = self.records.next().await?;
        }
        Ok(self.head.as_ref())
    }

    async fn take(&mut self) -> Result<Option<Record>, Fault> {
        self.peek().await?;
        Ok(self.head.take())
    }
}
