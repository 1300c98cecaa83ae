//! Title, topic, description, access, listing; and archiving.

use super::create::{check, listed, overlay};
use super::talk;
use crate::home::decide::{Context, Decision, Go, Stop};
use crate::home::rights::{Right, may};
use crate::message::Action;
use rookery_protocol::command::RoomSettings;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, Fact, RoomInfo};
use rookery_protocol::ids::RoomKind;
use rookery_protocol::reply::Reply;
use std::sync::Arc;

pub(crate) fn decide(c: &Context<'_>, settings: &RoomSettings) -> Decision {
    check(settings)?;
    change(c, |info| overlay(info, settings))
}

pub(crate) fn archive(c: &Context<'_>, archived: bool) -> Decision {
    change(c, |info| info.archived = archived)
}

fn change(c: &Context<'_>, change: impl FnOnce(&mut RoomInfo)) -> Decision {
    c.only(&[RoomKind::Room])?;
    talk(c)?;
    c.settled()?;
    let before = present(c)?;
    let mut after = RoomInfo::clone(before);
    change(&mut after);
    may(c.state(), c.actor(), Right::Manage)?;
    if after == **before {
        return Ok(Go::Answer(Reply::Done));
    }
    let mut proposal = c.propose(EventBody::Updated(Arc::new(after.clone())), None)?;
    if after.listed && (!before.listed || after.title != before.title) {
        proposal.effects.push((c.directory(), listed(&c.room.key, &after)));
    } else if before.listed && !after.listed {
        let fact = Fact::RoomUnlisted { room: c.room.key.clone() };
        proposal.effects.push((c.directory(), Action::Record(fact)));
    }
    c.go(proposal)
}

/// Nobody has rights over a room that nobody created.
pub(crate) fn present<'a>(c: &Context<'a>) -> Result<&'a Arc<RoomInfo>, Stop> {
    let info = c.state().info.as_ref().filter(|info| !info.deleted);
    info.ok_or_else(|| ErrorCode::NoSuchRoom.into())
}
