//! How a node ends: told to by a signal, or because a shard is gone and half a node is none.

use crate::exit::Exit;
use crate::shard::cell::{Doors, Mail};
use crate::shard::thread::Ending;
use crate::start::Failure;
use rookery_protocol::errors::DropReason;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;

/// What a faulty node may still take to say goodbye.
const AFTER_FAULT: Duration = Duration::from_secs(5);

/// Signals are heard from here on.
pub struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Before anybody is told that the node runs: whoever knows may tell it to stop.
    pub fn hear() -> Result<Signals, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::system)?;
        let hear = |kind| {
            let _within = runtime.enter();
            signal(kind).map_err(Failure::system)
        };
        let (interrupt, terminate) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
        let hangup = hear(SignalKind::hangup())?;
        Ok(Signals { runtime, interrupt, terminate, hangup })
    }
}

/// Waits for the end, and sees it through in order. `last_words`: how long connections may take to read that it is.
/// `again`: what is configured is to be read again. `going`: it has begun, and nobody was sent away yet.
pub fn wait(
    signals: Signals,
    doors: Doors,
    threads: Vec<JoinHandle<()>>,
    mut endings: UnboundedReceiver<Ending>,
    last_words: Duration,
    mut again: impl FnMut(),
    going: impl FnOnce(),
) -> Result<(), Failure> {
    let Signals { runtime, mut interrupt, mut terminate, mut hangup } = signals;
    let fault = runtime.block_on(async {
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
        match fault {
            None => tell(&doors, last_words, DropReason::Draining),
            Some(_) => tell(&doors, Duration::ZERO, DropReason::Internal),
        }
        let deadline = tokio::time::Instant::now() + AFTER_FAULT;
        while left > 0 {
            tokio::select! {
                ending = endings.recv() => match ending {
                    Some(Ending::Over { .. }) => left -= 1,
                    Some(ending) => fault = fault.or(at_fault(&ending)),
                    None => break,
                },
                // The second signal hurries.
                _ = interrupt.recv() => tell(&doors, Duration::ZERO, DropReason::Draining),
                _ = terminate.recv() => tell(&doors, Duration::ZERO, DropReason::Draining),
                () = tokio::time::sleep_until(deadline), if fault.is_some() => break,
            }
        }
        fault
    });
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
            status: Exit::Fault,
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

fn tell(doors: &Doors, last_words: Duration, why: DropReason) {
    for door in doors.iter() {
        // A full control lane is that of a shard which does not turn: it will not drain either.
        if door.control.try_send(Mail::Drain { last_words, why }, 0).is_err() {
            tracing::error!(event = "shard_does_not_listen");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::cell;
    use rookery_engine::message::ShardId;

    #[test]
    fn a_node_at_fault_tells_everybody_so_and_ends_with_the_status_of_a_fault() {
        for ending in [Ending::Fault { shard: ShardId(1) }, Ending::StoreFault { thread: "journal" }] {
            let (doors, mut mailboxes): (Vec<_>, Vec<_>) = (0..2).map(|_| cell::door()).unzip();
            let (said, endings) = tokio::sync::mpsc::unbounded_channel();
            said.send(ending).unwrap();
            let mut is_going = false;
            let signals = Signals::hear().unwrap();
            let (patience, going) = (Duration::from_secs(60), || is_going = true);
            let failure = wait(signals, doors.into(), Vec::new(), endings, patience, || {}, going).unwrap_err();
            assert_eq!(failure.status, Exit::Fault);
            assert!(failure.message.contains("shard 1") || failure.message.contains("journal"), "{failure:?}");
            assert!(is_going);
            for mailbox in &mut mailboxes {
                let mut told = Vec::new();
                mailbox.drain(8, |mail| {
                    if let Mail::Drain { last_words, why } = mail {
                        told.push((last_words, why));
                    }
                });
                assert_eq!(told, [(Duration::ZERO, DropReason::Internal)]);
            }
        }
    }
}
