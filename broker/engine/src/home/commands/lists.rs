//! Pages about many rooms or users: from the directory and the inbox, completed by those who know.

use crate::home::decide::{Context, Decision, Go, page_limit};
use crate::home::gather::Gather;
use rookery_protocol::ids::{Name, RoomKey, RoomKind, UserId};
use rookery_protocol::reply::{Reply, RoomEntry, UserEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Listed rooms, or one's own.
pub(crate) fn rooms(c: &Context<'_>, mine: bool, after: Option<&Name>, limit: u32) -> Decision {
    c.only(&[RoomKind::Directory])?;
    c.enter()?;
    let limit = page_limit(limit);
    if mine {
        let user = c.who.user.clone();
        return Ok(Go::Gather(Gather::mine(c.inbox(&user), user, after.cloned(), limit)));
    }
    let entry = |(room, title): (&RoomKey, &String)| RoomEntry { room: room.clone(), title: title.clone(), role: None };
    let (rooms, more) = page(&c.state().facts().listed, after, limit as usize, |rooms| rooms.iter().map(entry));
    Ok(Go::Answer(Reply::Rooms { rooms, more }))
}

/// Rooms of a user, at its inbox.
pub(crate) fn belongs(
    belongs: &BTreeMap<Name, BTreeSet<RoomKey>>,
    after: Option<&Name>,
    limit: usize,
) -> (Vec<RoomKey>, bool) {
    page(belongs, after, limit, |rooms| rooms.iter().cloned())
}

/// A page never ends between two entries of the same name, because the next one begins behind a name.
fn page<'a, T, E, I: Iterator<Item = E>>(
    entries: &'a BTreeMap<Name, T>,
    after: Option<&Name>,
    limit: usize,
    each: impl Fn(&'a T) -> I,
) -> (Vec<E>, bool) {
    let mut page = Vec::new();
    for (_, of_name) in entries.range::<Name, _>((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)) {
        if page.len() >= limit {
            return (page, true);
        }
        page.extend(each(of_name));
    }
    (page, false)
}

pub(crate) fn users(c: &Context<'_>, after: Option<&UserId>, limit: u32) -> Decision {
    c.only(&[RoomKind::Directory])?;
    c.enter()?;
    let limit = page_limit(limit) as usize;
    let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let page = c.state().facts().users.range::<UserId, _>(range).take(limit + 1);
    let mut users: Vec<UserEntry> = page
        .map(|(user, display)| UserEntry { user: user.clone(), display: display.clone(), status: Default::default() })
        .collect();
    let more = users.len() > limit;
    users.truncate(limit);
    let lobby = RoomKey { kind: RoomKind::Lobby, ..c.room.key.clone() };
    Ok(Go::Gather(Gather::users(lobby, users, more)))
}

pub(crate) fn unread(c: &Context<'_>, after: Option<&Name>, limit: u32) -> Decision {
    c.only(&[RoomKind::Inbox])?;
    c.enter()?;
    let (rooms, more) = belongs(&c.state().belongs, after, page_limit(limit) as usize);
    Ok(Go::Gather(Gather::unread(c.room.key.name.clone(), rooms, more)))
}
