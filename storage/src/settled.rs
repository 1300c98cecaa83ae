//! Where committed batches end up: the store behind the journal, and what can fail there.

use crate::answer::Outcome;
use crate::ask::{Ask, Position};
use crate::batch::Batch;
use crate::journal::Spot;
use crate::{Place, RoomKey};
use std::fmt;
use std::path::Path;

/// A committed batch with its position in the order of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    pub batch: Batch,
    /// Where the journal has it. Its file is there as long as the entry has not settled.
    pub spot: Option<Spot>,
}

impl Entry {
    /// One that is in no journal.
    pub fn new(position: Position, batch: Batch) -> Entry {
        Entry { position, batch, spot: None }
    }
}

/// Keeps what the journal hands over, and answers what needs no journal. It may take its time, so no shard calls it;
/// several threads may.
///
/// The owner hands each room's entries over in the order of their positions. A room may run ahead of others, and
/// everything above the watermark is handed over again after a crash: what a room has taken already is passed over.
pub trait Settled: Send + Sync {
    /// Applies whole batches, in the order given. An answer sees all or nothing of a batch, and so does whoever opens
    /// the store after a crash. After a fault some of the first are applied, each of them whole.
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault>;

    /// Everything up to here is durable: it is what was found when the store was opened, or what it has got to since. An
    /// owner whose journal begins more than one above it has lost what lies between.
    fn watermark(&self) -> Position;

    /// No room has taken anything above: some may be ahead of the watermark.
    fn highest(&self) -> Result<Position, Fault> {
        Ok(self.watermark())
    }

    /// Makes durable what is applied, and that it reaches up to here.
    fn sync(&self, watermark: Position) -> Result<(), Fault>;

    /// Says that what is applied reaches up to here. Whether it is made durable now or later is the store's to decide.
    fn note(&self, watermark: Position) -> Result<(), Fault> {
        self.sync(watermark)
    }

    /// Does a piece of what can wait until there is nothing else to do. False: there is nothing of that, either.
    fn tidy(&self) -> Result<bool, Fault> {
        Ok(false)
    }

    /// Answers every ask but [`Ask::Tail`], which is the journal's. Trims are carried out here.
    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault>;

    /// Makes another store in this folder, which must be empty: all up to the position that is returned, and perhaps
    /// more, of each room a whole number of batches. Writes go on meanwhile. `progress` is told the bytes so far, and
    /// can end it.
    fn copy_to(&self, _folder: &Path, _progress: &mut dyn FnMut(u64) -> bool) -> Result<Position, Fault> {
        Err(Fault::NotHere)
    }

    /// Rewrites its files, so that what was deleted, overwritten or trimmed is in none of them any more. It takes as
    /// long as writing the whole store once; reads and writes go on meanwhile.
    fn compact(&self) -> Result<(), Fault> {
        Err(Fault::NotHere)
    }
}

/// What failed. Only `OutOfOrder` and `NotHere` are the caller's; after any other the owner may open the store again
/// and hand over what is above its watermark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine gave up and takes nothing more until it is opened again.
    Poisoned(String),
    /// The disk, or the system's way to it.
    Io(String),
    /// Bytes are not what was written. The place is that of the record, or one next to it where only a block is known.
    Damaged { room: Option<RoomKey>, place: Option<Place>, what: String },
    /// Written by a newer program.
    Newer { what: &'static str, version: u8 },
    /// Another process has it open.
    Locked,
    /// Another node holds it.
    Held { by: String },
    /// The batch does not continue its room; neither it nor what follows it was applied.
    OutOfOrder { room: RoomKey, position: Position },
    /// This is not asked of a settled store.
    NotHere,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Poisoned(what) => write!(f, "the settled store gave up: {what}"),
            Fault::Io(what) => write!(f, "the settled store cannot be reached: {what}"),
            Fault::Damaged { room, place, what } => {
                write!(f, "the settled store is damaged")?;
                if let Some(RoomKey { realm, kind, name }) = room {
                    write!(f, " in {} {realm}/{name}", kind.word())?;
                }
                if let Some(place) = place {
                    write!(f, " at {place}")?;
                }
                write!(f, ": {what}")
            }
            Fault::Newer { what, version } => write!(f, "{what} has version {version}, newer than this program"),
            Fault::Locked => f.write_str("the settled store is open in another process"),
            Fault::Held { by } => write!(f, "the settled store is held by {by}"),
            Fault::OutOfOrder { room, position } => {
                write!(f, "the batch at {} does not continue {} {}", position.0, room.kind.word(), room.name)
            }
            Fault::NotHere => f.write_str("this is not asked of this settled store"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Fault {
        Fault::Io(error.to_string())
    }
}
