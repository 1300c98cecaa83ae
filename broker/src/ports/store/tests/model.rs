//! A room as plain maps: it decides nothing, it makes the events and rows that a home would make, and remembers what
//! the store must answer from then on.

use super::super::codec::message::NOBODY;
use super::*;
use rookery_engine::message::{Action, CauseEffect, EffectId};
use rookery_protocol::command::{HistoryFrom, ReadMark, Role};
use rookery_protocol::event::{Departure, Fact as Decided, Notice, NoticeKind, RoomInfo};
use rookery_protocol::ids::{DuplicateKey, Millis, Ordinal, Seq};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Default)]
pub struct Model {
    pub last: Place,
    pub epoch: u64,
    pub posted: Ordinal,
    epochs: Vec<(Epoch, Seq)>,
    replay_from: Place,
    events: Vec<Event>,
    pub messages: BTreeMap<Place, Message>,
    keys: BTreeMap<(UserId, DuplicateKey), Place>,
    info: Option<Arc<RoomInfo>>,
    members: BTreeMap<UserId, Role>,
    reactions: BTreeSet<(Place, Name, UserId)>,
    pins: BTreeSet<Place>,
    watermarks: BTreeMap<(UserId, u8), (Place, Ordinal)>,
    streams: BTreeMap<(UserId, u64), (u64, Place)>,
    pending: BTreeMap<EffectId, CauseEffect>,
    taken: BTreeSet<EffectId>,
    names: BTreeMap<Name, Name>,
    revoked: BTreeMap<Name, Millis>,
    belongs: BTreeMap<RoomKey, Role>,
    /// Since the last time that everything went.
    pub retracted: bool,
}

/// What one batch of a story will hold.
#[derive(Default)]
pub struct Draft {
    pub events: Vec<Event>,
    pub rows: Vec<Row>,
}

impl Model {
    pub fn new() -> Model {
        Model { epoch: RUN.0, ..Model::default() }
    }

    fn place(&mut self, draft: &mut Draft, by: &'static str, body: impl FnOnce(Place) -> EventBody) -> Place {
        let place = Place::new(self.epoch, self.last.seq.0 + 1);
        if place.epoch != self.last.epoch || self.epochs.is_empty() {
            self.epochs.push((place.epoch, place.seq));
        }
        self.last = place;
        let event = event(place, by, body(place));
        self.events.push(event.clone());
        draft.events.push(event);
        place
    }

    pub fn post(
        &mut self,
        draft: &mut Draft,
        by: &'static str,
        sender: &'static str,
        change: impl FnOnce(Message) -> Message,
    ) {
        self.posted += 1;
        let ordinal = self.posted;
        let mut made = None;
        let place = self.place(draft, by, |place| {
            let message = change(message(place, ordinal, sender, "body"));
            made = Some(message.clone());
            EventBody::Posted(Arc::new(message))
        });
        let message = made.unwrap();
        if let Some(key) = message.extra.as_ref().and_then(|extra| extra.key.clone()) {
            let user = user(by);
            if let DuplicateKey::Stream { stream, n } = key {
                self.streams.insert((user.clone(), stream), (n, place));
                draft.rows.push(Row::Stream { user: user.clone(), stream, n, place });
            }
            self.keys.insert((user.clone(), key.clone()), place);
            draft.rows.push(Row::Key { user, key, place });
        }
        self.messages.insert(place, message);
    }

    pub fn edit(&mut self, draft: &mut Draft, target: Place, body: &str) {
        let mut message = self.messages[&target].clone();
        message.body = Arc::from(body.as_bytes());
        message = with(message, |extra| extra.edited_at = Some(NOW));
        let mut made = None;
        self.place(draft, "ann", |version| {
            message.version = version;
            made = Some(message.clone());
            EventBody::Edited(Arc::new(message))
        });
        self.rewrite(draft, made.unwrap());
    }

    pub fn delete(&mut self, draft: &mut Draft, target: Place) {
        let version = self.place(draft, "ann", |_| EventBody::Deleted { target });
        let stub = self.messages[&target].stub(NOW, version);
        self.rewrite(draft, stub);
        let reactions: Vec<_> = self.reactions.iter().filter(|(of, ..)| *of == target).cloned().collect();
        for (target, reaction, user) in reactions {
            self.reactions.remove(&(target, reaction.clone(), user.clone()));
            draft.rows.push(Row::Reaction { target, reaction, user, on: false });
        }
        if self.pins.remove(&target) {
            draft.rows.push(Row::Pin { target, on: false });
        }
    }

    fn rewrite(&mut self, draft: &mut Draft, message: Message) {
        self.messages.insert(message.place, message.clone());
        draft.rows.push(Row::Rewrite(Arc::new(message)));
    }

    pub fn react(&mut self, draft: &mut Draft, target: Place, on: bool) {
        let reaction = Name::literal("+1");
        let one = (target, reaction.clone(), user("bob"));
        if on {
            self.reactions.insert(one)
        } else {
            self.reactions.remove(&one)
        };
        let said = reaction.clone();
        self.place(draft, "bob", |_| match on {
            true => EventBody::Reacted { target, reaction: said },
            false => EventBody::Unreacted { target, reaction: said },
        });
        draft.rows.push(Row::Reaction { target, reaction, user: user("bob"), on });
    }

    pub fn pin(&mut self, draft: &mut Draft, target: Place, on: bool) {
        if on {
            self.pins.insert(target)
        } else {
            self.pins.remove(&target)
        };
        self.place(draft, "ann", |_| match on {
            true => EventBody::Pinned { target },
            false => EventBody::Unpinned { target },
        });
        draft.rows.push(Row::Pin { target, on });
    }

    pub fn member(&mut self, draft: &mut Draft, who: &'static str, role: Option<Role>) {
        let known = self.members.contains_key(&user(who));
        self.place(draft, "ann", |_| match role {
            Some(role) if known => EventBody::RoleSet { user: user(who), role },
            Some(role) => EventBody::Joined { user: user(who), role },
            None => EventBody::Left { user: user(who), why: Departure::Removed },
        });
        match role {
            Some(role) => self.members.insert(user(who), role),
            None => self.members.remove(&user(who)),
        };
        draft.rows.push(Row::Member { user: user(who), role });
    }

    pub fn update(&mut self, draft: &mut Draft, title: String) {
        let info = Arc::new(RoomInfo { title, creator: Some(user("ann")), ..RoomInfo::default() });
        self.info = Some(info.clone());
        self.place(draft, "ann", |_| EventBody::Updated(info.clone()));
        draft.rows.push(Row::Info(info));
    }

    pub fn decide(&mut self, draft: &mut Draft, name: &'static str, taken: bool) {
        let (name, holder) = (Name::literal(name), Name::literal("general"));
        let fact = if taken {
            self.names.insert(name.clone(), holder.clone());
            Decided::NameTaken { name, holder }
        } else {
            self.names.remove(&name);
            Decided::NameReleased { name }
        };
        self.place(draft, "ann", |_| EventBody::Recorded(Box::new(fact.clone())));
        draft.rows.push(Row::Fact(fact));
    }

    pub fn revoke(&mut self, draft: &mut Draft, id: &'static str, on: bool) {
        let id = Name::literal(id);
        let fact = Decided::TokenRevoked { id: id.clone() };
        if !on {
            self.revoked.remove(&id);
            draft.rows.push(Row::Outlived(fact));
            return;
        }
        let place = self.place(draft, "ann", |_| EventBody::Recorded(Box::new(fact.clone())));
        let at = 1_000_000 + place.seq.0;
        self.revoked.insert(id, at);
        draft.rows.push(Row::Revoked { fact, at });
    }

    pub fn notify(&mut self, draft: &mut Draft, belongs: bool) {
        let kind = if belongs { NoticeKind::MemberOf } else { NoticeKind::NoLongerMember };
        let notice = Notice { room: room(), place: Place::new(1, 1), kind };
        let place = self.place(draft, "ann", |_| EventBody::Notified(Box::new(notice)));
        let role = belongs.then_some(Role::Member);
        match role {
            Some(role) => self.belongs.insert(room(), role),
            None => self.belongs.remove(&room()),
        };
        draft.rows.push(Row::Belongs { room: room(), role });
        let id = EffectId { cause: room(), place, index: 3 };
        self.taken.insert(id.clone());
        draft.rows.push(Row::EffectTaken(id));
    }

    /// An effect leaves; an older one has arrived.
    pub fn effect(&mut self, draft: &mut Draft) {
        if let Some((id, _)) = self.pending.pop_first() {
            draft.rows.push(Row::EffectDone(id));
        }
        let id = EffectId { cause: room(), place: self.last, index: 1 };
        let action = Action::EraseUser { user: user("eve") };
        let effect = CauseEffect { id: id.clone(), target: room(), by: user("ann"), at: NOW, action };
        self.pending.insert(id, effect.clone());
        draft.rows.push(Row::EffectPending(Box::new(effect)));
    }

    pub fn watermark(&mut self, draft: &mut Draft, who: &'static str, mark: ReadMark) {
        let (place, ordinal) = (self.last, self.posted);
        self.watermarks.insert((user(who), mark as u8), (place, ordinal));
        draft.rows.push(Row::Watermark { user: user(who), mark, place, ordinal });
    }

    pub fn void(&mut self, draft: &mut Draft) {
        self.place(draft, "-", |_| EventBody::Void);
    }

    /// What stands above was promised to nobody and is gone; the room goes on in a new run.
    pub fn retract(&mut self, draft: &mut Draft, above: Place) {
        self.events.retain(|event| event.place <= above);
        self.messages.retain(|place, _| *place <= above);
        self.posted = self.messages.len() as u64;
        self.epochs.retain(|(_, first)| *first <= above.seq);
        self.keys.retain(|_, place| *place <= above);
        self.reactions.retain(|(target, ..)| *target <= above);
        self.pins.retain(|target| *target <= above);
        self.last = above;
        self.epoch += 1;
        self.retracted = true;
        draft.rows.insert(0, Row::Retract { above });
    }

    pub fn wipe(&mut self, draft: &mut Draft) {
        let epochs = std::mem::take(&mut self.epochs);
        *self = Model { last: self.last, epoch: self.epoch + 1, replay_from: self.last, epochs, ..Model::default() };
        draft.rows.insert(0, Row::Wipe);
    }

    pub fn any_place(&self, n: u64) -> Place {
        let count = self.events.len() as u64;
        self.events.get((n % count.max(1)) as usize).map_or(self.replay_from, |event| event.place)
    }

    pub fn any_message(&self, n: u64) -> Option<Place> {
        let live: Vec<Place> = self.messages.values().filter(|m| !m.is_deleted()).map(|m| m.place).collect();
        live.get((n % live.len().max(1) as u64) as usize).copied()
    }

    pub fn image(&self) -> RoomImage {
        let mark = |mark: u8| if mark == 0 { ReadMark::Delivered } else { ReadMark::Read };
        RoomImage {
            info: self.info.clone(),
            // Those of a life that is over, until another one begins.
            epochs: if self.last == self.replay_from { Vec::new() } else { self.epochs.clone() },
            last: self.last,
            messages: self.posted,
            replay_from: self.replay_from,
            members: self.members.clone().into_iter().collect(),
            reactions: self.reactions.iter().cloned().collect(),
            pins: self.pins.iter().copied().collect(),
            watermarks: self.watermarks.iter().map(|((u, m), (p, o))| (u.clone(), mark(*m), *p, *o)).collect(),
            streams: self.streams.iter().map(|((u, s), (n, p))| (u.clone(), *s, *n, *p)).collect(),
            effects_pending: self.pending.values().cloned().collect(),
            effects_taken: self.taken.iter().cloned().collect(),
            facts: self
                .names
                .iter()
                .map(|(name, holder)| Decided::NameTaken { name: name.clone(), holder: holder.clone() })
                .collect(),
            revoked: self.revoked.iter().map(|(id, at)| (Decided::TokenRevoked { id: id.clone() }, *at)).collect(),
            belongs: self.belongs.clone().into_iter().collect(),
            recent: self.events.iter().map(|event| self.shown(event)).collect(),
        }
    }

    fn message(&self, place: Place) -> Option<Arc<Message>> {
        self.messages.get(&place).map(|message| Arc::new(message.clone()))
    }

    /// As replay shows it.
    fn shown(&self, event: &Event) -> Arc<Event> {
        let mut event = event.clone();
        match &event.body {
            EventBody::Posted(_) => {
                let message = self.message(event.place).unwrap();
                // A rewrite does not know whose command it was.
                if self.messages[&event.place].version != event.place {
                    event.by = message.sender.clone();
                }
                event.body = EventBody::Posted(message);
            }
            EventBody::Edited(message) => event.body = EventBody::Edited(self.message(message.place).unwrap()),
            EventBody::Void => event.by = NOBODY,
            _ => {}
        }
        Arc::new(event)
    }

    pub fn fetch(&self, what: &Fetch) -> Fetched {
        match what {
            Fetch::Message(place) => Fetched::Message(self.message(*place)),
            Fetch::Key { user, key } => Fetched::Place(self.keys.get(&(user.clone(), key.clone())).copied()),
            Fetch::Stream { user, stream } => Fetched::Stream(self.streams.get(&(user.clone(), *stream)).copied()),
            Fetch::Page { from, limit, thread, fence } => self.page(*from, *limit as usize, *thread, *fence),
            Fetch::Replay { after, .. } if *after < self.replay_from => Fetched::Replay(None),
            Fetch::Replay { after, limit, fence } => {
                let above = self.events.iter().filter(|event| event.place > *after && event.place <= *fence);
                Fetched::Replay(Some(above.take(*limit as usize).map(|event| self.shown(event)).collect()))
            }
            Fetch::BySender { user, after, limit } => {
                let theirs = self.messages.values().filter(|m| m.sender == *user && m.place > *after);
                Fetched::Places(theirs.map(|m| m.place).take(*limit as usize).collect())
            }
            Fetch::SaidIn { .. } => unreachable!("the model has one room"),
            Fetch::Trim { .. } => Fetched::Places(self.messages.keys().next().copied().into_iter().collect()),
            Fetch::Expired { at, limit } => {
                let expires = |m: &Message| m.extra.as_ref().and_then(|e| e.expires_at).filter(|e| e <= at);
                let kept = self.messages.values().filter(|m| !m.is_deleted());
                let mut due: Vec<_> = kept.filter_map(|m| Some((expires(m)?, m.place))).collect();
                due.sort_unstable();
                Fetched::Places(due.into_iter().map(|(_, place)| place).take(*limit as usize).collect())
            }
        }
    }

    fn page(&self, from: HistoryFrom, limit: usize, thread: Option<Place>, fence: Place) -> Fetched {
        let of_thread = |m: &&Message| thread.is_none_or(|root| m.thread() == Some(root));
        let all: Vec<Place> =
            self.messages.values().filter(|m| m.place <= fence).filter(of_thread).map(|m| m.place).collect();
        let count = all.len();
        let below = |place: Place| all.iter().filter(|own| **own < place).count();
        let (start, end) = match from {
            HistoryFrom::Newest => (count.saturating_sub(limit), count),
            HistoryFrom::Before(place) => (below(place).saturating_sub(limit), below(place)),
            HistoryFrom::After(place) => {
                let start = all.iter().filter(|own| **own <= place).count();
                (start, start + limit)
            }
            HistoryFrom::Around(place) => {
                let start = below(place).saturating_sub(limit / 2).min(count.saturating_sub(limit));
                (start, start + limit)
            }
            HistoryFrom::FromOldest(n) => ((n as usize).min(count), (n as usize).min(count) + limit),
            HistoryFrom::FromNewest(n) => {
                let end = count.saturating_sub(n as usize);
                (end.saturating_sub(limit), end)
            }
        };
        let end = end.min(count);
        let messages = all[start..end].iter().filter_map(|place| self.message(*place)).collect();
        Fetched::Page { messages, more_before: start > 0, more_after: end < count }
    }
}
