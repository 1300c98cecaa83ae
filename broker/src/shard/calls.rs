//! Commands without a connection, between the thread that asks and the shard that answers.
//!
//! All of one user's are admitted by one shard, that of its inbox, so that its bucket is exact. Whoever asks holds the end
//! of a wire; if it goes away, its place is free as soon as somebody needs it.

use super::cell::{Doors, Inner, Mail, ShardCell};
use rookery_engine::message::Caller;
use rookery_engine::placement::shard_of;
use rookery_protocol::command::{Command, Post};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{RoomKey, RoomKind};
use rookery_protocol::limits;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Refusal, Reply};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// Where commands without a connection are handed in, from any thread. Clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    doors: Doors,
    placement_key: u64,
    next: Arc<AtomicU64>,
}

/// When whoever finds a full lane may try again.
const BUSY_MS: u32 = 100;
/// When whoever was left without an answer may ask again.
const UNSURE_MS: u32 = 1000;

impl Desk {
    pub fn new(doors: Doors, placement_key: u64) -> Desk {
        Desk { doors, placement_key, next: Arc::default() }
    }

    /// The one answer. It comes within [`limits::CALL_WAIT_MS`], or nobody can say what became of the command.
    pub async fn ask(&self, who: Arc<Principal>, command: Command) -> Reply {
        let inbox = RoomKey { realm: who.realm.clone(), kind: RoomKind::Inbox, name: who.user.clone() };
        let shard = shard_of(&inbox, self.placement_key, u8::try_from(self.doors.len()).unwrap_or(u8::MAX));
        let (answer, answered) = oneshot::channel();
        let caller = Caller(self.next.fetch_add(1, Ordering::Relaxed));
        let bytes = body_bytes(&command);
        let mail = Mail::Call(Box::new(Call { caller, who, command, answer }));
        let door = self.doors.get(usize::from(shard.0));
        if door.is_none_or(|door| door.calls.try_send(mail, bytes).is_err()) {
            return Reply::Refused(Refusal::later(ErrorCode::Busy, BUSY_MS));
        }
        match tokio::time::timeout(Duration::from_millis(limits::CALL_WAIT_MS), answered).await {
            Ok(Ok(reply)) => reply,
            // Too late, or its shard has ended.
            Ok(Err(_)) | Err(_) => Reply::Refused(Refusal::later(ErrorCode::Unsure, UNSURE_MS)),
        }
    }
}

/// What makes a command large.
fn body_bytes(command: &Command) -> usize {
    let of = |post: &Post| post.body.len();
    if let Command::Post(post) = command {
        of(post)
    } else if let Command::Broadcast { post, .. } = command {
        of(post)
    } else if let Command::Edit { body, .. } = command {
        body.len()
    } else {
        0
    }
}

/// On its way to a shard.
pub struct Call {
    caller: Caller,
    who: Arc<Principal>,
    command: Command,
    answer: oneshot::Sender<Reply>,
}

/// Whom a shard has to answer.
#[derive(Default)]
pub struct Calls {
    waiting: HashMap<Caller, oneshot::Sender<Reply>>,
    /// Kept for its allocation.
    answered: Vec<(Caller, Reply)>,
}

impl Calls {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// The shard takes a command up.
pub fn take(cell: &ShardCell, call: Call) {
    let micros = cell.clock.micros();
    let mut inner = cell.inner.borrow_mut();
    let Inner { shard, calls, ports, .. } = &mut *inner;
    ports.at(micros);
    ports.since.read(micros);
    if calls.waiting.len() >= cell.settings.limits.calls_per_shard as usize {
        calls.waiting.retain(|caller, answer| {
            if answer.is_closed() {
                shard.edge.hang_up(*caller);
            }
            !answer.is_closed()
        });
    }
    let Call { caller, who, command, answer } = call;
    calls.waiting.insert(caller, answer);
    shard.call(cell.clock.at(micros), ports, caller, who, command);
}

/// Hands out the answers of a turn.
pub fn answer(inner: &mut Inner) {
    let Inner { shard, calls, .. } = inner;
    shard.edge.take_answered(&mut calls.answered);
    for (caller, reply) in calls.answered.drain(..) {
        // Whoever has gone needs none.
        let _ = calls.waiting.remove(&caller).map(|answer| answer.send(reply));
    }
}
