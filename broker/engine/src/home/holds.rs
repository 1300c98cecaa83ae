//! Whether an event may follow a state: asked when a command is decided, and again when its event has its place.
//!
//! Looks at nothing but the state, the actor and the event, so every node answers the same at the same place.

use super::facts::Facts;
use super::rights::{Actor, Right, may};
use super::state::RoomState;
use rookery_protocol::command::{Access, Role};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{Departure, EventBody, Fact, RoomInfo};
use rookery_protocol::ids::UserId;
use rookery_protocol::message::Message;
use std::sync::Arc;

/// `base`: the message that an event changes, where it is at hand.
pub(crate) fn holds(
    state: &RoomState,
    actor: Actor<'_>,
    body: &EventBody,
    base: Option<&Arc<Message>>,
) -> Result<(), ErrorCode> {
    alive(state, body)?;
    match body {
        EventBody::Posted(_) => may(state, actor, Right::Take),
        EventBody::Edited(message) => {
            may(state, actor, Right::Take)?;
            // Nobody but the sender, owners included.
            unless(message.sender != *actor.user && !actor.privileged, ErrorCode::NotAllowed)
        }
        EventBody::Deleted { .. } => match base {
            Some(base) if base.sender == *actor.user => may(state, actor, Right::Take),
            Some(_) => may(state, actor, Right::Manage),
            None => Ok(()),
        },
        EventBody::Reacted { target, reaction } | EventBody::Unreacted { target, reaction } => {
            may(state, actor, Right::Take)?;
            let set = state.reactions.get(target);
            let there = set.is_some_and(|set| set.contains_key(&(reaction.clone(), actor.user.clone())));
            unless(there == matches!(body, EventBody::Reacted { .. }), ErrorCode::Overtaken)
        }
        EventBody::Pinned { target } | EventBody::Unpinned { target } => {
            may(state, actor, Right::Highlight)?;
            let there = state.pins.contains(target);
            unless(there == matches!(body, EventBody::Pinned { .. }), ErrorCode::Overtaken)
        }
        EventBody::Joined { user, role } => joined(state, actor, user, *role),
        EventBody::Left { user, why } => left(state, actor, user, *why),
        EventBody::RoleSet { user, role } => role_set(state, actor, user, *role),
        EventBody::Updated(info) => updated(state, actor, info),
        EventBody::Recorded(fact) => {
            unless(!state.facts().allow(fact), ErrorCode::Overtaken)?;
            unless(names_erased(state.facts(), body), ErrorCode::NoSuchUser)
        }
        EventBody::Notified(_) | EventBody::Void => Ok(()),
    }
}

fn unless(bad: bool, code: ErrorCode) -> Result<(), ErrorCode> {
    if bad { Err(code) } else { Ok(()) }
}

/// A deleted room takes nothing but its end and its new beginning; an archived one can be read.
fn alive(state: &RoomState, body: &EventBody) -> Result<(), ErrorCode> {
    let ends =
        matches!(body, EventBody::Left { why: Departure::RoomDeleted | Departure::Erased, .. } | EventBody::Void);
    if state.is_deleted() && !ends && !matches!(body, EventBody::Updated(info) if !info.deleted) {
        return Err(ErrorCode::NoSuchRoom);
    }
    if !state.is_archived() {
        return Ok(());
    }
    match body {
        EventBody::Updated(info) => unless(info.archived && !info.deleted, ErrorCode::RoomArchived),
        EventBody::Left { .. } | EventBody::Deleted { .. } | EventBody::Void => Ok(()),
        EventBody::Posted(_)
        | EventBody::Edited(_)
        | EventBody::Reacted { .. }
        | EventBody::Unreacted { .. }
        | EventBody::Pinned { .. }
        | EventBody::Unpinned { .. }
        | EventBody::Joined { .. }
        | EventBody::RoleSet { .. }
        | EventBody::Notified(_)
        | EventBody::Recorded(_) => Err(ErrorCode::RoomArchived),
    }
}

fn joined(state: &RoomState, actor: Actor<'_>, user: &UserId, role: Role) -> Result<(), ErrorCode> {
    unless(state.role(user).is_some(), ErrorCode::Overtaken)?;
    unless(state.members.len() >= state.max_members as usize, ErrorCode::NotAllowed)?;
    if actor.privileged || (user == actor.user && role == Role::Member && state.access() != Access::Members) {
        return Ok(());
    }
    may(state, actor, if role == Role::Owner { Right::Own } else { Right::Manage })
}

fn left(state: &RoomState, actor: Actor<'_>, user: &UserId, why: Departure) -> Result<(), ErrorCode> {
    let Some(role) = state.role(user) else { return Err(ErrorCode::NotAMember) };
    let last_owner = role == Role::Owner && state.owners <= 1;
    match why {
        Departure::RoomDeleted => unless(!state.is_deleted(), ErrorCode::Overtaken),
        Departure::Erased => Ok(()),
        Departure::Left => {
            unless(user != actor.user && !actor.privileged, ErrorCode::NotAllowed)?;
            unless(last_owner, ErrorCode::LastOwner)
        }
        Departure::Removed => {
            may(state, actor, if role == Role::Owner { Right::Own } else { Right::Manage })?;
            unless(last_owner, ErrorCode::LastOwner)
        }
    }
}

fn role_set(state: &RoomState, actor: Actor<'_>, user: &UserId, role: Role) -> Result<(), ErrorCode> {
    let Some(before) = state.role(user) else { return Err(ErrorCode::NotAMember) };
    let owners = before == Role::Owner || role == Role::Owner;
    may(state, actor, if owners { Right::Own } else { Right::Manage })?;
    unless(before == role, ErrorCode::Overtaken)?;
    unless(before == Role::Owner && state.owners <= 1, ErrorCode::LastOwner)
}

fn updated(state: &RoomState, actor: Actor<'_>, info: &RoomInfo) -> Result<(), ErrorCode> {
    if !state.is_created() {
        return unless(info.deleted, ErrorCode::NoSuchRoom);
    }
    // A creation that another one came before.
    let anew = state.info.as_ref().is_some_and(|before| before.created_at != info.created_at && !info.deleted);
    unless(anew, ErrorCode::RoomExists)?;
    may(state, actor, if info.deleted { Right::Own } else { Right::Manage })
}

fn names_erased(facts: &Facts, body: &EventBody) -> bool {
    if let EventBody::Recorded(fact) = body
        && let Fact::DirectPaired { low, high, .. } = &**fact
    {
        return facts.erased.contains(low) || facts.erased.contains(high);
    }
    false
}
