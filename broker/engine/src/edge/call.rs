//! Commands of those who have no connection: a principal and a command come in, exactly one reply goes out.
//!
//! A caller is admitted, reserved for and decided like a connection's command; what it lacks is an outbox, subscriptions
//! and a session, and it leaves no trace but its user's bucket. REST stands on this, and has no other way in.

use super::Edge;
use super::address::{inbox_of, own_room};
use super::admission::{busy, may_ask, too_fast, user_pace};
use super::awaited::{Await, GatherFor};
use super::bucket::{Bucket, Pace};
use super::consult::HeldCall;
use super::fields;
use super::revocations::Waiting;
use super::route::{self, Route};
use crate::fanout::Outbound;
use crate::message::{Address, Caller, ConnId, Envelope, ReplyTo, RoomAddress, ShardId, ToHome};
use crate::ports::{Now, Ports};
use foldhash::fast::FixedState;
use rookery_protocol::catalog::Row;
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Realm, UserId};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Refusal, Reply};
use std::collections::HashMap;
use std::sync::Arc;

/// When a caller of a node that is about to stop may come back, to another one or to its next run.
const DRAINING_MS: u32 = 1000;
/// So many users' buckets are kept before those that are full again are looked for.
const BUCKETS_SWEPT_ABOVE: usize = 1024;

pub(super) struct Callers {
    /// And what each asked.
    waiting: HashMap<Caller, &'static Row, FixedState>,
    answered: Vec<(Caller, Reply)>,
    /// Those of the waiting ones that a hook is asked about.
    pub held: HashMap<Caller, HeldCall, FixedState>,
    /// Of users who call, whether they have connections or not. A full one says as much as none.
    buckets: HashMap<(Realm, UserId), Bucket, FixedState>,
    sweep_above: usize,
}

impl Callers {
    pub fn new(seed: u64) -> Callers {
        Callers {
            waiting: HashMap::with_hasher(FixedState::with_seed(seed)),
            answered: Vec::new(),
            held: HashMap::with_hasher(FixedState::with_seed(seed)),
            buckets: HashMap::with_hasher(FixedState::with_seed(seed)),
            sweep_above: BUCKETS_SWEPT_ABOVE,
        }
    }

    fn spend(&mut self, now: u64, who: &Principal, pace: Pace) -> Result<(), u32> {
        if self.buckets.len() > self.sweep_above {
            self.buckets.retain(|_, bucket| !bucket.is_full(now, pace));
            self.sweep_above = BUCKETS_SWEPT_ABOVE.max(self.buckets.len() * 2);
        }
        let whose = (who.realm.clone(), who.user.clone());
        let bucket = self.buckets.entry(whose).or_insert_with(|| Bucket::full(now, pace));
        bucket.check(now, pace)?;
        bucket.take(pace);
        Ok(())
    }
}

impl Edge {
    /// Answered once, by [`Edge::take_answered`], unless the caller hangs up. The caller's number is given once.
    pub fn call(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        caller: Caller,
        who: Arc<Principal>,
        command: Command,
        out: &mut Outbound,
    ) {
        self.counters.commands += 1;
        self.counters.calls += 1;
        self.callers.waiting.insert(caller, command.row());
        if self.revocations.know(&who.realm) {
            self.take_call(now, ports, caller, who, command, out);
        } else if self.callers.waiting.len() > self.settings.limits.calls_per_shard as usize {
            self.answer_caller(caller, Reply::Refused(busy()));
        } else {
            self.wait_for_revocations(&who.realm.clone(), Waiting::Call { caller, who, command }, out);
        }
    }

    pub(super) fn take_call(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        caller: Caller,
        who: Arc<Principal>,
        command: Command,
        out: &mut Outbound,
    ) {
        if let Err(refusal) = self.take_up(now, ports, caller, who, command, out) {
            self.answer_caller(caller, Reply::Refused(refusal));
        }
    }

    /// The caller waits no longer, and its place is free. What it asked may still be done.
    pub fn hang_up(&mut self, caller: Caller) {
        self.callers.waiting.remove(&caller);
        self.callers.held.remove(&caller);
        self.callers.answered.retain(|(to, _)| *to != caller);
    }

    /// How many callers wait.
    pub fn callers(&self) -> usize {
        self.callers.waiting.len()
    }

    /// The answers since the last time.
    pub fn take_answered(&mut self, into: &mut Vec<(Caller, Reply)>) {
        into.append(&mut self.callers.answered);
    }

    pub(super) fn answer_caller(&mut self, caller: Caller, reply: Reply) {
        let Some(row) = self.callers.waiting.remove(&caller) else { return };
        self.counters.answered(row, &reply);
        self.callers.answered.push((caller, reply));
    }

    fn take_up(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        caller: Caller,
        who: Arc<Principal>,
        mut command: Command,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        let row = command.row();
        self.admit_call(now, row, &who, &mut command)?;
        let ((shard, room), command) = match route::of(command) {
            Route::Room(room, command) => {
                if self.call_waits(now, ports, caller, &who, (&room, &command))? {
                    self.callers.held.insert(caller, HeldCall { who, room, command });
                    return Ok(());
                }
                (self.address(None, &who, &room)?, command)
            }
            Route::Own(kind, command) => (self.home_of(own_room(&who, kind)), command),
            Route::InboxOf(user, command) => (self.home_of(inbox_of(&who, &user)), command),
            Route::Broadcast(rooms, post) => {
                return self.broadcast(now, (GatherFor::Caller(caller), row), who, rooms, post, out);
            }
            Route::Enter { .. } | Route::Ping | Route::Subscribe(_) | Route::Unsubscribe(_) => {
                return Err(needs_connection(row));
            }
        };
        self.send_call(now, caller, row, (shard, room), who, command, out)
    }

    /// A hook has allowed it.
    pub(super) fn call_allowed(
        &mut self,
        now: Now,
        caller: Caller,
        held: HeldCall,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        let HeldCall { who, room, command } = held;
        if self.revocations.hold(&who) {
            return Err(Refusal::new(ErrorCode::Revoked));
        }
        let at = self.address(None, &who, &room)?;
        self.send_call(now, caller, command.row(), at, who, command, out)
    }

    fn send_call(
        &mut self,
        now: Now,
        caller: Caller,
        row: &'static Row,
        (shard, room): (ShardId, RoomAddress),
        who: Arc<Principal>,
        command: Command,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        self.reserve_lane(shard)?;
        let gather = self.awaited.insert(Await::Call { caller }) as u32;
        let reply_to = ReplyTo { to: self.nobodys_address(), number: 0, row, gather: Some(gather) };
        let envelope = Envelope { room, who, reply_to, at: now.wall, command };
        out.to_home(shard, ToHome::Command(Box::new(envelope)));
        Ok(())
    }

    /// As for a connection, and in the same order: who asks, how fast, how much is in flight, how large it is.
    fn admit_call(
        &mut self,
        now: Now,
        row: &'static Row,
        who: &Principal,
        command: &mut Command,
    ) -> Result<(), Refusal> {
        if self.leaving.is_some() {
            return Err(Refusal::later(ErrorCode::Draining, DRAINING_MS));
        }
        if of_a_connection(command) {
            return Err(needs_connection(row));
        }
        if self.revocations.hold(who) {
            return Err(Refusal::new(ErrorCode::Revoked));
        }
        may_ask(row, who)?;
        let pace = user_pace(&self.settings.limits, 1);
        self.callers.spend(now.mono, who, pace).map_err(|wait| too_fast("this user", wait))?;
        if self.callers.waiting.len() > self.settings.limits.calls_per_shard as usize {
            return Err(busy());
        }
        fields::check(command, self.settings.reach)
    }

    pub(super) fn nobodys_address(&self) -> Address {
        Address { shard: self.settings.shard, conn: ConnId::CALLER }
    }
}

fn needs_connection(row: &Row) -> Refusal {
    Refusal::because(ErrorCode::UnknownCommand, format!("`{}` needs a connection", row.word))
}

/// What says something about a connection, or to those who listen now, by somebody who is here.
fn of_a_connection(command: &Command) -> bool {
    match command {
        Command::Authenticate { .. }
        | Command::Refresh { .. }
        | Command::Resume { .. }
        | Command::Ping
        | Command::SetStatus { .. }
        | Command::Subscribe { .. }
        | Command::Unsubscribe { .. }
        | Command::Typing { .. } => true,
        Command::QueryPresence { .. }
        | Command::Post(_)
        | Command::Edit { .. }
        | Command::Delete { .. }
        | Command::React { .. }
        | Command::Unreact { .. }
        | Command::Pin { .. }
        | Command::Unpin { .. }
        | Command::MarkRead { .. }
        | Command::History { .. }
        | Command::Roster { .. }
        | Command::Create { .. }
        | Command::Update { .. }
        | Command::Archive { .. }
        | Command::DeleteRoom { .. }
        | Command::Join { .. }
        | Command::Leave { .. }
        | Command::Invite { .. }
        | Command::RemoveMember { .. }
        | Command::SetRole { .. }
        | Command::Describe { .. }
        | Command::ListRooms { .. }
        | Command::DirectRoom { .. }
        | Command::Users { .. }
        | Command::Search { .. }
        | Command::UnreadSummary { .. }
        | Command::Broadcast { .. }
        | Command::Disconnect { .. }
        | Command::Revoke(_)
        | Command::Erase { .. }
        | Command::TakeName { .. }
        | Command::ReleaseName { .. }
        | Command::TakeNumbers { .. } => false,
    }
}
