//! Connections of one user, at its inbox's home: how many there may be, who is told, and how limits are shared.

use super::effects;
use super::world::{Due, World};
use crate::message::{Address, ReplyTo, SessionOpened, SessionOrder, ShardId, ToEdge, ToHome};
use rookery_protocol::command::Status;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::Signal;
use rookery_protocol::ids::{Name, RoomKey, RoomKind, UserId};
use rookery_protocol::limits;
use rookery_protocol::reply::Reply;
use smallvec::SmallVec;
use std::collections::BTreeSet;

#[derive(Debug)]
pub(crate) struct Sessions {
    /// In the order they were opened.
    open: SmallVec<[Address; 1]>,
    /// In the inbox's realm.
    lobby: Name,
    grace_ms: u32,
    /// When the lobby is told that the user is offline, if it does not come back.
    offline_at: Option<u64>,
    /// The name that the directory was told.
    display: Option<String>,
}

impl World<'_> {
    /// A connection is authenticated: it may stay, or it (or an older one) goes.
    pub(crate) fn session_opened(&mut self, opened: SessionOpened) {
        let SessionOpened { inbox, lobby, directory, who, reply_to, connections_per_user, newest_wins, .. } = opened;
        let grace_ms = opened.presence_grace_ms.unwrap_or(limits::PRESENCE_GRACE_MS as u32);
        let (address, at) = (reply_to.to, self.now.wall);
        let sessions = self.shared.sessions.entry(inbox.clone()).or_insert_with(|| {
            let lobby = lobby.name.clone();
            Box::new(Sessions { open: SmallVec::new(), lobby, grace_ms, offline_at: None, display: None })
        });
        let before = sessions.shards();
        sessions.open.retain(|open| *open != address);
        let most = connections_per_user.map_or(usize::MAX, |most| most.max(1) as usize);
        let mut replaced = Vec::new();
        if sessions.open.len() >= most {
            if !newest_wins {
                if sessions.open.is_empty() {
                    self.shared.sessions.remove(&inbox);
                }
                return self.refuse_code(reply_to, ErrorCode::TooManyConnections);
            }
            replaced.extend(sessions.open.drain(..=sessions.open.len() - most));
        }
        sessions.open.push(address);
        sessions.grace_ms = grace_ms;
        sessions.offline_at = None;
        sessions.lobby = lobby.name.clone();
        let display = who.profile.display.clone();
        let told = sessions.display.as_ref() == Some(&display);
        sessions.display = Some(display.clone());
        let after = sessions.shards();
        let first = sessions.open.len() == 1;
        for older in &replaced {
            self.close(&inbox, older.shard, Some(older.conn), DropReason::Replaced);
        }
        if !replaced.is_empty() {
            let signal = Box::new(Signal::Replaced);
            self.send_home(&inbox, ToHome::Signal { room: inbox.clone(), signal });
        }
        self.share(&inbox, &before, &after);
        if first {
            self.tell_lobby(lobby, inbox.name.clone(), Status::Online);
        }
        if !told {
            let effect = effects::seen(&inbox, &directory, &who.user, &display, at);
            self.send_home(&directory, ToHome::Effect(Box::new(effect)));
        }
        self.reply(reply_to, Reply::Done);
    }

    pub(crate) fn session_closed(&mut self, inbox: &RoomKey, address: Address) {
        let mono = self.now.mono;
        let Some(sessions) = self.shared.sessions.get_mut(inbox) else { return };
        let before = sessions.shards();
        let count = sessions.open.len();
        sessions.open.retain(|open| *open != address);
        if sessions.open.len() == count {
            return;
        }
        let after = sessions.shards();
        if sessions.open.is_empty() {
            let at = mono + u64::from(sessions.grace_ms);
            sessions.offline_at = Some(at);
            self.shared.timers.set(at, Due::Offline(inbox.clone()));
        }
        self.share(inbox, &before, &after);
    }

    /// The grace time of a user without connections may be over.
    pub(crate) fn offline(&mut self, inbox: &RoomKey) {
        let now = self.now.mono;
        let over = |sessions: &Sessions| sessions.open.is_empty() && sessions.offline_at.is_some_and(|at| at <= now);
        if self.shared.sessions.get(inbox).is_some_and(|sessions| over(sessions))
            && let Some(sessions) = self.shared.sessions.remove(inbox)
        {
            let lobby = RoomKey { realm: inbox.realm.clone(), kind: RoomKind::Lobby, name: sessions.lobby };
            self.tell_lobby(lobby, inbox.name.clone(), Status::Offline);
        }
    }

    /// All connections of a user, by a backend's wish. Their edges say when they are closed.
    pub(crate) fn close_sessions(&mut self, inbox: &RoomKey, to: ReplyTo) {
        let (count, shards) = match self.shared.sessions.get(inbox) {
            Some(sessions) => (sessions.open.len() as u64, sessions.shards()),
            None => (0, BTreeSet::new()),
        };
        for shard in shards {
            self.close(inbox, shard, None, DropReason::Reset);
        }
        self.reply(to, Reply::Counted { count });
    }

    fn close(&mut self, inbox: &RoomKey, shard: ShardId, conn: Option<crate::message::ConnId>, reason: DropReason) {
        let order = SessionOrder::Close { conn, reason };
        self.out.late(shard, ToEdge::Session { inbox: inbox.clone(), order });
    }

    /// The user's limits are shared by the shards that it is on.
    fn share(&mut self, inbox: &RoomKey, before: &BTreeSet<ShardId>, after: &BTreeSet<ShardId>) {
        if before == after {
            return;
        }
        let of = after.len() as u32;
        for shard in after {
            let order = SessionOrder::Share { of };
            self.out.late(*shard, ToEdge::Session { inbox: inbox.clone(), order });
        }
    }

    fn tell_lobby(&mut self, lobby: RoomKey, user: UserId, status: Status) {
        let at = self.now.wall;
        self.send_home(&lobby.clone(), ToHome::Seen { lobby, user, status, text: String::new(), at });
    }
}

impl Sessions {
    fn shards(&self) -> BTreeSet<ShardId> {
        self.open.iter().map(|address| address.shard).collect()
    }
}
