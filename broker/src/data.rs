//! The data folder: made, locked against a second process, and the place of the run number.

use ring::rand::{SecureRandom, SystemRandom};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Held as long as the node runs; the lock goes with the process, however it ends.
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

#[derive(Debug)]
pub enum DataError {
    Busy(PathBuf),
    Newer {
        path: PathBuf,
        found: String,
    },
    /// There is no data folder.
    Missing(PathBuf),
    /// Its history was moved to a database.
    Moved {
        path: PathBuf,
        keyspace: String,
    },
    Io {
        path: PathBuf,
        what: &'static str,
        error: std::io::Error,
    },
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DataError::Busy(path) => write!(
                f,
                "{}: another process uses this data folder - stop it, or give this one its own with --data",
                path.display()
            ),
            DataError::Newer { path, found } => write!(
                f,
                "{}: written by a newer version (format {found}, this one knows {FORMAT}) - use that version, or another folder",
                path.display()
            ),
            DataError::Missing(path) => {
                write!(f, "{}: no data folder of a node - name the one that is meant with --data", path.display())
            }
            DataError::Moved { path, keyspace } => write!(
                f,
                "{}: this folder's history was moved to ScyllaDB, keyspace {keyspace} - start with --store scylla",
                path.display()
            ),
            DataError::Io { path, what, error } => write!(f, "{}: {what}: {error}", path.display()),
        }
    }
}

/// What lies in a data folder.
pub const STORE: &str = "store";
pub const JOURNAL: &str = "journal";
pub const FEEDS: &str = "feeds";
pub const LOCK_FILE: &str = "lock";
pub const FORMAT_FILE: &str = "format";
pub const RUN_FILE: &str = "run";
/// Of a tool that looks at the folder, as long as it does.
pub const LOOK: &str = "look.tmp";
/// Of a backup that lacks its name yet, or was killed when it had just got it.
pub const UNNAMED: &str = "backup.tmp";
/// Of a move to a database that is not over.
pub const MOVING: &str = "moving";
/// Names the keyspace that has this folder's history, once it was moved there.
pub const DATABASE: &str = "database";
/// The node's control socket, as long as it runs.
pub const CONTROL: &str = "control";

/// Raised with every change that an older binary would misread.
const FORMAT: u32 = 1;

impl DataFolder {
    pub fn open(path: &Path) -> Result<DataFolder, DataError> {
        let io = |what| move |error| DataError::Io { path: path.to_owned(), what, error };
        std::fs::create_dir_all(path).map_err(io("cannot be made"))?;
        let folder = DataFolder::lock(path)?;
        folder.check_format(true)?;
        // A look that was killed left files that no compaction would reach; a backup that a node starts on is no backup any more.
        for gone in [std::fs::remove_dir_all(path.join(LOOK)), std::fs::remove_file(path.join(UNNAMED))] {
            if let Err(error) = gone
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(io("cannot be written")(error));
            }
        }
        Ok(folder)
    }

    /// A folder that a node has left, locked against nodes. Nothing in it is changed.
    pub fn existing(path: &Path) -> Result<DataFolder, DataError> {
        if !path.join(FORMAT_FILE).is_file() {
            return Err(DataError::Missing(path.to_owned()));
        }
        let folder = DataFolder::lock(path)?;
        folder.check_format(false)?;
        folder.check_not_moved()?;
        Ok(folder)
    }

    fn lock(path: &Path) -> Result<DataFolder, DataError> {
        let io = |what| move |error| DataError::Io { path: path.to_owned(), what, error };
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_FILE))
            .map_err(io("cannot be written"))?;
        match lock.try_lock() {
            Ok(()) => Ok(DataFolder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataError::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(io("cannot be locked")(error)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn check_format(&self, begin: bool) -> Result<(), DataError> {
        match self.read(FORMAT_FILE)? {
            None if begin => self.write_durably(FORMAT_FILE, &FORMAT.to_string()),
            None => Err(DataError::Missing(self.path.clone())),
            Some(text) => match text.trim().parse::<u32>() {
                Ok(found) if found <= FORMAT => Ok(()),
                Ok(_) | Err(_) => Err(DataError::Newer { path: self.path.clone(), found: text.trim().to_owned() }),
            },
        }
    }

    /// The number of this start: it only rises, and is durable before anything uses it. Taking the time in seconds
    /// where that is larger keeps a restored backup from repeating a run.
    pub fn next_run(&self, now_seconds: u64) -> Result<u64, DataError> {
        let last = match self.read(RUN_FILE)? {
            None => 0,
            Some(text) => text.trim().parse::<u64>().map_err(|_| DataError::Io {
                path: self.path.join(RUN_FILE),
                what: "does not hold a number",
                error: std::io::ErrorKind::InvalidData.into(),
            })?,
        };
        let run = now_seconds.max(last.saturating_add(1));
        self.write_durably(RUN_FILE, &run.to_string())?;
        Ok(run)
    }

    /// The keyspace that has this folder's history. None: the folder has it.
    pub fn database(&self) -> Result<Option<String>, DataError> {
        Ok(self.read(DATABASE)?.map(|keyspace| keyspace.trim().to_owned()))
    }

    /// From now on this keyspace has the history.
    pub fn moved_to(&self, keyspace: &str) -> Result<(), DataError> {
        self.write_durably(DATABASE, &format!("{keyspace}\n"))
    }

    /// What the folder has in its own files is the history.
    pub fn check_not_moved(&self) -> Result<(), DataError> {
        let moved = |keyspace| DataError::Moved { path: self.path.clone(), keyspace };
        self.database()?.map_or(Ok(()), |keyspace| Err(moved(keyspace)))
    }

    /// Another's number for a run: the next one of this folder is above it, too.
    pub fn note_run(&self, run: u64) -> Result<(), DataError> {
        let known = self.read(RUN_FILE)?.and_then(|text| text.trim().parse::<u64>().ok());
        if known.is_some_and(|known| known >= run) { Ok(()) } else { self.write_durably("run", &run.to_string()) }
    }

    /// A number that no other folder has, as long as this one lives: its journal's name.
    pub fn identity(&self) -> Result<u64, DataError> {
        let strange = |error: std::io::Error| DataError::Io {
            path: self.path.join("identity"),
            what: "does not hold a number",
            error,
        };
        if let Some(text) = self.read("identity")? {
            let number = u64::from_str_radix(text.trim(), 16);
            return number.map_err(|_| strange(std::io::ErrorKind::InvalidData.into()));
        }
        let mut bytes = [0; 8];
        SystemRandom::new().fill(&mut bytes).map_err(|_| strange(std::io::ErrorKind::Other.into()))?;
        // The database's numbers have a sign.
        let identity = (u64::from_le_bytes(bytes) >> 1).max(1);
        self.write_durably("identity", &format!("{identity:016x}"))?;
        Ok(identity)
    }

    pub fn read(&self, name: &str) -> Result<Option<String>, DataError> {
        let path = self.path.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DataError::Io { path, what: "cannot be read", error }),
        }
    }

    /// The old content or the new one, never half of it: written aside, synced, renamed, and the folder synced.
    pub fn write_durably(&self, name: &str, text: &str) -> Result<(), DataError> {
        let (path, aside) = (self.path.join(name), self.path.join(format!("{name}.new")));
        let write = || {
            let mut file = File::create(&aside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&aside, &path)?;
            File::open(path.parent().unwrap_or(&self.path))?.sync_all()
        };
        write().map_err(|error| DataError::Io { path: path.clone(), what: "cannot be written", error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_only_rise() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(dir.path()).unwrap();
        assert_eq!(folder.next_run(1000).unwrap(), 1000);
        assert_eq!(folder.next_run(1000).unwrap(), 1001);
        assert_eq!(folder.next_run(5).unwrap(), 1002);
        assert_eq!(folder.next_run(2000).unwrap(), 2000);
    }

    #[test]
    fn a_second_process_is_refused_and_a_newer_folder_too() {
        let dir = tempfile::tempdir().unwrap();
        let held = DataFolder::open(dir.path()).unwrap();
        assert!(matches!(DataFolder::open(dir.path()), Err(DataError::Busy(_))));
        drop(held);
        std::fs::write(dir.path().join("format"), "99").unwrap();
        let Err(error) = DataFolder::open(dir.path()) else { panic!("opened") };
        assert!(error.to_string().contains("newer version"), "{error}");
    }
}
