//! The only door to raw kernel calls: epoll, accept, timers, CPU pinning and clocks, the descriptor limit.
//!
//! Everything here is a thin safe wrapper; each `unsafe` block is one foreign call whose arguments are
//! owned by the caller's stack frame for the whole call. Sockets themselves go through `std` and `socket2`.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What one descriptor is watched for. Level-triggered, so a reader may stop after one buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Only its end or an error, which the kernel always tells.
    Nothing,
    Read,
    ReadWrite,
}

impl Interest {
    fn bits(self) -> u32 {
        match self {
            Interest::Nothing => 0,
            Interest::Read => libc::EPOLLIN as u32,
            Interest::ReadWrite => (libc::EPOLLIN | libc::EPOLLOUT) as u32,
        }
    }
}

/// One epoll instance.
pub struct Epoll(OwnedFd);

/// The kernel's answer to one wait; reused, so that waiting allocates nothing. The default has room for none.
#[derive(Default)]
pub struct Events {
    slots: Vec<libc::epoll_event>,
    filled: usize,
}

/// One ready descriptor. An error or a hang-up counts as readable and writable: the next call reports it.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub token: u64,
    pub readable: bool,
    pub writable: bool,
}

impl Events {
    pub fn with_capacity(capacity: usize) -> Events {
        Events { slots: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)], filled: 0 }
    }

    pub fn iter(&self) -> impl Iterator<Item = Ready> + '_ {
        self.slots[..self.filled].iter().map(|event| {
            let bits = event.events;
            let broken = bits & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0;
            Ready {
                token: event.u64,
                readable: broken || bits & libc::EPOLLIN as u32 != 0,
                writable: broken || bits & libc::EPOLLOUT as u32 != 0,
            }
        })
    }
}

impl Epoll {
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: takes no pointer; the returned descriptor is new and owned by nobody else.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just returned by the kernel as a fresh descriptor, so this is its only owner.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    pub fn modify(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    fn control(&self, operation: libc::c_int, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.bits(), u64: token };
        // SAFETY: both descriptors are borrowed and therefore open; `event` outlives the call, which copies it.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd.as_fd().as_raw_fd(), &mut event) })?;
        Ok(())
    }

    /// Waits for at least one event or the timeout; `None` waits for ever. A signal ends it early with no event.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let millis = match timeout {
            None => -1,
            Some(limit) => i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
        };
        let capacity = i32::try_from(events.slots.len()).unwrap_or(i32::MAX);
        // SAFETY: the kernel writes at most `capacity` entries, and `slots` holds at least that many initialised ones.
        let filled = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.slots.as_mut_ptr(), capacity, millis) };
        events.filled = 0;
        match check(filled) {
            Ok(filled) => events.filled = filled as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Accepts one connection, already non-blocking: one system call where `std` needs two.
pub fn accept_nonblocking(listener: impl AsFd) -> io::Result<TcpStream> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let null = std::ptr::null_mut();
    // SAFETY: null address and length mean "do not report the peer"; the listener is borrowed, hence open.
    let fd = check(unsafe { libc::accept4(listener.as_fd().as_raw_fd(), null, null.cast(), flags) })?;
    // SAFETY: `fd` was just returned by the kernel as a fresh descriptor, so this is its only owner.
    Ok(unsafe { TcpStream::from(OwnedFd::from_raw_fd(fd)) })
}

/// Lets `bind` fix only the address and leave the port to `connect`, which may then share ports between targets.
pub fn bind_address_only(socket: impl AsFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = mem::size_of_val(&on) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the option's value is an int that outlives the call, and its true size is passed.
    check(unsafe {
        libc::setsockopt(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, (&raw const on).cast(), size)
    })?;
    Ok(())
}

/// What the kernel has counted of a TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Bytes in order, read or not.
    pub received: u64,
    /// Bytes sent, each once however often it had to be.
    pub sent: u64,
}

/// Where the kernel's `struct tcp_info` has its counts, since Linux 4.19: nothing in it ever moves.
const BYTES_RECEIVED: usize = 128;
const BYTES_SENT: usize = 200;
const BYTES_SENT_AGAIN: usize = 208;

pub fn counted(socket: impl AsFd) -> io::Result<Counted> {
    let mut info = [0u64; 32];
    let mut size = mem::size_of_val(&info) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `size` bytes, which is how many the array has; any bytes are valid numbers.
    check(unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut size) })?;
    let at = |offset: usize| if offset + 8 <= size as usize { info[offset / 8] } else { 0 };
    Ok(Counted { received: at(BYTES_RECEIVED), sent: at(BYTES_SENT).saturating_sub(at(BYTES_SENT_AGAIN)) })
}

/// A periodic timer that epoll can watch: precise to microseconds, where a wait's timeout counts milliseconds.
pub struct Ticker(OwnedFd);

impl AsFd for Ticker {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Ticker {
    pub fn every(interval: Duration) -> io::Result<Ticker> {
        // SAFETY: takes no pointer; the returned descriptor is new and owned by nobody else.
        let raw = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        let raw = check(raw)?;
        // SAFETY: `raw` was just returned by the kernel as a fresh descriptor, so this is its only owner.
        let fd = unsafe { OwnedFd::from_raw_fd(raw) };
        let ticker = Ticker(fd);
        ticker.set(interval)?;
        Ok(ticker)
    }

    /// Ticks at another interval from now on.
    pub fn set(&self, interval: Duration) -> io::Result<()> {
        let spec = libc::timespec {
            tv_sec: libc::time_t::try_from(interval.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(interval.subsec_nanos() as i32),
        };
        let both = libc::itimerspec { it_interval: spec, it_value: spec };
        // SAFETY: `both` outlives the call; a null old value is allowed and means "not wanted".
        check(unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &both, std::ptr::null_mut()) })?;
        Ok(())
    }

    /// Makes the descriptor quiet until the next tick.
    pub fn clear(&self) {
        let mut ticks = 0u64;
        // SAFETY: the buffer is eight bytes, the size a timer read writes. A failed read (no tick yet) is harmless.
        unsafe { libc::read(self.0.as_raw_fd(), (&raw mut ticks).cast(), mem::size_of::<u64>()) };
    }
}

/// The cores this thread may run on.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    // SAFETY: a zeroed `cpu_set_t` is the valid empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the set lives on this frame and its true size is passed; thread 0 means the calling one.
    check(unsafe { libc::sched_getaffinity(0, mem::size_of_val(&set), &mut set) })?;
    // SAFETY: the index stays below CPU_SETSIZE, which is what `CPU_ISSET` requires.
    Ok((0..libc::CPU_SETSIZE as usize).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect())
}

/// Restricts this thread, and what it starts from now on, to `cores`.
pub fn pin_to(cores: &[usize]) -> io::Result<()> {
    pin_thread(0, cores)
}

/// Restricts a thread of whatever process to `cores`; 0 is the calling one.
pub fn pin_thread(thread: u32, cores: &[usize]) -> io::Result<()> {
    let thread = libc::pid_t::try_from(thread).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: a zeroed `cpu_set_t` is the valid empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for &core in cores.iter().filter(|&&core| core < libc::CPU_SETSIZE as usize) {
        // SAFETY: the index was checked against CPU_SETSIZE in the line above.
        unsafe { libc::CPU_SET(core, &mut set) };
    }
    // SAFETY: the set lives on this frame and its true size is passed; thread 0 means the calling one.
    check(unsafe { libc::sched_setaffinity(thread, mem::size_of_val(&set), &set) })?;
    Ok(())
}

/// Has the kernel end the child when the thread that starts it ends, however that happens.
pub fn end_with_parent(command: &mut Command) {
    let last_wish = || {
        let signal = libc::SIGKILL as libc::c_ulong;
        // SAFETY: takes no pointer; changes an attribute of the calling process alone.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) }).map(drop)
    };
    // SAFETY: between fork and exec the closure makes one async-signal-safe system call and neither allocates nor locks.
    unsafe { command.pre_exec(last_wish) };
}

/// CPU time a whole process has used so far, ended threads included, to the nanosecond (`/proc` counts ticks of 10 ms).
pub fn process_cpu(pid: u32) -> io::Result<Duration> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` outlives the call. This call returns an error number instead of setting errno.
    let failed = unsafe { libc::clock_getcpuclockid(pid, &mut clock) };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call, which only writes to it.
    check(unsafe { libc::clock_gettime(clock, &mut time) })?;
    Ok(Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0)))
}

/// Lifts the soft limit of open descriptors to the hard one and returns it.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` outlives the call, which only writes to it.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` outlives the call, which only reads it.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) })?;
    Ok(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    #[test]
    fn epoll_reports_an_accepted_socket_with_its_token() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = accept_nonblocking(&listener).unwrap();
        let epoll = Epoll::new().unwrap();
        epoll.add(&accepted, 77, Interest::Read).unwrap();
        client.write_all(b"x").unwrap();
        let mut events = Events::with_capacity(4);
        epoll.wait(&mut events, Some(Duration::from_secs(5))).unwrap();
        let ready: Vec<Ready> = events.iter().collect();
        assert_eq!(ready.len(), 1);
        assert_eq!((ready[0].token, ready[0].readable, ready[0].writable), (77, true, false));
    }

    #[test]
    fn a_ticker_wakes_the_wait_and_falls_silent_when_cleared() {
        let ticker = Ticker::every(Duration::from_millis(40)).unwrap();
        let epoll = Epoll::new().unwrap();
        epoll.add(&ticker, 5, Interest::Read).unwrap();
        let mut events = Events::with_capacity(1);
        epoll.wait(&mut events, Some(Duration::from_secs(5))).unwrap();
        assert_eq!(events.iter().map(|ready| ready.token).collect::<Vec<_>>(), [5]);
        ticker.clear();
        epoll.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(events.iter().count(), 0);
    }

    #[test]
    fn own_cpu_time_rises_with_work() {
        let before = process_cpu(std::process::id()).unwrap();
        let mut sum = 0u64;
        while process_cpu(std::process::id()).unwrap() < before + Duration::from_millis(2) {
            sum = sum.wrapping_mul(31).wrapping_add(1);
        }
        assert!(std::hint::black_box(sum) > 0);
        assert!(process_cpu(u32::MAX).is_err());
    }

    #[test]
    fn pinning_to_an_allowed_core_is_seen_by_the_kernel() {
        std::thread::spawn(|| {
            let first = allowed_cores().unwrap()[0];
            pin_to(&[first]).unwrap();
            assert_eq!(allowed_cores().unwrap(), [first]);
            assert!(pin_to(&[]).is_err());
        })
        .join()
        .unwrap();
    }
}
