//! Who belongs to a room, and as what: join, leave, invite, remove, set role.

use super::create::notice;
use super::talk;
use crate::home::decide::{Context, Decision, Go};
use rookery_protocol::command::Role;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{Departure, EventBody, NoticeKind};
use rookery_protocol::ids::{RoomKind, UserId};
use rookery_protocol::reply::Reply;

pub(crate) fn join(c: &Context<'_>) -> Decision {
    let user = &c.who.user;
    become_member(c, user, Role::Member)
}

pub(crate) fn invite(c: &Context<'_>, user: &UserId, role: Role) -> Decision {
    become_member(c, user, role)
}

fn become_member(c: &Context<'_>, user: &UserId, role: Role) -> Decision {
    c.only(&[RoomKind::Room])?;
    talk(c)?;
    c.settled()?;
    if c.state().role(user).is_some() {
        return Ok(Go::Answer(Reply::Done));
    }
    change(c, user, EventBody::Joined { user: user.clone(), role }, NoticeKind::MemberOf)
}

pub(crate) fn leave(c: &Context<'_>) -> Decision {
    let user = &c.who.user;
    part(c, user, Departure::Left)
}

pub(crate) fn remove(c: &Context<'_>, user: &UserId) -> Decision {
    part(c, user, Departure::Removed)
}

fn part(c: &Context<'_>, user: &UserId, why: Departure) -> Decision {
    c.only(&[RoomKind::Room])?;
    talk(c)?;
    c.settled()?;
    change(c, user, EventBody::Left { user: user.clone(), why }, NoticeKind::NoLongerMember)
}

pub(crate) fn set_role(c: &Context<'_>, user: &UserId, role: Role) -> Decision {
    c.only(&[RoomKind::Room])?;
    talk(c)?;
    c.settled()?;
    match c.state().role(user) {
        None => Err(ErrorCode::NotAMember.into()),
        Some(before) if before == role => Ok(Go::Answer(Reply::Done)),
        Some(_) => change(c, user, EventBody::RoleSet { user: user.clone(), role }, NoticeKind::RoleChanged),
    }
}

/// The user's inbox is told.
fn change(c: &Context<'_>, user: &UserId, body: EventBody, kind: NoticeKind) -> Decision {
    let mut proposal = c.propose(body, None)?;
    proposal.effects.push((c.inbox(user), notice(c, kind)));
    c.go(proposal)
}
