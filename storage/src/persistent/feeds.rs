//! Readers of the journal with a cursor that survives: what they have not passed is kept for them, within a bound.
//!
//! A new feed begins at the end of the journal. What lies before is in the settled store: its reader goes through the
//! rooms first, and then meets some of it again, because nothing that comes meanwhile is left out.

use super::Shared;
use crate::answer::TailPage;
use crate::ask::Position;
use crate::sealed::{self, Bad};
use crate::settled::Fault;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The layout of a cursor's file: position, then the bound in bytes.
const VERSION: u8 = 1;

/// Why a feed is not there.
#[derive(Debug)]
pub enum FeedError {
    /// Letters, digits, `-` and `_`, at most 64.
    Name(String),
    Io {
        path: PathBuf,
        error: io::Error,
    },
    /// Not what was written. The feed is to be begun anew: remove the file.
    Damaged(PathBuf),
    Newer(PathBuf),
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeedError::Name(name) => write!(f, "{name:?} is no name for a feed: letters, digits, - and _, at most 64"),
            FeedError::Io { path, error } => write!(f, "{}: {error}", path.display()),
            FeedError::Damaged(path) => write!(f, "{} is damaged: remove it, and the feed begins anew", path.display()),
            FeedError::Newer(path) => write!(f, "{} was written by a newer version", path.display()),
        }
    }
}

impl std::error::Error for FeedError {}

#[derive(Clone, Copy, Debug)]
struct Held {
    cursor: Position,
    /// The journal may grow to this for its sake.
    bound: u64,
    /// It did not keep within its bound, and that was said.
    overtaken: bool,
}

/// All feeds of a node, those included that nobody reads at present.
pub(crate) struct Feeds {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    feeds: BTreeMap<String, Held>,
    /// The settled store has this durably.
    settled: Position,
}

/// One feed. Whoever reads it has passed what it says.
pub struct Feed {
    shared: Arc<Shared>,
    name: String,
}

impl Feeds {
    /// With every cursor that the folder holds.
    pub fn open(folder: &Path) -> Result<Feeds, FeedError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| FeedError::Io { path, error }
        };
        std::fs::create_dir_all(folder).map_err(io(folder))?;
        let mut feeds = BTreeMap::new();
        for file in std::fs::read_dir(folder).map_err(io(folder))? {
            let path = file.map_err(io(folder))?.path();
            // One that was being written when the node stopped has an ending.
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name)) else {
                continue;
            };
            feeds.insert(name.to_owned(), read(&path)?);
        }
        Ok(Feeds { folder: folder.to_owned(), state: Mutex::new(State { feeds, settled: Position(0) }) })
    }

    /// Opens a feed, which begins at `end` if it is new.
    fn begin(&self, name: &str, bound: u64, end: Position) -> Result<(), FeedError> {
        if !is_name(name) {
            return Err(FeedError::Name(name.to_owned()));
        }
        let mut state = self.state.lock();
        let before = state.feeds.get(name).map(|held| held.cursor);
        let held = Held { cursor: before.unwrap_or(end), bound, overtaken: false };
        self.write(name, held)?;
        state.feeds.insert(name.to_owned(), held);
        Ok(())
    }

    fn pass(&self, name: &str, position: Position) -> Result<(), FeedError> {
        let mut state = self.state.lock();
        let Some(held) = state.feeds.get_mut(name) else { return Ok(()) };
        held.cursor = held.cursor.max(position);
        held.overtaken = false;
        let held = *held;
        self.write(name, held)
    }

    fn end(&self, name: &str) -> Result<(), FeedError> {
        let mut state = self.state.lock();
        state.feeds.remove(name);
        let path = self.folder.join(name);
        std::fs::remove_file(&path).map_err(|error| FeedError::Io { path, error })
    }

    /// A file is there whole, or as it was before.
    fn write(&self, name: &str, held: Held) -> Result<(), FeedError> {
        let mut bytes = sealed::begin(VERSION);
        sealed::put_number(&mut bytes, held.cursor.0);
        sealed::put_number(&mut bytes, held.bound);
        let path = self.folder.join(name);
        replace(&path, &sealed::end(bytes)).map_err(|error| FeedError::Io { path, error })
    }

    /// The settled store has everything up to here durably.
    pub fn settled(&self, position: Position) {
        let mut state = self.state.lock();
        state.settled = state.settled.max(position);
    }

    /// Nobody needs what lies here and below. `used`: the size of the journal.
    pub fn releases(&self, used: u64) -> Position {
        let state = &mut *self.state.lock();
        let mut position = state.settled;
        for (name, held) in &mut state.feeds {
            if used <= held.bound {
                position = position.min(held.cursor);
            } else if held.cursor < state.settled && !std::mem::replace(&mut held.overtaken, true) {
                tracing::error!(event = "feed_overtaken", feed = %name, cursor = held.cursor.0, bound = held.bound);
            }
        }
        position
    }
}

impl Feed {
    pub(super) fn begin(shared: &Arc<Shared>, name: &str, bound: u64) -> Result<Feed, FeedError> {
        shared.feeds.begin(name, bound, shared.log.end())?;
        Ok(Feed { shared: shared.clone(), name: name.to_owned() })
    }

    /// Everything up to here was passed.
    pub fn cursor(&self) -> Position {
        let state = self.shared.feeds.state.lock();
        state.feeds.get(&self.name).map_or(Position(0), |held| held.cursor)
    }

    /// Batches behind a position, in the order of their commits. A gap says that the feed was overtaken.
    pub fn read(&self, after: Position, limit: usize) -> Result<TailPage, Fault> {
        super::reads::tail(&self.shared, after, limit)
    }

    /// Nothing up to here is wanted any more. Durable when this returns.
    pub fn pass(&self, position: Position) -> Result<(), FeedError> {
        self.shared.feeds.pass(&self.name, position)?;
        self.shared.release();
        Ok(())
    }

    /// The feed is over, and nothing is kept for it.
    pub fn end(self) -> Result<(), FeedError> {
        self.shared.feeds.end(&self.name)?;
        self.shared.release();
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(fits)
}

fn read(path: &Path) -> Result<Held, FeedError> {
    let bytes = std::fs::read(path).map_err(|error| FeedError::Io { path: path.to_owned(), error })?;
    let mut reader = sealed::open(&bytes, VERSION).map_err(|bad| match bad {
        Bad::Damaged => FeedError::Damaged(path.to_owned()),
        Bad::Newer(_) => FeedError::Newer(path.to_owned()),
    })?;
    let held = (|| Some(Held { cursor: Position(reader.number()?), bound: reader.number()?, overtaken: false }))();
    held.filter(|_| reader.is_empty()).ok_or_else(|| FeedError::Damaged(path.to_owned()))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = File::create(&next)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&next, path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}
