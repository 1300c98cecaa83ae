//! A turn's writes, one for each of many sockets, in one system call: io_uring, used as a list of sends that the kernel
//! works through while we wait.
//!
//! A message for a hundred receivers is a hundred system calls otherwise. The sends themselves stay what they are, and
//! none of them waits: a socket that takes nothing says so ([decision 16](../../../docs/decisions/0016-one-call-for-many-writes.md)).
//!
//! # Why this is sound
//! The kernel reads from pointers that it is given, until the completion of that send. [`Burst::send`] takes the bytes and
//! the sockets by reference, for as long as the call lasts, and comes back only when each send that it submitted is
//! completed: each makes exactly one completion (nothing here asks for several or for none), all are counted, and
//! whatever could end the call early is ruled out. Nothing between submitting and the last completion can panic; an
//! interrupted wait goes on; an error that could leave sends behind ends the process. Sends are laid into the ring only
//! when all of them are made, so that a panic of the caller's iterator leaves none in it for a later call. The ring is
//! full size again before each call, because the last one has emptied it.
#![allow(unsafe_code)]

use io_uring::{IoUring, opcode, squeue, types};
use rustix::net::SendFlags;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Sends in one call; more than these take another one.
pub const MOST: usize = 256;

pub struct Burst {
    ring: IoUring,
    entries: Vec<squeue::Entry>,
    taken: Vec<usize>,
}

impl Burst {
    /// For the thread that calls it, and no other: the kernel holds it to that. An error where there is no io_uring: an old
    /// kernel (before 6.1), or one that may not be asked (containers often forbid it).
    pub fn new() -> io::Result<Burst> {
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(MOST as u32)?;
        let mut burst = Burst { ring, entries: Vec::new(), taken: Vec::new() };
        burst.probe()?;
        Ok(burst)
    }

    /// What may be made need not be allowed to be used.
    fn probe(&mut self) -> io::Result<()> {
        // SAFETY: it points to nothing.
        unsafe { self.ring.submission().push(&opcode::Nop::new().build()) }.map_err(io::Error::other)?;
        self.ring.submit_and_wait(1)?;
        if self.ring.completion().count() == 1 { Ok(()) } else { Err(io::Error::other("no answer to a question")) }
    }

    /// Sends to each socket once, without waiting for any: how many bytes each of the first [`MOST`] took, in their order.
    /// None taken: for reasons that an ordinary write will meet, too.
    pub fn send<'a>(&mut self, writes: impl Iterator<Item = (BorrowedFd<'a>, &'a [u8])>) -> &[usize] {
        let flags = (SendFlags::NOSIGNAL | SendFlags::DONTWAIT).bits().cast_signed();
        self.entries.clear();
        self.entries.extend(writes.take(MOST).enumerate().map(|(index, (socket, bytes))| {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let send = opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), length);
            send.flags(flags).build().user_data(index as u64)
        }));
        self.taken.clear();
        self.taken.resize(self.entries.len(), 0);
        // SAFETY: bytes and sockets are borrowed until this function returns, and it returns when all are completed.
        let pushed = unsafe { self.ring.submission().push_multiple(&self.entries) };
        let mut left = if pushed.is_ok() { self.entries.len() } else { 0 };
        while left > 0 {
            if let Err(error) = self.ring.submit_and_wait(left)
                && !goes_on(&error)
            {
                tracing::error!(event = "io_uring_failed", %error);
                std::process::abort();
            }
            for done in self.ring.completion() {
                left = left.saturating_sub(1);
                if let Some(taken) = self.taken.get_mut(done.user_data() as usize) {
                    *taken = usize::try_from(done.result()).unwrap_or(0);
                }
            }
        }
        &self.taken
    }
}

/// A signal, or a moment without memory or room: what is not submitted stays in the ring, and is submitted next.
fn goes_on(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::ResourceBusy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    /// Set by whoever tests where io_uring is forbidden: these tests say nothing there.
    const WITHOUT: &str = "ROOKERY_TEST_WITHOUT_IO_URING";

    fn burst() -> Option<Burst> {
        match Burst::new() {
            Ok(burst) => Some(burst),
            Err(error) if std::env::var_os(WITHOUT).is_some() => {
                println!("not tested, no io_uring: {error}");
                None
            }
            Err(error) => panic!("no io_uring here: {error}. {WITHOUT}=1 leaves out the tests that need it"),
        }
    }

    fn pair() -> (UnixStream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours, theirs)
    }

    #[test]
    fn each_socket_gets_its_own_bytes_call_after_call() {
        let Some(mut burst) = burst() else { return };
        let mut pairs: Vec<_> = (0..MOST).map(|_| pair()).collect();
        for round in 0..3 {
            let texts: Vec<String> = (0..pairs.len()).map(|index| format!("{round}:{index};")).collect();
            let writes = pairs.iter().zip(&texts).map(|((ours, _), text)| (ours.as_fd(), text.as_bytes()));
            let taken = burst.send(writes).to_vec();
            assert_eq!(taken, texts.iter().map(String::len).collect::<Vec<_>>());
            for ((_, theirs), text) in pairs.iter_mut().zip(&texts) {
                let mut got = vec![0; text.len()];
                theirs.read_exact(&mut got).unwrap();
                assert_eq!(got, text.as_bytes());
            }
        }
    }

    #[test]
    fn a_full_socket_and_a_closed_one_take_nothing_and_hold_up_nobody() {
        let Some(mut burst) = burst() else { return };
        let (mut full, mut unread) = pair();
        let mut filled = 0;
        while let Ok(count) = full.write(&[b'x'; 4096]) {
            filled += count;
        }
        let (closed, other_end) = pair();
        drop(other_end);
        let (open, mut reader) = pair();
        let writes = [&full, &closed, &open].map(|socket| (socket.as_fd(), b"words".as_slice()));
        assert_eq!(burst.send(writes.into_iter()), [0, 0, 5]);
        let mut got = [0; 5];
        reader.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"words");
        let mut all = vec![0; filled];
        unread.read_exact(&mut all).unwrap();
        assert!(all.iter().all(|byte| *byte == b'x'));
    }

    #[test]
    fn a_socket_with_little_room_takes_a_part_and_says_how_much() {
        let Some(mut burst) = burst() else { return };
        let (ours, mut theirs) = pair();
        let text: Vec<u8> = (0..4_000_000u32).map(|index| index as u8 ^ (index >> 8) as u8).collect();
        let [taken] = *burst.send([(ours.as_fd(), text.as_slice())].into_iter()) else {
            panic!("one write, one answer")
        };
        assert!(0 < taken && taken < text.len(), "{taken}");
        drop(ours);
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).unwrap();
        assert!(got == text[..taken]);
    }

    #[test]
    fn no_more_than_the_ring_holds_and_nothing_of_what_was_never_asked() {
        let Some(mut burst) = burst() else { return };
        let (ours, mut theirs) = pair();
        let many = std::iter::repeat_n((ours.as_fd(), b"a".as_slice()), MOST + 9);
        assert_eq!(burst.send(many).len(), MOST);
        // Whoever panics while it lists its writes has asked for none.
        let torn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let words = [b"b".as_slice(), b"c"].into_iter();
            burst.send(words.map(|word| if word == b"c" { panic!("as planned") } else { (ours.as_fd(), word) }));
        }));
        assert!(torn.is_err());
        assert_eq!(burst.send([(ours.as_fd(), b"d".as_slice())].into_iter()), [1]);
        assert!(burst.send(std::iter::empty()).is_empty());
        drop(ours);
        let mut got = String::new();
        theirs.read_to_string(&mut got).unwrap();
        assert_eq!(got, "a".repeat(MOST) + "d");
    }
}
