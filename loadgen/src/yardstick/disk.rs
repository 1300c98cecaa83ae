//! What the store asks of the disk, without the store: entries appended and synced, one after the other, on the driver's core.
//!
//! Where a machine has two cores, a store that is not on the shard's core shares the driver's, and every wait of the driver
//! costs the shard: it finds less to send at a time. The memory model beside this pays that, too; what is left is the store.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::sys;

/// About what a group of posts has when one follows the other as fast as the disk lets them.
const GROUP: usize = 4096;

/// Goes on until it is dropped.
pub struct DiskWork {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl DiskWork {
    pub fn begin(folder: &Path, core: &[usize]) -> io::Result<DiskWork> {
        let mut file = File::create(folder.join("disk-work"))?;
        let over = Arc::new(AtomicBool::new(false));
        let (told, core) = (over.clone(), core.to_vec());
        let work = move || {
            sys::pin_to(&core)?;
            let group = [b'x'; GROUP];
            while !told.load(Ordering::Relaxed) {
                file.write_all(&group)?;
                file.sync_data()?;
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("disk-work".to_owned()).spawn(work)?;
        Ok(DiskWork { over, thread: Some(thread) })
    }
}

impl Drop for DiskWork {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("the disk's work ended early: {error}");
        }
    }
}
