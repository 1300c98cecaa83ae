//! To a message, or not any more. Twice is once.

use super::talk;
use crate::home::decide::{Context, Decision, Go};
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::{Name, Place};
use rookery_protocol::reply::Reply;

pub(crate) fn decide(c: &Context<'_>, target: Place, reaction: &Name, on: bool) -> Decision {
    talk(c)?;
    c.message(target)?;
    let set = c.state().reactions.get(&target);
    let there = set.is_some_and(|set| set.contains_key(&(reaction.clone(), c.who.user.clone())));
    if there == on {
        // What is under way may be the opposite.
        c.settled()?;
        return Ok(Go::Answer(Reply::Done));
    }
    let reaction = reaction.clone();
    let body = if on { EventBody::Reacted { target, reaction } } else { EventBody::Unreacted { target, reaction } };
    c.go(c.propose(body, None)?)
}
