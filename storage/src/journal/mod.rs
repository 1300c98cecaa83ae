//! The journal: the node's append log. One thread writes what all shards hand in, one fdatasync for all that has come
//! together; what it answered is there after a crash, what failed never comes back once something later succeeded.
//!
//! Read in this order:
//! 1. [`layout`]: the bytes. [`scan`]: walking through them, damage included.
//! 2. [`recover`]: what an earlier life left. `writer`: groups, failures, room. `intake`: the thread and its queue.
//! 3. [`log`]: reading, releasing. [`look`]: a folder that nobody has open. [`disk`]: all that is asked of a disk. [`faulty`]: a disk for tests.
//!
//! What is absent: an entry is opaque bytes here ([`crate::entry`] makes them), and nothing decides what is settled.

pub mod disk;
pub mod faulty;
mod health;
mod intake;
pub mod layout;
pub mod log;
mod look;
mod recover;
mod scan;
mod segments;
// A test picks out of our enums what it looks at.
#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
mod writer;

pub use disk::{Disk, DiskFile, RealDisk};
pub use health::{Counts, State};
pub use intake::Intake;
pub use layout::ENTRY_BYTES;
pub use log::{Log, Page};
pub use look::{Looked, SegmentLook, look};
pub use segments::Spot;

use crate::answer::Failure;
use crate::ask::Position;
use bytes::Bytes;
use crossbeam::channel::{Sender, unbounded};
use health::Health;
use parking_lot::Mutex;
use scan::{Piece, Scan};
use segments::Segments;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use writer::{Submission, Writer};

#[derive(Clone, Debug)]
pub struct Options {
    pub folder: PathBuf,
    /// A segment ends before it would pass this, unless a single entry does.
    pub segment_bytes: u64,
    /// Bound of what waits and is being written.
    pub queue_bytes: usize,
    /// Bound of all segments together.
    pub most_bytes: u64,
    /// Room on the disk that is given up when there is no other, and taken again before anything new is: in it old
    /// segments go, a new one begins, and what was accepted settles, where that is on the same disk.
    pub reserve_bytes: u64,
    /// How long an outage lasts before it is tried whether it is over.
    pub retry: Duration,
    /// A position that the caller knows was given out by an earlier life: none at or below is given again, though the
    /// folder was emptied or its newest file lost.
    pub above: Position,
}

impl Options {
    pub fn new(folder: PathBuf) -> Options {
        Options {
            folder,
            segment_bytes: 64 << 20,
            queue_bytes: 32 << 20,
            most_bytes: 4 << 30,
            reserve_bytes: 64 << 10,
            retry: Duration::from_millis(500),
            above: Position(0),
        }
    }
}

/// Who is told how it went, one for each source. Called from the writer's thread, once per group and
/// source, in the order in which it was handed in; it should not take long. The list is used again.
pub trait Listener: Send + Sync {
    fn written(&self, results: &mut Vec<Written>);
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub ticket: u64,
    /// Where it lies, if it is there.
    pub spot: Option<Spot>,
    /// The position of the entry, which is on the disk; or why nothing of it is there.
    pub result: Result<Position, Failure>,
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The oldest position that is kept, or the next one if none is.
    pub first: Position,
    /// The last position.
    pub end: Position,
    /// In the newest segment, and where files are missing. What lies in older segments is told when they are read.
    pub damaged: Vec<Damage>,
    pub bytes: u64,
    /// Something behind the end was begun and not finished, and is cut off.
    pub torn: bool,
}

/// Entries that were written and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    pub from: Position,
    /// The first one that is not lost. None is, if this is `from`.
    pub until: Position,
    pub segment: u64,
    /// Where in the segment that which is whole ends.
    pub offset: u64,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The head of the segment; it was made up from its first group.
    Head,
    Entries,
    /// A whole file, or its end.
    Segment,
}

#[derive(Debug)]
pub enum OpenError {
    /// Another process, or another journal of this one, has the folder.
    Locked,
    /// Written by a newer version of this program.
    Newer {
        name: String,
        version: u32,
    },
    /// A file that looks like a segment and is none of this folder.
    Foreign {
        name: String,
    },
    Io {
        what: String,
        error: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked => f.write_str("the journal is in use by another process"),
            OpenError::Newer { name, version } => {
                write!(f, "{name} has layout {version}, which is newer than this program")
            }
            OpenError::Foreign { name } => write!(f, "{name} looks like a segment but does not belong to this journal"),
            OpenError::Io { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// What writer, readers and sources share.
struct Shared {
    segments: Mutex<Segments>,
    health: Health,
    closed: AtomicBool,
}

/// The writer's thread.
pub const THREAD: &str = "journal";

/// What can wake the writer.
enum Message {
    Append(Submission),
    Release(Position),
    Seal,
    CheckRoom,
    Close,
}

/// An open journal. It is closed when it is dropped.
pub struct Journal {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    sender: Sender<Message>,
    sources: usize,
    limits: intake::Limits,
    thread: Option<JoinHandle<()>>,
    _lock: Box<dyn Send + Sync>,
}

impl Journal {
    /// Opens the folder, made if it is missing. Source `n` is answered through listener `n`.
    ///
    /// A disk that cannot be written is no error: the journal begins with an outage, and can be read.
    pub fn open(
        options: Options,
        disk: Arc<dyn Disk>,
        listeners: Vec<Arc<dyn Listener>>,
    ) -> Result<(Journal, Found), OpenError> {
        let sources = listeners.len();
        let limits = intake::Limits { queue_bytes: options.queue_bytes, most_bytes: options.most_bytes };
        let opened = open(options.clone(), Arc::clone(&disk), listeners)?;
        let (sender, receiver) = unbounded();
        let Opened { shared, writer, found, lock } = opened;
        let retry = options.retry;
        let thread = std::thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || intake::run(writer, &receiver, retry))
            .map_err(|error| OpenError::Io { what: "the journal's thread".into(), error })?;
        let journal = Journal { shared, disk, sender, sources, limits, thread: Some(thread), _lock: lock };
        Ok((journal, found))
    }

    pub fn intake(&self) -> Intake {
        Intake::new(Arc::clone(&self.shared), self.sender.clone(), self.sources, self.limits)
    }

    pub fn log(&self) -> Log {
        Log { shared: Arc::clone(&self.shared), disk: Arc::clone(&self.disk), sender: self.sender.clone() }
    }

    pub fn state(&self) -> State {
        self.shared.health.state()
    }

    pub fn counts(&self) -> Counts {
        self.shared.health.counts()
    }

    /// Writes what waits, answers it, and ends in order.
    pub fn close(self) {}
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Close);
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so already; whoever closes cannot do more about it.
            let _ = thread.join();
        }
    }
}

/// Hands out every entry of a segment that is read under another name, in order. What is damaged is passed over.
pub fn entries_of<E: From<io::Error>>(
    path: &Path,
    nonce: u64,
    each: &mut dyn FnMut(Bytes) -> Result<(), E>,
) -> Result<(), E> {
    let file = RealDisk.open(path)?;
    let mut scan = Scan::new(&*file, nonce, 0, file.size()?);
    while let Some((_, piece)) = scan.next()? {
        if let Piece::Entry { body, .. } = piece {
            each(body)?;
        }
    }
    Ok(())
}

/// A journal without its thread.
struct Opened {
    shared: Arc<Shared>,
    writer: Writer,
    found: Found,
    lock: Box<dyn Send + Sync>,
}

fn open(options: Options, disk: Arc<dyn Disk>, listeners: Vec<Arc<dyn Listener>>) -> Result<Opened, OpenError> {
    let io = |error| OpenError::Io { what: options.folder.display().to_string(), error };
    disk.create_folder(&options.folder).map_err(io)?;
    let lock = disk
        .lock(&options.folder.join(segments::LOCK))
        .map_err(|error| if error.kind() == io::ErrorKind::WouldBlock { OpenError::Locked } else { io(error) })?;
    let recover::Recovered { segments, found, strays, carry } =
        recover::recover(&*disk, &options.folder, options.above)?;
    let health = Health::new();
    health.used.store(found.bytes, Ordering::Release);
    let shared = Arc::new(Shared { segments: Mutex::new(segments), health, closed: AtomicBool::new(false) });
    let mut writer = Writer::new(Arc::clone(&shared), disk, options, listeners, strays, carry);
    writer.revive();
    writer.tidy();
    Ok(Opened { shared, writer, found, lock })
}
