//! What a connection asks while an answer from elsewhere is under way: it waits here, in order, so that pipelining works as if
//! that answer took no time.

use rookery_protocol::command::Command;
use rookery_protocol::dialect::contract::Asked;
use std::collections::VecDeque;

#[derive(Default)]
pub(super) struct Queue {
    asked: VecDeque<Asked>,
    bytes: usize,
}

/// More is `busy`.
const COMMANDS: usize = 128;
const BYTES: usize = 128 * 1024;

impl Queue {
    /// False if there is no room for it.
    pub fn wait(&mut self, asked: Asked) -> bool {
        let bytes = self.bytes + body_bytes(&asked.command);
        if self.asked.len() >= COMMANDS || bytes > BYTES {
            return false;
        }
        self.bytes = bytes;
        self.asked.push_back(asked);
        true
    }

    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    pub fn into_asked(self) -> VecDeque<Asked> {
        self.asked
    }
}

fn body_bytes(command: &Command) -> usize {
    if let Command::Post(post) = command {
        post.body.len()
    } else if let Command::Edit { body, .. } = command {
        body.len()
    } else {
        0
    }
}
