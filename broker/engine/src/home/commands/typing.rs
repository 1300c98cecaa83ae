//! Told to the room, kept nowhere.

use super::talk;
use crate::home::decide::{Context, Decision, Go};
use crate::home::rights::{Right, may};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::Signal;

pub(crate) fn decide(c: &Context<'_>, on: bool) -> Decision {
    talk(c)?;
    may(c.state(), c.actor(), Right::Take)?;
    if c.state().is_archived() {
        return Err(ErrorCode::RoomArchived.into());
    }
    Ok(Go::Signal(Signal::Typing { user: c.who.user.clone(), on }))
}
