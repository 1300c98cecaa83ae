//! With its messages and members. Listeners are ended with this event; members and records go after it, in steps.

use super::update::present;
use crate::home::decide::{Context, Decision};
use crate::message::Action;
use rookery_protocol::event::{EventBody, Fact, RoomInfo};
use rookery_protocol::ids::RoomKind;
use std::sync::Arc;

pub(crate) fn decide(c: &Context<'_>) -> Decision {
    c.only(&[RoomKind::Room])?;
    c.enter()?;
    c.settled()?;
    let before = present(c)?;
    let after = RoomInfo {
        deleted: true,
        access: before.access,
        creator: before.creator.clone(),
        created_at: before.created_at,
        ..RoomInfo::default()
    };
    let mut proposal = c.propose(EventBody::Updated(Arc::new(after)), None)?;
    if before.listed {
        let fact = Fact::RoomUnlisted { room: c.room.key.clone() };
        proposal.effects.push((c.directory(), Action::Record(fact)));
    }
    c.go(proposal)
}
