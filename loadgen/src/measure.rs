//! What a process costs: CPU time and private memory, read from outside.

use std::io;
use std::time::{Duration, Instant};

use crate::sys;

/// CPU of both sides at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    at: Instant,
    server: Option<Duration>,
    driver: Duration,
}

/// CPU of both sides between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    pub wall: Duration,
    pub server: Option<Duration>,
    pub driver: Duration,
}

impl Reading {
    pub fn take(server_pid: Option<u32>) -> io::Result<Reading> {
        let server = server_pid.map(sys::process_cpu).transpose()?;
        Ok(Reading { at: Instant::now(), server, driver: sys::process_cpu(std::process::id())? })
    }

    pub fn since(&self, earlier: &Reading) -> Spent {
        let server = self.server.zip(earlier.server).map(|(now, then)| now.saturating_sub(then));
        Spent { wall: self.at - earlier.at, server, driver: self.driver.saturating_sub(earlier.driver) }
    }
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
    fn private_memory_is_read_from_a_status_page_and_from_a_live_process() {
        let page = "Name:\tx\nVmRSS:\t 900 kB\nRssAnon:\t     100 kB\nRssFile:\t 700 kB\nRssShmem:\t       5 kB\n";
        assert_eq!(parse_private_memory(page), Some(105 * 1024));
        assert_eq!(parse_private_memory("Name:\tx\n"), None);
        assert!(private_memory(std::process::id()).unwrap() > 100_000);
    }
}
