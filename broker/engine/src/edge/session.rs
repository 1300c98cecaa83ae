//! Who a connection is: tokens under verification, the session that follows, and the end of one before another begins.

use super::Edge;
use super::address::own_room;
use super::admission::{busy, user_pace};
use super::awaited::Await;
use super::queue::Queue;
use super::revocations::Waiting;
use crate::fanout::Outbound;
use crate::message::{Address, ConnId, ReplyTo, SessionOpened, ToHome};
use crate::ports::{Now, Ports, Shown, Ticket, Verdict};
use crate::settings::{Limits, SecondConnection};
use rookery_protocol::catalog::{CommandKind, Row};
use rookery_protocol::command::SubscribeRoom;
use rookery_protocol::dialect::contract::Number;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::{RoomHandle, RoomKind};
use rookery_protocol::limits;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{EndReason, Refusal, Reply, Welcome};
use std::sync::Arc;

pub(super) struct Session {
    pub principal: Arc<Principal>,
    /// The user's number in [`super::users::Users`].
    pub user: u32,
}

/// From a token to a welcome. What is asked meanwhile waits, so that pipelining works as if this took no time.
pub(super) struct Entering {
    number: Number,
    row: &'static Row,
    purpose: Purpose,
    step: Step,
    pub queue: Queue,
    /// The time to get in is over: a failure ends the connection.
    pub late: bool,
}

pub(super) enum Purpose {
    /// As somebody, then subscribed to these rooms.
    Enter(Vec<SubscribeRoom>),
    Refresh,
}

enum Step {
    Verifying(Ticket),
    /// The inbox was told and has not answered.
    Opening,
}

impl Edge {
    pub(super) fn enter(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        (number, row): (Number, &'static Row),
        token: &str,
        purpose: Purpose,
        out: &mut Outbound,
    ) {
        let Some(connection) = self.conns.get(conn) else { return };
        let (realm, address) = (connection.realm.clone(), connection.address);
        let ticket = self.ticket();
        if let Some(connection) = self.conns.get_mut(conn) {
            let (step, queue) = (Step::Verifying(ticket), Queue::default());
            connection.entering = Some(Box::new(Entering { number, row, purpose, step, queue, late: false }));
        }
        let shown = Shown { realm: &realm, token, at: now.wall, address };
        if let Some(answer) = ports.verify(ticket, conn, &shown) {
            self.token_verified(now, ports, conn, ticket, answer, out);
        }
    }

    /// The queue must be looked at afterwards: see [`Edge::settle`].
    pub(super) fn token_verified(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        ticket: Ticket,
        answer: Verdict,
        out: &mut Outbound,
    ) {
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let Some(entering) = &connection.entering else { return };
        if !matches!(entering.step, Step::Verifying(t) if t == ticket) {
            return;
        }
        let refresh = matches!(entering.purpose, Purpose::Refresh);
        let same = |p: &Principal| {
            connection.session.as_ref().is_some_and(|s| s.principal.realm == p.realm && s.principal.user == p.user)
        };
        match answer {
            Err(refusal) => self.not_entered(now, conn, refusal),
            Ok(principal) if !self.revocations.know(&principal.realm) => {
                let realm = principal.realm.clone();
                self.wait_for_revocations(&realm, Waiting::Connection { conn, ticket, principal }, out);
            }
            Ok(principal) if self.revocations.hold(&principal) => {
                self.not_entered(now, conn, Refusal::new(ErrorCode::Revoked));
            }
            Ok(principal) if same(&principal) => self.renew(now, ports, conn, principal, refresh, out),
            Ok(_) if refresh => {
                self.not_entered(now, conn, Refusal::because(ErrorCode::NotAllowed, "the token is another user's"));
            }
            Ok(principal) => self.open_session(now, conn, Arc::new(principal), out),
        }
    }

    /// The same user with a newer token: subscriptions stay.
    fn renew(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        principal: Principal,
        refresh: bool,
        out: &mut Outbound,
    ) {
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let (Some(session), Some(entering)) = (&mut connection.session, &connection.entering) else { return };
        let narrowed = principal.can.is_some() && session.principal.can != principal.can;
        session.principal = Arc::new(principal);
        if let Some(user) = self.users.get_mut(session.user) {
            user.principal = session.principal.clone();
        }
        if refresh {
            let (number, row) = (entering.number, entering.row);
            self.answer(conn, number, row, &Reply::Done);
            self.finish_entering(conn);
        } else {
            self.welcome(now, ports, conn, out);
        }
        if narrowed {
            self.end_what_is_not_granted(conn, out);
        }
        self.watch(now, conn);
    }

    /// Subscriptions that a newer token is not good for.
    fn end_what_is_not_granted(&mut self, conn: ConnId, out: &mut Outbound) {
        let subs = self.conns.get(conn).map(|c| c.subs.iter().map(|s| s.room).collect::<Vec<_>>());
        for room in subs.unwrap_or_default() {
            self.end_if_not_granted(conn, room, out);
        }
    }

    pub(super) fn end_if_not_granted(&mut self, conn: ConnId, room: RoomHandle, out: &mut Outbound) {
        let session = self.conns.get(conn).and_then(|c| c.session.as_ref());
        let granted =
            |s: &Session| self.rooms.get(room).is_none_or(|room| s.principal.can(CommandKind::Subscribe, &room.key));
        if session.is_some_and(|session| !granted(session)) {
            self.end_subscription(conn, room, None, EndReason::AccessLost, out);
        }
    }

    fn open_session(&mut self, now: Now, conn: ConnId, principal: Arc<Principal>, out: &mut Outbound) {
        let inbox = own_room(&principal, RoomKind::Inbox);
        let shard = self.shard_of(&inbox);
        if u64::from(self.under_way[usize::from(shard.0)]) >= limits::LANE_COMMANDS {
            self.not_entered(now, conn, busy());
            return;
        }
        self.leave_session(conn, out);
        let pace = user_pace(&self.settings.limits, 1);
        let user = self.users.enter(&principal, conn.slot, now.mono, pace);
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let Some(entering) = &mut connection.entering else { return };
        entering.step = Step::Opening;
        let gather = self.awaited.insert(Await::Session { conn }) as u32;
        let reply_to = ReplyTo {
            to: Address { shard: self.settings.shard, conn },
            number: entering.number,
            row: entering.row,
            gather: Some(gather),
        };
        let profile = connection.dialect.profile();
        let newest_wins =
            self.settings.class_of(&inbox).is_some_and(|c| c.second_connection == SecondConnection::Replaces);
        let opened = SessionOpened {
            inbox,
            lobby: own_room(&principal, RoomKind::Lobby),
            directory: own_room(&principal, RoomKind::Directory),
            who: principal.clone(),
            reply_to,
            connections_per_user: profile
                .connections_per_user
                .map(|_| self.settings.limits.connections_per_user)
                .filter(|cap| *cap > 0),
            newest_wins,
            presence_grace_ms: profile.presence_grace_ms,
        };
        connection.session = Some(Session { principal, user });
        self.under_way[usize::from(shard.0)] += 1;
        out.to_home(shard, ToHome::SessionOpened(Box::new(opened)));
    }

    /// The inbox answered.
    pub(super) fn session_answered(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        reply: Reply,
        out: &mut Outbound,
    ) {
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let opening = connection.entering.as_ref().is_some_and(|e| matches!(e.step, Step::Opening));
        if !opening || connection.closing.is_some() {
            return;
        }
        let Reply::Refused(refusal) = reply else {
            connection.enter_by = None;
            self.welcome(now, ports, conn, out);
            self.watch(now, conn);
            return;
        };
        if let Some(session) = connection.session.take() {
            self.users.leave(session.user, conn.slot);
        }
        let full = refusal.code == ErrorCode::TooManyConnections;
        self.not_entered(now, conn, refusal);
        if full {
            self.doomed.push((conn, DropReason::TooManyConnections));
        }
    }

    fn welcome(&mut self, now: Now, ports: &mut dyn Ports, conn: ConnId, out: &mut Outbound) {
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let (Some(session), Some(entering)) = (&connection.session, &mut connection.entering) else { return };
        let (number, row) = (entering.number, entering.row);
        let rooms = match &mut entering.purpose {
            Purpose::Enter(rooms) => std::mem::take(rooms),
            Purpose::Refresh => Vec::new(),
        };
        let limits = &self.settings.limits;
        let welcome = Welcome {
            user: session.principal.user.clone(),
            realm: session.principal.realm.clone(),
            run: self.settings.run,
            now: now.wall,
            ping_ms: u32::try_from(limits.ping_ms).unwrap_or(u32::MAX),
            silence_ms: u32::try_from(limits.silence_ms).unwrap_or(u32::MAX),
            max_message_bytes: connection.dialect.profile().message_bytes,
            max_rooms: limits.rooms_per_connection,
            ack: self.settings.reach,
            expires_at: session.principal.expires_at,
        };
        self.answer(conn, number, row, &Reply::Welcome(Box::new(welcome)));
        self.subscribe_if_allowed(now, ports, conn, (number, row), rooms, out);
        self.finish_entering(conn);
    }

    /// Whoever it was before it still is; a stranger stays one and may try again until its time is over.
    fn not_entered(&mut self, now: Now, conn: ConnId, refusal: Refusal) {
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let Some(entering) = &connection.entering else { return };
        let (number, row, late) = (entering.number, entering.row, entering.late);
        if connection.session.is_none() && connection.enter_by.is_none() {
            connection.enter_by = enter_by(now, &self.settings.limits);
        }
        self.refuse(now, conn, number, row, refusal);
        self.finish_entering(conn);
        if late {
            self.doomed.push((conn, DropReason::NotAuthenticated));
        }
        self.watch(now, conn);
    }

    fn finish_entering(&mut self, conn: ConnId) {
        if let Some(connection) = self.conns.get_mut(conn)
            && let Some(entering) = connection.entering.take()
            && !entering.queue.is_empty()
        {
            self.settling.push((conn, entering.queue.into_asked()));
        }
    }

    /// Pairs a question with its answer.
    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(EDGE_TICKETS | self.tickets)
    }

    /// Takes up what waited for answers that have come.
    pub(super) fn settle(&mut self, now: Now, ports: &mut dyn Ports, out: &mut Outbound) {
        while let Some((conn, queue)) = self.settling.pop() {
            // If one of them enters anew or is held, the rest waits again, in order.
            for asked in queue {
                self.ask(now, ports, conn, asked, out);
            }
        }
    }

    /// The old principal's subscriptions end before the new one's begin.
    fn leave_session(&mut self, conn: ConnId, out: &mut Outbound) {
        if self.conns.get(conn).is_none_or(|c| c.session.is_none()) {
            return;
        }
        while let Some(room) = self.conns.get(conn).and_then(|c| c.subs.first()).map(|s| s.room) {
            self.end_subscription(conn, room, None, EndReason::AccessLost, out);
        }
        self.close_session(conn, out);
    }

    /// Tells the inbox. Subscriptions are detached already.
    pub(super) fn close_session(&mut self, conn: ConnId, out: &mut Outbound) {
        let Some(session) = self.conns.get_mut(conn).and_then(|c| c.session.take()) else { return };
        self.users.leave(session.user, conn.slot);
        let inbox = own_room(&session.principal, RoomKind::Inbox);
        let address = Address { shard: self.settings.shard, conn };
        out.to_home(self.shard_of(&inbox), ToHome::SessionClosed { inbox, address });
    }
}

/// 0 switches the deadline off.
pub(super) fn enter_by(now: Now, limits: &Limits) -> Option<u64> {
    (limits.auth_deadline_ms > 0).then(|| now.mono.saturating_add(limits.auth_deadline_ms))
}

/// Homes number theirs from 1; the highest bit keeps the two apart.
const EDGE_TICKETS: u64 = 1 << 63;
