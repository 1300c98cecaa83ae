//! What a realm's hook has a say in: the command waits for its ruling, and what the connection asks next waits behind it, so
//! that nothing overtakes. The way in goes on where it stopped.

use super::Edge;
use super::admission::busy;
use super::queue::Queue;
use super::subscribe::Asker;
use crate::fanout::Outbound;
use crate::message::{Caller, ConnId};
use crate::planted::{self, Bug};
use crate::ports::{Consulted, Consulting, Matter, Now, Ports, Ruling, Said, Ticket};
use rookery_protocol::command::{Command, RoomRef, SubscribeRoom};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{RoomKey, RoomKind};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Refusal, Reply};
use std::sync::Arc;

/// A connection's command whose ruling has not come.
pub(super) struct Held {
    asker: Asker,
    wish: Wish,
    /// By room of the command. What is still asked about stands as refused.
    rulings: Vec<Ruling>,
    /// Questions without an answer, and which of the rooms they are about.
    open: Vec<(Ticket, Vec<usize>)>,
    pub queue: Queue,
}

enum Wish {
    Subscribe(Vec<SubscribeRoom>),
    Room(RoomRef, Command),
}

/// A command without a connection whose ruling has not come.
pub(super) struct HeldCall {
    pub who: Arc<Principal>,
    pub room: RoomRef,
    pub command: Command,
}

/// Whether a command may go on its way now.
pub(super) enum Leave {
    Given,
    /// Not yet: the command is to be held.
    Asked(Ticket),
}

impl Held {
    fn new(asker: Asker, wish: Wish, rulings: Vec<Ruling>, open: Vec<(Ticket, Vec<usize>)>) -> Box<Held> {
        Box::new(Held { asker, wish, rulings, open, queue: Queue::default() })
    }
}

impl Edge {
    /// A command about one room: may it go there?
    pub(super) fn leave_for(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        who: &Arc<Principal>,
        (room, command): (&RoomRef, &Command),
    ) -> Result<Leave, Refusal> {
        if !self.hooked {
            return Ok(Leave::Given);
        }
        let connection = self.conns.get(conn).ok_or_else(busy)?;
        if connection.held.is_some() && planted::is(Bug::HeldIsOvertaken) {
            return Ok(Leave::Given);
        }
        let Some((verb, body)) = subject(command) else { return Ok(Leave::Given) };
        let key = self.key(Some(connection), who, room)?;
        if !self.consults(who, &key, verb) {
            return Ok(Leave::Given);
        }
        let rooms = std::slice::from_ref(&key);
        let matter = Matter { verb, who, rooms, body, address: connection.address, at: now.wall };
        let ticket = self.ticket();
        match ports.consult(Consulting::Connection { conn, ticket }, &matter) {
            Some(rulings) => only(rulings).map(|()| Leave::Given),
            None => Ok(Leave::Asked(ticket)),
        }
    }

    /// The same for somebody without a connection. True: it is to be held.
    pub(super) fn call_waits(
        &self,
        now: Now,
        ports: &mut dyn Ports,
        caller: Caller,
        who: &Arc<Principal>,
        (room, command): (&RoomRef, &Command),
    ) -> Result<bool, Refusal> {
        if !self.hooked {
            return Ok(false);
        }
        let Some((verb, body)) = subject(command) else { return Ok(false) };
        let key = self.key(None, who, room)?;
        if !self.consults(who, &key, verb) {
            return Ok(false);
        }
        let rooms = std::slice::from_ref(&key);
        let matter = Matter { verb, who, rooms, body, address: None, at: now.wall };
        match ports.consult(Consulting::Caller(caller), &matter) {
            Some(rulings) => only(rulings).map(|()| false),
            None => Ok(true),
        }
    }

    pub(super) fn hold(&mut self, conn: ConnId, asker: Asker, ticket: Ticket, room: RoomRef, command: Command) {
        if let Some(connection) = self.conns.get_mut(conn) {
            let open = vec![(ticket, vec![0])];
            connection.held = Some(Held::new(asker, Wish::Room(room, command), vec![Err(unanswered())], open));
        }
    }

    /// Many rooms are one question for each realm.
    pub(super) fn subscribe_if_allowed(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        asker: Asker,
        rooms: Vec<SubscribeRoom>,
        out: &mut Outbound,
    ) {
        let who = if self.hooked { self.principal(conn).ok() } else { None };
        let Some(who) = who else { return self.subscribe_all(now, conn, asker, rooms, out) };
        let connection = self.conns.get(conn);
        let mut questions: Vec<(Vec<RoomKey>, Vec<usize>)> = Vec::new();
        for (place, wish) in rooms.iter().enumerate() {
            // What cannot be named is refused where it is subscribed to.
            let Ok(key) = self.key(connection, &who, &wish.room) else { continue };
            if !self.consults(&who, &key, Consulted::Subscribe) {
                continue;
            }
            match questions.iter_mut().find(|(keys, _)| keys[0].realm == key.realm) {
                Some((keys, places)) => {
                    keys.push(key);
                    places.push(place);
                }
                None => questions.push((vec![key], vec![place])),
            }
        }
        let address = connection.and_then(|c| c.address);
        let mut rulings: Vec<Ruling> = vec![Ok(()); rooms.len()];
        let mut open = Vec::new();
        for (keys, places) in questions {
            let ticket = self.ticket();
            let verb = Consulted::Subscribe;
            let matter = Matter { verb, who: &who, rooms: &keys, body: None, address, at: now.wall };
            let answer = ports.consult(Consulting::Connection { conn, ticket }, &matter);
            let given = answer.as_deref().unwrap_or_default();
            for (nth, place) in places.iter().enumerate() {
                rulings[*place] = given.get(nth).cloned().unwrap_or_else(|| Err(unanswered()));
            }
            if answer.is_none() {
                open.push((ticket, places));
            }
        }
        let wish = Wish::Subscribe(rooms);
        if open.is_empty() {
            self.go_on(now, conn, asker, wish, rulings, out);
        } else if let Some(connection) = self.conns.get_mut(conn) {
            connection.held = Some(Held::new(asker, wish, rulings, open));
        }
    }

    /// Rulings that took their time.
    pub fn consulted(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        whom: Consulting,
        rulings: Vec<Ruling>,
        out: &mut Outbound,
    ) {
        match whom {
            Consulting::Connection { conn, ticket } => self.connection_consulted(now, conn, ticket, rulings, out),
            Consulting::Caller(caller) => {
                if let Some(held) = self.callers.held.remove(&caller)
                    && let Err(refusal) = only(rulings).and_then(|()| self.call_allowed(now, caller, held, out))
                {
                    self.answer_caller(caller, Reply::Refused(refusal));
                }
            }
        }
        self.settle(now, ports, out);
        self.bury(now, out);
    }

    fn connection_consulted(
        &mut self,
        now: Now,
        conn: ConnId,
        ticket: Ticket,
        rulings: Vec<Ruling>,
        out: &mut Outbound,
    ) {
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let Some(held) = &mut connection.held else { return };
        let Some(which) = held.open.iter().position(|(asked, _)| *asked == ticket) else { return };
        let (_, places) = held.open.swap_remove(which);
        for (place, ruling) in places.into_iter().zip(rulings) {
            held.rulings[place] = ruling;
        }
        if !held.open.is_empty() {
            return;
        }
        let Some(held) = connection.held.take() else { return };
        let Held { asker, wish, rulings, queue, .. } = *held;
        self.go_on(now, conn, asker, wish, rulings, out);
        if !queue.is_empty() {
            self.settling.push((conn, queue.into_asked()));
        }
        // Its token may have ended meanwhile.
        self.watch(now, conn);
    }

    fn go_on(
        &mut self,
        now: Now,
        conn: ConnId,
        (number, row): Asker,
        wish: Wish,
        rulings: Vec<Ruling>,
        out: &mut Outbound,
    ) {
        match wish {
            Wish::Subscribe(rooms) => {
                for (index, (room, ruling)) in rooms.into_iter().zip(rulings).enumerate() {
                    let index = index as u32;
                    match ruling {
                        Ok(()) => self.subscribe(now, conn, (number, row), index, room, out),
                        Err(refusal) => self.refuse(now, conn, number, row, refusal.of_room(index)),
                    }
                }
            }
            Wish::Room(room, command) => {
                let done =
                    only(rulings).and_then(|()| self.send_to_room(now, (conn, number, row), &room, command, out));
                if let Err(refusal) = done {
                    self.refuse(now, conn, number, row, refusal);
                }
            }
        }
    }

    /// A hook speaks of rooms that people name, and to people: a backend would ask itself.
    fn consults(&self, who: &Principal, room: &RoomKey, verb: Consulted) -> bool {
        let named = match room.kind {
            RoomKind::Room | RoomKind::Direct => true,
            RoomKind::Inbox | RoomKind::Lobby | RoomKind::Directory => false,
        };
        named && !who.powers.backend && self.settings.consults(&room.realm, verb)
    }
}

/// What a command about one room is to a hook.
fn subject(command: &Command) -> Option<(Consulted, Option<Said<'_>>)> {
    if let Command::Post(post) = command {
        Some((Consulted::Post, Some((post.kind, &post.body))))
    } else if let Command::Edit { kind, body, .. } = command {
        Some((Consulted::Post, Some((kind.unwrap_or_default(), body))))
    } else if let Command::History { .. } = command {
        Some((Consulted::Subscribe, None))
    } else {
        None
    }
}

fn only(rulings: Vec<Ruling>) -> Ruling {
    rulings.into_iter().next().unwrap_or_else(|| Err(unanswered()))
}

fn unanswered() -> Refusal {
    Refusal::new(ErrorCode::NoRuling)
}
