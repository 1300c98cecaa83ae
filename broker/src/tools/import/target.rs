//! The folder that rooms are taken into: a node's store, journal and all, without a node.

use crate::data::{DataFolder, JOURNAL, STORE};
use crate::exit::Exit;
use crate::start::Failure;
use crate::tools::{failure, not_open};
use rookery_storage::ask::Ask;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{Options, Persistent, Reader, ShardStore};
use rookery_storage::{Batch, Completion, Fault, Outcome, Settled, Store, Ticket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the store may take to settle what it has.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Target {
    data: DataFolder,
    persistent: Persistent,
    shard: ShardStore,
    reader: Reader,
    pub embedded: Arc<Embedded>,
    tickets: u64,
}

impl Target {
    pub fn open(path: &Path) -> Result<Target, Failure> {
        let data = DataFolder::open(path).map_err(not_open)?;
        let bad = |error: &dyn std::fmt::Display| {
            failure(
                Exit::Disk,
                format!("{}: {error} - `rookery store verify` says all that is damaged", path.display()),
            )
        };
        let embedded = Embedded::open(&path.join(STORE), &EmbeddedOptions::default()).map_err(|fault| bad(&fault))?;
        let embedded = Arc::new(embedded);
        let again = Arc::clone(&embedded);
        // Opened once: should it fail, so does the import, which can be made again.
        let open_settled = move || Ok(Arc::clone(&again) as Arc<dyn Settled>);
        let options = Options::new(journal::Options::new(path.join(JOURNAL)));
        let persistent = Persistent::open(options, Arc::new(RealDisk), Box::new(open_settled), vec![Box::new(|| ())]);
        let persistent = persistent.map_err(|error| bad(&error))?;
        let shard = persistent.shard(0).ok_or_else(|| Failure::system("a store without a shard"))?;
        let reader = persistent.reader();
        Ok(Target { data, persistent, shard, reader, embedded, tickets: 0 })
    }

    /// Writes a batch, and waits until it is on the disk.
    pub fn write(&mut self, batch: Batch) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.shard.window() < 2 * batch.cost() {
            if begun.elapsed() > PATIENCE {
                return Err(failure(
                    Exit::Disk,
                    "the store takes nothing more - see whether the disk is full, and run it again",
                ));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.shard.submit(batch, ticket);
        let reach = self.shard.reach();
        let mut done = Vec::new();
        loop {
            self.shard.poll(&mut done);
            for Completion { outcome, .. } in done.drain(..) {
                let Outcome::Stored(level) = outcome else {
                    return Err(failure(Exit::Disk, format!("the store does not take it: {outcome:?} - run it again")));
                };
                if level >= reach {
                    return Ok(());
                }
            }
            std::thread::yield_now();
        }
    }

    pub fn ask(&self, ask: &Ask) -> Result<Outcome, Fault> {
        self.reader.answer(ask)
    }

    /// `epoch`: the highest that was taken in. The next start numbers above it, whatever its clock says.
    pub fn close(self, epoch: u64) -> Result<(), Failure> {
        drop(self.shard);
        self.persistent.close();
        self.data.next_run(epoch).map(drop).map_err(Failure::system)
    }
}
