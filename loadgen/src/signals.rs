//! Ctrl-C and SIGTERM: whoever stops a run still wants to know what it has found.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static HEARD: AtomicU32 = AtomicU32::new(0);

/// The first ends the window, the second the run; whoever still asks does not want to wait for either.
const AT_ONCE: u32 = 3;

/// What a shell says of a program that was ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// From now on they are counted, and only the third ends the program by itself.
pub fn listen() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let count = move || {
        for _ in signals.forever() {
            if HEARD.fetch_add(1, Ordering::Relaxed) + 1 >= AT_ONCE {
                std::process::exit(INTERRUPTED);
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(count).map(drop)
}

/// How many have come.
pub fn heard() -> u32 {
    HEARD.load(Ordering::Relaxed)
}
