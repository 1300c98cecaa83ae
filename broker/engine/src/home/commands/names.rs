//! What must be unique or counted: names and numbers of a directory.

use super::fits;
use crate::home::decide::{Context, Decision, Go};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, Fact};
use rookery_protocol::ids::{Name, RoomKind};
use rookery_protocol::limits;
use rookery_protocol::reply::{Refusal, Reply};

fn enter(c: &Context<'_>) -> Result<(), crate::home::decide::Stop> {
    c.only(&[RoomKind::Directory])?;
    c.backend()?;
    c.enter()?;
    c.settled()
}

pub(crate) fn take(c: &Context<'_>, name: &Name, holder: &Name) -> Decision {
    enter(c)?;
    match c.state().facts().names.get(name) {
        Some(other) if other == holder => Ok(Go::Answer(Reply::Done)),
        Some(_) => Err(ErrorCode::NameTaken.into()),
        None => record(c, Fact::NameTaken { name: name.clone(), holder: holder.clone() }, None),
    }
}

pub(crate) fn release(c: &Context<'_>, name: &Name, holder: &Name) -> Decision {
    enter(c)?;
    match c.state().facts().names.get(name) {
        Some(other) if other == holder => record(c, Fact::NameReleased { name: name.clone() }, None),
        Some(_) => Err(ErrorCode::NameTaken.into()),
        None => Ok(Go::Answer(Reply::Done)),
    }
}

pub(crate) fn numbers(c: &Context<'_>, counter: &Name, count: u32) -> Decision {
    enter(c)?;
    fits("count", count as usize, limits::NUMBER_BLOCK)?;
    if count == 0 {
        return Err(Refusal::because(ErrorCode::Malformed, "count: at least 1").into());
    }
    let first = c.state().facts().next_number(counter);
    record(c, Fact::NumbersTaken { counter: counter.clone(), first, count }, Some(Reply::Numbers { first, count }))
}

/// `reply`: where it is not the place.
pub(crate) fn record(c: &Context<'_>, fact: Fact, reply: Option<Reply>) -> Decision {
    let mut proposal = c.propose(EventBody::Recorded(Box::new(fact)), None)?;
    proposal.reply = reply.map(Box::new);
    c.go(proposal)
}
