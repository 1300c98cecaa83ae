//! What a provocation works with.

use crate::http::{Answer, Http};
use crate::support::client::masked;
use crate::support::{Client, Heard, Node, Tongue};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::reply::Reply;
use std::process::Command;

pub struct Stage<'a> {
    /// One that others use, too.
    pub node: &'a Node,
    pub tongue: Tongue,
    /// Makes names unique on it.
    pub tag: String,
}

impl Stage<'_> {
    pub fn enter(&self, user: &str) -> Client {
        self.enter_at(self.node, user)
    }

    /// A node of the provocation's own.
    pub fn enter_at(&self, node: &Node, user: &str) -> Client {
        Client::enter(node.address, self.tongue, &node.token(&self.name(user)))
    }

    pub fn enter_backend(&self) -> Client {
        Client::enter(self.node.address, self.tongue, &self.backend())
    }

    pub fn open(&self, node: &Node) -> Client {
        Client::open(node.address, self.tongue)
    }

    pub fn backend(&self) -> String {
        self.node.token_with(&self.name("backend"), &["--backend"])
    }

    pub fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.tag)
    }

    /// A request by a backend.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> ErrorCode {
        error(&Http::open(self.node.address).ask(method, path, &self.backend(), body))
    }

    /// What no client of ours would say: the same in either language.
    pub fn say(&self, client: &mut Client, text: &str, binary: &[u8]) {
        let payload = if self.tongue.text { text.as_bytes() } else { binary };
        client.raw(&masked(client.opcode(), payload)).unwrap();
    }
}

/// The error of a request, in the one form.
pub fn error(answer: &Answer) -> ErrorCode {
    let code = ErrorCode::from_word(answer.json()["name"].as_str().unwrap_or_default()).expect("a name of the list");
    let said = answer.error(code.status(), code.word());
    assert_eq!(said["code"], code as u16);
    code
}

pub fn refused(reply: Reply) -> ErrorCode {
    match reply {
        Reply::Refused(refusal) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

/// Reads to the end: why the node closed.
pub fn closed(client: &mut Client) -> DropReason {
    loop {
        match client.next() {
            Heard::Frame(_) => {}
            Heard::Closed(Some((code, reason))) => return known(code, &reason),
            Heard::Closed(None) => panic!("cut without a word"),
        }
    }
}

/// The row of a close frame: the code is the list's, and the reason begins with its name.
pub fn known(code: u16, reason: &str) -> DropReason {
    let found = DropReason::ALL.iter().find(|known| known.close_code() == code);
    let found = *found.unwrap_or_else(|| panic!("{code} is not in the list"));
    assert!(found == DropReason::Left || reason.starts_with(&format!("{}: ", found.word())), "{code} {reason:?}");
    found
}

/// No file of the node may grow beyond so many bytes: `unlimited` again frees it.
pub fn limit_files(node: &Node, bytes: &str) {
    let (pid, limit) = (node.pid().to_string(), format!("--fsize={bytes}:unlimited"));
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
}

/// A node that a limit of its files' size does not end.
pub fn start_limited() -> Node {
    use crate::support::Folder;
    use crate::support::node::{Attempt, attempt_with};
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_rookery")]);
    match attempt_with(command, Folder::new(), 1, &["--commands-per-second", "0", "--user-commands-per-second", "0"]) {
        Attempt::Started(node) => node,
        Attempt::Refused { status, said } => panic!("no node, but {status}: {said}"),
    }
}
