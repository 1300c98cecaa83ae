//! `rookery store compact`: what was deleted, erased, edited or trimmed is in no file any more.

use super::{failure, not_open};
use crate::control::{self, Request};
use crate::data::{DataError, DataFolder, JOURNAL, STORE};
use crate::exit::Exit;
use crate::start::Failure;
use rookery_storage::Settled;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{Options, Persistent};
use std::path::Path;
use std::sync::Arc;

pub fn run(data: &Path) -> Result<(), Failure> {
    match DataFolder::existing(data) {
        Ok(folder) => alone(&folder)?,
        Err(DataError::Busy(path)) => control::ask(&path, &Request::Compact, &mut |_| ())?,
        Err(other) => return Err(not_open(other)),
    }
    println!("compacted: what was deleted is in no file of {}", data.display());
    Ok(())
}

fn alone(folder: &DataFolder) -> Result<(), Failure> {
    let bad = |error: &dyn std::fmt::Display| failure(Exit::Disk, format!("{}: {error}", folder.path().display()));
    let store = folder.path().join(STORE);
    let open = move || {
        let embedded = Embedded::open(&store, &EmbeddedOptions::default())?;
        Ok(Arc::new(embedded) as Arc<dyn Settled>)
    };
    let options = Options::new(journal::Options::new(folder.path().join(JOURNAL)));
    let persistent = Persistent::open(options, Arc::new(RealDisk), Box::new(open), Vec::new());
    let persistent = persistent.map_err(|error| bad(&error))?;
    let done = persistent.reader().compact();
    persistent.close();
    done.map_err(|fault| bad(&fault))
}
