//! How much memory there is for the node: the machine's, or less where its container says so.

use std::path::Path;

/// Where nobody can tell: little, which is safe.
const UNKNOWN: u64 = 1 << 30;

pub fn of_this_node() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine(&text));
    let container = std::fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| container(&text));
    machine.into_iter().chain(container).min().unwrap_or(UNKNOWN)
}

fn machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The least of what its group and those above it may have (control groups, version 2).
fn container(groups: &str) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let paths = Path::new("/sys/fs/cgroup").join(group);
    let limits = paths.ancestors().filter_map(|at| std::fs::read_to_string(at.join("memory.max")).ok());
    limits.filter_map(|text| text.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(machine("MemTotal:       16000000 kB\nMemFree: 1 kB\n"), Some(16_384_000_000));
        assert_eq!(machine("MemFree: 1 kB\n"), None);
        assert_eq!(container("12:cpu:/x\n"), None);
        assert!(of_this_node() > 1 << 20);
    }
}
