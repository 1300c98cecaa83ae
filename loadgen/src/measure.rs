//! What a process costs: CPU time and private memory, read from outside.

use std::io;
use std::time::{Duration, Instant};

use crate::sys;

/// CPU of both sides at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    at: Instant,
    server: Option<Duration>,
    shards: Option<Duration>,
    driver: Duration,
    machine: Option<Machine>,
}

/// CPU of the whole machine since it was started, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Machine {
    all: u64,
    /// Given to other machines on the same hardware while this one wanted it.
    stolen: u64,
}

/// CPU of both sides between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    pub wall: Duration,
    pub server: Option<Duration>,
    /// Of the server's threads that are shards, where it has any.
    pub shards: Option<Duration>,
    pub driver: Duration,
    /// What other machines on the same hardware took of this one's CPU.
    pub stolen: Option<f64>,
}

impl Reading {
    pub fn take(server_pid: Option<u32>) -> io::Result<Reading> {
        let server = server_pid.map(sys::process_cpu).transpose()?;
        let shards = server_pid.and_then(shard_cpu);
        let machine = std::fs::read_to_string("/proc/stat").ok().and_then(|page| parse_machine(&page));
        Ok(Reading { at: Instant::now(), server, shards, driver: sys::process_cpu(std::process::id())?, machine })
    }

    pub fn since(&self, earlier: &Reading) -> Spent {
        let spent = |now: Option<Duration>, then| now.zip(then).map(|(now, then)| now.saturating_sub(then));
        let (server, shards) = (spent(self.server, earlier.server), spent(self.shards, earlier.shards));
        let driver = self.driver.saturating_sub(earlier.driver);
        let stolen = self.machine.zip(earlier.machine).and_then(|(now, then)| now.stolen_since(then));
        Spent { wall: self.at - earlier.at, server, shards, driver, stolen }
    }
}

impl Machine {
    /// The share of it. None: no tick has passed.
    fn stolen_since(self, then: Machine) -> Option<f64> {
        let all = self.all.checked_sub(then.all).filter(|ticks| *ticks > 0)?;
        Some(self.stolen.saturating_sub(then.stolen) as f64 / all as f64)
    }
}

/// From `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests are part of the first two.
fn parse_machine(page: &str) -> Option<Machine> {
    let line = page.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
    Some(Machine { all: ticks.iter().sum(), stolen: *ticks.get(7)? })
}

/// The threads of a process with their names.
pub fn threads(pid: u32) -> io::Result<Vec<(u32, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let entry = entry?;
        let Some(thread) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that has ended meanwhile has no name any more.
        if let Ok(name) = std::fs::read_to_string(entry.path().join("comm")) {
            found.push((thread, name.trim().to_owned()));
        }
    }
    Ok(found)
}

pub fn is_shard(name: &str) -> bool {
    name.starts_with("shard-")
}

/// None: it has no shards, as a floor.
fn shard_cpu(pid: u32) -> Option<Duration> {
    let shards = threads(pid).ok()?.into_iter().filter(|(_, name)| is_shard(name));
    let times: Vec<u64> = shards
        .filter_map(|(thread, _)| {
            let page = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
            page.split(' ').next()?.parse().ok()
        })
        .collect();
    (!times.is_empty()).then(|| Duration::from_nanos(times.iter().sum()))
}

/// Bytes of memory that belong to this process alone: anonymous and shared-anonymous pages in RAM, no mapped files.
pub fn private_memory(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse_private_memory(&status).ok_or_else(|| io::Error::other("/proc status without RssAnon"))
}

fn parse_private_memory(status: &str) -> Option<u64> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    Some((kib("RssAnon:")? + kib("RssShmem:").unwrap_or(0)) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_shards_is_told_from_that_of_others() {
        assert_eq!(shard_cpu(std::process::id()), None);
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let shard = std::thread::Builder::new().name("shard-0".to_owned()).spawn(move || {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(20) {}
            stopped.recv().is_err()
        });
        let reading = || Reading::take(Some(std::process::id())).unwrap();
        let before = reading();
        while reading().shards < Some(Duration::from_millis(5)) {}
        let spent = reading().since(&before);
        assert!(spent.shards.unwrap_or_default() <= spent.server.unwrap() + Duration::from_millis(50), "{spent:?}");
        drop(stop);
        assert!(shard.unwrap().join().unwrap());
    }

    #[test]
    fn what_other_machines_took_is_read_from_a_page() {
        let then = parse_machine("cpu  100 5 50 800 10 0 5 30 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n").unwrap();
        assert_eq!(then, Machine { all: 1000, stolen: 30 });
        let now = parse_machine("cpu  150 5 60 810 10 0 5 60 7 7\n").unwrap();
        assert_eq!((now.stolen_since(then), then.stolen_since(then)), (Some(0.3), None));
        assert_eq!(parse_machine("cpu  1 2 3 4 5\n"), None, "a kernel that does not say");
        assert!(parse_machine(&std::fs::read_to_string("/proc/stat").unwrap()).is_some());
    }

    #[test]
    fn private_memory_is_read_from_a_status_page_and_from_a_live_process() {
        let page = "Name:\tx\nVmRSS:\t 900 kB\nRssAnon:\t     100 kB\nRssFile:\t 700 kB\nRssShmem:\t       5 kB\n";
        assert_eq!(parse_private_memory(page), Some(105 * 1024));
        assert_eq!(parse_private_memory("Name:\tx\n"), None);
        assert!(private_memory(std::process::id()).unwrap() > 100_000);
    }
}
