//! Entries as a journal has them: each knows where it lies.

use rookery_storage::Entry;
use rookery_storage::entry::encode;
use rookery_storage::journal::{self, Journal, Listener, RealDisk, Written};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

struct Ear(Mutex<Sender<Written>>);

impl Listener for Ear {
    fn written(&self, results: &mut Vec<Written>) {
        let told = self.0.lock().unwrap();
        results.drain(..).for_each(|one| told.send(one).unwrap());
    }
}

/// Writes entries, whose positions rise from 1, to a journal of small segments. It keeps them all as long as it lives.
pub fn write<'a>(folder: &Path, entries: impl Iterator<Item = &'a mut Entry>) -> Journal {
    let (tell, told) = channel();
    let options = journal::Options { segment_bytes: 64 << 10, ..journal::Options::new(folder.join("journal")) };
    let ears: Vec<Arc<dyn Listener>> = vec![Arc::new(Ear(Mutex::new(tell)))];
    let (journal, _) = Journal::open(options, Arc::new(RealDisk), ears).unwrap();
    let intake = journal.intake();
    for entry in entries {
        let mut bytes = Vec::new();
        encode(&entry.batch, &mut bytes);
        intake.append(0, entry.position.0, bytes).unwrap();
        let written = told.recv().unwrap();
        assert_eq!(written.result, Ok(entry.position));
        entry.spot = written.spot;
    }
    journal
}
