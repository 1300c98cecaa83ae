//! What a room is, as its placed events made it. Changed by [`super::apply`] and by rows that have no event, nothing else.

use super::epochs::{Epochs, Stand};
use super::facts::Facts;
use super::streams::Streams;
use crate::message::{CauseEffect, EffectId};
use crate::ports::RoomImage;
use rookery_protocol::command::{Access, ReadMark, Role};
use rookery_protocol::event::{Event, RoomInfo};
use rookery_protocol::ids::{Epoch, Name, Ordinal, Place, RoomKey, Seq, UserId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

static NOTHING: Facts = Facts::NONE;

#[derive(Debug, Default)]
pub(crate) struct RoomState {
    /// None: nobody created it.
    pub info: Option<Arc<RoomInfo>>,
    /// Of rooms that nobody created.
    pub class_access: Access,
    pub max_members: u32,
    pub epochs: Epochs,
    /// The highest place.
    pub last: Place,
    /// Messages so far, unconfirmed ones included.
    pub messages: Ordinal,
    /// The oldest place from which replay is whole.
    pub replay_from: Place,
    pub members: BTreeMap<UserId, Role>,
    pub owners: u32,
    /// By message: (reaction, user), with the seq that set it.
    pub reactions: BTreeMap<Place, BTreeMap<(Name, UserId), Seq>>,
    pub pins: BTreeSet<Place>,
    pub watermarks: BTreeMap<UserId, Marks>,
    pub streams: Streams,
    /// In the order of their causes.
    pub pending: BTreeMap<EffectId, CauseEffect>,
    pub taken: Taken,
    /// Of a directory; of an inbox only that its user was erased.
    pub facts: Option<Box<Facts>>,
    /// Of an inbox: the rooms of its user, by name first, because pages go by name.
    pub belongs: BTreeMap<Name, BTreeSet<RoomKey>>,
}

/// How far a user is: read ≤ delivered ≤ the room's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub read: (Place, Ordinal),
    pub delivered: (Place, Ordinal),
}

/// Effects of other rooms that were taken here, the newest so many: their causes repeat them for minutes, not months.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    set: BTreeSet<EffectId>,
    order: VecDeque<EffectId>,
}

const TAKEN_KEPT: usize = 8192;

impl Taken {
    pub fn contains(&self, id: &EffectId) -> bool {
        self.set.contains(id)
    }

    pub fn insert(&mut self, id: EffectId) {
        if self.set.insert(id.clone()) {
            self.order.push_back(id);
        }
        while self.order.len() > TAKEN_KEPT {
            if let Some(old) = self.order.pop_front() {
                self.set.remove(&old);
            }
        }
    }
}

/// Rows of a room that is large.
const LARGE: usize = 64;

impl RoomState {
    /// Whether to load it again costs something.
    pub fn is_large(&self) -> bool {
        let belongs: usize = self.belongs.values().map(BTreeSet::len).sum();
        let reactions: usize = self.reactions.values().map(BTreeMap::len).sum();
        let rows = self.members.len() + self.watermarks.len() + self.streams.len() + reactions + belongs;
        rows >= LARGE || self.facts.is_some()
    }

    /// Messages below this place are gone, and with them what belonged to them.
    pub fn forget_below(&mut self, oldest: Place) {
        self.reactions = self.reactions.split_off(&oldest);
        self.pins = self.pins.split_off(&oldest);
    }

    /// The state, and the newest events.
    pub fn from_image(image: RoomImage, class_access: Access, max_members: u32) -> (RoomState, Vec<Arc<Event>>) {
        let mut state = RoomState {
            info: image.info,
            class_access,
            max_members,
            epochs: Epochs::new(image.epochs),
            last: image.last,
            messages: image.messages,
            replay_from: image.replay_from,
            owners: image.members.iter().filter(|(_, role)| *role == Role::Owner).count() as u32,
            members: image.members.into_iter().collect(),
            pins: image.pins.into_iter().collect(),
            streams: Streams::from_image(image.streams),
            pending: image.effects_pending.into_iter().map(|e| (e.id.clone(), e)).collect(),
            ..RoomState::default()
        };
        for (target, reaction, user) in image.reactions {
            state.reactions.entry(target).or_default().insert((reaction, user), Seq(0));
        }
        for (room, _) in image.belongs {
            state.belong(&room, true);
        }
        for id in image.effects_taken {
            state.taken.insert(id);
        }
        for fact in &image.facts {
            state.facts.get_or_insert_default().note(fact);
        }
        for (fact, at) in &image.revoked {
            state.facts.get_or_insert_default().note_revoked(fact, *at);
        }
        for (user, mark, place, ordinal) in image.watermarks {
            let (place, ordinal) = state.clamped(place, ordinal);
            state.raise(&user, mark, place, ordinal);
        }
        (state, image.recent)
    }

    /// A watermark that lies in what was taken back stands at the end of its epoch.
    fn clamped(&self, place: Place, ordinal: Ordinal) -> (Place, Ordinal) {
        match self.stand(place, Epoch(u64::MAX)) {
            Stand::Here => (place, ordinal.min(self.messages)),
            Stand::TakenBack { above, .. } => (above, ordinal.min(self.messages)),
            Stand::Unknown => (Place::START, 0),
        }
    }

    pub fn stand(&self, cursor: Place, now: Epoch) -> Stand {
        self.epochs.stand(cursor, self.last, now)
    }

    /// Raises a watermark; what is read is delivered. Answers which marks moved.
    pub fn raise(&mut self, user: &UserId, mark: ReadMark, place: Place, ordinal: Ordinal) -> [bool; 2] {
        let marks = self.watermarks.entry(user.clone()).or_default();
        let delivered = place > marks.delivered.0;
        if delivered {
            marks.delivered = (place, ordinal);
        }
        let read = mark == ReadMark::Read && place > marks.read.0;
        if read {
            marks.read = (place, ordinal);
        }
        [delivered, read]
    }

    pub fn marks(&self, user: &UserId) -> Marks {
        self.watermarks.get(user).copied().unwrap_or_default()
    }

    pub fn role(&self, user: &UserId) -> Option<Role> {
        self.members.get(user).copied()
    }

    pub fn set_role(&mut self, user: &UserId, role: Option<Role>) {
        let before = match role {
            Some(role) => self.members.insert(user.clone(), role),
            None => self.members.remove(user),
        };
        self.owners -= u32::from(before == Some(Role::Owner));
        self.owners += u32::from(role == Some(Role::Owner));
    }

    pub fn access(&self) -> Access {
        self.info.as_ref().map_or(self.class_access, |info| info.access)
    }

    pub fn is_deleted(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.deleted)
    }

    pub fn is_archived(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.archived)
    }

    /// Created by a command, and not deleted since.
    pub fn is_created(&self) -> bool {
        self.info.as_ref().is_some_and(|info| !info.deleted)
    }

    /// Of an inbox: whether its user belongs to a room. Answers whether that is new.
    pub fn belong(&mut self, room: &RoomKey, on: bool) -> bool {
        if on {
            return self.belongs.entry(room.name.clone()).or_default().insert(room.clone());
        }
        let Some(rooms) = self.belongs.get_mut(&room.name) else { return false };
        let was = rooms.remove(room);
        if rooms.is_empty() {
            self.belongs.remove(&room.name);
        }
        was
    }

    /// Nothing is left but the highest place.
    pub fn is_blank(&self) -> bool {
        self.messages == 0 && self.members.is_empty() && self.epochs.is_empty()
    }

    pub fn facts(&self) -> &Facts {
        self.facts.as_deref().unwrap_or(&NOTHING)
    }

    /// A deleted room without any trace but its highest place.
    pub fn wipe(&mut self) {
        *self = RoomState {
            info: self.info.take(),
            class_access: self.class_access,
            max_members: self.max_members,
            last: self.last,
            replay_from: self.last,
            ..RoomState::default()
        };
    }
}
