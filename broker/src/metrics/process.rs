//! What the system knows of this process.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What could not be read is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    pub cpu_micros: Option<u64>,
    pub resident_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
}

impl Process {
    pub fn now() -> Process {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| -> Option<u64> {
            let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
            rest.split_whitespace().next()?.parse().ok()
        };
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let micros = |seconds: i64, nanos: i64| u64::try_from(seconds * 1_000_000 + nanos / 1_000).ok();
        Process {
            cpu_micros: micros(cpu.tv_sec, cpu.tv_nsec),
            resident_bytes: field("VmRSS:").map(|kib| kib * 1024),
            threads: field("Threads:"),
            open_fds: open_fds(),
            max_fds: getrlimit(Resource::Nofile).current,
        }
    }
}

/// A hundred thousand connections are as many entries to go through: kernels since 6.2 have the number at hand.
fn open_fds() -> Option<u64> {
    let folder = Path::new("/proc/self/fd");
    match std::fs::metadata(folder).map_or(0, |folder| folder.len()) {
        // Less the one that the listing itself needs.
        0 => std::fs::read_dir(folder).ok().map(|entries| (entries.count() as u64).saturating_sub(1)),
        count => Some(count),
    }
}

/// Microseconds since 1970.
pub fn started_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_all_of_it() {
        let before = Process::now();
        let held: Vec<_> = (0..16).map(|_| std::fs::File::open("/proc/self/status").unwrap()).collect();
        let now = Process::now();
        let Process { cpu_micros, resident_bytes, threads, open_fds, max_fds } = now;
        assert!(resident_bytes.unwrap() > 1 << 20, "{now:?}");
        assert!(cpu_micros.unwrap() > 0 && threads.unwrap() > 0, "{now:?}");
        // Other tests open and close files meanwhile, a few of them.
        assert!(open_fds.unwrap() + 8 >= before.open_fds.unwrap() + held.len() as u64, "{before:?} {now:?}");
        assert!(max_fds.unwrap() >= open_fds.unwrap(), "{now:?}");
    }
}
