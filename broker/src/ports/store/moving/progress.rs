//! How far a move has come, in a file of the data folder: the next start goes on from there.

use crate::data::{DataError, DataFolder, MOVING};
use crate::ports::store::DatabaseAt;
use rookery_protocol::ids::{Name, RoomKey, RoomKind};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

const VERSION: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A frozen copy of the settled store is made.
    Copy,
    /// Its rooms go into the database.
    Fill,
    /// What came since is read from the journal.
    Follow,
    /// Both stores take everything, and are compared.
    Both,
    /// The two differed, or something is in the way that does not pass.
    Failed,
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    version: u32,
    pub to: DatabaseAt,
    pub phase: Phase,
    /// The keyspace was empty when this folder's move began.
    pub is_ours: bool,
    /// Of the journal: the copy has everything up to here.
    pub position: u64,
    /// In the copy, and taken over of them.
    pub rooms: u64,
    pub filled: u64,
    last: Option<Room>,
    /// Of one that failed.
    pub why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Room {
    realm: String,
    kind: u8,
    name: String,
}

/// The file is not one of ours.
#[derive(Debug)]
pub enum BadProgress {
    Data(DataError),
    Strange(PathBuf, String),
}

impl fmt::Display for BadProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadProgress::Data(error) => write!(f, "{error}"),
            BadProgress::Strange(path, why) => write!(
                f,
                "{}: {why} - remove the folder around it, and the move is forgotten; what it wrote to the database stays there",
                path.display()
            ),
        }
    }
}

fn file() -> String {
    format!("{MOVING}/state")
}

impl Progress {
    /// From the beginning. `before`: what is known of an earlier one.
    pub fn begin(to: &DatabaseAt, before: Option<&Progress>) -> Progress {
        let is_ours = before.is_some_and(|before| before.is_ours && before.to.keyspace == to.keyspace);
        let (position, rooms, filled) = (0, 0, 0);
        Progress {
            version: VERSION,
            to: to.clone(),
            phase: Phase::Copy,
            is_ours,
            position,
            rooms,
            filled,
            last: None,
            why: None,
        }
    }

    pub fn read(data: &DataFolder) -> Result<Option<Progress>, BadProgress> {
        let Some(text) = data.read(&file()).map_err(BadProgress::Data)? else { return Ok(None) };
        let strange = |why: String| BadProgress::Strange(data.path().join(file()), why);
        let progress: Progress = serde_json::from_str(&text).map_err(|error| strange(error.to_string()))?;
        if progress.version == VERSION {
            return Ok(Some(progress));
        }
        Err(strange(format!("of version {}, this program knows {VERSION}", progress.version)))
    }

    pub fn write(&self, data: &DataFolder) -> Result<(), DataError> {
        let path = data.path().join(MOVING);
        std::fs::create_dir_all(&path).map_err(|error| DataError::Io { path, what: "cannot be made", error })?;
        // Nothing in it can fail to be said.
        data.write_durably(&file(), &serde_json::to_string(self).unwrap_or_default())
    }

    /// The next start goes on with it.
    pub fn goes_on(&self) -> bool {
        match self.phase {
            Phase::Copy | Phase::Fill | Phase::Follow | Phase::Both => true,
            Phase::Failed | Phase::Stopped => false,
        }
    }

    /// The last room that was taken over; those behind it follow.
    pub fn last(&self) -> Option<RoomKey> {
        let Room { realm, kind, name } = self.last.as_ref()?;
        let kind = RoomKind::from_number(u64::from(*kind))?;
        Some(RoomKey { realm: Name::new(realm).ok()?, kind, name: Name::new(name).ok()? })
    }

    pub fn reach(&mut self, room: &RoomKey, filled: u64) {
        let RoomKey { realm, kind, name } = room;
        self.last = Some(Room { realm: realm.as_str().to_owned(), kind: *kind as u8, name: name.as_str().to_owned() });
        self.filled = self.filled.saturating_add(filled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> DatabaseAt {
        DatabaseAt {
            nodes: vec!["127.0.0.1:9042".to_owned()],
            keyspace: "rookery".to_owned(),
            datacenter: None,
            replicas: 1,
            user: Some("ann".to_owned()),
            password: None,
        }
    }

    #[test]
    fn it_comes_back_as_it_was_and_nothing_else_is_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataFolder::open(dir.path()).unwrap();
        assert_eq!(Progress::read(&data).unwrap(), None);
        let mut progress = Progress::begin(&args(), None);
        let room = RoomKey {
            realm: Name::new("main").unwrap(),
            kind: RoomKind::Inbox,
            name: Name::new("\u{fc} \"x").unwrap(),
        };
        progress.reach(&room, 7);
        progress.write(&data).unwrap();
        let read = Progress::read(&data).unwrap().unwrap();
        assert_eq!((&read, read.last()), (&progress, Some(room)));
        let path = dir.path().join(file());
        let text = std::fs::read_to_string(&path).unwrap();
        for strange in [&text[..text.len() / 2], "", "{}", &text.replace("\"version\":1", "\"version\":2")] {
            std::fs::write(&path, strange).unwrap();
            assert!(Progress::read(&data).unwrap_err().to_string().contains("remove the folder"), "{strange}");
        }
    }

    #[test]
    fn another_keyspace_is_not_known_to_be_ours() {
        let known = Progress { is_ours: true, ..Progress::begin(&args(), None) };
        assert!(Progress::begin(&args(), Some(&known)).is_ours);
        let other = DatabaseAt { keyspace: "other".to_owned(), ..args() };
        assert!(!Progress::begin(&other, Some(&known)).is_ours);
    }
}
