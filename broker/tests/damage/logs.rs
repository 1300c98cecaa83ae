//! What the storage logs, in this process.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

static SAID: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Ear;

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        SAID.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// For the whole process: the storage's threads speak, too.
pub fn listen() {
    let spoken = tracing_subscriber::fmt().with_env_filter("info,lsm_tree=warn").with_ansi(false).with_writer(|| Ear);
    spoken.init();
    // What a caught panic says would bury everything else.
    std::panic::set_hook(Box::new(|panic| {
        let on_a_test = std::thread::current().name().is_some_and(|name| name.contains("nothing_wrong"));
        if on_a_test {
            eprintln!("{panic}");
        }
    }));
}

/// What was said since the last call.
pub fn take() -> String {
    String::from_utf8_lossy(&std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner))).into_owned()
}
