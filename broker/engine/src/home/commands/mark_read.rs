//! Raises one's watermark; an event is not placed.

use crate::home::decide::{Context, Decision, Go, Stop};
use crate::home::epochs::Stand;
use crate::home::marks::Mark;
use crate::ports::{Fetch, Fetched};
use rookery_protocol::command::{HistoryFrom, ReadMark};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Ordinal, Place, Seq};
use rookery_protocol::reply::Reply;

pub(crate) fn decide(c: &Context<'_>, place: Place, mark: ReadMark) -> Decision {
    c.enter()?;
    let place = match c.state().stand(place, c.room.run) {
        Stand::Here => place,
        Stand::TakenBack { above, .. } => above,
        Stand::Unknown => return Err(ErrorCode::NoSuchMessage.into()),
    };
    let marks = c.state().marks(&c.who.user);
    let before = match mark {
        ReadMark::Delivered => marks.delivered.0,
        ReadMark::Read => marks.read.0,
    };
    if place <= before {
        return Ok(Go::Answer(Reply::Done));
    }
    let ordinal = ordinal_at(c, place)?;
    c.can_write(0, 0)?;
    Ok(Go::Mark(Mark { place, ordinal, mark }))
}

/// How many messages there are up to a place.
fn ordinal_at(c: &Context<'_>, place: Place) -> Result<Ordinal, Stop> {
    if place == c.state().last || c.state().messages == 0 {
        return Ok(c.state().messages);
    }
    if let Some(message) = c.room.recent.newest_message(place.seq) {
        return Ok(message.ordinal);
    }
    let from = HistoryFrom::Before(Place { epoch: place.epoch, seq: Seq(place.seq.0 + 1) });
    let found = c.found(&Fetch::Page { from, limit: 1, thread: None, fence: c.room.confirm.place })?;
    if let Fetched::Page { messages, .. } = found {
        return Ok(messages.last().map_or(0, |message| message.ordinal));
    }
    Ok(0)
}
