//! The only change of a room's state by events: deterministic, the same on every node. Answers the rows that follow.

use super::state::RoomState;
use crate::ports::Row;
use rookery_protocol::command::Role;
use rookery_protocol::event::{Event, EventBody, Fact, Notice, NoticeKind, RoomInfo};
use rookery_protocol::ids::{DuplicateKey, Name, Place, UserId};
use rookery_protocol::message::Message;
use std::sync::Arc;

/// Fits an event that holds to its place; a message gets its ordinal too.
pub(crate) fn place_body(state: &RoomState, body: &mut EventBody, place: Place) {
    match body {
        EventBody::Posted(message) => {
            let message = Arc::make_mut(message);
            message.place = place;
            message.version = place;
            message.ordinal = state.messages + 1;
        }
        EventBody::Edited(message) => Arc::make_mut(message).version = place,
        EventBody::Deleted { .. }
        | EventBody::Reacted { .. }
        | EventBody::Unreacted { .. }
        | EventBody::Pinned { .. }
        | EventBody::Unpinned { .. }
        | EventBody::Joined { .. }
        | EventBody::Left { .. }
        | EventBody::RoleSet { .. }
        | EventBody::Updated(_)
        | EventBody::Notified(_)
        | EventBody::Recorded(_)
        | EventBody::Void => {}
    }
}

/// `base`: the message that a deletion empties. The event holds and follows the state's last place.
pub(crate) fn apply(state: &mut RoomState, event: &Event, base: Option<&Arc<Message>>, rows: &mut Vec<Row>) {
    state.epochs.note(event.place);
    state.last = event.place;
    match &event.body {
        EventBody::Posted(message) => posted(state, event, message, rows),
        EventBody::Edited(message) => rows.push(Row::Rewrite(message.clone())),
        EventBody::Deleted { target } => deleted(state, event, *target, base, rows),
        EventBody::Reacted { target, reaction } => reacted(state, event, *target, reaction, true, rows),
        EventBody::Unreacted { target, reaction } => reacted(state, event, *target, reaction, false, rows),
        EventBody::Pinned { target } => pinned(state, *target, true, rows),
        EventBody::Unpinned { target } => pinned(state, *target, false, rows),
        EventBody::Joined { user, role } | EventBody::RoleSet { user, role } => member(state, user, Some(*role), rows),
        EventBody::Left { user, .. } => member(state, user, None, rows),
        EventBody::Updated(info) => updated(state, info, rows),
        EventBody::Notified(notice) => notified(state, notice, rows),
        EventBody::Recorded(fact) => {
            let facts = state.facts.get_or_insert_default();
            let fact = &**fact;
            if matches!(fact, Fact::TokenRevoked { .. } | Fact::UserRevoked { .. }) {
                facts.note_revoked(fact, event.at);
                rows.push(Row::Revoked { fact: fact.clone(), at: event.at });
            } else {
                facts.note(fact);
                rows.push(Row::Fact(fact.clone()));
            }
        }
        EventBody::Void => {}
    }
}

fn posted(state: &mut RoomState, event: &Event, message: &Arc<Message>, rows: &mut Vec<Row>) {
    state.messages += 1;
    let Some(key) = message.extra.as_ref().and_then(|extra| extra.key.as_ref()) else { return };
    // Keys belong to whose command it was, on whomever's behalf.
    let user = &event.by;
    if let DuplicateKey::Stream { stream, n } = key {
        state.streams.note(user, *stream, *n, event.place);
        rows.push(Row::Stream { user: user.clone(), stream: *stream, n: *n, place: event.place });
    }
    rows.push(Row::Key { user: user.clone(), key: key.clone(), place: event.place });
}

fn deleted(state: &mut RoomState, event: &Event, target: Place, base: Option<&Arc<Message>>, rows: &mut Vec<Row>) {
    if let Some(base) = base {
        rows.push(Row::Rewrite(Arc::new(base.stub(event.at, event.place))));
    }
    for ((reaction, user), _) in state.reactions.remove(&target).unwrap_or_default() {
        rows.push(Row::Reaction { target, reaction, user, on: false });
    }
    if state.pins.remove(&target) {
        rows.push(Row::Pin { target, on: false });
    }
}

fn reacted(state: &mut RoomState, event: &Event, target: Place, reaction: &Name, on: bool, rows: &mut Vec<Row>) {
    let one = (reaction.clone(), event.by.clone());
    if on {
        state.reactions.entry(target).or_default().insert(one, event.place.seq);
    } else if let Some(set) = state.reactions.get_mut(&target) {
        set.remove(&one);
        if set.is_empty() {
            state.reactions.remove(&target);
        }
    }
    rows.push(Row::Reaction { target, reaction: reaction.clone(), user: event.by.clone(), on });
}

fn pinned(state: &mut RoomState, target: Place, on: bool, rows: &mut Vec<Row>) {
    if on {
        state.pins.insert(target);
    } else {
        state.pins.remove(&target);
    }
    rows.push(Row::Pin { target, on });
}

fn member(state: &mut RoomState, user: &UserId, role: Option<Role>, rows: &mut Vec<Row>) {
    state.set_role(user, role);
    rows.push(Row::Member { user: user.clone(), role });
}

/// With its creation a room has its owner, so that no crash can come between the two.
fn updated(state: &mut RoomState, info: &Arc<RoomInfo>, rows: &mut Vec<Row>) {
    let created = !state.is_created() && !info.deleted;
    state.info = Some(info.clone());
    rows.push(Row::Info(info.clone()));
    if let Some(creator) = info.creator.as_ref().filter(|_| created) {
        member(state, creator, Some(Role::Owner), rows);
    }
}

fn notified(state: &mut RoomState, notice: &Notice, rows: &mut Vec<Row>) {
    // An inbox knows that its user belongs to a room; in which role, the room knows.
    let role = match notice.kind {
        NoticeKind::MemberOf if state.belong(&notice.room, true) => Some(Role::Member),
        NoticeKind::NoLongerMember if state.belong(&notice.room, false) => None,
        NoticeKind::MemberOf | NoticeKind::NoLongerMember | NoticeKind::Mentioned | NoticeKind::RoleChanged => return,
    };
    rows.push(Row::Belongs { room: notice.room.clone(), role });
}
