//! How a node ends: told to by a signal, or because a shard is gone and half a node is none.

use crate::shard::cell::{Doors, Mail};
use crate::shard::thread::Ending;
use crate::start::Failure;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;

/// What a faulty node may still take to say goodbye.
const AFTER_FAULT: Duration = Duration::from_secs(5);

/// Waits for the end, and sees it through in order. `last_words`: how long connections may take to read that it is.
/// `again`: what is configured is to be read again. `going`: it has begun, and nobody was sent away yet.
pub fn wait(
    doors: Doors,
    threads: Vec<JoinHandle<()>>,
    mut endings: UnboundedReceiver<Ending>,
    last_words: Duration,
    mut again: impl FnMut(),
    going: impl FnOnce(),
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::system)?;
    let fault = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::system)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::system)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(Failure::system)?;
        let mut left = threads.len();
        let mut fault = None;
        loop {
            tokio::select! {
                _ = hangup.recv() => { again(); continue; }
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                // A thread that is over before anybody asked is a fault as well.
                ending = endings.recv() => match ending {
                    Some(Ending::Over { shard }) => {
                        left -= 1;
                        fault = Some(format!("shard {}", shard.0));
                    }
                    Some(ending) => fault = at_fault(&ending),
                    None => {}
                },
            }
            break;
        }
        going();
        tell(&doors, if fault.is_some() { Duration::ZERO } else { last_words });
        let deadline = tokio::time::Instant::now() + AFTER_FAULT;
        while left > 0 {
            tokio::select! {
                ending = endings.recv() => match ending {
                    Some(Ending::Over { .. }) => left -= 1,
                    Some(ending) => fault = fault.or(at_fault(&ending)),
                    None => break,
                },
                // The second signal hurries.
                _ = interrupt.recv() => tell(&doors, Duration::ZERO),
                _ = terminate.recv() => tell(&doors, Duration::ZERO),
                () = tokio::time::sleep_until(deadline), if fault.is_some() => break,
            }
        }
        Ok::<_, Failure>(fault)
    })?;
    match fault {
        None => {
            for thread in threads {
                // What it had to report, it has.
                let _ = thread.join();
            }
            Ok(())
        }
        // Threads that hang are not waited for: the process ends with what was said.
        Some(who) => Err(Failure {
            message: format!("{who} met a fault of its own; the node was taken down in order"),
            status: FAULT,
        }),
    }
}

fn at_fault(ending: &Ending) -> Option<String> {
    match ending {
        Ending::Fault { shard } => Some(format!("shard {}", shard.0)),
        Ending::StoreFault { thread } => Some(format!("the store's thread `{thread}`")),
        Ending::Over { .. } => None,
    }
}

/// `EX_SOFTWARE`: a fault of ours.
const FAULT: u8 = 70;

fn tell(doors: &Doors, last_words: Duration) {
    for door in doors.iter() {
        // A full control lane is that of a shard which does not turn: it will not drain either.
        if door.control.try_send(Mail::Drain { last_words }, 0).is_err() {
            tracing::error!(event = "shard_does_not_listen");
        }
    }
}
