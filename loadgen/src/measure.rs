//! What a process costs: CPU time and private memory, read from outside.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::record::Environment;
use crate::sys;

/// What the threads of a load are called, with a number behind it.
pub const DRIVER_THREAD: &str = "load-";

/// CPU and memory of both sides at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    at: Instant,
    server: Option<Cpu>,
    server_memory: Option<u64>,
    shards: Option<Duration>,
    driver: Cpu,
    /// Of each of the load's threads.
    threads: Vec<(u32, Duration)>,
    machine: Option<Machine>,
}

/// CPU time of a process: all of it to the nanosecond, and which part was its own code's.
#[derive(Clone, Copy, Debug)]
struct Cpu {
    all: Duration,
    user: Duration,
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
    /// Of the server's time, what it spent outside the kernel.
    pub server_user: Duration,
    /// Of the server's threads that are shards, where it has any.
    pub shards: Option<Duration>,
    pub driver: Duration,
    pub driver_user: Duration,
    /// Of the load's busiest thread.
    pub busiest: Duration,
    /// What other machines on the same hardware took of this one's CPU.
    pub stolen: Option<f64>,
}

impl Reading {
    pub fn take(server_pid: Option<u32>) -> io::Result<Reading> {
        let own = std::process::id();
        Ok(Reading {
            at: Instant::now(),
            server: server_pid.map(Cpu::of).transpose()?,
            server_memory: server_pid.map(private_memory).transpose()?,
            shards: server_pid.and_then(shard_cpu),
            driver: Cpu::of(own)?,
            threads: threads_cpu(own, |name| name.starts_with(DRIVER_THREAD)),
            machine: std::fs::read_to_string("/proc/stat").ok().and_then(|page| parse_machine(&page)),
        })
    }

    pub fn server_memory(&self) -> Option<u64> {
        self.server_memory
    }

    pub fn since(&self, earlier: &Reading) -> Spent {
        let server = self.server.zip(earlier.server).map(|(now, then)| now.since(then));
        let shards = self.shards.zip(earlier.shards).map(|(now, then)| now.saturating_sub(then));
        let driver = self.driver.since(earlier.driver);
        let before = |thread: u32| earlier.threads.iter().find(|(other, _)| *other == thread).map(|(_, cpu)| *cpu);
        let busy = self.threads.iter().map(|(thread, cpu)| cpu.saturating_sub(before(*thread).unwrap_or_default()));
        Spent {
            wall: self.at - earlier.at,
            server: server.map(|server| server.all),
            server_user: server.map_or(Duration::ZERO, |server| server.user),
            shards,
            driver: driver.all,
            driver_user: driver.user,
            busiest: busy.max().unwrap_or(driver.all),
            stolen: self.machine.zip(earlier.machine).and_then(|(now, then)| now.stolen_since(then)),
        }
    }
}

impl Cpu {
    fn of(pid: u32) -> io::Result<Cpu> {
        let all = sys::process_cpu(pid)?;
        let (user, system) = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .ok()
            .and_then(|page| parse_ticks(&page))
            .ok_or_else(|| io::Error::other("/proc stat without times"))?;
        // The kernel counts the two in ticks; the sum is known better.
        Ok(Cpu { all, user: all.mul_f64(user as f64 / (user + system).max(1) as f64) })
    }

    fn since(self, then: Cpu) -> Cpu {
        Cpu { all: self.all.saturating_sub(then.all), user: self.user.saturating_sub(then.user) }
    }
}

/// User and system ticks of a process, from its `stat` page: the name before them may hold anything but a last bracket.
fn parse_ticks(page: &str) -> Option<(u64, u64)> {
    let (_, rest) = page.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Milliseconds since 1970.
pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
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
    let shards = threads_cpu(pid, is_shard);
    (!shards.is_empty()).then(|| shards.iter().map(|(_, cpu)| *cpu).sum())
}

fn threads_cpu(pid: u32, wanted: impl Fn(&str) -> bool) -> Vec<(u32, Duration)> {
    let all = threads(pid).unwrap_or_default();
    all.into_iter()
        .filter(|(_, name)| wanted(name))
        .filter_map(|(thread, _)| {
            let page = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
            Some((thread, Duration::from_nanos(page.split(' ').next()?.parse().ok()?)))
        })
        .collect()
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

/// What the machine is, for a record.
pub fn environment(driver_cores: &[usize]) -> Environment {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after = |page: &str, name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
    };
    let memory = after(&read("/proc/meminfo"), "MemTotal").and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
    Environment {
        cpu: after(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u32),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        memory_bytes: memory.unwrap_or(0) * 1024,
        driver_cores: driver_cores.iter().map(|&core| core as u32).collect(),
    }
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
    fn user_and_system_time_are_found_behind_any_name() {
        let page = "42 (a) b) c) S 1 42 42 0 -1 4194560 100 0 0 0 77 33 0 0 20 0 1 0 5 1 1";
        assert_eq!(parse_ticks(page), Some((77, 33)));
        let own = std::fs::read_to_string("/proc/self/stat").unwrap();
        assert!(parse_ticks(&own).is_some());
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
