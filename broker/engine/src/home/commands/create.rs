//! A room, with its first members; the creator owns it. A room that was used without being created gains its owner so.

use super::{fits, text};
use crate::home::decide::{Context, Decision, Stop};
use crate::home::flight::Proposal;
use crate::home::line::busy;
use crate::message::Action;
use rookery_protocol::command::{Role, RoomSettings};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, Fact, Notice, NoticeKind, RoomInfo};
use rookery_protocol::ids::{Place, RoomKey, RoomKind, UserId};
use rookery_protocol::limits;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) fn decide(c: &Context<'_>, settings: &RoomSettings, members: &[UserId]) -> Decision {
    c.only(&[RoomKind::Room])?;
    if c.room.key.realm != c.who.realm && !c.who.powers.any_realm {
        return Err(ErrorCode::NotAllowed.into());
    }
    check(settings)?;
    fits("members", members.len(), limits::CREATE_MEMBERS)?;
    fits("members", members.len(), u64::from(c.state().max_members))?;
    c.settled()?;
    if c.state().is_created() {
        return Err(ErrorCode::RoomExists.into());
    }
    // The last traces of the room that was here go first.
    if c.state().is_deleted() && !c.state().is_blank() {
        return Err(busy().into());
    }
    let mut info = RoomInfo {
        access: c.room.class.access,
        creator: Some(c.who.user.clone()),
        created_at: c.at,
        ..RoomInfo::default()
    };
    overlay(&mut info, settings);
    let listing = info.listed.then(|| listed(&c.room.key, &info));
    let mut proposal = c.propose(EventBody::Updated(Arc::new(info)), None)?;
    let owner: &UserId = &c.who.user;
    proposal.effects.push((c.inbox(owner), notice(c, NoticeKind::MemberOf)));
    proposal.effects.extend(listing.map(|action| (c.directory(), action)));
    let others: BTreeSet<&UserId> = members.iter().filter(|user| *user != owner).collect();
    for user in others {
        let body = EventBody::Joined { user: user.clone(), role: Role::Member };
        let mut joined = Proposal::new(body, owner.clone(), c.at, Place::START);
        joined.privileged = true;
        joined.effects.push((c.inbox(user), notice(c, NoticeKind::MemberOf)));
        proposal.then.push(*joined);
    }
    c.go(proposal)
}

pub(crate) fn check(settings: &RoomSettings) -> Result<(), Stop> {
    let RoomSettings { title, topic, description, access: _, listed: _, metadata } = settings;
    text("title", title.as_deref().unwrap_or_default())?;
    text("topic", topic.as_deref().unwrap_or_default())?;
    text("description", description.as_deref().unwrap_or_default())?;
    fits("metadata", metadata.as_ref().map_or(0, String::len), limits::METADATA_BYTES)
}

/// What is not said stays as it is.
pub(crate) fn overlay(info: &mut RoomInfo, settings: &RoomSettings) {
    let RoomSettings { title, topic, description, access, listed, metadata } = settings.clone();
    info.title = title.unwrap_or(std::mem::take(&mut info.title));
    info.topic = topic.unwrap_or(std::mem::take(&mut info.topic));
    info.description = description.unwrap_or(std::mem::take(&mut info.description));
    info.access = access.unwrap_or(info.access);
    info.listed = listed.unwrap_or(info.listed);
    info.metadata = metadata.unwrap_or(std::mem::take(&mut info.metadata));
}

pub(crate) fn listed(room: &RoomKey, info: &RoomInfo) -> Action {
    Action::Record(Fact::RoomListed { room: room.clone(), title: info.title.clone() })
}

/// To an inbox, about this room; its place comes with the event.
pub(crate) fn notice(c: &Context<'_>, kind: NoticeKind) -> Action {
    Action::Notify(Notice { room: c.room.key.clone(), place: Place::START, kind })
}
