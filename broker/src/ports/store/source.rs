//! Where the history of a node with an embedded store is: in its folder, until it was moved to a database.

use super::scylla::Database;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::settled::{Fault, Settled};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub struct Source {
    folder: PathBuf,
    database: Mutex<Option<Arc<Database>>>,
}

impl Source {
    pub fn new(folder: PathBuf) -> Arc<Source> {
        Arc::new(Source { folder, database: Mutex::new(None) })
    }

    /// The settled store, at the start and after each of its failures.
    pub fn open(&self) -> Result<Arc<dyn Settled>, Fault> {
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match database {
            Some(database) => Ok(database.open()?),
            None => Ok(Arc::new(Embedded::open(&self.folder, &EmbeddedOptions::default())?)),
        }
    }

    /// From now on it is the database.
    pub fn moved_to(&self, database: Arc<Database>) {
        *self.database.lock().unwrap_or_else(PoisonError::into_inner) = Some(database);
    }
}
