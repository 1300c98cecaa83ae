//! Somebody without a connection: posts under keys whenever it likes, and gets one answer to each, unless it hangs up or the
//! node goes down first; then it asks again.

use crate::client::Posted;
use crate::judge::{self, Ack};
use crate::ledger::name;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::world::World;
use rookery_engine::message::Caller;
use rookery_engine::testing::principal;
use rookery_protocol::command::{Command, Post, RoomRef};
use rookery_protocol::errors::{ErrorCode, Retry};
use rookery_protocol::ids::{AckLevel, DuplicateKey};
use rookery_protocol::message::BodyKind;
use rookery_protocol::reply::Reply;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub struct Callers {
    /// Of its own, so that worlds without callers are what they were.
    dice: Rng,
    there: bool,
    last: u64,
    posts: u64,
    asked: BTreeMap<Caller, (u8, Posted)>,
    unanswered: VecDeque<Posted>,
}

impl Callers {
    pub fn new(seed: u64) -> Callers {
        let mut dice = Rng::new(seed ^ 0xca11);
        let there = dice.chance(400);
        Callers { dice, there, last: 0, posts: 0, asked: BTreeMap::new(), unanswered: VecDeque::new() }
    }

    /// The node is gone, and everybody's answer with it.
    pub fn lost(&mut self) {
        let lost = std::mem::take(&mut self.asked).into_values();
        self.unanswered.extend(lost.map(|(_, posted)| Posted { unsure: true, ..posted }));
    }

    pub fn unrest(&self) -> Option<String> {
        let waiting = self.asked.values().map(|(_, posted)| posted).chain(&self.unanswered).next();
        waiting.map(|posted| format!("a caller has an unanswered post: {posted:?}"))
    }

    fn new_post(&mut self, plan: &Plan) -> Posted {
        self.posts += 1;
        let key = Some(DuplicateKey::Free(format!("call-{}", self.posts).into()));
        let level = [None, Some(AckLevel::Accepted), Some(AckLevel::Local)][self.dice.below(3) as usize];
        let room = self.dice.below(plan.rooms.len() as u64) as usize;
        let body = format!("caller post {}", self.posts).into_bytes();
        Posted { room, key, body, level, mentions: Vec::new(), tries: 0, unsure: false }
    }
}

impl World {
    /// Perhaps somebody calls, or hangs up.
    pub fn call(&mut self) {
        let (callers, outside) = (&mut self.callers, &mut self.outside);
        if !callers.there || !callers.dice.chance(if outside.peace { 600 } else { 100 }) {
            return;
        }
        if !outside.peace && callers.dice.chance(100) {
            let Some((caller, (shard, posted))) = callers.asked.pop_first() else { return };
            outside.log(format_args!("{caller:?} hangs up"));
            self.node.hang_up(shard, caller);
            callers.unanswered.push_back(Posted { unsure: true, ..posted });
            return;
        }
        let posted = match callers.unanswered.pop_front() {
            Some(posted) => posted,
            None if outside.peace => return,
            None => callers.new_post(&outside.plan),
        };
        callers.last += 1;
        let caller = Caller(callers.last);
        let shard = callers.dice.below(u64::from(outside.plan.shards)) as u8;
        let user = Plan::user(0);
        let key = outside.room(posted.room, &user);
        outside.log(format_args!("{caller:?} posts to {} at shard {shard}: {:?}", key.name, posted.key));
        if let Some(free) = &posted.key {
            outside.posts.insert((key.clone(), user.clone(), free.clone()), posted.body.clone());
        }
        let post = Post {
            room: RoomRef::Room { realm: None, name: key.name },
            kind: BodyKind::Text,
            body: posted.body.as_slice().into(),
            key: posted.key.clone(),
            ack: posted.level,
            extra: None,
        };
        callers.asked.insert(caller, (shard, posted));
        self.node.call(shard, caller, Arc::new(principal(user.as_str())), Command::Post(post), outside);
    }

    /// What a shard's callers are told.
    pub fn answered(&mut self, shard: u8) {
        for (caller, reply) in self.node.take_answered(shard) {
            self.outside.log(format_args!("{caller:?} hears {reply:?}"));
            let verdict = match self.callers.asked.remove(&caller) {
                Some((_, posted)) => self.judge(posted, &reply),
                None => Err(format!("{caller:?} waits for nothing and hears {reply:?}")),
            };
            self.outside.check(verdict);
        }
    }

    fn judge(&mut self, posted: Posted, reply: &Reply) -> Result<(), String> {
        let (outside, user) = (&mut self.outside, Plan::user(0));
        let room = outside.room(posted.room, &user);
        if let Reply::Placed { place, level, duplicate, .. } = reply {
            if *duplicate && !posted.unsure {
                return Err(format!("{place} is called a repeat, it was sent once"));
            }
            let asked = posted.level.unwrap_or(outside.plan.reach());
            let body = Some(&posted.body[..]);
            let ack = Ack { room: &room, user: &user, place: *place, level: *level, asked, body };
            return judge::acked(&mut outside.ledger, &ack);
        }
        let Reply::Refused(refusal) = reply else { return Err(format!("{reply:?} answers a post")) };
        let unsure = posted.unsure || refusal.code == ErrorCode::Unsure;
        if !unsure && let Some(place) = outside.ledger.book(&room).place_of(&posted.body) {
            return Err(format!("{} {place} is refused with {:?} and stands", name(&room), refusal.code));
        }
        if refusal.code.retry() == Retry::Later {
            self.callers.unanswered.push_back(Posted { unsure, ..posted });
        } else if !unsure {
            outside.refused.push((room, posted.body));
        }
        Ok(())
    }
}
