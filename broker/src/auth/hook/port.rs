//! How a shard asks its realms' hooks: what was allowed a moment ago is answered at once, everything else comes back through
//! the mailbox.

use super::answer::Answer;
use super::asker::{Hook, Hooks, Outcome, Taker};
use super::cache::{Cache, Key, Who};
use super::question::{Question, Verb};
use super::settings::OnNoRuling;
use rookery_engine::message::ConnId;
use rookery_engine::ports::{Consulted, Consulting, Fact, Matter, Ruling, Shown, Ticket, Verdict};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::Fact as DirectoryFact;
use rookery_protocol::ids::Realm;
use rookery_protocol::limits;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// When whoever got no ruling may try again.
const LATER_MS: u32 = 1000;

/// Of a shard.
#[derive(Debug, Default)]
pub struct HookCounters {
    pub asked: AtomicU64,
    pub refused: AtomicU64,
    pub failed: AtomicU64,
}

/// Gives a shard its mail; what it cannot take at present comes back.
pub type Post = Arc<dyn Fn(Box<Ruled>) -> Result<(), Box<Ruled>> + Send + Sync>;

pub struct HookPort {
    hooks: Hooks,
    caches: Vec<Cache>,
    /// How often something was revoked: what was asked before is not kept.
    revoked: u64,
    post: Post,
    counters: Arc<HookCounters>,
}

/// An outcome, and whom it is for.
pub struct Ruled {
    hook: usize,
    about: About,
    revoked: u64,
    outcome: Outcome,
}

#[derive(Clone)]
enum About {
    Entrance { conn: ConnId, ticket: Ticket, guest: Guest },
    Matter { whom: Consulting, open: Open },
}

#[derive(Clone)]
struct Guest {
    key: Key,
    /// Who showed a good token; none: the backend says who it is.
    shown: Option<Box<Principal>>,
}

/// Rulings of which some are not known yet.
#[derive(Clone)]
struct Open {
    /// With their places among all of them.
    keys: Vec<(usize, Key)>,
    count: usize,
}

/// What a hook has to say about who comes in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// Nothing.
    Open,
    /// Whose token is good is asked about.
    Asks(usize),
    /// It says who it is.
    Names(usize),
}

impl HookPort {
    pub fn new(hooks: Hooks, post: Post, counters: Arc<HookCounters>) -> HookPort {
        let cache = |hook: &Hook| Cache::new(hook.settings.keep, limits::HOOK_KEPT as usize);
        HookPort { caches: hooks.iter().map(cache).collect(), hooks, revoked: 0, post, counters }
    }

    pub fn entrance(&self, realm: &Realm) -> Entrance {
        let place = self.hooks.iter().position(|hook| hook.settings.realm == *realm && hook.settings.connect);
        match place.and_then(|place| Some((place, self.hooks.get(place)?.settings.authenticates))) {
            None => Entrance::Open,
            Some((place, false)) => Entrance::Asks(place),
            Some((place, true)) => Entrance::Names(place),
        }
    }

    /// `principal`: whose token is good.
    pub fn enter(
        &mut self,
        hook: usize,
        conn: ConnId,
        ticket: Ticket,
        shown: &Shown<'_>,
        principal: Option<Principal>,
    ) -> Option<Verdict> {
        let key = Key { who: Who::shows(shown.token), verb: None, room: None };
        let cache = self.caches.get(hook)?;
        let kept = cache.allows(&key, Instant::now()).flatten();
        if let Some(kept) = kept.filter(|kept| kept.expires_at.is_none_or(|end| end > shown.at)) {
            return Some(Ok(kept.clone()));
        }
        let principal = principal.map(Box::new);
        let verb = match &principal {
            Some(principal) => Verb::Connect(principal.clone()),
            None => Verb::Enter { credential: shown.token.to_owned() },
        };
        let question = Question { realm: shown.realm.clone(), verb, at: shown.at, address: shown.address };
        let guest = Guest { key, shown: principal };
        if self.ask(hook, question, About::Entrance { conn, ticket, guest: guest.clone() }) {
            return None;
        }
        Some(self.entered(hook, guest, self.revoked, nobody_asked()))
    }

    pub fn consult(&mut self, whom: Consulting, matter: &Matter<'_>) -> Option<Vec<Ruling>> {
        let count = matter.rooms.len();
        let realm = matter.rooms.first().map(|room| &room.realm);
        let hook = self.hooks.iter().position(|hook| Some(&hook.settings.realm) == realm);
        let Some((hook, cache)) = hook.and_then(|hook| Some((hook, self.caches.get(hook)?))) else {
            return Some(vec![Ok(()); count]);
        };
        let (now, who) = (Instant::now(), Who::of(matter.who));
        let key = |room| Key { who: who.clone(), verb: Some(matter.verb), room: Some(room) };
        let keys = matter.rooms.iter().cloned().map(key).enumerate();
        let open: Vec<(usize, Key)> = keys.filter(|(_, key)| cache.allows(key, now).is_none()).collect();
        if open.is_empty() {
            return Some(vec![Ok(()); count]);
        }
        let verb = Verb::Talk {
            what: matter.verb,
            who: matter.who.clone(),
            rooms: open.iter().filter_map(|(_, key)| key.room.clone()).collect(),
            said: matter.body.map(|(kind, body)| (kind, body.clone())),
        };
        let realm = realm?.clone();
        let question = Question { realm, verb, at: matter.at, address: matter.address };
        let open = Open { keys: open, count };
        if self.ask(hook, question, About::Matter { whom, open: open.clone() }) {
            return None;
        }
        Some(self.rulings(hook, open, self.revoked, nobody_asked()))
    }

    /// False: too many questions wait already.
    fn ask(&mut self, hook: usize, question: Question, about: About) -> bool {
        self.counters.asked.fetch_add(1, Ordering::Relaxed);
        let (revoked, post) = (self.revoked, self.post.clone());
        let taker: Taker = Box::new(move |outcome| {
            let ruled = Ruled { hook, about: about.clone(), revoked, outcome };
            post(Box::new(ruled)).map_err(|ruled| ruled.outcome)
        });
        self.hooks.get(hook).is_some_and(|hook| hook.ask(question, taker))
    }

    /// What an outcome is to the engine.
    pub fn ruled(&mut self, ruled: Ruled) -> Fact {
        let Ruled { hook, about, revoked, outcome } = ruled;
        match about {
            About::Entrance { conn, ticket, guest } => {
                Fact::Verified { conn, ticket, answer: self.entered(hook, guest, revoked, outcome) }
            }
            About::Matter { whom, open } => {
                Fact::Consulted { whom, rulings: self.rulings(hook, open, revoked, outcome) }
            }
        }
    }

    fn entered(&mut self, hook: usize, guest: Guest, revoked: u64, outcome: Outcome) -> Verdict {
        let answer = match (outcome, guest.shown) {
            (Ok(Answer::In(who)), _) => *who,
            (Ok(Answer::Rulings(_)) | Err(_), shown) => {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                // Nobody can be let in who has no name.
                return shown.filter(|_| self.goes_on(hook)).map_or_else(|| Err(no_ruling()), |shown| Ok(*shown));
            }
        };
        match &answer {
            Ok(who) => self.keep(hook, revoked, guest.key, Some(who.clone())),
            Err(_) => count_refused(&self.counters),
        }
        answer
    }

    fn rulings(&mut self, hook: usize, open: Open, revoked: u64, outcome: Outcome) -> Vec<Ruling> {
        let mut rulings = vec![Ok(()); open.count];
        let Ok(Answer::Rulings(given)) = outcome else {
            self.counters.failed.fetch_add(1, Ordering::Relaxed);
            let fallback = if self.goes_on(hook) { Ok(()) } else { Err(no_ruling()) };
            open.keys.into_iter().for_each(|(place, _)| rulings[place] = fallback.clone());
            return rulings;
        };
        let with_body = self.hooks.get(hook).is_some_and(|hook| hook.settings.sends_bodies);
        for ((place, key), ruling) in open.keys.into_iter().zip(given) {
            match &ruling {
                // What was said this time is not what will be said next time.
                Ok(()) if with_body && key.verb == Some(Consulted::Post) => {}
                Ok(()) => self.keep(hook, revoked, key, None),
                Err(_) => count_refused(&self.counters),
            }
            rulings[place] = ruling;
        }
        rulings
    }

    /// Without a ruling.
    fn goes_on(&self, hook: usize) -> bool {
        self.hooks.get(hook).is_some_and(|hook| hook.settings.on_failure == OnNoRuling::Allow)
    }

    /// Something may have been revoked since it was asked.
    fn keep(&mut self, hook: usize, revoked: u64, key: Key, principal: Option<Principal>) {
        if revoked == self.revoked
            && let Some(cache) = self.caches.get_mut(hook)
        {
            cache.allowed(key, principal, Instant::now());
        }
    }

    pub fn revoked(&mut self, realm: &Realm, fact: &DirectoryFact) {
        self.revoked += 1;
        for (hook, cache) in self.hooks.iter().zip(&mut self.caches) {
            if hook.settings.realm == *realm {
                cache.forget(fact);
            }
        }
    }
}

fn count_refused(counters: &HookCounters) {
    counters.refused.fetch_add(1, Ordering::Relaxed);
}

fn nobody_asked() -> Outcome {
    Err("too many questions wait".to_owned())
}

fn no_ruling() -> Refusal {
    Refusal::later(ErrorCode::NoRuling, LATER_MS)
}
