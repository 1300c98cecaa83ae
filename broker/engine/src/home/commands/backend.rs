//! What a backend does to users: disconnect, revoke, erase.

use super::names::record;
use crate::home::decide::{Context, Decision, Go};
use crate::message::Action;
use rookery_protocol::command::Revocation;
use rookery_protocol::event::{EventBody, Fact};
use rookery_protocol::ids::{Millis, RoomKind, UserId};
use rookery_protocol::reply::Reply;

/// Before any time that a token can have been issued at: the largest number that every language can say.
const FOR_EVER: Millis = (1 << 53) - 1;

pub(crate) fn disconnect(c: &Context<'_>) -> Decision {
    c.backend()?;
    c.only(&[RoomKind::Inbox])?;
    Ok(Go::Disconnect)
}

pub(crate) fn revoke(c: &Context<'_>, revocation: &Revocation) -> Decision {
    c.backend()?;
    c.only(&[RoomKind::Directory])?;
    c.enter()?;
    c.settled()?;
    let fact = match revocation.clone() {
        Revocation::Token { id } => Fact::TokenRevoked { id },
        Revocation::User { user } => Fact::UserRevoked { user, issued_before: FOR_EVER },
        Revocation::IssuedBefore { user, at } => Fact::UserRevoked { user, issued_before: at },
    };
    record(c, fact, Some(Reply::Counted { count: 1 }))
}

/// The inbox remembers that its user is erased; its rooms and the directory follow, in steps.
pub(crate) fn erase(c: &Context<'_>, user: &UserId) -> Decision {
    c.backend()?;
    c.only(&[RoomKind::Inbox])?;
    c.settled()?;
    let count = c.state().belongs.values().map(|rooms| rooms.len() as u64).sum();
    let fact = Fact::UserErased { user: user.clone() };
    let mut proposal = c.propose(EventBody::Recorded(Box::new(fact.clone())), None)?;
    proposal.effects.push((c.directory(), Action::Record(fact)));
    proposal.reply = Some(Box::new(Reply::Counted { count }));
    c.go(proposal)
}
