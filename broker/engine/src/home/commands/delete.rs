//! One's own message, or any as admin: a stub stays.

use super::talk;
use crate::home::decide::{Context, Decision};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::{AckLevel, Place};

pub(crate) fn decide(c: &Context<'_>, target: Place, ack: Option<AckLevel>) -> Decision {
    let level = c.level(ack)?;
    talk(c)?;
    if c.state().is_archived() {
        return Err(ErrorCode::RoomArchived.into());
    }
    let base = c.message(target)?;
    let mut proposal = c.propose(EventBody::Deleted { target }, Some(base))?;
    proposal.level = level;
    c.go(proposal)
}
