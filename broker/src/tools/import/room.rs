//! One room of a file: whether it can be, and how it is taken.

use super::target::Target;
use crate::exit::Exit;
use crate::start::Failure;
use crate::tools::failure;
use crate::tools::lines::{RoomLine, of_record};
use rookery_storage::ask::Keep;
use rookery_storage::record::Kind;
use rookery_storage::walk::{self, AS_KEPT, END, Records};
use rookery_storage::{Ask, Batch, Fault, Place, Record, RoomKey, RoomState, Row, RowWrite, Seq};

/// Of one batch, well within what a batch may hold.
const BATCH_RECORDS: usize = 1024;
const BATCH_BYTES: usize = 2 << 20;

/// A room as far as the file alone can be judged.
pub struct Checked {
    key: RoomKey,
    state: RoomState,
    last: Option<Place>,
    messages: u64,
    next_ordinal: Option<u64>,
}

impl Checked {
    pub fn begin(line: RoomLine) -> Result<Checked, String> {
        Ok(Checked { key: line.key()?, state: line.state()?, last: None, messages: 0, next_ordinal: None })
    }

    pub fn row(&mut self, row: &RowWrite) -> Result<(), String> {
        if self.last.is_some() {
            return Err("a row behind the room's events".to_owned());
        }
        let batch = Batch { rows: vec![row.clone()], ..Batch::new(self.key.clone()) };
        batch.check().map_err(|_| format!("a row of {} cannot be like that", row.table.word()))
    }

    pub fn record(&mut self, record: &Record) -> Result<(), String> {
        let batch = Batch { events: vec![record.clone()], ..Batch::new(self.key.clone()) };
        batch.check().map_err(|_| "an event cannot be like that".to_owned())?;
        let here = record.place;
        if self.state.place_at(here.seq) != here || here.seq > self.state.newest.seq {
            return Err(format!("there is no place {here} in this room"));
        }
        // Below its floor a room may have lost changes.
        let follows = match self.last {
            Some(last) if here.seq.0 == last.seq.0.saturating_add(1) => true,
            Some(last) => here.seq > last.seq && here.seq.0 <= self.state.floor.seq.0.saturating_add(1),
            None => here.seq.0 <= self.state.floor.seq.0.saturating_add(1),
        };
        if !follows || (!record.is_message() && here.seq <= self.state.floor.seq) {
            return Err(format!("{here} does not follow what stands before it"));
        }
        self.last = Some(here);
        if let Some(ordinal) = record.ordinal() {
            if self.next_ordinal.is_some_and(|next| next != ordinal) {
                return Err(format!("ordinal {ordinal} does not follow the one before"));
            }
            self.next_ordinal = ordinal.checked_add(1);
            self.messages += 1;
        }
        Ok(())
    }

    pub fn end(self) -> Result<(), String> {
        let newest = self.state.newest;
        if self.last.unwrap_or(self.state.floor) != newest {
            return Err(format!("the room's events end before {newest}"));
        }
        if self.messages != self.state.messages || self.next_ordinal.is_some_and(|next| next != self.state.next_ordinal)
        {
            return Err("the room has not as many messages as it says".to_owned());
        }
        Ok(())
    }
}

pub enum Verdict {
    Added,
    Completed,
    There,
    Refused(String),
}

/// What is being done with a room.
enum How {
    /// It was not there, or not all of it.
    Write,
    /// What is there is the same so far.
    Compare(Box<Existing>),
    Refuse(String),
}

struct Existing {
    state: RoomState,
    records: Records,
    /// The next that is there.
    next: Option<Record>,
    /// An import that did not come to its end has left places that it filled.
    filled: bool,
}

/// A room on its way into the folder.
pub struct Taken {
    key: RoomKey,
    state: RoomState,
    rows: Vec<RowWrite>,
    how: How,
    /// Nothing of it was there.
    fresh: bool,
    /// Not written yet. The last of them go with the last rows: who finds the room's end finds all of it.
    waiting: Vec<Record>,
    bytes: usize,
    /// Of those that the file has.
    changes: u64,
    /// The last one that is there, or on its way.
    last: Place,
    filled: bool,
}

impl Taken {
    pub fn begin(target: &Target, line: RoomLine) -> Result<Taken, Failure> {
        let said = |what: String| failure(Exit::Data, what);
        let (key, state) = (line.key().map_err(said)?, line.state().map_err(said)?);
        let there = walk::state(&mut |ask| target.ask(ask), &key).map_err(broken)?;
        let fresh = there == RoomState::default();
        let how = if fresh {
            How::Write
        } else {
            let mut records = Records::new(&key, &there, END);
            let next = records.next(&mut |ask| target.ask(ask)).map_err(broken)?;
            How::Compare(Box::new(Existing { state: there, records, next, filled: false }))
        };
        let last = Place::START;
        Ok(Taken {
            key,
            state,
            rows: Vec::new(),
            how,
            fresh,
            waiting: Vec::new(),
            bytes: 0,
            changes: 0,
            last,
            filled: false,
        })
    }

    pub fn key(&self) -> &RoomKey {
        &self.key
    }

    pub fn row(&mut self, row: RowWrite) {
        self.rows.push(row);
    }

    pub fn record(&mut self, target: &mut Target, record: Record) -> Result<(), Failure> {
        self.changes += u64::from(!record.is_message());
        match &mut self.how {
            How::Refuse(_) => Ok(()),
            How::Compare(existing) => match existing.meet(target, &record, self.state.floor).map_err(broken)? {
                Met::Same => {
                    self.last = record.place;
                    Ok(())
                }
                Met::Ends => {
                    self.last = existing.state.newest;
                    self.filled = existing.filled;
                    if existing.state.sealed.is_some_and(|sealed| record.place.epoch <= sealed) {
                        let why = "it was cut here; import into a folder of its own".to_owned();
                        self.how = How::Refuse(why);
                        return Ok(());
                    }
                    self.how = How::Write;
                    self.write(target, record)
                }
                Met::Other(why) => {
                    self.how = How::Refuse(why);
                    Ok(())
                }
            },
            How::Write => self.write(target, record),
        }
    }

    fn write(&mut self, target: &mut Target, record: Record) -> Result<(), Failure> {
        let before = Seq(record.place.seq.0.saturating_sub(1));
        if self.last == Place::START && before > Seq(0) {
            // Its beginning is not kept any more: it begins where the file begins.
            let newest = self.state.place_at(before);
            let next_ordinal = self.state.next_ordinal.saturating_sub(self.state.messages);
            let epochs = self.state.epochs.iter().copied().filter(|(_, first)| *first <= before).collect();
            let stands = RoomState { newest, next_ordinal, epochs, ..RoomState::default() };
            target.embedded.found(&self.key, &stands).map_err(broken)?;
            self.last = newest;
        }
        for seq in self.last.seq.0.saturating_add(1)..record.place.seq.0 {
            // A change that is not kept any more. It is dropped again at the end.
            self.filled = true;
            let place = self.state.place_at(Seq(seq));
            self.add(target, Record { place, time: 0, kind: Kind::Void, key: None, payload: bytes::Bytes::new() })?;
        }
        self.add(target, record)
    }

    fn add(&mut self, target: &mut Target, record: Record) -> Result<(), Failure> {
        if self.waiting.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES {
            self.flush(target, Vec::new())?;
        }
        self.bytes += record.cost();
        self.last = record.place;
        self.waiting.push(record);
        Ok(())
    }

    fn flush(&mut self, target: &mut Target, rows: Vec<RowWrite>) -> Result<(), Failure> {
        self.bytes = 0;
        let events = std::mem::take(&mut self.waiting);
        target.write(Batch { events, rows, ..Batch::new(self.key.clone()) })
    }

    pub fn end(mut self, target: &mut Target) -> Result<Verdict, Failure> {
        let completing = match std::mem::replace(&mut self.how, How::Write) {
            How::Refuse(why) => return Ok(Verdict::Refused(why)),
            How::Compare(existing) => match self.rows_of_bare(&existing) {
                Some(missing) if !missing.is_empty() => missing,
                Some(_) | None => return Ok(Verdict::There),
            },
            How::Write => {
                let mut rows = std::mem::take(&mut self.rows);
                if !self.fresh {
                    rows.extend(self.gone(target, &rows)?);
                }
                rows
            }
        };
        if self.fresh && self.last == Place::START && self.state.newest != Place::START {
            // Nothing of it is kept but where it stood.
            let RoomState { newest, sealed, epochs, next_ordinal, .. } = self.state.clone();
            let stands = RoomState { newest, sealed, epochs, next_ordinal, ..RoomState::default() };
            target.embedded.found(&self.key, &stands).map_err(broken)?;
        }
        self.write_rows(target, completing)?;
        if self.filled {
            let keep = Keep { changes: self.changes, ..Keep::ALL };
            target.ask(&Ask::Trim { room: self.key.clone(), keep, now: AS_KEPT }).map_err(broken)?;
        }
        if let Some(sealed) = self.state.sealed {
            // Behind the journal's back: what it has of the room settles first.
            walk::state(&mut |ask| target.ask(ask), &self.key).map_err(broken)?;
            target.embedded.seal(&self.key, sealed).map_err(broken)?;
        }
        Ok(if self.fresh { Verdict::Added } else { Verdict::Completed })
    }

    /// Rows first, and the last events with the last of them.
    fn write_rows(&mut self, target: &mut Target, rows: Vec<RowWrite>) -> Result<(), Failure> {
        let events = std::mem::take(&mut self.waiting);
        let mut batch = Batch::new(self.key.clone());
        let mut bytes = 0;
        for row in rows {
            if batch.rows.len() >= BATCH_RECORDS || bytes >= BATCH_BYTES {
                target.write(std::mem::replace(&mut batch, Batch::new(self.key.clone())))?;
                bytes = 0;
            }
            bytes += row.cost();
            batch.rows.push(row);
        }
        batch.events = events;
        // Also for a room of nothing: it was there, and is listed.
        if batch.is_empty() && !self.fresh { Ok(()) } else { target.write(batch) }
    }

    /// Rows of a room without events that are not there. What is there stays as it is. None: it has events.
    fn rows_of_bare(&mut self, existing: &Existing) -> Option<Vec<RowWrite>> {
        if existing.state.newest != Place::START || self.state.newest != Place::START {
            return None;
        }
        let is_there = |row: &RowWrite| existing.state.rows.iter().any(|r| r.table == row.table && r.key == row.key);
        Some(std::mem::take(&mut self.rows).into_iter().filter(|row| !is_there(row)).collect())
    }

    /// Rows of the shorter room that the file, which goes on, has no more.
    fn gone(&self, target: &Target, rows: &[RowWrite]) -> Result<Vec<RowWrite>, Failure> {
        let there = walk::state(&mut |ask| target.ask(ask), &self.key).map_err(broken)?;
        let stays = |row: &Row| rows.iter().any(|r| r.table == row.table && r.key == row.key);
        let gone = there.rows.into_iter().filter(|row| !stays(row));
        Ok(gone.map(|Row { table, key, .. }| RowWrite { table, key, value: None }).collect())
    }
}

enum Met {
    Same,
    /// What is there ends before this one.
    Ends,
    Other(String),
}

impl Existing {
    fn meet(&mut self, target: &Target, record: &Record, floor: Place) -> Result<Met, Fault> {
        // What the file has no more.
        while let Some(next) = &self.next
            && next.place.seq < record.place.seq
            && next.place.seq <= floor.seq
        {
            self.filled = self.filled || (next.kind == Kind::Void && next.time == 0);
            self.next = self.records.next(&mut |ask: &Ask| target.ask(ask))?;
        }
        let Some(next) = &self.next else {
            let goes_on = record.place.seq > self.state.newest.seq || self.state.newest == Place::START;
            let why = || format!("{} is not there, though the room goes to {}", record.place, self.state.newest);
            // What it had may have been trimmed since.
            let trimmed = record.place.seq <= self.state.floor.seq;
            return Ok(if trimmed {
                Met::Same
            } else if goes_on {
                Met::Ends
            } else {
                Met::Other(why())
            });
        };
        if next.place.seq > record.place.seq && record.place.seq <= self.state.floor.seq {
            return Ok(Met::Same);
        }
        let why = format!("another event stands at {}; import into a folder of its own", record.place);
        if !is_same(next, record) {
            return Ok(Met::Other(why));
        }
        self.next = self.records.next(&mut |ask: &Ask| target.ask(ask))?;
        Ok(Met::Same)
    }
}

/// The same event; the one that is there may say less by now, or something newer.
fn is_same(there: &Record, file: &Record) -> bool {
    if there.place != file.place || there.time != file.time {
        return false;
    }
    if let (Kind::Message { ordinal, version, .. }, Kind::Message { ordinal: file_ordinal, version: file_version, .. }) =
        (there.kind, file.kind)
        && (version > file_version || there.payload.is_empty())
    {
        return ordinal == file_ordinal;
    }
    let text = |record| of_record(record).ok().and_then(|line| serde_json::to_string(&line).ok());
    let there = text(there);
    there.is_some() && there == text(file)
}

fn broken(fault: Fault) -> Failure {
    failure(Exit::Disk, format!("{fault} - `rookery store verify` says all that is damaged"))
}
