//! Time: getting in, silence, slowness, the end of a token. One timer per connection, set for the nearest of them.

use super::Edge;
use super::outbox::{CLOSING, GIVE_UP};
use crate::fanout::Outbound;
use crate::message::ConnId;
use crate::ports::Now;
use rookery_protocol::dialect::contract::OnExpiry;
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::RoomHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// Look at a connection's deadlines.
    Check(ConnId),
    /// Ask for a page again.
    Again(ConnId, RoomHandle),
    /// Go on with what a connection's subscriptions want.
    Feed(ConnId),
}

/// A client's word for all it is worth: when one connection must be looked at, and what for.
enum Verdict {
    Wait(u64),
    Ping,
    Close(DropReason),
    GiveUp,
    /// The time to get in is over, but a token is being looked at.
    Late,
}

impl Edge {
    /// Fires what is due.
    pub fn tick(&mut self, now: Now, out: &mut Outbound) {
        while let Some(due) = self.timers.due(now.mono) {
            match due {
                Due::Check(conn) => self.check(now, conn),
                Due::Again(conn, room) => self.pull_again(now, conn, room, out),
                Due::Feed(conn) => {
                    if self.conns.get(conn).is_some() {
                        self.feed(now, conn.slot, out);
                    }
                }
            }
        }
        self.bury(now, out);
    }

    pub fn next_deadline(&self) -> Option<u64> {
        self.timers.next()
    }

    /// Something was heard of a connection: bytes, a pong.
    pub fn heard(&mut self, now: Now, conn: ConnId) {
        if let Some(connection) = self.conns.get_mut(conn) {
            connection.heard_at = connection.heard_at.max(now.mono);
        }
    }

    /// A deadline may have come nearer: sees to it that a timer is set no later than the nearest.
    pub(super) fn watch(&mut self, now: Now, conn: ConnId) {
        let at = match self.verdict(now, conn) {
            Some(Verdict::Wait(at)) => at,
            Some(_) => now.mono,
            None => return,
        };
        if let Some(connection) = self.conns.get_mut(conn)
            && at < connection.check_at
        {
            connection.check_at = at;
            self.timers.set(at, Due::Check(conn));
        }
    }

    fn check(&mut self, now: Now, conn: ConnId) {
        // A timer that was overtaken by a nearer one, or whose connection is gone.
        if self.conns.get(conn).is_none_or(|c| c.check_at > now.mono) {
            return;
        }
        loop {
            let Some(verdict) = self.verdict(now, conn) else { return };
            let Some(connection) = self.conns.get_mut(conn) else { return };
            match verdict {
                Verdict::Ping => {
                    connection.pinged_at = now.mono;
                    self.counters.pings += 1;
                    self.say(conn, |_, _, frames| frames.ping());
                }
                Verdict::Late => {
                    connection.enter_by = None;
                    if let Some(entering) = &mut connection.entering {
                        entering.late = true;
                    }
                }
                Verdict::Close(reason) => {
                    connection.check_at = u64::MAX;
                    self.doomed.push((conn, reason));
                    return;
                }
                Verdict::GiveUp => {
                    connection.check_at = u64::MAX;
                    self.outboxes.at_mut(conn.slot).set(GIVE_UP, true);
                    self.outboxes.relist(conn.slot);
                    return;
                }
                Verdict::Wait(at) => {
                    connection.check_at = at;
                    if at < u64::MAX {
                        self.timers.set(at, Due::Check(conn));
                    }
                    return;
                }
            }
        }
    }

    /// What holds for a connection now. 0 switches a limit off.
    fn verdict(&self, now: Now, conn: ConnId) -> Option<Verdict> {
        let connection = self.conns.get(conn)?;
        let limits = &self.settings.limits;
        let after = |since: u64, ms: u64| if ms == 0 { u64::MAX } else { since.saturating_add(ms) };
        let slow_at = connection.stalled_at.map_or(u64::MAX, |since| after(since, limits.slow_ms));
        if self.outboxes.at(conn.slot).has(CLOSING) {
            let done = self.outboxes.at(conn.slot).has(GIVE_UP);
            return Some(if slow_at <= now.mono && !done {
                Verdict::GiveUp
            } else {
                Verdict::Wait(if done { u64::MAX } else { slow_at })
            });
        }
        let silent_at = after(connection.heard_at, limits.silence_ms);
        let enter_by = connection.enter_by.unwrap_or(u64::MAX);
        let ping_at = after(connection.heard_at.max(connection.pinged_at), limits.ping_ms);
        let expires_at = self.expires_at(now, conn);
        Some(if slow_at <= now.mono {
            Verdict::Close(DropReason::Slow)
        } else if silent_at <= now.mono {
            Verdict::Close(DropReason::Silent)
        } else if expires_at <= now.mono {
            Verdict::Close(DropReason::TokenExpired)
        } else if enter_by <= now.mono {
            let entering = connection.entering.is_some();
            if entering { Verdict::Late } else { Verdict::Close(DropReason::NotAuthenticated) }
        } else if ping_at <= now.mono {
            Verdict::Ping
        } else {
            Verdict::Wait(slow_at.min(silent_at).min(expires_at).min(enter_by).min(ping_at))
        })
    }

    /// The token's end on the clock of deadlines, as far as both clocks agree now; looked at again when it comes.
    fn expires_at(&self, now: Now, conn: ConnId) -> u64 {
        let Some(connection) = self.conns.get(conn) else { return u64::MAX };
        if connection.dialect.profile().on_expiry == OnExpiry::Ignore || connection.is_waiting() {
            return u64::MAX;
        }
        let end = connection.session.as_ref().and_then(|s| s.principal.expires_at);
        end.map_or(u64::MAX, |end| now.mono.saturating_add(end.saturating_sub(now.wall)))
    }
}
