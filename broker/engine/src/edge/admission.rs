//! Whether a command is taken up at all: who asks, how fast, and how much of it is under way already.

use super::Edge;
use super::bucket::Pace;
use super::fields;
use crate::message::{ConnId, ShardId};
use crate::ports::Now;
use crate::settings::Limits;
use rookery_protocol::catalog::{Needs, Row};
use rookery_protocol::command::Command;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::limits;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Refusal;

/// What `busy` tells to wait: a queue that is full moves within a few turns.
const BUSY_MS: u32 = 100;

impl Edge {
    /// In this order: who asks, how fast, how much is in flight, how large it is.
    pub(super) fn admit(
        &mut self,
        now: Now,
        conn: ConnId,
        row: &'static Row,
        command: &mut Command,
    ) -> Result<(), Refusal> {
        let Some(connection) = self.conns.get_mut(conn) else { return Ok(()) };
        let session = connection.session.as_ref();
        // A resume without a token is nothing that a stranger can ask.
        let bare_resume = matches!(command, Command::Resume { token: None, .. });
        if row.needs != Needs::Nothing || bare_resume {
            let session = session.ok_or_else(|| Refusal::new(ErrorCode::NotAuthenticated))?;
            may_ask(row, &session.principal)?;
        }
        if connection.dialect.profile().rate_limited {
            let pace = connection_pace(&self.settings.limits);
            let user = session.and_then(|s| self.users.get_mut(s.user));
            connection.bucket.check(now.mono, pace).map_err(|wait| too_fast("this connection", wait))?;
            if let Some(user) = user {
                let pace = user_pace(&self.settings.limits, user.of);
                user.bucket.check(now.mono, pace).map_err(|wait| too_fast("this user", wait))?;
                user.bucket.take(pace);
            }
            connection.bucket.take(pace);
        }
        if u64::from(connection.in_flight) >= limits::IN_FLIGHT_PER_CONNECTION {
            return Err(busy());
        }
        fields::check(command, self.settings.reach)
    }

    /// A place for the reply in the lane from that shard, and among what this connection has in flight.
    pub(super) fn reserve(&mut self, conn: ConnId, shard: ShardId) -> Result<(), Refusal> {
        let under_way = &mut self.under_way[usize::from(shard.0)];
        let Some(connection) = self.conns.get_mut(conn) else { return Err(busy()) };
        if u64::from(*under_way) >= limits::LANE_COMMANDS
            || u64::from(connection.in_flight) >= limits::IN_FLIGHT_PER_CONNECTION
        {
            return Err(busy());
        }
        *under_way += 1;
        connection.in_flight += 1;
        Ok(())
    }

    /// The same for somebody without a connection.
    pub(super) fn reserve_lane(&mut self, shard: ShardId) -> Result<(), Refusal> {
        let under_way = &mut self.under_way[usize::from(shard.0)];
        if u64::from(*under_way) >= limits::LANE_COMMANDS {
            return Err(busy());
        }
        *under_way += 1;
        Ok(())
    }

    /// One more refusal that was the client's doing; too many of them end the connection.
    pub(super) fn misbehaved(&mut self, now: Now, conn: ConnId) {
        if let Some(connection) = self.conns.get_mut(conn)
            && connection.refusals.count(now.mono) > limits::REFUSALS_ABUSIVE
        {
            self.doomed.push((conn, DropReason::Abusive));
        }
    }

    /// Of these a well-made client sees few, whatever the server does.
    pub(super) fn note_refusal(&mut self, now: Now, conn: ConnId, code: ErrorCode) {
        if matches!(
            code,
            ErrorCode::RateLimited
                | ErrorCode::Malformed
                | ErrorCode::UnknownCommand
                | ErrorCode::TooLarge
                | ErrorCode::NotAuthenticated
                | ErrorCode::BadToken
        ) {
            self.misbehaved(now, conn);
        }
    }
}

/// Whether this principal may ask such a thing at all.
pub(super) fn may_ask(row: &Row, who: &Principal) -> Result<(), Refusal> {
    if row.needs == Needs::Backend && !who.powers.backend {
        return Err(Refusal::because(ErrorCode::NotAllowed, "a command of backends"));
    }
    Ok(())
}

pub(super) fn user_pace(limits: &Limits, of: u32) -> Pace {
    Pace { per_second: limits.user_commands_per_second, burst: limits.user_commands_burst, of }
}

pub(super) fn connection_pace(limits: &Limits) -> Pace {
    Pace { per_second: limits.commands_per_second, burst: limits.commands_burst, of: 1 }
}

pub(super) fn busy() -> Refusal {
    Refusal::later(ErrorCode::Busy, BUSY_MS)
}

pub(super) fn too_fast(whose: &str, wait_ms: u32) -> Refusal {
    Refusal { detail: format!("commands of {whose}"), ..Refusal::later(ErrorCode::RateLimited, wait_ms) }
}
