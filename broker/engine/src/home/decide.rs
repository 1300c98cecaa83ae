//! From a command to a decision: what a room has to look at, and what can come of it.

use super::flight::Proposal;
use super::gather::Gather;
use super::holds::holds;
use super::line::busy;
use super::marks::Mark;
use super::parked::Sought;
use super::recent::Known;
use super::rights::{self, Actor};
use super::room::Room;
use super::state::RoomState;
use super::{commands, failure};
use crate::message::{EffectId, Envelope};
use crate::ports::{Fetch, Fetched, Now};
use crate::settings::Settings;
use rookery_protocol::command::{Command, Status};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, Signal};
use rookery_protocol::ids::{AckLevel, Millis, Name, Place, RoomKey, RoomKind, UserId};
use rookery_protocol::limits;
use rookery_protocol::message::Message;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Refusal, Reply};
use std::sync::Arc;

pub(crate) type Decision = Result<Go, Stop>;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Go {
    Propose(Box<Proposal>),
    Answer(Reply),
    /// The answer waits until an effect is done.
    AnswerAfter {
        effect: EffectId,
        reply: Reply,
    },
    /// It was done before, and has this place.
    First {
        place: Place,
        level: AckLevel,
    },
    /// A proposal with the same duplicate key has no place yet: the answer is the same.
    Join {
        level: AckLevel,
    },
    Mark(Mark),
    Signal(Signal),
    Status {
        status: Status,
        text: String,
    },
    /// The answer takes other rooms.
    Gather(Gather),
    /// Of an inbox: all connections of its user.
    Disconnect,
}

/// Why nothing is done now.
#[derive(Debug)]
pub(crate) enum Stop {
    Refuse(Refusal),
    /// Something has to be looked up first.
    Need(Fetch),
    /// Only to be decided when nothing is in flight.
    Wait,
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Stop {
        Stop::Refuse(Refusal::new(code))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refuse(refusal)
    }
}

/// Everything that a decision may look at.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub room: &'a Room,
    pub settings: &'a Settings,
    pub now: Now,
    pub at: Millis,
    pub who: &'a Principal,
    sought: &'a Sought,
}

impl<'a> Context<'a> {
    pub fn new(
        room: &'a Room,
        settings: &'a Settings,
        now: Now,
        envelope: &'a Envelope,
        sought: &'a Sought,
    ) -> Context<'a> {
        Context { room, settings, now, at: envelope.at, who: &envelope.who, sought }
    }

    pub fn state(&self) -> &'a RoomState {
        &self.room.state
    }

    pub fn actor(&self) -> Actor<'a> {
        Actor { user: &self.who.user, privileged: self.who.powers.backend }
    }

    /// Whether the principal may be here at all.
    pub fn enter(&self) -> Result<(), Stop> {
        Ok(rights::enter(self.state(), &self.room.key, self.room.class.implicit, self.who)?)
    }

    pub fn only(&self, kinds: &[RoomKind]) -> Result<(), Stop> {
        if kinds.contains(&self.room.key.kind) { Ok(()) } else { Err(ErrorCode::NotAllowed.into()) }
    }

    pub fn backend(&self) -> Result<(), Stop> {
        if self.who.powers.backend { Ok(()) } else { Err(ErrorCode::NotAllowed.into()) }
    }

    /// What changes who may do what is decided on a settled state, so that it works pipelined as it does alone.
    pub fn settled(&self) -> Result<(), Stop> {
        if self.room.flight.is_busy() { Err(Stop::Wait) } else { Ok(()) }
    }

    pub fn level(&self, asked: Option<AckLevel>) -> Result<AckLevel, Stop> {
        let level = asked.unwrap_or(self.settings.reach);
        if level > self.settings.reach { Err(ErrorCode::LevelUnavailable.into()) } else { Ok(level) }
    }

    /// What a look-up found, if it was made.
    pub fn found(&self, what: &Fetch) -> Result<&'a Fetched, Stop> {
        match self.sought.iter().find(|(asked, _)| asked == what) {
            Some((_, found)) => Ok(found),
            None => Err(Stop::Need(what.clone())),
        }
    }

    /// The message at a place, as it is now.
    pub fn message(&self, place: Place) -> Result<Arc<Message>, Stop> {
        let message = match self.room.recent.message(place) {
            Known::Message(message) => message,
            Known::Gone => return Err(ErrorCode::NoSuchMessage.into()),
            Known::Elsewhere if place > self.state().last || place == Place::START => {
                return Err(ErrorCode::NoSuchMessage.into());
            }
            Known::Elsewhere => match self.found(&Fetch::Message(place))? {
                Fetched::Message(Some(message)) => message.clone(),
                Fetched::Message(None)
                | Fetched::Place(_)
                | Fetched::Stream(_)
                | Fetched::Page { .. }
                | Fetched::Replay(_)
                | Fetched::Places(_)
                | Fetched::Rooms { .. } => return Err(ErrorCode::NoSuchMessage.into()),
            },
        };
        let extra = message.extra.as_deref();
        let gone = extra.is_some_and(|e| e.deleted_at.is_some() || e.expires_at.is_some_and(|t| t <= self.now.wall));
        if gone { Err(ErrorCode::NoSuchMessage.into()) } else { Ok(message) }
    }

    /// Whether the room takes writes now, and this many more events.
    pub fn can_write(&self, events: usize, effects: usize) -> Result<(), Stop> {
        if self.room.trouble.read_only {
            return Err(Refusal::later(ErrorCode::ReadOnly, failure::RETRY_MS).into());
        }
        let under_way = self.room.flight.len() + self.room.confirm.unconfirmed();
        let pending = self.state().pending.len() + effects;
        if under_way + events > self.settings.limits.room_in_flight || pending > limits::EFFECTS_PENDING as usize {
            return Err(busy().into());
        }
        Ok(())
    }

    /// A proposal by the principal that holds now and that the room can take.
    pub fn propose(&self, body: EventBody, base: Option<Arc<Message>>) -> Result<Box<Proposal>, Stop> {
        holds(self.state(), self.actor(), &body, base.as_ref())?;
        let mut proposal = Proposal::new(body, self.who.user.clone(), self.at, self.state().last);
        proposal.privileged = self.who.powers.backend;
        proposal.base = base;
        proposal.level = self.settings.reach;
        Ok(proposal)
    }

    /// Admits a proposal with what follows from it.
    pub fn go(&self, proposal: Box<Proposal>) -> Decision {
        let effects = proposal.effects.len() + proposal.then.iter().map(|p| p.effects.len()).sum::<usize>();
        self.can_write(1 + proposal.then.len(), effects)?;
        Ok(Go::Propose(proposal))
    }

    pub fn directory(&self) -> RoomKey {
        directory_of(self.who)
    }

    pub fn inbox(&self, user: &UserId) -> RoomKey {
        RoomKey { realm: self.room.key.realm.clone(), kind: RoomKind::Inbox, name: user.clone() }
    }
}

/// The directory of the principal's organisation, or realm.
pub(crate) fn directory_of(who: &Principal) -> RoomKey {
    let name = who.organisation.clone().unwrap_or(Name::literal("*"));
    RoomKey { realm: who.realm.clone(), kind: RoomKind::Directory, name }
}

/// Rows of a page: the default for none, and never more than the limit.
pub(crate) fn page_limit(asked: u32) -> u32 {
    match u64::from(asked) {
        0 => limits::PAGE_DEFAULT as u32,
        n => n.min(limits::PAGE_LIMIT) as u32,
    }
}

pub(crate) fn decide(c: &Context<'_>, command: &Command) -> Decision {
    match command {
        Command::Post(post) => commands::post::decide(c, post),
        Command::Edit { target, kind, body, metadata, ack, .. } => {
            commands::edit::decide(c, *target, *kind, body, metadata.as_deref(), *ack)
        }
        Command::Delete { target, ack, .. } => commands::delete::decide(c, *target, *ack),
        Command::React { target, reaction, .. } => commands::react::decide(c, *target, reaction, true),
        Command::Unreact { target, reaction, .. } => commands::react::decide(c, *target, reaction, false),
        Command::Pin { target, .. } => commands::pin::decide(c, *target, true),
        Command::Unpin { target, .. } => commands::pin::decide(c, *target, false),
        Command::MarkRead { place, mark, .. } => commands::mark_read::decide(c, *place, *mark),
        Command::Typing { on, .. } => commands::typing::decide(c, *on),
        Command::History { from, limit, thread, .. } => commands::history::decide(c, *from, *limit, *thread),
        Command::Roster { of, after, limit, .. } => commands::roster::decide(c, *of, after.as_ref(), *limit),
        Command::Describe { .. } => commands::describe::decide(c),
        Command::Create { settings, members, .. } => commands::create::decide(c, settings, members),
        Command::Update { settings, .. } => commands::update::decide(c, settings),
        Command::Archive { archived, .. } => commands::update::archive(c, *archived),
        Command::DeleteRoom { .. } => commands::delete_room::decide(c),
        Command::Join { .. } => commands::membership::join(c),
        Command::Leave { .. } => commands::membership::leave(c),
        Command::Invite { user, role, .. } => commands::membership::invite(c, user, *role),
        Command::RemoveMember { user, .. } => commands::membership::remove(c, user),
        Command::SetRole { user, role, .. } => commands::membership::set_role(c, user, *role),
        Command::Unsubscribe { .. } => Ok(Go::Answer(Reply::Unsubscribed { room: c.room.handle })),
        Command::SetStatus { status, text } => commands::status::set(c, *status, text),
        Command::QueryPresence { users } => commands::status::query(c, users),
        Command::ListRooms { mine, after, limit } => commands::lists::rooms(c, *mine, after.as_ref(), *limit),
        Command::Users { after, limit } => commands::lists::users(c, after.as_ref(), *limit),
        Command::UnreadSummary { after, limit } => commands::lists::unread(c, after.as_ref(), *limit),
        Command::Search { .. } => Err(ErrorCode::NotAvailable.into()),
        Command::DirectRoom { user } => commands::direct_room::decide(c, user),
        Command::Disconnect { .. } => commands::backend::disconnect(c),
        Command::Revoke(revocation) => commands::backend::revoke(c, revocation),
        Command::Erase { user } => commands::backend::erase(c, user),
        Command::TakeName { name, holder } => commands::names::take(c, name, holder),
        Command::ReleaseName { name, holder } => commands::names::release(c, name, holder),
        Command::TakeNumbers { counter, count } => commands::names::numbers(c, counter, *count),
        // Decided at the edge, or of another form on the way home: nothing to decide here.
        Command::Authenticate { .. }
        | Command::Refresh { .. }
        | Command::Resume { .. }
        | Command::Ping
        | Command::Subscribe { .. }
        | Command::Broadcast { .. } => Err(ErrorCode::UnknownCommand.into()),
    }
}
