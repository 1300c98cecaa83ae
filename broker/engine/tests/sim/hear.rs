//! What a client makes of what it reads; every word of it goes past the judge.

use crate::client::{Asked, Client, Link, Posted, What};
use crate::judge::{self, Ack, AskedRoom, SubState};
use crate::ledger::name;
use crate::outside::Outside;
use crate::wire::Frame;
use rookery_engine::settings::Deliver;
use rookery_protocol::dialect::contract::{Incoming, Number};
use rookery_protocol::dialect::registry;
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::{ErrorCode, Retry};
use rookery_protocol::event::{EventBody, Signal};
use rookery_protocol::ids::{AckLevel, Place, RoomHandle, RoomKey};
use rookery_protocol::reply::{GapReason, Mark, Refusal, Reply};
use std::collections::BTreeMap;

type Verdict = Result<(), String>;

impl Client {
    /// Bytes from the socket, in any portion. True: the server's ping wants its pong.
    pub fn read(&mut self, bytes: &[u8], outside: &mut Outside) -> Result<bool, String> {
        let mut pinged = false;
        let Some(link) = self.link.as_mut() else { return Ok(false) };
        link.socket.push(bytes);
        while let Some(link) = self.link.as_mut() {
            let mut heard = Vec::new();
            let speak = registry::speaker(self.dialect).ok_or("no such dialect")?;
            let bad = match link.socket.next()? {
                None => break,
                Some(Frame::Ping) => {
                    pinged = true;
                    continue;
                }
                Some(Frame::Close { code, reason }) => {
                    outside.log(format_args!("client {} reads close {code} {reason}", self.id));
                    link.closing = Some(code);
                    continue;
                }
                Some(Frame::Text(text)) => speak.hear(&mut link.epochs, Incoming::Text(&text), &mut heard),
                Some(Frame::Binary(bytes)) => speak.hear(&mut link.epochs, Incoming::Binary(&bytes), &mut heard),
            };
            if let Err(bad) = bad {
                return Err(format!("client {} cannot read a frame: {bad:?}", self.id));
            }
            for frame in heard {
                self.hear(frame, outside).map_err(|e| format!("client {}: {e}", self.id))?;
            }
        }
        Ok(pinged)
    }

    fn hear(&mut self, frame: ServerFrame, outside: &mut Outside) -> Verdict {
        match frame {
            ServerFrame::Reply { number, reply } => self.reply(number, reply, outside),
            ServerFrame::Event { room, event, .. } => {
                let sub = sub(self.link.as_mut(), room)?;
                let (id, kind) = (self.id, event.body.kind());
                outside.log(format_args!("client {id} hears {} {} {kind:?}", sub.room.name, event.place));
                sub.event(&mut outside.ledger, &event)?;
                if let EventBody::Posted(message) = &event.body {
                    let known = &mut self.rooms[sub.index].known;
                    known.push(message.place);
                    if known.len() > 40 {
                        known.remove(0);
                    }
                }
                Ok(())
            }
            ServerFrame::Signal { room, signal: Signal::Retract { above, next } } => {
                let sub = sub(self.link.as_mut(), room)?;
                let id = self.id;
                outside.log(format_args!("client {id} hears {} retract above {above}, next {next}", sub.room.name));
                sub.retract(&mut outside.ledger, above, next)?;
                self.rooms[sub.index].known.retain(|place| *place <= above);
                Ok(())
            }
            ServerFrame::Signal { room, signal } => {
                let sub = sub(self.link.as_mut(), room)?;
                if sub.state == SubState::Ended {
                    return Err(format!("{signal:?} of {} after its end", name(&sub.room)));
                }
                Ok(())
            }
            ServerFrame::Mark(mark) => {
                outside.log(format_args!("client {} hears {mark:?}", self.id));
                let (Mark::Resumed { room, .. }
                | Mark::Gap { room, .. }
                | Mark::Ended { room, .. }
                | Mark::Present { room, .. }) = mark;
                let index = sub(self.link.as_mut(), room)?.index;
                let anew = self.is_asked(index);
                let sub = sub(self.link.as_mut(), room)?;
                match mark {
                    // A subscription that was about to end is given up for the one that is asked for.
                    Mark::Gap { from, reason: GapReason::Lagged, .. } if anew => sub.last = from,
                    Mark::Gap { .. } | Mark::Resumed { .. } | Mark::Ended { .. } | Mark::Present { .. } => {
                        sub.mark(&mut outside.ledger, &mark)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn reply(&mut self, number: Number, reply: Reply, outside: &mut Outside) -> Verdict {
        outside.log(format_args!("client {} hears {number}: {}", self.id, short(&reply)));
        let link = self.link.as_mut().ok_or("no connection")?;
        let Some(asked) = link.asked.get_mut(&number) else {
            return Err(format!("{reply:?} answers {number}, which waits for nothing"));
        };
        asked.replies -= 1;
        let stamp = asked.stamp;
        match (&reply, &asked.what) {
            (Reply::Welcome(welcome), _) => {
                if welcome.user != self.user {
                    return Err(format!("{} is welcomed as {}", self.user, welcome.user));
                }
                link.welcome = true;
            }
            (Reply::Subscribed(told), What::Subscribe(rooms)) => {
                let Some(mut room) = rooms.iter().find(|r| r.room == told.room).cloned() else {
                    return Err(format!("subscribed to {}, unasked", name(&told.room)));
                };
                // What is subscribed already goes on from the last place told, whatever cursor was named.
                if let Some(old) = link.subs.get(&told.handle)
                    && old.state != SubState::Ended
                {
                    room.cursor = Some(old.last);
                }
                let when_stored = outside.deliver(&room.room) == Deliver::Stored;
                let sub = judge::subscribed(&mut outside.ledger, &self.user, &room, told, when_stored)?;
                link.subs.insert(told.handle, sub);
            }
            (Reply::Unsubscribed { room }, What::Unsubscribe) => match link.subs.remove(room) {
                Some(sub) => self.rooms[sub.index].cursor = Some(sub.last),
                None => return Err(format!("unsubscribed from {room:?}, which was not subscribed")),
            },
            (Reply::Placed { place, level, duplicate, ordinal }, What::Post(posted)) => {
                let room = outside.room(posted.room, &self.user);
                let asked = posted.level.unwrap_or(outside.plan.reach());
                let body = Some(&posted.body[..]);
                let ack = Ack { room: &room, user: &self.user, place: *place, level: *level, asked, body };
                judge::acked(&mut outside.ledger, &ack)?;
                if *duplicate && !posted.unsure {
                    return Err(format!("{place} is called a repeat, it was sent once"));
                }
                // Of a repeat the ordinal is told as far as it is at hand.
                if ordinal.is_none() && !*duplicate {
                    return Err(format!("{place} is a message without an ordinal"));
                }
                let index = posted.room;
                if posted.key.is_none() && posted.tries == 0 && !*duplicate {
                    in_order(link.placed.entry(index).or_default(), number, *place)?;
                }
                self.follows(index, *place, *level, outside)?;
                self.rooms[index].known.push(*place);
            }
            (Reply::Placed { place, level, .. }, What::Change { room, level: asked }) => {
                outside.created[*room] = true;
                let key = outside.room(*room, &self.user);
                let ack = Ack { room: &key, user: &self.user, place: *place, level: *level, asked: *asked, body: None };
                judge::acked(&mut outside.ledger, &ack)?;
                let index = *room;
                self.follows(index, *place, *level, outside)?;
            }
            (Reply::History(page), What::History { room }) => {
                let key = outside.room(*room, &self.user);
                let book = outside.ledger.book(&key);
                let mut last = Place::START;
                for message in &page.messages {
                    judge::check_version(book, message, stamp)?;
                    if message.place <= last || message.place > page.fence {
                        return Err(format!("history of {}: {} after {last}", name(&key), message.place));
                    }
                    last = message.place;
                }
            }
            (Reply::Refused(refusal), What::Post(posted)) => {
                let posted = posted.clone();
                self.refused(posted, refusal, outside)?;
            }
            (Reply::Refused(refusal), What::Subscribe(rooms)) => {
                match refusal.room.and_then(|index| rooms.get(index as usize)) {
                    Some(room) if refusal.code.retry() != Retry::Later => self.rooms[room.index].wanted = false,
                    Some(_) => {}
                    // The token was refused, and with it the whole frame.
                    None => asked.replies = 0,
                }
            }
            (Reply::Refused(refusal), What::Change { room, .. }) if refusal.code == ErrorCode::RoomExists => {
                outside.created[*room] = true;
            }
            (Reply::Refused(_), _) => {}
            (
                Reply::Done | Reply::Pong { .. } | Reply::Roster { .. } | Reply::Presence { .. } | Reply::Described(_),
                _,
            ) => {}
            (Reply::Rooms { .. } | Reply::Users { .. } | Reply::Unread { .. } | Reply::Direct { .. }, _) => {}
            (Reply::Numbers { .. } | Reply::Broadcast { .. } | Reply::Counted { .. }, _) => {}
            (Reply::Subscribed(_) | Reply::Unsubscribed { .. } | Reply::Placed { .. } | Reply::History(_), what) => {
                return Err(format!("{reply:?} answers {what:?}"));
            }
        }
        if let Some(link) = self.link.as_mut()
            && link.asked.get(&number).is_some_and(|a| a.replies == 0)
        {
            link.asked.remove(&number);
        }
        Ok(())
    }

    /// On a live subscription an ack follows its event.
    fn follows(&self, room: usize, place: Place, level: AckLevel, outside: &mut Outside) -> Verdict {
        // Who attaches anew hears nothing meanwhile.
        let Some((_, sub)) = self.sub(room).filter(|_| !self.is_asked(room)) else { return Ok(()) };
        let loose = self.link.as_ref().is_some_and(|l| l.loose);
        let early = sub.when_stored && level == AckLevel::Accepted;
        if loose || early || sub.state != SubState::Live || sub.last >= place {
            return Ok(());
        }
        let book = outside.ledger.book(&sub.room);
        let disturbed = book.taken_back.max(outside.squeezed).is_some_and(|at| at > sub.asked);
        if disturbed || book.entry(place).is_none() {
            return Ok(());
        }
        Err(format!("{} {place} is acked before its event; {} was told", name(&sub.room), sub.last))
    }

    fn refused(&mut self, posted: Posted, refusal: &Refusal, outside: &mut Outside) -> Verdict {
        let room = outside.room(posted.room, &self.user);
        let unsure = posted.unsure || refusal.code == ErrorCode::Unsure;
        if !unsure && let Some(place) = outside.ledger.book(&room).place_of(&posted.body) {
            return Err(format!("{} {place} is refused with {:?} and stands", name(&room), refusal.code));
        }
        if refusal.code.retry() == Retry::Later && posted.key.is_some() {
            self.unacked.push_back(Posted { unsure, tries: posted.tries + 1, ..posted });
        } else if !unsure {
            outside.refused.push((room, posted.body));
        }
        Ok(())
    }
}

/// What one connection says in one room stands there in the order in which it was said.
fn in_order(placed: &mut BTreeMap<Number, Place>, number: Number, place: Place) -> Verdict {
    let before = placed.range(..number).next_back().filter(|(_, earlier)| **earlier >= place);
    let behind = placed.range(number..).next().filter(|(_, later)| **later <= place);
    if let Some((other, there)) = before.or(behind) {
        return Err(format!("post {number} stands at {place}, and post {other} at {there}"));
    }
    placed.insert(number, place);
    Ok(())
}

fn sub(link: Option<&mut Link>, handle: RoomHandle) -> Result<&mut judge::Sub, String> {
    let link = link.ok_or("no connection")?;
    link.subs.get_mut(&handle).ok_or_else(|| format!("something of {handle:?}, which is not subscribed"))
}

/// A reply in one line of the trace.
fn short(reply: &Reply) -> String {
    if let Reply::Subscribed(s) = reply {
        return format!("subscribed {} {:?} from {} end {}", s.room.name, s.start, s.from, s.end);
    }
    if let Reply::History(page) = reply {
        return format!("{} messages up to {}", page.messages.len(), page.fence);
    }
    if let Reply::Welcome(_) = reply {
        return "welcome".to_owned();
    }
    format!("{reply:?}")
}

impl Asked {
    pub fn new(what: What, stamp: u64, replies: u32) -> Asked {
        Asked { what, stamp, replies }
    }
}

impl AskedRoom {
    pub fn new(room: RoomKey, index: usize, cursor: Option<Place>, stamp: u64) -> AskedRoom {
        AskedRoom { room, index, cursor, stamp }
    }
}
