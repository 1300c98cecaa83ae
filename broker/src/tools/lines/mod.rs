//! The lines of an export, byte by byte the same for the same room: `docs/how-to/backup.md` has them as a table.
//!
//! A message is written out. A change or a row is said in a word or two for people, and kept as the bytes it is.

pub mod message;

use crate::ports::store::codec::records::event_of;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use message::MessageLine;
use rookery_protocol::event::EventBody;
use rookery_storage::record::{Kind, Touches};
use rookery_storage::{
    Epoch, Item, Millis, Name, Place, Record, RoomKey, RoomKind, RoomState, Row, RowWrite, Seq, Table,
};
use serde::{Deserialize, Serialize};

pub const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    Export(Head),
    Room(Box<RoomLine>),
    Row(RowLine),
    Message(Box<MessageLine>),
    Change(ChangeLine),
    Void(VoidLine),
    End(EndLine),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub version: u32,
}

type At = (u64, u64);

/// Where a room stands. Its rows follow, then its records in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomLine {
    pub realm: String,
    pub kind: String,
    pub name: String,
    pub newest: At,
    pub floor: At,
    pub next_ordinal: u64,
    pub messages: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<u64>,
    pub epochs: Vec<At>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowLine {
    pub table: String,
    pub key: String,
    pub value: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeLine {
    pub place: At,
    pub time: Millis,
    /// For people; an import does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// For people; an import does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks: Option<At>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrites: Option<At>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub payload: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoidLine {
    pub place: At,
    pub time: Millis,
}

/// So that a file that was cut is noticed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndLine {
    pub rooms: u64,
    pub rows: u64,
    pub records: u64,
    /// Of every byte before this line.
    pub sha256: String,
}

fn at(place: Place) -> At {
    (place.epoch.0, place.seq.0)
}

pub fn place((epoch, seq): At) -> Place {
    Place::new(epoch, seq)
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn from_base64(text: &str, what: &str) -> Result<Bytes, String> {
    BASE64.decode(text).map(Bytes::from).map_err(|_| format!("{what} is not base64"))
}

fn name(text: &str, what: &str) -> Result<Name, String> {
    Name::new(text).map_err(|why| format!("{what} {text:?}: {why}"))
}

pub fn of_room(key: &RoomKey, state: &RoomState) -> Line {
    Line::Room(Box::new(RoomLine {
        realm: key.realm.as_str().to_owned(),
        kind: key.kind.word().to_owned(),
        name: key.name.as_str().to_owned(),
        newest: at(state.newest),
        floor: at(state.floor),
        next_ordinal: state.next_ordinal,
        messages: state.messages,
        sealed: state.sealed.map(|epoch| epoch.0),
        epochs: state.epochs.iter().map(|(epoch, seq)| (epoch.0, seq.0)).collect(),
    }))
}

impl RoomLine {
    pub fn key(&self) -> Result<RoomKey, String> {
        let kind =
            RoomKind::from_word(&self.kind).ok_or_else(|| format!("there is no room of kind {:?}", self.kind))?;
        Ok(RoomKey { realm: name(&self.realm, "realm")?, kind, name: name(&self.name, "name")? })
    }

    pub fn state(&self) -> Result<RoomState, String> {
        let epochs: Vec<_> = self.epochs.iter().map(|(epoch, seq)| (Epoch(*epoch), Seq(*seq))).collect();
        if !epochs.is_sorted_by(|(e, s), (next_e, next_s)| e < next_e && s < next_s) {
            return Err("its epochs do not rise".to_owned());
        }
        let state = RoomState {
            newest: place(self.newest),
            sealed: self.sealed.map(Epoch),
            epochs,
            floor: place(self.floor),
            next_ordinal: self.next_ordinal,
            messages: self.messages,
            rows: Vec::new(),
        };
        let stands = |at: Place| at == Place::START || state.place_at(at.seq) == at;
        if !stands(state.newest) || state.floor.seq > state.newest.seq {
            return Err("its places do not fit its epochs".to_owned());
        }
        if state.next_ordinal <= state.messages {
            return Err("it has more messages than ordinals".to_owned());
        }
        Ok(state)
    }
}

pub fn of_row(row: &Row) -> Line {
    Line::Row(RowLine { table: row.table.word().to_owned(), key: base64(&row.key), value: base64(&row.value) })
}

impl RowLine {
    pub fn row(&self) -> Result<RowWrite, String> {
        let table = Table::ALL.iter().copied().find(|table| table.word() == self.table);
        let table = table.ok_or_else(|| format!("there is no table {:?}", self.table))?;
        let (key, value) = (from_base64(&self.key, "key")?, from_base64(&self.value, "value")?);
        Ok(RowWrite { table, key, value: Some(value) })
    }
}

/// A record's line. The error says why it cannot be written.
pub fn of_record(record: &Record) -> Result<Line, String> {
    let key = record.key.as_ref().map(|key| base64(key));
    Ok(match record.kind {
        Kind::Void => Line::Void(VoidLine { place: at(record.place), time: record.time }),
        Kind::Change { touches } => {
            let event = event_of(&Item { record: record.clone(), current: None }).map_err(|why| why.to_string())?;
            let rewrites = if let Touches::Rewrites(of) = touches { Some(at(of)) } else { None };
            let marks = if let Touches::Marks(of) = touches { Some(at(of)) } else { None };
            // An edit without its message is read as a void.
            let edited = rewrites.is_some() && event.body == EventBody::Void;
            Line::Change(ChangeLine {
                place: at(record.place),
                time: record.time,
                is: Some(if edited { "edited" } else { event.body.kind().word() }.to_owned()),
                by: Some(event.by.as_str().to_owned()),
                marks,
                rewrites,
                key,
                payload: base64(&record.payload),
            })
        }
        Kind::Message { .. } => Line::Message(Box::new(message::of_message(record)?)),
    })
}

fn key(text: Option<&str>) -> Result<Option<Bytes>, String> {
    text.map(|text| from_base64(text, "key")).transpose()
}

impl ChangeLine {
    pub fn record(&self) -> Result<Record, String> {
        let touches = match (self.marks, self.rewrites) {
            (None, None) => Touches::Nothing,
            (Some(of), None) => Touches::Marks(place(of)),
            (None, Some(of)) => Touches::Rewrites(place(of)),
            (Some(_), Some(_)) => return Err("a change either marks a message or rewrites it".to_owned()),
        };
        let payload = from_base64(&self.payload, "payload")?;
        let record = Record {
            place: place(self.place),
            time: self.time,
            kind: Kind::Change { touches },
            key: key(self.key.as_deref())?,
            payload,
        };
        event_of(&Item { record: record.clone(), current: None }).map_err(|why| format!("payload: {why}"))?;
        Ok(record)
    }
}

impl VoidLine {
    pub fn record(&self) -> Record {
        Record { place: place(self.place), time: self.time, kind: Kind::Void, key: None, payload: Bytes::new() }
    }
}
