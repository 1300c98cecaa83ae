//! The room of oneself and another user, the same from either side.

use crate::home::decide::{Context, Decision, Go};
use crate::home::facts::DIRECT;
use crate::message::{Action, EffectId};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, Fact};
use rookery_protocol::ids::{Name, RoomKey, RoomKind, UserId};
use rookery_protocol::reply::{Refusal, Reply};

pub(crate) fn decide(c: &Context<'_>, user: &UserId) -> Decision {
    c.only(&[RoomKind::Directory])?;
    c.enter()?;
    if *user == c.who.user {
        return Err(Refusal::because(ErrorCode::NotAllowed, "a direct room has two users").into());
    }
    c.settled()?;
    let (low, high) = if *user < c.who.user { (user, &c.who.user) } else { (&c.who.user, user) };
    let facts = c.state().facts();
    if facts.erased.contains(user) {
        return Err(ErrorCode::NoSuchUser.into());
    }
    if let Some(name) = facts.pair(low, high) {
        let reply = Reply::Direct { name: name.clone() };
        // Paired a moment ago: the room may have to begin yet.
        return Ok(match beginning(c, name) {
            Some(effect) => Go::AnswerAfter { effect, reply },
            None => Go::Answer(reply),
        });
    }
    let number = facts.next_number(&DIRECT).to_string();
    let Ok(name) = Name::new(&number) else { return Err(ErrorCode::NotAvailable.into()) };
    let (low, high) = (low.clone(), high.clone());
    let room = RoomKey { realm: c.room.key.realm.clone(), kind: RoomKind::Direct, name: name.clone() };
    let fact = Fact::DirectPaired { low: low.clone(), high: high.clone(), room: name.clone() };
    let mut proposal = c.propose(EventBody::Recorded(Box::new(fact)), None)?;
    proposal.effects.push((room, Action::BeginDirect { low, high }));
    proposal.reply = Some(Box::new(Reply::Direct { name }));
    proposal.after_effect = true;
    c.go(proposal)
}

fn beginning(c: &Context<'_>, name: &Name) -> Option<EffectId> {
    let begins =
        |effect: &&crate::message::CauseEffect| effect.target.kind == RoomKind::Direct && effect.target.name == *name;
    c.state().pending.values().find(begins).map(|effect| effect.id.clone())
}
