//! Segments of the journal that messages are read from. Each has a second name here, so it stays when the journal lets go
//! of it, and nothing of it is written twice.

use super::faults::no_disk;
use super::runs::Run;
use crate::journal::Spot;
use crate::sealed;
use crate::settled::Fault;
use bytes::Bytes;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// In the store's folder.
const FOLDER: &str = "segments";
/// Files that are kept open; then all are closed.
const OPEN: usize = 64;
/// Of the layout of a count.
const VERSION: u8 = 1;

pub struct Archive {
    folder: PathBuf,
    state: Mutex<State>,
}

/// How many runs lie in a segment, and how many it were at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub left: u64,
    pub most: u64,
}

impl Count {
    pub fn encode(self) -> Vec<u8> {
        let mut value = sealed::begin(VERSION);
        sealed::put_number(&mut value, self.left);
        sealed::put_number(&mut value, self.most);
        sealed::end(value)
    }

    pub fn decode(value: &[u8]) -> Option<Count> {
        let mut reader = sealed::open(value, VERSION).ok()?;
        let count = Count { left: reader.number()?, most: reader.number()? };
        reader.is_empty().then_some(count)
    }
}

#[derive(Default)]
struct State {
    /// What lies in each segment.
    runs: HashMap<u64, Count>,
    /// Those that nothing more can be got out of.
    given_up: HashSet<u64>,
    /// Those that were named in this life: they are the journal's own, not a copy of an earlier state.
    named: HashSet<u64>,
    /// Names were given since the folder was synced.
    is_new: bool,
    open: HashMap<u64, Arc<File>>,
    /// Segments that lost their last run, and with which commit.
    empty: Vec<(u64, u64)>,
}

impl Archive {
    pub fn open(folder: &Path) -> Result<Archive, Fault> {
        let folder = folder.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| no_disk(&error))?;
        Ok(Archive { folder, state: Mutex::default() })
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.folder.join(format!("{segment:016x}"))
    }

    /// What the tree says, when the store is opened. Names that it does not know were given to what was not kept.
    pub fn found(&self, runs: HashMap<u64, Count>) -> Result<(), Fault> {
        for file in std::fs::read_dir(&self.folder).map_err(|error| no_disk(&error))? {
            let path = file.map_err(|error| no_disk(&error))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let segment = name.and_then(|name| u64::from_str_radix(name, 16).ok());
            if segment.is_none_or(|segment| !runs.contains_key(&segment)) {
                std::fs::remove_file(&path).map_err(|error| no_disk(&error))?;
            }
        }
        self.state.lock().runs = runs;
        Ok(())
    }

    /// What lies in each segment.
    pub fn counts(&self) -> HashMap<u64, Count> {
        self.state.lock().runs.clone()
    }

    /// Sees to it that the entry's segment stays. False: it cannot be done here, as on a disk without second names.
    pub fn keep(&self, spot: &Spot) -> Result<bool, Fault> {
        let mut state = self.state.lock();
        if state.named.contains(&spot.nonce()) {
            return Ok(true);
        }
        let own = self.path(spot.nonce());
        let named = match std::fs::hard_link(spot.path(), &own) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => replace(spot.path(), &own),
            named => named,
        };
        match named {
            Ok(()) => {
                state.open.remove(&spot.nonce());
                state.named.insert(spot.nonce());
                state.is_new = true;
                Ok(true)
            }
            Err(error) if has_no_names(error.kind()) => Ok(false),
            Err(error) => Err(no_disk(&error)),
        }
    }

    /// The bytes of a run.
    pub fn read(&self, run: &Run) -> Result<Bytes, Fault> {
        let file = self.file(run.segment)?;
        let mut bytes = vec![0; run.length as usize];
        file.read_exact_at(&mut bytes, run.offset).map_err(|error| damaged(&self.path(run.segment), &error))?;
        Ok(bytes.into())
    }

    fn file(&self, segment: u64) -> Result<Arc<File>, Fault> {
        let mut state = self.state.lock();
        if let Some(file) = state.open.get(&segment) {
            return Ok(file.clone());
        }
        let path = self.path(segment);
        let file = Arc::new(File::open(&path).map_err(|error| damaged(&path, &error))?);
        if state.open.len() >= OPEN {
            state.open.clear();
        }
        state.open.insert(segment, file.clone());
        Ok(file)
    }

    /// What will lie in a segment when so many runs more do.
    pub fn with(&self, segment: u64, more: i64) -> Count {
        let Count { left, most } = self.state.lock().runs.get(&segment).copied().unwrap_or_default();
        let left = left.saturating_add_signed(more);
        Count { left, most: most.max(left) }
    }

    /// It does, from this commit on.
    pub fn set(&self, segment: u64, count: Count, commit: u64) {
        let mut state = self.state.lock();
        if count.left > 0 {
            state.runs.insert(segment, count);
        } else {
            state.runs.remove(&segment);
            state.empty.push((segment, commit));
        }
    }

    /// A segment that has only our name, and less than one in so many of its runs.
    pub fn emptiest(&self, worth: u64) -> Option<(u64, PathBuf)> {
        let state = self.state.lock();
        let worth = |(segment, count): &(&u64, &Count)| {
            !state.given_up.contains(*segment) && count.left.saturating_mul(worth) < count.most
        };
        let of_ours = |segment: &u64| std::fs::metadata(self.path(*segment)).is_ok_and(|file| file.nlink() == 1);
        let mut nearly: Vec<_> = state.runs.iter().filter(worth).collect();
        nearly.sort_unstable_by_key(|(segment, count)| (count.left, **segment));
        nearly.into_iter().map(|(segment, _)| *segment).find(of_ours).map(|segment| (segment, self.path(segment)))
    }

    pub fn give_up(&self, segment: u64) {
        let mut state = self.state.lock();
        if state.runs.contains_key(&segment) {
            state.given_up.insert(segment);
        }
    }

    /// What was named stays named after a power cut. Before anything that leads there is durable.
    pub fn sync(&self) -> Result<(), Fault> {
        let mut state = self.state.lock();
        if state.is_new {
            File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(|error| no_disk(&error))?;
            state.is_new = false;
        }
        Ok(())
    }

    /// Lets go of segments without runs: it is durable that they have none, and nobody reads what was before `oldest`.
    pub fn tidy(&self, oldest: u64) -> Result<(), Fault> {
        let mut state = self.state.lock();
        for (segment, commit) in std::mem::take(&mut state.empty) {
            if state.runs.contains_key(&segment) {
                continue;
            }
            if commit >= oldest {
                state.empty.push((segment, commit));
                continue;
            }
            state.open.remove(&segment);
            state.named.remove(&segment);
            match std::fs::remove_file(self.path(segment)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(no_disk(&error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// The name is taken: by the same file, or by a copy of it that a restored folder has.
fn replace(path: &Path, own: &Path) -> io::Result<()> {
    let file = |metadata: Metadata| (metadata.dev(), metadata.ino());
    if file(std::fs::metadata(path)?) == file(std::fs::metadata(own)?) {
        return Ok(());
    }
    let next = own.with_extension("next");
    match std::fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::fs::hard_link(path, &next)?;
    std::fs::rename(next, own)
}

/// There is no second name to be had: of this file system, of this file, or because the file is gone.
fn has_no_names(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{CrossesDevices, NotFound, PermissionDenied, TooManyLinks, Unsupported};
    matches!(kind, CrossesDevices | NotFound | PermissionDenied | TooManyLinks | Unsupported)
}

fn damaged(path: &Path, error: &io::Error) -> Fault {
    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) {
        return Fault::Damaged { room: None, place: None, what: format!("{}: {error}", path.display()) };
    }
    no_disk(error)
}
