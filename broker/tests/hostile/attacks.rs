//! Each kind of attack, and how it has to end.

use super::Target;
use super::support::client::masked;
use super::support::{Client, Heard, JSON};
use rookery_protocol::command::{Command, SubscribeRoom, Wants};
use rookery_protocol::errors::DropReason;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const CROWD: usize = 2_000;
/// Beyond a deadline, on a machine that has other things to do.
const GRACE: Duration = Duration::from_secs(10);

/// The code that a client is closed with, whatever it hears before.
fn end_of(client: &mut Client) -> u16 {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        assert!(Instant::now() < until, "it is not closed");
        match client.next() {
            Heard::Frame(_) => {}
            Heard::Closed(Some((code, _))) => return code,
            Heard::Closed(None) => panic!("cut without a word"),
        }
    }
}

fn assert_ends(client: &mut Client, reason: DropReason) {
    assert_eq!(end_of(client), reason.close_code(), "{reason:?}");
}

fn user(target: &Target) -> Client {
    Client::enter(target.address, JSON, &target.token)
}

/// Writes on while somebody else reads what comes of it; ends when the node has had enough.
fn flood(client: &mut Client, bytes: &[u8], reason: DropReason) {
    let mut socket = client.socket().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let until = Instant::now() + Duration::from_secs(20);
            while socket.write_all(bytes).is_ok() {
                assert!(Instant::now() < until, "it may go on for ever");
            }
        });
        assert_ends(client, reason);
        // Its writer is not waited for.
        let _ = client.socket().shutdown(std::net::Shutdown::Both);
    });
}

/// One byte after the other, and never the last one.
pub fn half_sent_requests(target: &Target) {
    let began = Instant::now();
    let mut sockets: Vec<TcpStream> = (0..CROWD).map(|_| TcpStream::connect(target.address).unwrap()).collect();
    for byte in b"GET /v1" {
        for socket in &mut sockets {
            // Whoever is closed already is counted below.
            let _ = socket.write_all(&[*byte]);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    for socket in &mut sockets {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut space = [0; 1024];
        loop {
            match socket.read(&mut space) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(began.elapsed() < Duration::from_secs(6) + GRACE, "{:?}", began.elapsed());
}

/// Upgraded, and then nothing.
pub fn silent_sockets(target: &Target) {
    let began = Instant::now();
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| Client::open(target.address, JSON)).collect();
    crowd.iter_mut().for_each(|client| assert_ends(client, DropReason::NotAuthenticated));
    assert!(began.elapsed() < Duration::from_secs(6) + GRACE, "{:?}", began.elapsed());
}

pub fn one_byte_fragments(target: &Target) {
    for _ in 0..50 {
        let mut client = user(target);
        let mut bytes = masked(1, b"[");
        // Not the last one, and what goes on.
        bytes[0] &= 0x7f;
        let mut more = masked(0, b"[");
        more[0] &= 0x7f;
        (0..200).for_each(|_| bytes.extend_from_slice(&more));
        client.raw(&bytes).unwrap();
        assert_ends(&mut client, DropReason::TooBig);
    }
}

pub fn ping_floods(target: &Target) {
    let pings = masked(9, b"are you there?").repeat(100);
    for _ in 0..3 {
        flood(&mut user(target), &pings, DropReason::Abusive);
    }
}

/// What is not read is not queued for ever either.
pub fn pings_without_reading(target: &Target) {
    let ping = masked(9, &[b'x'; 125]).repeat(100);
    for _ in 0..3 {
        let client = user(target);
        let mut socket = client.socket();
        let until = Instant::now() + Duration::from_secs(20);
        while socket.write_all(&ping).is_ok() {
            assert!(Instant::now() < until, "it may go on for ever");
        }
    }
}

pub fn announced_lengths(target: &Target) {
    for length in [1 << 17, 1 << 30, (1 << 62) + 5, u64::MAX >> 1] {
        for _ in 0..50 {
            let mut client = user(target);
            let header = [&[0x82, 0xff][..], &u64::to_be_bytes(length), &[1, 2, 3, 4]].concat();
            client.raw(&header).unwrap();
            assert_ends(&mut client, DropReason::TooBig);
        }
    }
}

pub fn joins(target: &Target) {
    const JOINS: usize = 100_000;
    let mut client = user(target);
    let mut socket = client.socket().try_clone().unwrap();
    let mut speaker = user(target);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for index in 0..JOINS {
                let room = super::support::client::room(&format!("room-{index}"));
                let rooms = vec![SubscribeRoom { room, cursor: None, wants: Wants::default() }];
                let (_, frame) = speaker.frame(&Command::Subscribe { rooms });
                if socket.write_all(&frame).is_err() {
                    return;
                }
            }
            panic!("all of them were taken");
        });
        assert_ends(&mut client, DropReason::Abusive);
        let _ = client.socket().shutdown(std::net::Shutdown::Both);
    });
}

pub fn brackets(target: &Target) {
    for deep in [b"[".repeat(60_000), b"{\"a\":".repeat(10_000)] {
        // One is answered with an error; who goes on is cut.
        flood(&mut user(target), &masked(1, &deep), DropReason::Abusive);
    }
    let mut client = user(target);
    // The rest is in vain: it may be closed before it has said it.
    let _ = client.raw(&masked(1, &b"[".repeat(1_000_000)));
    assert_ends(&mut client, DropReason::TooBig);
}

/// More than the node will hold: whoever holds most goes first, and the others when their time is over.
pub fn unfinished_messages(target: &Target) {
    let whole = masked(1, &vec![b' '; 60_000]);
    let begun: Vec<Client> = (0..1_000)
        .map(|_| {
            let mut client = user(target);
            // One that is cut already has its word in what it reads.
            let _ = client.raw(&whole[..whole.len() - 1]);
            client
        })
        .collect();
    let ends: Vec<u16> = begun.into_iter().map(|mut client| end_of(&mut client)).collect();
    let of = |reason: DropReason| ends.iter().filter(|code| **code == reason.close_code()).count();
    let (greedy, unfinished) = (of(DropReason::Greedy), of(DropReason::Unfinished));
    assert_eq!(greedy + unfinished, ends.len(), "{ends:?}");
    // Sixteen megabytes on each of two shards are some five hundred of them.
    assert!(greedy >= 200 && unfinished >= 100, "{greedy} of {}", ends.len());
}
