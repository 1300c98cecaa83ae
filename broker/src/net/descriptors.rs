//! The kernel's table of open files, grown before anybody is served.
//!
//! It doubles when it is full, and in a process of several threads whoever opens the file that no longer fits waits until
//! every core has passed a point of rest: 4–14 ms in which a shard that accepts stands still. So it is made large while
//! nobody waits. A table once grown stays.

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, getrlimit};

/// Beyond these it grows as it did: 8 bytes of kernel memory each.
const ENOUGH: u64 = 65_536;

/// As large as the process may use, up to what is enough.
///
/// # Errors
/// What the kernel says; everything works without, with those pauses.
pub fn make_room() -> Result<(), Errno> {
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH).min(ENOUGH);
    let last = i32::try_from(allowed.saturating_sub(1)).unwrap_or(i32::MAX);
    fcntl_dupfd_cloexec(std::io::stderr(), last).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_as_large_as_it_may_be() {
        make_room().unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap().trim().parse::<u64>().unwrap();
        assert!(size >= getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH).min(ENOUGH), "{size}");
    }
}
