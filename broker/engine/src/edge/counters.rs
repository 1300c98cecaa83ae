//! What an edge counts: what came of commands, why connections ended, what the slow-client ladder did. The shell shows it.

use crate::tally::Tally;
use rookery_protocol::catalog::{CommandKind, Row};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::AckLevel;
use rookery_protocol::reply::{GapReason, Reply};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub opened: u64,
    /// By place in [`DropReason::ALL`].
    dropped: Tally<{ DropReason::ALL.len() }>,
    pub commands: u64,
    /// Of the commands those of callers without a connection.
    pub calls: u64,
    pub replies: u64,
    /// By the command's number: answered, and not with a refusal.
    done: Tally<COMMANDS>,
    /// By the command's number; 0: what could not be read as one.
    refused: Tally<COMMANDS>,
    /// Refusals by the error's number.
    errors: Tally<ERRORS>,
    /// Commands that placed an event and were answered for it, by the level that the answer names.
    acked: Tally<{ AckLevel::ALL.len() }>,
    pub chunks: u64,
    /// Events on their way to a connection, pages of catching up included.
    pub deliveries: u64,
    /// Bytes that sockets took.
    pub sent_bytes: u64,
    /// Live subscriptions that turned to catching up: their outbox was above its high mark.
    pub lagged: u64,
    /// Live subscriptions that turned to catching up: chunks were skipped or taken back.
    pub skipped: u64,
    /// Chunks whose signals were left out for a receiver.
    pub shed: u64,
    /// Presence sent again because signals were left out.
    pub presence_again: u64,
    pub pulls: u64,
    /// Waits for a page that somebody else had asked for.
    pub pulls_shared: u64,
    pub pages: u64,
    gaps: Tally<{ GapReason::ALL.len() }>,
    pub retracts: u64,
    pub ended: u64,
    pub pings: u64,
}

/// Numbers of commands and of errors are below these.
const COMMANDS: usize = 67;
const ERRORS: usize = 44;

const _: () = {
    let mut i = 0;
    while i < CommandKind::ALL.len() {
        assert!((CommandKind::ALL[i] as usize) < COMMANDS);
        i += 1;
    }
    let mut i = 0;
    while i < ErrorCode::ALL.len() {
        assert!((ErrorCode::ALL[i] as usize) < ERRORS);
        i += 1;
    }
};

impl Counters {
    pub fn drop(&mut self, reason: DropReason) {
        self.dropped.add(reason as usize);
    }

    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped.of(reason as usize)
    }

    /// A command was answered.
    pub fn answered(&mut self, row: &Row, reply: &Reply) {
        self.replies += 1;
        if let Reply::Refused(refusal) = reply {
            self.refused.add(usize::from(row.number));
            self.errors.add(refusal.code as usize);
            return;
        }
        self.done.add(usize::from(row.number));
        if let Reply::Placed { level, .. } = reply {
            self.acked.add(*level as usize);
        }
    }

    /// Something that could not be read as a command was answered.
    pub fn unreadable(&mut self, code: ErrorCode) {
        self.replies += 1;
        self.refused.add(0);
        self.errors.add(code as usize);
    }

    pub fn done(&self, command: CommandKind) -> u64 {
        self.done.of(command as usize)
    }

    /// None: what could not be read as a command.
    pub fn refused(&self, command: Option<CommandKind>) -> u64 {
        self.refused.of(command.map_or(0, |command| command as usize))
    }

    pub fn errors(&self, code: ErrorCode) -> u64 {
        self.errors.of(code as usize)
    }

    pub fn acked(&self, level: AckLevel) -> u64 {
        self.acked.of(level as usize)
    }

    pub fn gap(&mut self, reason: GapReason) {
        self.gaps.add(reason as usize);
    }

    pub fn gaps(&self, reason: GapReason) -> u64 {
        self.gaps.of(reason as usize)
    }
}
