//! Runs: messages of a room that one batch brought, where the journal wrote them. The tree has where that is.

use super::faults::{damaged, located};
use super::keys::{RoomBytes, last_number};
use super::space::Space;
use super::stage::Stage;
use super::view::View;
use crate::batch::Batch;
use crate::entry;
use crate::journal::Spot;
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::sealed::{self, Bad};
use crate::settled::Fault;
use crate::{Place, RoomKey, Seq};

const VERSION: u8 = 1;

/// Where a run lies, and which seqs are still its own. There may be holes between them, where other records stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub first: Seq,
    pub last: Seq,
    /// The segment's nonce.
    pub segment: u64,
    pub offset: u64,
    pub length: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

impl Run {
    /// The run that a batch's messages are, if there are so many.
    pub fn of(batch: &Batch, spot: &Spot, least: usize) -> Option<Run> {
        let mut messages = batch.events.iter().filter(|record| record.is_message());
        let first = messages.next()?.place.seq;
        let (last, others) = messages.fold((first, 0), |(_, count), record| (record.place.seq, count + 1));
        let lies = entry::events_in(batch);
        let length = u32::try_from(lies.len()).ok()?;
        let offset = spot.offset.checked_add(lies.start as u64)?;
        (others + 1 >= least).then_some(Run { first, last, segment: spot.nonce(), offset, length })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut value = sealed::begin(VERSION);
        for number in [self.last.0 - self.first.0, self.segment, self.offset, u64::from(self.length)] {
            sealed::put_number(&mut value, number);
        }
        sealed::end(value)
    }

    fn decode(room: &RoomKey, key: &[u8], value: &[u8]) -> Result<Run, Fault> {
        let mut reader = sealed::open(value, VERSION).map_err(|bad| match bad {
            Bad::Damaged => damaged(room, None, "where messages lie"),
            Bad::Newer(version) => Fault::Newer { what: "where messages lie", version },
        })?;
        let run = (|| {
            let first = last_number(key)?;
            let last = first.checked_add(reader.number()?)?;
            let (segment, offset) = (reader.number()?, reader.number()?);
            let length = u32::try_from(reader.number()?).ok().filter(|length| *length as usize <= entry::MOST_BYTES)?;
            Some(Run { first: Seq(first), last: Seq(last), segment, offset, length })
        })();
        run.filter(|_| reader.is_empty()).ok_or_else(|| damaged(room, None, "where messages lie"))
    }

    /// Its messages, each checked to be the one of its place.
    pub fn messages(&self, view: &View<'_>, room: &RoomKey, meta: &RoomMeta) -> Result<Vec<Record>, Fault> {
        let at = Some(meta.place_at(self.first));
        let bytes = located(view.archive().read(self), room, at)?;
        let mut messages = Vec::new();
        for record in entry::events_of(&bytes) {
            let record = record.map_err(|bad| damaged(room, at, &bad.to_string()))?;
            let seq = record.place.seq;
            if record.is_message() && seq >= self.first && seq <= self.last {
                if record.place != meta.place_at(seq) {
                    return Err(damaged(room, Some(meta.place_at(seq)), "another record stands in its place"));
                }
                messages.push(record);
            }
        }
        Ok(messages)
    }
}

impl Run {
    /// The message of one place. What else lies there may be damaged, or another's since.
    pub fn message(&self, view: &View<'_>, room: &RoomKey, place: Place) -> Result<Option<Record>, Fault> {
        let bytes = located(view.archive().read(self), room, Some(place))?;
        let mut bad = None;
        for record in entry::events_of(&bytes) {
            match record {
                Ok(record) if record.place == place && record.is_message() => return Ok(Some(record)),
                Ok(_) => {}
                Err(error) => bad = Some(error),
            }
        }
        bad.map_or(Ok(None), |bad| Err(damaged(room, Some(place), &bad.to_string())))
    }
}

/// The runs that have something from one seq to another, both included.
pub fn runs<'v>(
    view: &'v View<'_>,
    room: &'v RoomKey,
    bytes: &RoomBytes,
    (from, to): (Seq, Seq),
    way: Way,
) -> Box<dyn Iterator<Item = Result<Run, Fault>> + 'v> {
    let open = move |pair: Result<(bytes::Bytes, bytes::Bytes), Fault>| {
        let (key, value) = located(pair, room, None)?;
        Run::decode(room, &key, &value)
    };
    let above = Seq(to.0.saturating_add(1));
    match way {
        Way::Up => {
            // The one that begins before may reach here.
            let before = view.range(Space::Runs, &bytes.seq(Seq(0)), &bytes.seq(from)).next_back().map(open);
            let reaches = move |run: &Result<Run, Fault>| run.as_ref().map_or(true, |run| run.last >= from);
            let behind = view.range(Space::Runs, &bytes.seq(from), &bytes.seq(above.max(from))).map(open);
            Box::new(before.into_iter().filter(reaches).chain(behind))
        }
        Way::Down => {
            let all = view.range(Space::Runs, &bytes.seq(Seq(0)), &bytes.seq(above)).rev().map(open);
            Box::new(all.take_while(move |run| run.as_ref().map_or(true, |run| run.last >= from)))
        }
    }
}

/// Lets go of runs that end at this seq or below.
pub fn drop_to(stage: &mut Stage<'_>, room: &RoomKey, bytes: &RoomBytes, seq: Seq) -> Result<(), Fault> {
    let over: Vec<Run> = runs(stage.view(), room, bytes, (Seq(0), seq), Way::Up).collect::<Result<_, _>>()?;
    over.iter().filter(|run| run.last <= seq).for_each(|run| stage.remove_run(bytes, run));
    Ok(())
}

/// Nothing at this seq or above is of a run any more.
pub fn drop_from(stage: &mut Stage<'_>, room: &RoomKey, bytes: &RoomBytes, seq: Seq) -> Result<(), Fault> {
    let over: Vec<Run> = runs(stage.view(), room, bytes, (seq, Seq(u64::MAX)), Way::Up).collect::<Result<_, _>>()?;
    for run in over {
        stage.remove_run(bytes, &run);
        if run.first < seq {
            stage.put_run(bytes, &Run { last: Seq(seq.0 - 1), ..run });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::{Name, RoomKind};

    #[test]
    fn comes_back_as_it_was_and_every_damage_is_seen() {
        let name = Name::new("a").unwrap();
        let room = RoomKey { realm: name.clone(), kind: RoomKind::Room, name };
        let key = RoomBytes::new(&room).seq(Seq(7));
        let run = Run { first: Seq(7), last: Seq(300), segment: u64::MAX - 1, offset: 1 << 40, length: 70_000 };
        let value = run.encode();
        assert_eq!(Run::decode(&room, &key, &value), Ok(run));
        for at in 0..value.len() {
            let mut damaged = value.clone();
            damaged[at] ^= 0x11;
            assert!(Run::decode(&room, &key, &damaged).is_err() && Run::decode(&room, &key, &value[..at]).is_err());
        }
        // More than any entry has is no length.
        let long = Run { length: u32::MAX, ..run };
        assert!(Run::decode(&room, &key, &long.encode()).is_err());
    }
}
