//! What surrounds one shard of a script: store and sequencer in memory, lanes that can be full, and tokens that say
//! in plain words who comes.

use rookery_engine::message::{ConnId, Parcel, ShardId};
use rookery_engine::ports::{
    Batch, Consulting, Fact, Fetch, Fetched, Matter, Ports, RoomImage, Ruling, SequenceRequest, Sequenced, Shown,
    StoreFault, Stored, Ticket, Verdict,
};
use rookery_engine::testing::{FakePorts, at, principal};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::Fact as DirectoryFact;
use rookery_protocol::ids::{Millis, Name, Realm, RoomHandle, RoomKey};
use rookery_protocol::principal::{Grant, Pattern, Principal, Verbs};
use rookery_protocol::reply::Refusal;

#[derive(Default)]
pub struct Outside {
    pub fake: FakePorts,
    /// Lanes to other shards take nothing.
    pub lanes_full: bool,
    /// Tokens are looked at when the script says so.
    pub late_tokens: bool,
    pub hook: Hook,
}

/// A hook that a script plays.
#[derive(Default)]
pub struct Hook {
    /// It answers when the script says so.
    pub late: bool,
    /// Rooms and bodies that it does not like.
    pub refuses: Vec<&'static str>,
    /// What it was asked: verb, user, rooms, body.
    pub asked: Vec<String>,
    /// Users of whom something was revoked.
    pub revoked: Vec<String>,
}

impl Hook {
    fn rule(&mut self, matter: &Matter<'_>) -> Vec<Ruling> {
        let rooms: Vec<&str> = matter.rooms.iter().map(|room| room.name.as_str()).collect();
        let body = matter.body.map(|(_, body)| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
        self.asked.push(format!("{:?} {} {} {body}", matter.verb, matter.who.user, rooms.join(",")).trim().to_owned());
        let refused = |what: &str| self.refuses.contains(&what);
        let rule = |room: &&str| {
            let no = || Refusal::because(ErrorCode::NotAllowed, "the hook says no");
            if refused(room) || refused(&body) { Err(no()) } else { Ok(()) }
        };
        rooms.iter().map(rule).collect()
    }
}

impl Ports for Outside {
    fn lane_room(&self, _to: ShardId) -> usize {
        if self.lanes_full { 0 } else { usize::MAX }
    }

    fn send(&mut self, to: ShardId, parcel: Parcel) {
        self.fake.send(to, parcel);
    }

    fn sequence(&mut self, ticket: Ticket, request: &SequenceRequest<'_>) -> Option<Sequenced> {
        self.fake.sequence(ticket, request)
    }

    fn submit(&mut self, ticket: Ticket, batch: Batch) -> Option<Stored> {
        self.fake.submit(ticket, batch)
    }

    fn load(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
    ) -> Option<Result<Box<RoomImage>, StoreFault>> {
        self.fake.load(ticket, handle, room)
    }

    fn fetch(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
        what: &Fetch,
    ) -> Option<Result<Fetched, StoreFault>> {
        self.fake.fetch(ticket, handle, room, what)
    }

    fn verify(&mut self, ticket: Ticket, conn: ConnId, shown: &Shown<'_>) -> Option<Verdict> {
        let answer = read_token(shown.token, shown.at).map_err(Refusal::new);
        if self.late_tokens {
            self.fake.facts.push_back(Fact::Verified { conn, ticket, answer });
            return None;
        }
        Some(answer)
    }

    fn consult(&mut self, whom: Consulting, matter: &Matter<'_>) -> Option<Vec<Ruling>> {
        let rulings = self.hook.rule(matter);
        if self.hook.late {
            self.fake.facts.push_back(Fact::Consulted { whom, rulings });
            return None;
        }
        Some(rulings)
    }

    fn revoked(&mut self, _realm: &Realm, fact: &DirectoryFact) {
        if let DirectoryFact::UserRevoked { user, .. } = fact {
            self.hook.revoked.push(user.as_str().to_owned());
        }
    }
}

/// `read,post+general,team-*`: verbs, and the rooms for them.
fn grant(text: &str) -> Grant {
    let (words, rooms) = text.split_once('+').expect("verbs, +, rooms");
    let mut verbs = Verbs::default();
    words.split(',').for_each(|word| verbs.add(word).unwrap());
    Grant { rooms: rooms.split(',').map(|room| Pattern::parse(room).unwrap()).collect(), verbs }
}

/// A token is a user and what it is allowed: `ann claims=den,attic id=t1 issued=5 expires=60000 org=acme backend`, or
/// `ann can=read,post+general,team-*`.
/// Times are the script's; `forged` stands for one that is none.
pub fn read_token(token: &str, now: Millis) -> Result<Principal, ErrorCode> {
    let mut words = token.split(' ');
    let mut who = principal(words.next().filter(|user| *user != "forged").ok_or(ErrorCode::BadToken)?);
    for word in words {
        let (what, value) = word.split_once('=').unwrap_or((word, ""));
        let time = || at(value.parse().unwrap()).wall;
        match what {
            "can" => who.can = Some(vec![grant(value)].into()),
            "claims" => who.claims = value.split(',').map(|claim| Name::new(claim).unwrap()).collect(),
            "id" => who.token_id = Some(Name::new(value).unwrap()),
            "issued" => who.issued_at = time(),
            "expires" => who.expires_at = Some(time()),
            "org" => who.organisation = Some(Name::new(value).unwrap()),
            "backend" => who.powers.backend = true,
            _ => panic!("{word:?} is nothing that a token says"),
        }
    }
    if who.expires_at.is_some_and(|end| end <= now) { Err(ErrorCode::TokenExpired) } else { Ok(who) }
}
