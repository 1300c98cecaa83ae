//! What comes back on this node's disk after others went on without it: each message is posted again by its sender, under
//! its own key (its old place, where it has none), and the disk keeps the old one until the new one has settled. Edits and
//! deletions are made again, too ([`changes`]).

mod changes;

use super::codec::keys;
use super::codec::message::message_of;
use changes::Ours;
use rookery_engine::message::{Address, ConnId, Envelope, ReplyTo, RoomAddress, ShardId};
use rookery_protocol::command::{Command, Post, PostExtra, RoomRef};
use rookery_protocol::ids::{DuplicateKey, Millis, Place, RoomKey, UserId};
use rookery_protocol::message::Message;
use rookery_protocol::principal::{Powers, Principal, Profile};
use rookery_storage::persistent::Returns;
use rookery_storage::settled::Fault;
use rookery_storage::{Ask, Batch, Kind, Outcome, Position, Record, Rewrite};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Handed out at a time, and how long nothing is worth waiting for.
const SOME: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(1);

/// After so many vain tries a message is posted without what may not be there any more; after so many, that is said.
const TRIES_WHOLE: u32 = 5;
const TRIES: u32 = 20;
/// A change has no key by which a second one would be the same: it is made again only when the first may be taken for lost.
const CHANGE_EVERY: u32 = 5;

/// Goes on until the store is closed.
pub fn run(
    returns: &Returns,
    ask: impl Fn(&Ask) -> Result<Outcome, Fault>,
    send: impl Fn(Box<Envelope>),
    now: impl Fn() -> Millis,
) {
    let mut tries: HashMap<Position, u32> = HashMap::new();
    let mut ours = Ours::default();
    while !returns.is_over() {
        let some = returns.some(SOME, PATIENCE);
        if some.is_empty() {
            ours.clear();
        }
        let mut waits = false;
        for (position, batch) in &some {
            let tried = tries.entry(*position).or_default();
            *tried += 1;
            let messages = messages(batch, &some, now());
            let left = left(&ask, &batch.room, messages)
                .and_then(|messages| Ok((messages, changes::left(&ask, batch, &some, &mut ours, now())?)));
            match left {
                Ok((messages, left)) if messages.is_empty() && left.changes.is_empty() => {
                    tries.remove(position);
                    report_rest(*position, batch, left.given_up);
                    returns.done(*position);
                }
                Ok(_) if *tried > TRIES => {
                    let RoomKey { realm, name, .. } = &batch.room;
                    tracing::error!(event = "entry_not_returned", position = position.0, %realm, room = %name);
                    tries.remove(position);
                    returns.done(*position);
                }
                Ok((messages, left)) => {
                    waits = true;
                    let whole = *tried <= TRIES_WHOLE;
                    for message in &messages {
                        send(posting(&batch.room, message, whole, now()));
                    }
                    for change in left.changes.iter().filter(|_| *tried % CHANGE_EVERY == 1) {
                        let who = principal(&batch.room, change.by.clone(), Profile::default(), change.at);
                        send(envelope(&batch.room, who, change.at, change.command()));
                    }
                }
                Err(fault) => {
                    waits = true;
                    // Nobody counts tries that a store away did not take.
                    *tried -= 1;
                    tracing::warn!(event = "entry_not_returned_yet", position = position.0, %fault);
                }
            }
        }
        if waits {
            // What was sent needs a moment; what comes meanwhile is not forgotten.
            std::thread::sleep(PATIENCE);
        }
    }
}

/// The messages of a batch that still say something, as they were last changed.
fn messages(batch: &Batch, all: &[(Position, Batch)], now: Millis) -> Vec<Message> {
    let posted = batch.events.iter().filter(|record| record.is_message());
    posted.filter_map(|record| as_changed(record, &batch.room, all)).filter(|message| says(message, now)).collect()
}

fn as_changed(record: &Record, room: &RoomKey, all: &[(Position, Batch)]) -> Option<Message> {
    let mut record = record.clone();
    let of_room = all.iter().filter(|(_, batch)| batch.room == *room).flat_map(|(_, batch)| &batch.rewrites);
    let last = of_room.filter(|rewrite| rewrite.target == record.place).max_by_key(|rewrite| rewrite.version);
    if let Some(Rewrite { payload, version: highest, .. }) = last
        && let Kind::Message { version, .. } = &mut record.kind
    {
        *version = *highest;
        record.payload = payload.clone();
    }
    match message_of(&record) {
        Ok((message, _)) => Some(message),
        Err(why) => {
            tracing::error!(event = "stored_value_unreadable", what = "returned message", room = %room.name, at = %record.place, %why);
            None
        }
    }
}

fn says(message: &Message, now: Millis) -> bool {
    let expired = message.extra.as_ref().and_then(|extra| extra.expires_at).is_some_and(|at| at <= now);
    !message.is_deleted() && !expired
}

/// Those that the room does not have yet.
fn left(
    ask: &impl Fn(&Ask) -> Result<Outcome, Fault>,
    room: &RoomKey,
    messages: Vec<Message>,
) -> Result<Vec<Message>, Fault> {
    let mut left = Vec::new();
    for message in messages {
        let mut key = Vec::new();
        keys::duplicate(&mut key, &message.sender, &key_of(&message));
        let answer = ask(&Ask::Lookup { room: room.clone(), key: key.into() })?;
        let Outcome::Found(found) = answer else { return Err(Fault::Io(format!("{answer:?}"))) };
        if found.is_none() {
            left.push(message);
        }
    }
    Ok(left)
}

fn key_of(message: &Message) -> DuplicateKey {
    let own = message.extra.as_ref().and_then(|extra| extra.key.clone());
    own.unwrap_or_else(|| {
        let Place { epoch, seq } = message.place;
        DuplicateKey::Free(format!("returned {} {}", epoch.0, seq.0).into())
    })
}

/// The sender says it again.
fn posting(room: &RoomKey, message: &Message, whole: bool, now: Millis) -> Box<Envelope> {
    let extra = message.extra.as_deref().cloned().unwrap_or_default();
    let who = principal(room, message.sender.clone(), extra.profile, message.posted_at);
    let more = PostExtra {
        thread: extra.thread.filter(|_| whole),
        mentions: extra.mentions,
        attachments: extra.attachments,
        metadata: extra.metadata,
        expires_in_ms: extra.expires_at.map(|at| at.saturating_sub(now).max(1)),
        ..PostExtra::default()
    };
    let command = Command::Post(Post {
        room: RoomRef::Inbox,
        kind: message.kind,
        body: message.body.clone(),
        key: Some(key_of(message)),
        ack: None,
        extra: Some(Box::new(more)),
    });
    envelope(room, who, message.posted_at, command)
}

fn principal(room: &RoomKey, user: UserId, profile: Profile, at: Millis) -> Principal {
    Principal {
        realm: room.realm.clone(),
        user,
        profile,
        claims: Vec::new(),
        can: None,
        organisation: None,
        // It was allowed when it was said.
        powers: Powers { backend: true, any_realm: false },
        expires_at: None,
        token_id: None,
        issued_at: at,
    }
}

/// Nobody hears the answer: whether it came to pass is looked up.
fn envelope(room: &RoomKey, who: Principal, at: Millis, command: Command) -> Box<Envelope> {
    let row = command.kind().row();
    Box::new(Envelope {
        room: RoomAddress::Key(room.clone()),
        who: Arc::new(who),
        reply_to: ReplyTo { to: Address { shard: ShardId(0), conn: ConnId::NOBODY }, number: 0, row, gather: None },
        at,
        command,
    })
}

/// Changes to what others may have changed since are not made again; that is said.
fn report_rest(position: Position, batch: &Batch, changes: usize) {
    if changes > 0 {
        let RoomKey { realm, name, .. } = &batch.room;
        tracing::warn!(event = "changes_not_returned", position = position.0, %realm, room = %name, changes);
    }
}
