//! A page of members, or of who is here.

use super::talk;
use crate::home::decide::{Context, Decision, Go, page_limit};
use rookery_protocol::command::RosterOf;
use rookery_protocol::ids::UserId;
use rookery_protocol::reply::{Reply, RosterEntry};
use std::ops::Bound;

pub(crate) fn decide(c: &Context<'_>, of: RosterOf, after: Option<&UserId>, limit: u32) -> Decision {
    talk(c)?;
    let limit = page_limit(limit) as usize;
    let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let here = &c.room.here;
    let entry =
        |user: &UserId| RosterEntry { user: user.clone(), role: c.state().role(user), present: here.is_present(user) };
    let (mut members, count): (Vec<_>, usize) = match of {
        RosterOf::Members => {
            let page = c.state().members.range::<UserId, _>(range).take(limit + 1);
            (page.map(|(user, _)| entry(user)).collect(), c.state().members.len())
        }
        RosterOf::Present => (here.users_after(after).take(limit + 1).map(entry).collect(), here.count()),
    };
    let more = members.len() > limit;
    members.truncate(limit);
    Ok(Go::Answer(Reply::Roster { members, count: count as u64, more }))
}
