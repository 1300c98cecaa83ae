//! A message: new, or known by its duplicate key.

use super::{fits, talk, text};
use crate::home::decide::{Context, Decision, Go, Stop};
use crate::home::flight::Proposal;
use crate::home::streams::Standing;
use crate::message::Action;
use crate::planted::{self, Bug};
use crate::ports::{Fetch, Fetched};
use rookery_protocol::command::{Post, PostExtra};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, Notice, NoticeKind};
use rookery_protocol::ids::{AckLevel, DuplicateKey, Place, UserId};
use rookery_protocol::limits;
use rookery_protocol::message::{Message, MessageExtra};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) fn decide(c: &Context<'_>, post: &Post) -> Decision {
    let level = c.level(post.ack)?;
    fits("body", post.body.len(), limits::BODY_BYTES)?;
    talk(c)?;
    // Before everything that may have changed since: what was done once is answered as it was then.
    if let Some(key) = &post.key
        && let Some(known) = known(c, key, level)?
    {
        return Ok(known);
    }
    if let Some(extra) = post.extra.as_deref() {
        check(c, extra)?;
    }
    let body = EventBody::Posted(Arc::new(message(c, post)));
    let mut proposal = c.propose(body, None)?;
    proposal.level = level;
    if let Some(extra) = post.extra.as_deref() {
        proposal.expect = extra.expect;
        mention(c, extra, &mut proposal);
    }
    c.go(proposal)
}

/// What became of the message with this key, if it is not new.
fn known(c: &Context<'_>, key: &DuplicateKey, level: AckLevel) -> Result<Option<Go>, Stop> {
    let user = &c.who.user;
    if c.room.flight.is_busy() && c.room.flight.has_key(user, key) {
        return Ok(Some(Go::Join { level }));
    }
    match key {
        DuplicateKey::Stream { stream, n } => {
            let standing = match c.state().streams.standing(user, *stream, *n) {
                Standing::Strange => strange(c, user, *stream, *n)?,
                standing @ (Standing::New | Standing::Given(_) | Standing::Below) => standing,
            };
            match standing {
                Standing::New => Ok(None),
                Standing::Given(place) => Ok(Some(Go::First { place, level })),
                Standing::Below | Standing::Strange => looked_up(c, user, key, level),
            }
        }
        DuplicateKey::Free(_) => looked_up(c, user, key, level),
    }
}

/// A stream that the room does not have at hand is looked up once.
fn strange(c: &Context<'_>, user: &UserId, stream: u64, n: u64) -> Result<Standing, Stop> {
    let found = c.found(&Fetch::Stream { user: user.clone(), stream })?;
    Ok(match found {
        Fetched::Stream(Some((highest, _))) if n > *highest => Standing::New,
        Fetched::Stream(Some((highest, place))) if n == *highest => Standing::Given(*place),
        Fetched::Stream(Some(_)) => Standing::Below,
        Fetched::Stream(None)
        | Fetched::Message(_)
        | Fetched::Place(_)
        | Fetched::Page { .. }
        | Fetched::Replay(_)
        | Fetched::Places(_)
        | Fetched::Rooms { .. } => Standing::New,
    })
}

/// By place among what is not confirmed, in the store otherwise. What is in neither was never placed.
fn looked_up(c: &Context<'_>, user: &UserId, key: &DuplicateKey, level: AckLevel) -> Result<Option<Go>, Stop> {
    if let Some(place) = c.room.recent.keyed(user, key, c.room.confirm.place.seq) {
        return Ok(Some(Go::First { place, level }));
    }
    let found = c.found(&Fetch::Key { user: user.clone(), key: key.clone() })?;
    let place = if let Fetched::Place(place) = found { *place } else { None };
    let place = place.filter(|_| !planted::is(Bug::KeyForgotten));
    Ok(place.map(|place| Go::First { place, level }))
}

fn check(c: &Context<'_>, extra: &PostExtra) -> Result<(), Stop> {
    fits("mentions", extra.mentions.len(), limits::MENTIONS)?;
    fits("attachments", extra.attachments.len(), limits::ATTACHMENTS)?;
    fits("metadata", extra.metadata.len(), limits::METADATA_BYTES)?;
    for attachment in &extra.attachments {
        text("attachment name", &attachment.name)?;
        text("attachment type", &attachment.media_type)?;
        text("attachment address", &attachment.url)?;
    }
    if extra.on_behalf_of.is_some() {
        c.backend()?;
    }
    match extra.thread {
        Some(Place::START) => Err(ErrorCode::NoSuchMessage.into()),
        Some(root) => c.message(root).map(|_| ()),
        None => Ok(()),
    }
}

/// Its place and ordinal come with the event.
fn message(c: &Context<'_>, post: &Post) -> Message {
    let asked = post.extra.as_deref();
    let profile = &c.who.profile;
    let on_behalf_of = asked.and_then(|extra| extra.on_behalf_of.as_ref());
    let plain = asked.is_none() && post.key.is_none() && profile.is_empty();
    let extra = (!plain).then(|| {
        let mut extra = Box::new(MessageExtra { key: post.key.clone(), ..MessageExtra::default() });
        if on_behalf_of.is_none() {
            extra.profile = profile.clone();
        }
        if let Some(asked) = asked {
            extra.thread = asked.thread;
            extra.mentions = asked.mentions.clone();
            extra.attachments = asked.attachments.clone();
            extra.metadata = asked.metadata.clone();
            extra.expires_at = asked.expires_in_ms.map(|ms| c.now.wall.saturating_add(ms));
        }
        extra
    });
    Message {
        place: Place::START,
        ordinal: 0,
        sender: on_behalf_of.unwrap_or(&c.who.user).clone(),
        posted_at: c.at,
        kind: post.kind,
        body: post.body.clone(),
        version: Place::START,
        extra,
    }
}

/// Tells each of them once, but not the sender.
fn mention(c: &Context<'_>, extra: &PostExtra, proposal: &mut Proposal) {
    let users: BTreeSet<&UserId> = extra.mentions.iter().filter(|user| **user != c.who.user).collect();
    for user in users {
        let notice = Notice { room: c.room.key.clone(), place: Place::START, kind: NoticeKind::Mentioned };
        proposal.effects.push((c.inbox(user), Action::Notify(notice)));
    }
}
