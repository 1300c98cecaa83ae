//! A batch as bytes: what the journal keeps of it. The bytes are in `docs/storage/journal.md`.
//!
//! ```text
//! 0  1  version of the layout: 1
//! 1     numbers (LEB128, shortest form) and bytes, in this order:
//!       realm's length, realm, kind of room, name's length, name
//!       cut: 0 nothing, 1 above (then epoch, seq), 2 everything
//!       number of events, each: length, record in its own layout
//!       number of rewrites, each: target's epoch, seq, version's epoch, seq, 0 or 1 (deleted), length, payload
//!       number of rows, each: table, key's length, key, 0 (removed) or value's length + 1 and value
//! ```

use crate::batch::{Batch, Cut, Rewrite, RowWrite};
use crate::limits::{BATCH_ITEMS, PAYLOAD_BYTES, ROW_KEY_BYTES, ROW_VALUE_BYTES};
use crate::record::Record;
use crate::record::layout::{BadRecord, number_size};
use crate::table::Table;
use crate::{Epoch, Place, RoomKey, Seq};
use bytes::Bytes;
use rookery_protocol::ids::{Name, RoomKind};
use std::fmt;
use std::ops::Range;

/// The layout that is written.
pub const VERSION: u8 = 1;

/// No batch has more bytes.
pub const MOST_BYTES: usize = crate::journal::ENTRY_BYTES;

/// Why bytes are no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadEntry {
    /// The layout is newer than the program.
    NewerVersion(u8),
    /// A record in it cannot be read.
    Record(BadRecord),
    /// Written by a program with a fault, or damaged: the entry itself has no checksum, the journal's has one for it.
    Impossible,
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadEntry::NewerVersion(version) => write!(f, "the entry's layout {version} is newer than this program"),
            BadEntry::Record(bad) => write!(f, "in an entry: {bad}"),
            BadEntry::Impossible => f.write_str("the entry says something impossible"),
        }
    }
}

impl std::error::Error for BadEntry {}

/// Appends the bytes of a batch that [`Batch::check`] allows.
pub fn encode(batch: &Batch, out: &mut Vec<u8>) {
    out.reserve(batch.cost());
    out.push(VERSION);
    put_bytes(out, batch.room.realm.as_str().as_bytes());
    put_number(out, batch.room.kind as u64);
    put_bytes(out, batch.room.name.as_str().as_bytes());
    match batch.cut {
        Cut::Nothing => put_number(out, 0),
        Cut::Above(place) => {
            put_number(out, 1);
            put_place(out, place);
        }
        Cut::Everything => put_number(out, 2),
    }
    put_number(out, batch.events.len() as u64);
    for record in &batch.events {
        put_number(out, record.encoded_size() as u64);
        record.encode(out);
    }
    put_number(out, batch.rewrites.len() as u64);
    for rewrite in &batch.rewrites {
        put_place(out, rewrite.target);
        put_place(out, rewrite.version);
        put_number(out, u64::from(rewrite.deleted));
        put_bytes(out, &rewrite.payload);
    }
    put_number(out, batch.rows.len() as u64);
    for row in &batch.rows {
        put_number(out, row.table as u64);
        put_bytes(out, &row.key);
        match &row.value {
            None => put_number(out, 0),
            Some(value) => {
                put_number(out, value.len() as u64 + 1);
                out.extend_from_slice(value);
            }
        }
    }
}

/// Where the events of a batch lie in its bytes, each with its length before it.
pub fn events_in(batch: &Batch) -> Range<usize> {
    let RoomKey { realm, kind, name } = &batch.room;
    let text = |name: &Name| number_size(name.as_str().len() as u64) + name.as_str().len();
    let cut = match batch.cut {
        Cut::Nothing | Cut::Everything => 1,
        Cut::Above(place) => 1 + number_size(place.epoch.0) + number_size(place.seq.0),
    };
    let count = number_size(batch.events.len() as u64);
    let start = 1 + text(realm) + number_size(*kind as u64) + text(name) + cut + count;
    start..start + batch.events.iter().map(event_size).sum::<usize>()
}

fn event_size(record: &Record) -> usize {
    let size = record.encoded_size();
    number_size(size as u64) + size
}

/// The records of bytes that hold events and nothing else. What is damaged ends it.
pub fn events_of(bytes: &Bytes) -> impl Iterator<Item = Result<Record, BadEntry>> + use<> {
    let (bytes, mut at) = (bytes.clone(), 0);
    std::iter::from_fn(move || {
        if at >= bytes.len() {
            return None;
        }
        let mut reader = Reader { bytes: &bytes, at };
        let record = reader.number().and_then(|length| reader.slice(length, bytes.len()));
        at = if record.is_ok() { reader.at } else { bytes.len() };
        Some(record.and_then(|record| Record::decode(&record).map_err(BadEntry::Record)))
    })
}

/// Reads the batch that these bytes are, to the last byte. Its payloads, keys and values share the bytes they came in.
pub fn decode(bytes: &Bytes) -> Result<Batch, BadEntry> {
    let mut reader = Reader::begin(bytes)?;
    let batch = reader.batch()?;
    let sound = reader.at == bytes.len() && batch.check().is_ok();
    if sound { Ok(batch) } else { Err(BadEntry::Impossible) }
}

/// The room of the batch that these bytes are; the rest is not looked at.
pub fn room_of(bytes: &Bytes) -> Result<RoomKey, BadEntry> {
    Reader::begin(bytes)?.room()
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn begin(bytes: &Bytes) -> Result<Reader<'_>, BadEntry> {
        match bytes.first() {
            None | Some(0) => Err(BadEntry::Impossible),
            Some(&VERSION) => Ok(Reader { bytes, at: 1 }),
            Some(&newer) => Err(BadEntry::NewerVersion(newer)),
        }
    }

    fn room(&mut self) -> Result<RoomKey, BadEntry> {
        let realm = self.name()?;
        let kind = RoomKind::from_number(self.number()?).ok_or(BadEntry::Impossible)?;
        Ok(RoomKey { realm, kind, name: self.name()? })
    }

    fn batch(&mut self) -> Result<Batch, BadEntry> {
        let mut batch = Batch::new(self.room()?);
        batch.cut = match self.number()? {
            0 => Cut::Nothing,
            1 => Cut::Above(self.place()?),
            2 => Cut::Everything,
            _ => return Err(BadEntry::Impossible),
        };
        for _ in 0..self.count()? {
            let length = self.number()?;
            let record = self.slice(length, self.bytes.len())?;
            batch.events.push(Record::decode(&record).map_err(BadEntry::Record)?);
        }
        for _ in 0..self.count()? {
            let (target, version) = (self.place()?, self.place()?);
            let deleted = match self.number()? {
                0 => false,
                1 => true,
                _ => return Err(BadEntry::Impossible),
            };
            let length = self.number()?;
            batch.rewrites.push(Rewrite { target, version, deleted, payload: self.slice(length, PAYLOAD_BYTES)? });
        }
        for _ in 0..self.count()? {
            let number = u8::try_from(self.number()?).map_err(|_| BadEntry::Impossible)?;
            let table = Table::from_number(number).ok_or(BadEntry::Impossible)?;
            let length = self.number()?;
            let key = self.slice(length, ROW_KEY_BYTES)?;
            let value = match self.number()? {
                0 => None,
                more => Some(self.slice(more - 1, ROW_VALUE_BYTES)?),
            };
            batch.rows.push(RowWrite { table, key, value });
        }
        Ok(batch)
    }

    /// Each item has at least a byte, so the lists grow no longer than the entry.
    fn count(&mut self) -> Result<u64, BadEntry> {
        let count = self.number()?;
        let left = (self.bytes.len() - self.at).min(BATCH_ITEMS);
        if count <= left as u64 { Ok(count) } else { Err(BadEntry::Impossible) }
    }

    fn name(&mut self) -> Result<Name, BadEntry> {
        let length = self.number()?;
        let text = self.slice(length, Name::MAX_BYTES)?;
        let text = std::str::from_utf8(&text).map_err(|_| BadEntry::Impossible)?;
        Name::new(text).map_err(|_| BadEntry::Impossible)
    }

    fn place(&mut self) -> Result<Place, BadEntry> {
        Ok(Place { epoch: Epoch(self.number()?), seq: Seq(self.number()?) })
    }

    /// Each number has one form, so that equal batches have equal bytes.
    fn number(&mut self) -> Result<u64, BadEntry> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(BadEntry::Impossible)?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte != 0 || shift == 0 { Ok(value) } else { Err(BadEntry::Impossible) };
            }
        }
        Err(BadEntry::Impossible)
    }

    fn slice(&mut self, length: u64, most: usize) -> Result<Bytes, BadEntry> {
        let length = usize::try_from(length).ok().filter(|length| *length <= most).ok_or(BadEntry::Impossible)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(BadEntry::Impossible)?;
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(slice)
    }
}

fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_place(out: &mut Vec<u8>, place: Place) {
    put_number(out, place.epoch.0);
    put_number(out, place.seq.0);
}

// However a batch at its limit is spelled, the journal takes it.
const _: () = assert!(crate::limits::BATCH_BYTES <= crate::journal::ENTRY_BYTES);
