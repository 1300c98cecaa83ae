//! Two settled stores that are kept alike, as long as a node moves from one to the other: both take every entry, the old
//! one answers.
//!
//! The new one may go away: it is lost then, and the old one goes on alone, as if it had never had company. Whoever moves
//! sees that, and begins to follow again where the new one was synced.

use crate::answer::{Outcome, Trimmed};
use crate::ask::{Ask, Position};
use crate::settled::{Entry, Fault, Settled};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

pub struct Both {
    pub old: Arc<dyn Settled>,
    pub new: Arc<dyn Settled>,
    lost: Mutex<Option<Fault>>,
}

impl Both {
    /// What the new one lacks of what the old one has is handed over again: entries that one has it passes over.
    pub fn new(old: Arc<dyn Settled>, new: Arc<dyn Settled>) -> Both {
        Both { old, new, lost: Mutex::new(None) }
    }

    /// Why the new one has not got everything any more.
    pub fn lost(&self) -> Option<Fault> {
        self.lost.lock().clone()
    }

    fn is_whole(&self) -> bool {
        self.lost.lock().is_none()
    }

    fn lose(&self, fault: Fault) {
        let mut lost = self.lost.lock();
        if lost.is_none() {
            tracing::warn!(event = "new_store_lost", %fault);
            *lost = Some(fault);
        }
    }
}

impl Settled for Both {
    /// After a fault of the old one the new one has not got what was applied: the same entries are handed over again.
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        if !self.is_whole() {
            return self.old.apply(entries);
        }
        self.old.apply(entries.clone())?;
        // What does not fit the new one is lost with it: the old one has taken it.
        self.new.apply(entries).unwrap_or_else(|fault| self.lose(fault));
        Ok(())
    }

    fn watermark(&self) -> Position {
        let old = self.old.watermark();
        if self.is_whole() { old.min(self.new.watermark()) } else { old }
    }

    fn sync(&self, watermark: Position) -> Result<(), Fault> {
        self.old.sync(watermark)?;
        if self.is_whole() {
            self.new.sync(watermark).unwrap_or_else(|fault| self.lose(fault));
        }
        Ok(())
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        // A trim that only one of them carries out would make them differ for good.
        if let Ask::Trim { .. } = ask {
            return Ok(Outcome::Trimmed(Trimmed::default()));
        }
        self.old.answer(ask)
    }

    fn copy_to(&self, folder: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<Position, Fault> {
        self.old.copy_to(folder, progress)
    }

    fn compact(&self) -> Result<(), Fault> {
        self.old.compact()
    }
}
