//! A message for all to find, or not any more. Twice is once.

use super::talk;
use crate::home::decide::{Context, Decision, Go};
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::Place;
use rookery_protocol::reply::Reply;

pub(crate) fn decide(c: &Context<'_>, target: Place, on: bool) -> Decision {
    talk(c)?;
    c.message(target)?;
    if c.state().pins.contains(&target) == on {
        c.settled()?;
        return Ok(Go::Answer(Reply::Done));
    }
    let body = if on { EventBody::Pinned { target } } else { EventBody::Unpinned { target } };
    c.go(c.propose(body, None)?)
}
