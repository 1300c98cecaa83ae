//! A batch of the engine as a batch of the store: events to records, rows to the tables, rewrites and cuts they are.

use super::codec::bytes::{VERSION, put_number, put_place};
use super::codec::keys;
use super::codec::records::{record_of, rewrite_of, taken};
use super::codec::values::{put_effect, put_effect_id, put_fact, put_info};
use bytes::Bytes;
use rookery_engine::ports::{Batch, Row};
use rookery_protocol::ids::{DuplicateKey, Place, UserId};
use rookery_storage::{Cut, Record, RowWrite, Table};

/// The value of a row that says everything by being there.
const THERE: Bytes = Bytes::from_static(&[VERSION]);

/// Writes batches, with one scratch buffer for all of them.
#[derive(Default)]
pub struct Writer {
    scratch: Vec<u8>,
}

impl Writer {
    pub fn batch(&mut self, batch: Batch) -> rookery_storage::Batch {
        let mut out = rookery_storage::Batch::new(batch.room);
        out.events.reserve_exact(batch.events.len());
        for event in &batch.events {
            let record = record_of(event, &mut self.scratch);
            out.events.push(record);
        }
        let last = batch.events.last().map_or(Place::START, |event| event.place);
        for row in &batch.rows {
            self.row(row, last, &mut out);
        }
        out
    }

    fn row(&mut self, row: &Row, last: Place, out: &mut rookery_storage::Batch) {
        let write = match row {
            // Neither is a row: they say what goes before anything else comes.
            Row::Retract { above } => {
                if out.cut != Cut::Everything {
                    out.cut = Cut::Above(*above);
                }
                return;
            }
            Row::Wipe => {
                out.cut = Cut::Everything;
                return;
            }
            Row::Rewrite(message) => return out.rewrites.push(rewrite_of(message, &mut self.scratch)),
            Row::Key { user, key, place } => return self.duplicate_key(user, key, *place, &mut out.events),
            Row::Info(info) => self.put(Table::Meta, |_| {}, |value| put_info(value, info)),
            Row::Member { user, role } => {
                self.set(Table::Members, |key| keys::named(key, user), role.map(|role| role as u8))
            }
            Row::Belongs { room, role } => {
                self.set(Table::Memberships, |key| keys::room(key, room), role.map(|role| role as u8))
            }
            Row::Reaction { target, reaction, user, on } => {
                self.mark(Table::Reactions, |key| keys::reaction(key, *target, reaction, user), *on)
            }
            Row::Pin { target, on } => self.mark(Table::Pins, |key| keys::place(key, *target), *on),
            Row::Watermark { user, mark, place, ordinal } => self.put(
                Table::Watermarks,
                |key| keys::watermark(key, user, *mark),
                |value| {
                    put_place(value, *place);
                    put_number(value, *ordinal);
                },
            ),
            Row::Stream { user, stream, n, place } => self.put(
                Table::Streams,
                |key| keys::stream(key, user, *stream),
                |value| {
                    put_number(value, *n);
                    put_place(value, *place);
                },
            ),
            Row::EffectPending(effect) => {
                self.put(Table::PendingEffects, |key| keys::effect(key, &effect.id), |value| put_effect(value, effect))
            }
            Row::EffectDone(id) => self.mark(Table::PendingEffects, |key| keys::effect(key, id), false),
            // With where the room stood, so that the newest ones can be told from the oldest.
            Row::EffectTaken(id) => self.put(
                Table::SeenEffects,
                |key| keys::effect(key, id),
                |value| {
                    put_place(value, last);
                    put_effect_id(value, id);
                },
            ),
            Row::Fact(fact) => {
                let (table, kept) = keys::fact(&mut self.scratch, fact);
                let key = taken(&mut self.scratch);
                let value = kept.then(|| self.value(|value| put_fact(value, fact)));
                RowWrite { table, key, value }
            }
            Row::Revoked { fact, at } => {
                let (table, _) = keys::fact(&mut self.scratch, fact);
                let key = taken(&mut self.scratch);
                let value = self.value(|value| {
                    put_fact(value, fact);
                    put_number(value, *at);
                });
                RowWrite { table, key, value: Some(value) }
            }
            Row::Outlived(fact) => {
                let (table, _) = keys::fact(&mut self.scratch, fact);
                RowWrite { table, key: taken(&mut self.scratch), value: None }
            }
        };
        out.rows.push(write);
    }

    /// A duplicate key is kept with the record it belongs to, as long as that is kept.
    fn duplicate_key(&mut self, user: &UserId, key: &DuplicateKey, place: Place, events: &mut [Record]) {
        let first = events.first().map_or(0, |record| record.place.seq.0);
        let index = place.seq.0.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| events.get_mut(index)).filter(|record| record.place == place) {
            Some(record) => {
                keys::duplicate(&mut self.scratch, user, key);
                record.key = Some(taken(&mut self.scratch));
            }
            None => tracing::error!(event = "duplicate_key_without_record", %place),
        }
    }

    fn put(&mut self, table: Table, key: impl FnOnce(&mut Vec<u8>), value: impl FnOnce(&mut Vec<u8>)) -> RowWrite {
        RowWrite { table, key: self.key(key), value: Some(self.value(value)) }
    }

    /// One byte, or no row.
    fn set(&mut self, table: Table, key: impl FnOnce(&mut Vec<u8>), value: Option<u8>) -> RowWrite {
        let value = value.map(|byte| self.value(|value| value.push(byte)));
        RowWrite { table, key: self.key(key), value }
    }

    fn mark(&mut self, table: Table, key: impl FnOnce(&mut Vec<u8>), on: bool) -> RowWrite {
        RowWrite { table, key: self.key(key), value: on.then_some(THERE) }
    }

    fn key(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        write(&mut self.scratch);
        taken(&mut self.scratch)
    }

    fn value(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        self.scratch.push(VERSION);
        write(&mut self.scratch);
        taken(&mut self.scratch)
    }
}
