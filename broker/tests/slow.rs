//! The slowest client pays, not the room: some receivers never read, or read at a tenth of the pace.
//!
//! In `make test` with 200 receivers; `make prove` runs the promise's own size (ROOKERY_SLOW_RECEIVERS=1000).
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery_protocol::dialect::contract::Incoming;
use rookery_protocol::dialect::speak::{Epochs, ServerFrame};
use rookery_protocol::event::EventBody;
use rookery_protocol::reply::{GapReason, Mark};
use socket2::SockRef;
use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant};
use support::client::{post, read};
use support::{Client, JSON, Node};
use tokio::net::TcpStream;

const RATE: u64 = 200;
const BODY: usize = 256;
const SLOW: usize = 10;

fn receivers() -> usize {
    std::env::var("ROOKERY_SLOW_RECEIVERS").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

fn node(io_uring: bool) -> Node {
    Node::start_with(
        1,
        &[
            "--commands-per-second",
            "0",
            "--user-commands-per-second",
            "0",
            "--connections-per-user",
            "100000",
            "--send-buffer",
            "16384",
            "--io-uring",
            if io_uring { "true" } else { "false" },
        ],
    )
}

/// Latencies of what a receiver got, in microseconds, and how many messages.
#[derive(Default)]
struct Seen {
    latencies: Vec<u64>,
    last: u64,
}

/// Takes whole frames out of what was received.
fn frames(received: &mut Vec<u8>, mut each: impl FnMut(u8, &[u8])) {
    let mut at = 0;
    while received.len() >= at + 2 {
        let (start, length) = match received[at + 1] {
            126 if received.len() >= at + 4 => {
                (at + 4, usize::from(u16::from_be_bytes([received[at + 2], received[at + 3]])))
            }
            126 | 127 => break,
            n => (at + 2, usize::from(n)),
        };
        if received.len() < start + length {
            break;
        }
        each(received[at] & 15, &received[start..start + length]);
        at = start + length;
    }
    received.drain(..at);
}

/// Number and sending time of a message, from its body: "number time xxxx…".
fn stamp(text: &str) -> Option<(u64, u64)> {
    let body = text.split_once("\"body\":\"")?.1;
    let mut words = body.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// Reads everything at once, and checks that nothing is missing.
async fn reader(stream: TcpStream, began: Instant, until: u64, seen: Rc<RefCell<Seen>>) {
    let mut received = Vec::new();
    let mut space = vec![0; 16 * 1024];
    loop {
        stream.readable().await.unwrap();
        let count = match stream.try_read(&mut space) {
            Ok(0) => panic!("closed on a receiver that reads"),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => panic!("{error}"),
        };
        received.extend_from_slice(&space[..count]);
        let now = began.elapsed().as_micros() as u64;
        let mut seen = seen.borrow_mut();
        frames(&mut received, |opcode, payload| {
            if opcode != 1 {
                return;
            }
            if let Some((number, sent)) = stamp(std::str::from_utf8(payload).unwrap()) {
                assert_eq!(number, seen.last + 1, "lost, doubled or out of order");
                seen.last = number;
                seen.latencies.push(now.saturating_sub(sent));
            }
        });
        if seen.last >= until {
            return;
        }
    }
}

/// Subscribes a blocking client and hands its socket to the readers' runtime.
fn subscriber(node: &Node, token: &str, room: &str) -> std::net::TcpStream {
    let mut client = Client::enter(node.address, JSON, token);
    client.subscribe(room, None);
    client.socket().try_clone().unwrap()
}

/// Posts at the rate for some seconds; latencies of the receivers that read, merged and sorted.
fn run(node: &Node, room: &str, readers: usize, seconds: u64) -> Vec<u64> {
    let token = node.token("reader");
    let sockets: Vec<_> = (0..readers).map(|_| subscriber(node, &token, room)).collect();
    let began = Instant::now();
    let messages = RATE * seconds;
    let publisher_token = node.token("publisher");
    let address = node.address;
    let room = room.to_owned();
    let publisher = std::thread::spawn(move || {
        let mut client = Client::enter(address, JSON, &publisher_token);
        let start = began.elapsed();
        for n in 1..=messages {
            let due = start + Duration::from_micros((n - 1) * 1_000_000 / RATE);
            // Pacing, not synchronisation: nothing depends on how long this really takes.
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            let mut body = format!("{n} {} ", due.as_micros());
            body.extend(std::iter::repeat_n('x', BODY.saturating_sub(body.len())));
            client.say(&post(&room, &body, None));
        }
        for _ in 0..messages {
            client.next();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let all: Vec<Rc<RefCell<Seen>>> = (0..readers).map(|_| Rc::default()).collect();
    local.block_on(&runtime, async {
        let tasks: Vec<_> = sockets
            .into_iter()
            .zip(&all)
            .map(|(socket, seen)| {
                socket.set_nonblocking(true).unwrap();
                let stream = TcpStream::from_std(socket).unwrap();
                tokio::task::spawn_local(reader(stream, began, messages, seen.clone()))
            })
            .collect();
        let all_done = async {
            for task in tasks {
                task.await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(seconds + 60), all_done).await.expect("everything was delivered");
    });
    publisher.join().unwrap();
    let mut latencies: Vec<u64> = all.iter().flat_map(|seen| seen.borrow().latencies.clone()).collect();
    latencies.sort_unstable();
    latencies
}

fn p99(sorted: &[u64]) -> u64 {
    sorted[sorted.len() * 99 / 100]
}

#[test]
fn who_never_reads_is_cut_and_nobody_else_notices() {
    never_reading(&node(true), receivers());
}

#[test]
fn who_never_reads_is_cut_where_each_write_is_a_call_of_its_own() {
    never_reading(&node(false), 50);
}

fn never_reading(node: &Node, receivers: usize) {
    let without = run(node, "calm", receivers - SLOW, 8);
    let memory_before = node.memory();
    let token = node.token("sleeper");
    let sleepers: Vec<Client> = (0..SLOW)
        .map(|_| {
            let mut client = Client::enter(node.address, JSON, &token);
            SockRef::from(client.socket()).set_recv_buffer_size(4096).unwrap();
            client.subscribe("slow", None);
            client
        })
        .collect();
    // Long enough for their buffers to fill and the ten seconds to pass.
    let with = run(node, "slow", receivers - SLOW, 16);
    println!(
        "p99 without: {} µs, with {SLOW} that never read: {} µs, ratio {:.2}",
        p99(&without),
        p99(&with),
        p99(&with) as f64 / p99(&without).max(1) as f64
    );
    let cut = node.log().matches("\"reason\":\"slow\"").count();
    assert_eq!(cut, SLOW, "each that never read is cut, and the reason recorded");
    drop(sleepers);
    let memory_after = node.memory();
    println!("memory before {} KiB, after {} KiB", memory_before / 1024, memory_after / 1024);
    assert!(memory_after < memory_before + (64 << 20), "memory did not return");
    if receivers >= 1000 {
        assert!(p99(&with) * 2 <= p99(&without) * 3 || p99(&with) < 20_000, "the room noticed");
    }
}

/// Enough that a turn writes to all of them at once.
const SLOW_READERS: usize = 12;
const SLOWLY_READ: u64 = 60;
/// More than a socket takes at once.
const LARGE_BODY: usize = 8_000;

#[test]
fn who_reads_slowly_is_fed_or_told() {
    let node = node(true);
    let token = node.token("slowpoke");
    let readers: Vec<_> = (0..SLOW_READERS)
        .map(|_| {
            let mut client = Client::enter(node.address, JSON, &token);
            SockRef::from(client.socket()).set_recv_buffer_size(4096).unwrap();
            let from = client.subscribe("tenth", None).from.seq.0;
            std::thread::spawn(move || read_slowly(&client, from))
        })
        .collect();
    let mut publisher = Client::enter(node.address, JSON, &node.token("publisher"));
    for n in 1..=SLOWLY_READ {
        publisher.post("tenth", &format!("{n} {}", "x".repeat(LARGE_BODY)));
    }
    let gaps: Vec<u32> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    println!("{SLOWLY_READ} messages, gaps told: {gaps:?}");
}

/// Reads little at a time: each message comes, or the gap is told. How many gaps there were.
fn read_slowly(client: &Client, from: u64) -> u32 {
    let socket = client.socket();
    let mut epochs = Epochs::default();
    let mut received = Vec::new();
    let (mut last, mut gaps, mut pieces) = (from, 0, 0);
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    while last < from + SLOWLY_READ {
        let mut space = [0; 700];
        let count = read(socket, &mut space).unwrap();
        assert!(count > 0, "closed");
        received.extend_from_slice(&space[..count]);
        pieces += 1;
        if pieces % 4 == 0 && last < SLOWLY_READ / 2 {
            // The pace itself; correctness does not hang on it.
            std::thread::sleep(Duration::from_millis(2));
        }
        frames(&mut received, |opcode, payload| {
            if opcode != 1 {
                return;
            }
            let mut heard = Vec::new();
            let text = std::str::from_utf8(payload).unwrap();
            JSON.speak.hear(&mut epochs, Incoming::Text(text), &mut heard).unwrap();
            for frame in heard {
                match frame {
                    ServerFrame::Event { event, .. } => {
                        assert_eq!(event.place.seq.0, last + 1, "a gap that was not told");
                        assert!(matches!(event.body, EventBody::Posted(_)));
                        last = event.place.seq.0;
                    }
                    ServerFrame::Mark(Mark::Gap { from, reason, .. }) => {
                        assert_eq!(reason, GapReason::Lagged);
                        assert!(from.seq.0 >= last);
                        last = from.seq.0;
                        gaps += 1;
                    }
                    ServerFrame::Mark(_) | ServerFrame::Reply { .. } | ServerFrame::Signal { .. } => {}
                }
            }
        });
    }
    gaps
}
