//! A client that reads nothing, and a node that waits for it when it stops: it takes its time, for as long as a test wants.

use super::{Client, JSON, Node};

/// What a node is started with.
pub const PATIENT: [&str; 3] = ["--set=serve.last_words=1h", "--set=limits.slow=1h", "--send-buffer=16KiB"];

/// More waits for it than its socket and the node's take. A second signal, or that it is dropped, lets the node go.
pub fn deaf(node: &Node) -> Client {
    let mut deaf = Client::enter(node.address, JSON, &node.token("deaf"));
    socket2::SockRef::from(deaf.socket()).set_recv_buffer_size(4096).unwrap();
    deaf.subscribe("room", None);
    let mut sender = Client::enter(node.address, JSON, &node.token("sender"));
    let large = "x".repeat(32 * 1024);
    for _ in 0..40 {
        sender.post("room", &large);
    }
    deaf
}
