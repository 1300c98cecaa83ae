//! What is kept of each room as a whole: where it stands, in one value. `docs/storage/embedded.md` has its bytes.

use crate::ask::Position;
use crate::sealed::{self, Reader, put_number};
use crate::table::Table;
use crate::{Epoch, Ordinal, Place, Seq};

/// The layout that is written.
pub const VERSION: u8 = 1;

const RESTS: u64 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomMeta {
    pub newest: Place,
    pub sealed: Option<Epoch>,
    /// The highest record that was dropped from the old end.
    pub floor: Place,
    /// The highest message among those: messages lie above it.
    pub message_floor: Place,
    /// Changes lie above it.
    pub change_floor: Seq,
    pub next_ordinal: Ordinal,
    pub messages: u64,
    pub changes: u64,
    /// Of records, by [`crate::Record::cost`].
    pub bytes: u64,
    /// The batch that the room took last.
    pub applied: Position,
    /// Tables that have had rows, by their numbers; and, as if it were table 0, [`RoomMeta::rests`].
    tables: u64,
    pub epochs: Vec<(Epoch, Seq)>,
}

impl Default for RoomMeta {
    fn default() -> RoomMeta {
        RoomMeta {
            newest: Place::START,
            sealed: None,
            floor: Place::START,
            message_floor: Place::START,
            change_floor: Seq(0),
            next_ordinal: 1,
            messages: 0,
            changes: 0,
            bytes: 0,
            applied: Position(0),
            tables: 0,
            epochs: Vec::new(),
        }
    }
}

impl RoomMeta {
    /// The place that this seq has in the room.
    pub fn place_at(&self, seq: Seq) -> Place {
        crate::answer::place_at(&self.epochs, seq)
    }

    /// The highest seq of the room's line whose place is not above this one; 0 if there is none.
    pub fn up_to(&self, place: Place) -> Seq {
        let after = self.epochs.partition_point(|(epoch, _)| *epoch <= place.epoch);
        let Some((epoch, first)) = after.checked_sub(1).and_then(|at| self.epochs.get(at)) else { return Seq(0) };
        let end = self.end_of(after);
        if *epoch == place.epoch { place.seq.max(Seq(first.0.saturating_sub(1))).min(end) } else { end }
    }

    /// The highest seq of the room's line whose place is below this one.
    pub fn below(&self, place: Place) -> Seq {
        let seq = self.up_to(place);
        if self.place_at(seq) == place { Seq(seq.0.saturating_sub(1)) } else { seq }
    }

    /// The place on this room's line that a cursor stands for: itself, or the last one that is not beyond the end of
    /// its epoch.
    pub fn settle_cursor(&self, cursor: Place) -> Place {
        let after = self.epochs.partition_point(|(epoch, _)| *epoch <= cursor.epoch);
        let Some((epoch, _)) = after.checked_sub(1).and_then(|at| self.epochs.get(at)) else { return Place::START };
        let end = self.end_of(after);
        self.place_at(if *epoch == cursor.epoch { cursor.seq.min(end) } else { end })
    }

    /// Where the epoch before the one at this index ends.
    fn end_of(&self, next: usize) -> Seq {
        self.epochs.get(next).map_or(self.newest.seq, |(_, first)| Seq(first.0.saturating_sub(1)))
    }

    pub fn first_ordinal(&self) -> Ordinal {
        self.next_ordinal.saturating_sub(self.messages)
    }

    /// A room that had events goes on in an epoch above all of theirs.
    pub fn seal(&self) -> Option<Epoch> {
        if self.newest == Place::START { self.sealed } else { self.sealed.max(Some(self.newest.epoch)) }
    }

    pub fn has_rows(&mut self, table: Table) {
        self.tables |= 1 << table as u8;
    }

    /// Its rows are noted in one value, too.
    pub fn rests(&self) -> bool {
        self.tables & RESTS != 0
    }

    pub fn set_rests(&mut self, rests: bool) {
        self.tables = if rests { self.tables | RESTS } else { self.tables & !RESTS };
    }

    /// Tables that may have rows, by number.
    pub fn tables(&self) -> impl Iterator<Item = Table> + use<> {
        let tables = self.tables;
        Table::ALL.iter().copied().filter(move |table| tables & (1 << *table as u8) != 0)
    }

    /// What is left when everything is removed.
    pub fn cleared(&self) -> RoomMeta {
        RoomMeta {
            newest: self.newest,
            floor: self.newest,
            message_floor: self.newest,
            change_floor: self.newest.seq,
            applied: self.applied,
            epochs: self.epochs.clone(),
            ..RoomMeta::default()
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = sealed::begin(VERSION);
        for place in [self.newest, self.floor, self.message_floor] {
            put_number(&mut out, place.epoch.0);
            put_number(&mut out, place.seq.0);
        }
        let numbers = [
            self.change_floor.0,
            self.next_ordinal,
            self.messages,
            self.changes,
            self.bytes,
            self.applied.0,
            self.tables,
            self.sealed.map_or(0, |epoch| epoch.0),
            self.epochs.len() as u64,
        ];
        numbers.into_iter().for_each(|n| put_number(&mut out, n));
        let (mut epoch, mut seq) = (0, 0);
        for (Epoch(next), Seq(first)) in &self.epochs {
            put_number(&mut out, next.saturating_sub(epoch));
            put_number(&mut out, first.saturating_sub(seq));
            (epoch, seq) = (*next, *first);
        }
        sealed::end(out)
    }

    pub fn decode(bytes: &[u8]) -> Result<RoomMeta, sealed::Bad> {
        let mut reader = sealed::open(bytes, VERSION)?;
        let meta = RoomMeta::read(&mut reader).ok_or(sealed::Bad::Damaged)?;
        if reader.is_empty() { Ok(meta) } else { Err(sealed::Bad::Damaged) }
    }

    fn read(reader: &mut Reader<'_>) -> Option<RoomMeta> {
        let mut place = || Some(Place::new(reader.number()?, reader.number()?));
        let (newest, floor, message_floor) = (place()?, place()?, place()?);
        let mut meta = RoomMeta {
            newest,
            floor,
            message_floor,
            change_floor: Seq(reader.number()?),
            next_ordinal: reader.number()?,
            messages: reader.number()?,
            changes: reader.number()?,
            bytes: reader.number()?,
            applied: Position(reader.number()?),
            tables: reader.number()?,
            sealed: Some(reader.number()?).filter(|epoch| *epoch > 0).map(Epoch),
            epochs: Vec::new(),
        };
        let count = reader.number()?;
        let (mut epoch, mut seq) = (0u64, 0u64);
        for _ in 0..count {
            epoch = epoch.checked_add(reader.number()?)?;
            seq = seq.checked_add(reader.number()?)?;
            meta.epochs.push((Epoch(epoch), Seq(seq)));
        }
        Some(meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> RoomMeta {
        RoomMeta {
            newest: Place::new(9, 8),
            sealed: Some(Epoch(u64::MAX)),
            floor: Place::new(2, 1),
            next_ordinal: 300,
            bytes: u64::MAX,
            epochs: vec![(Epoch(2), Seq(1)), (Epoch(5), Seq(5)), (Epoch(9), Seq(7))],
            ..RoomMeta::default()
        }
    }

    #[test]
    fn comes_back_as_it_was_and_every_damage_is_seen() {
        for meta in [RoomMeta::default(), meta()] {
            let bytes = meta.encode();
            assert_eq!(RoomMeta::decode(&bytes), Ok(meta));
            for at in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x40;
                assert_eq!(RoomMeta::decode(&damaged), Err(sealed::Bad::Damaged));
                assert_eq!(RoomMeta::decode(&bytes[..at]), Err(sealed::Bad::Damaged));
            }
        }
    }

    #[test]
    fn bounds_on_the_line() {
        let meta = meta();
        let line: Vec<Place> = (1..=8).map(|seq| meta.place_at(Seq(seq))).collect();
        for epoch in 0..=10 {
            for seq in 0..=10 {
                let place = Place::new(epoch, seq);
                let up_to = line.iter().filter(|own| **own <= place).count() as u64;
                let below = line.iter().filter(|own| **own < place).count() as u64;
                assert_eq!((meta.up_to(place), meta.below(place)), (Seq(up_to), Seq(below)), "{place}");
            }
        }
    }
}
