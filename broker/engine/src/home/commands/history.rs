//! A page of messages in their present version, fenced at the confirmed place.

use crate::home::decide::{Context, Decision, Go, page_limit};
use crate::home::epochs::Stand;
use crate::ports::{Fetch, Fetched};
use rookery_protocol::command::HistoryFrom;
use rookery_protocol::ids::Place;
use rookery_protocol::message::Message;
use rookery_protocol::reply::{Page, ReactionCount, Reply};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Users named for each reaction of a page.
const REACTION_SAMPLE: usize = 8;

pub(crate) fn decide(c: &Context<'_>, from: HistoryFrom, limit: u32, thread: Option<Place>) -> Decision {
    c.enter()?;
    let fence = c.room.confirm.place;
    let from = clamped(c, from);
    let (messages, more_before, more_after) = if c.room.confirm.messages == 0 {
        (Vec::new(), false, false)
    } else {
        match c.found(&Fetch::Page { from, limit: page_limit(limit), thread, fence })? {
            Fetched::Page { messages, more_before, more_after } => (messages.clone(), *more_before, *more_after),
            Fetched::Message(_)
            | Fetched::Place(_)
            | Fetched::Stream(_)
            | Fetched::Replay(_)
            | Fetched::Places(_)
            | Fetched::Rooms { .. } => (Vec::new(), false, false),
        }
    };
    let messages: Vec<_> = messages.into_iter().map(|message| unexpired(c, message)).collect();
    let reactions = messages.iter().flat_map(|message| reactions(c, message.place, fence)).collect();
    Ok(Go::Answer(Reply::History(Box::new(Page { messages, reactions, fence, more_before, more_after }))))
}

/// A place that was taken back stands for the end of its epoch.
fn clamped(c: &Context<'_>, from: HistoryFrom) -> HistoryFrom {
    let clamp = |place| match c.state().stand(place, c.room.run) {
        Stand::TakenBack { above, .. } => above,
        Stand::Here | Stand::Unknown => place,
    };
    match from {
        HistoryFrom::Before(place) => HistoryFrom::Before(place),
        HistoryFrom::After(place) => HistoryFrom::After(clamp(place)),
        HistoryFrom::Around(place) => HistoryFrom::Around(clamp(place)),
        HistoryFrom::Newest | HistoryFrom::FromOldest(_) | HistoryFrom::FromNewest(_) => from,
    }
}

/// What has expired is shown to nobody, also before it is deleted.
fn unexpired(c: &Context<'_>, message: Arc<Message>) -> Arc<Message> {
    let expires_at = message.extra.as_ref().and_then(|extra| extra.expires_at);
    match expires_at.filter(|at| *at <= c.now.wall) {
        Some(at) => Arc::new(message.stub(at, message.version)),
        None => message,
    }
}

fn reactions(c: &Context<'_>, target: Place, fence: Place) -> Vec<ReactionCount> {
    let Some(set) = c.state().reactions.get(&target) else { return Vec::new() };
    let mut counts: BTreeMap<_, ReactionCount> = BTreeMap::new();
    for ((reaction, user), seq) in set {
        if *seq > fence.seq {
            continue;
        }
        let entry = counts.entry(reaction).or_insert_with(|| ReactionCount {
            target,
            reaction: reaction.clone(),
            count: 0,
            sample: Vec::new(),
        });
        entry.count += 1;
        if entry.sample.len() < REACTION_SAMPLE {
            entry.sample.push(user.clone());
        }
    }
    counts.into_values().collect()
}
