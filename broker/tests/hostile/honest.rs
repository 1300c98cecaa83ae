//! An ordinary client, who talks and listens while others do what they do.

use super::support::client::post;
use super::support::{Client, JSON};
use rookery_protocol::reply::Reply;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROOMS: usize = 8;

/// How long each of its messages took, until its ack and until it was heard.
pub struct Honest(Vec<Duration>);

impl Honest {
    /// Talks as long as that lasts. Whatever it is answered but an ack and its own words, in order, is a failure.
    pub fn during(address: SocketAddr, token: &str, what: impl FnOnce() + Send) -> Honest {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let talking = std::thread::Builder::new().name("honest".to_owned());
            let talking = talking.spawn_scoped(scope, || talk(address, token, &over)).unwrap();
            // They and it are on machines of their own: here they get what it leaves of their core.
            let attacking = scope.spawn(|| {
                yield_to_others();
                what();
            });
            // However it ends, the one who talks must hear of it.
            let ended = attacking.join();
            over.store(true, Ordering::Relaxed);
            let honest = Honest(talking.join().unwrap());
            if let Err(panic) = ended {
                std::panic::resume_unwind(panic);
            }
            honest
        })
    }

    pub fn p99(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * 99).div_ceil(100) - 1]
    }
}

/// The calling thread, and those that it starts, run when nobody else wants to.
fn yield_to_others() {
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let mut chrt = Command::new("chrt");
    chrt.args(["--idle", "--pid", "0"]).arg(thread.file_name().unwrap());
    assert!(chrt.status().expect("chrt, of Debian's util-linux").success());
}

fn talk(address: SocketAddr, token: &str, over: &AtomicBool) -> Vec<Duration> {
    let mut client = Client::enter(address, JSON, token);
    let rooms: Vec<String> = (0..ROOMS).map(|number| format!("honest {number}")).collect();
    rooms.iter().for_each(|room| drop(client.subscribe(room, None)));
    let mut took = Vec::new();
    let mut due = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let body = format!("message {}", took.len());
        let began = Instant::now();
        match client.ask(&post(&rooms[took.len() % ROOMS], &body, None)) {
            Reply::Placed { .. } => {}
            other => panic!("an honest client is told {other:?}"),
        }
        assert_eq!(client.body(), body);
        took.push(began.elapsed());
        // A hundred a second, half of what it may.
        due += Duration::from_millis(10);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    took
}
