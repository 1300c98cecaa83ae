//! What systemd is told where it started the node (`Type=notify`): ready, reading again, stopping; and, where it watches
//! (`WatchdogSec=`), every now and then that all shards turn, so that a node that hangs is started again.

use crate::health::Health;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// None: somebody else started it, and nobody is told.
pub struct Manager(Option<Line>);

struct Line {
    socket: UnixDatagram,
    manager: SocketAddr,
    watchdog: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Ready,
    Reloading,
    Stopping,
}

impl Manager {
    pub fn of_environment() -> Manager {
        let word = |name| std::env::var(name).ok();
        let line = word("NOTIFY_SOCKET").and_then(|name| match line(&name) {
            Ok(line) => Some(line),
            Err(error) => {
                tracing::warn!(event = "manager_not_told", socket = name, %error);
                None
            }
        });
        let is_for_us = word("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let microseconds = word("WATCHDOG_USEC").and_then(|text| text.parse().ok()).filter(|time| *time > 0);
        let watchdog = microseconds.filter(|_| is_for_us).map(Duration::from_micros);
        Manager(line.map(|line| Line { watchdog, ..line }))
    }

    pub fn tell(&self, stage: Stage) {
        let Some(line) = &self.0 else { return };
        line.say(&match stage {
            Stage::Ready => "READY=1".to_owned(),
            // With the time, it knows which end of a reading belongs to which beginning.
            Stage::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic()),
            Stage::Stopping => "STOPPING=1".to_owned(),
        });
    }

    /// Says that the node lives for as long as it does, twice in the time within which it has to be said.
    pub fn keep_telling(&self, health: &Arc<Health>) -> std::io::Result<()> {
        let Some((line, watchdog)) = self.0.as_ref().and_then(|line| Some((line, line.watchdog?))) else {
            return Ok(());
        };
        let line = Line { socket: line.socket.try_clone()?, manager: line.manager.clone(), watchdog: None };
        let health = health.clone();
        let tell = move || {
            loop {
                // Shards that have ended in order do not turn either; how long stopping may take is watched elsewhere.
                if health.is_stopping() || health.is_alive() {
                    line.say("WATCHDOG=1");
                }
                std::thread::sleep(watchdog / 2);
            }
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(tell)?;
        Ok(())
    }
}

impl Line {
    /// Whoever does not listen has decided to. Nothing waits: a manager that hangs must not stop a node.
    fn say(&self, text: &str) {
        if let Err(error) = self.socket.send_to_addr(text.as_bytes(), &self.manager) {
            tracing::debug!(event = "manager_does_not_listen", %error);
        }
    }
}

/// A path, or a name without one behind an `@`.
fn line(name: &str) -> std::io::Result<Line> {
    let manager = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(Line { socket, manager, watchdog: None })
}

fn monotonic() -> i128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Clock;
    use crate::shard::cell::ShardCounters;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_shard_that_hangs_is_no_sign_of_life_but_one_that_has_ended_is() {
        let name = format!("rookery-manager-{}", std::process::id());
        let heard = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let watchdog = Some(Duration::from_millis(10));
        let manager = Manager(Some(Line { watchdog, ..line(&format!("@{name}")).unwrap() }));
        let shards: Arc<[Arc<ShardCounters>]> = Arc::new([Arc::default()]);
        let turns = |at| shards[0].turned_at.store(at, Ordering::Relaxed);
        turns(u64::MAX);
        let health = Health::new(&Clock::default(), shards.clone(), None);
        manager.keep_telling(&health).unwrap();
        let lives = |within| {
            heard.set_read_timeout(Some(within)).unwrap();
            let mut space = [0; 64];
            let count = heard.recv(&mut space).unwrap_or(0);
            &space[..count] == b"WATCHDOG=1"
        };
        let (soon, long) = (Duration::from_secs(1), Duration::from_secs(20));
        assert!(lives(long) && lives(long));
        // From the beginning of its clock on, it has not turned.
        turns(0);
        let silent = (0..10_000).any(|_| !lives(soon));
        assert!(silent, "it still lives");
        turns(u64::MAX);
        assert!(lives(long));
        turns(0);
        assert!((0..10_000).any(|_| !lives(soon)), "it still lives");
        health.stop();
        assert!(lives(long));
    }
}
