//! A shard's ports, as the simulation carries them out.

use crate::agenda::Happening;
use crate::outside::Outside;
use crate::plan::{Plan, REALM};
use crate::sequencer::{Ask, at_once};
use rookery_engine::message::{ConnId, Parcel, ShardId};
use rookery_engine::ports::{
    Batch, Consulting, Fact, Fetch, Fetched, Matter, Ports, RoomImage, Ruling, SequenceRequest, Sequenced, Shown,
    StoreFault, Stored, Ticket, Verdict,
};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Name, RoomHandle, RoomKey};
use rookery_protocol::principal::{Powers, Principal, Profile};
use rookery_protocol::reply::Refusal;

pub struct Carrier<'a> {
    pub me: u8,
    pub outside: &'a mut Outside,
}

impl Ports for Carrier<'_> {
    fn lane_room(&self, to: ShardId) -> usize {
        self.outside.lanes.room(self.me, to.0)
    }

    fn send(&mut self, to: ShardId, parcel: Parcel) {
        let outside = &mut *self.outside;
        let now = outside.agenda.now().mono;
        let delay = outside.dice.below(outside.plan.lane_ms + 1);
        let lane = outside.lanes.lane(self.me, to.0);
        lane.next_at = lane.next_at.max(now + delay);
        lane.push(parcel);
        outside.agenda.at(lane.next_at, outside.life, Happening::Parcel { from: self.me, to: to.0 });
    }

    fn sequence(&mut self, ticket: Ticket, request: &SequenceRequest<'_>) -> Option<Sequenced> {
        let outside = &mut *self.outside;
        if !outside.plan.far_sequencer {
            return Some(at_once(request));
        }
        let room = outside.sequencer.index(request.room);
        let ask = Ask::new(self.me, ticket, request);
        outside.sequencer.line(room).queue.push_back(ask);
        let delay = 1 + outside.dice.below(outside.plan.sequence_ms);
        outside.after(delay, Happening::Number { room });
        None
    }

    fn submit(&mut self, ticket: Ticket, batch: Batch) -> Option<Stored> {
        let outside = &mut *self.outside;
        let at_once = outside.plan.store_at_once;
        outside.log(format_args!(
            "shard {} submits {}: {} events to {:?}, {} rows",
            self.me,
            batch.room.name,
            batch.events.len(),
            batch.events.last().map(|e| e.place),
            batch.rows.len()
        ));
        let idle = outside.journal.waiting(self.me) == 0;
        let answer = match outside.journal.submit(self.me, ticket, batch, at_once, &mut outside.ledger) {
            Ok(answer) => answer,
            Err(wrong) => {
                outside.check(Err(wrong));
                None
            }
        };
        if idle && outside.journal.waiting(self.me) > 0 {
            outside.set_sync(self.me);
        }
        answer
    }

    fn load(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
    ) -> Option<Result<Box<RoomImage>, StoreFault>> {
        let outside = &mut *self.outside;
        let image = if outside.reading_fails() {
            Err(StoreFault)
        } else {
            let settled = outside.journal.settle_foreign(room, u64::MAX, &mut outside.ledger);
            outside.check(settled);
            // A room settles before it is read.
            let last = outside.journal.tables(room).last;
            outside.ledger.settled(room, last);
            let recent = outside.dice.below(60) as usize;
            Ok(Box::new(outside.journal.tables(room).image(recent)))
        };
        if outside.plan.fetch_ms == 0 {
            return Some(image);
        }
        let delay = outside.dice.below(outside.plan.fetch_ms);
        let index = outside.sequencer.index(room);
        outside.room_fact(self.me, index, delay, Fact::Loaded { room: handle, ticket, image });
        None
    }

    fn fetch(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
        what: &Fetch,
    ) -> Option<Result<Fetched, StoreFault>> {
        let outside = &mut *self.outside;
        let answer =
            if outside.reading_fails() { Err(StoreFault) } else { Ok(outside.journal.tables(room).fetch(what)) };
        if outside.plan.fetch_ms == 0 {
            return Some(answer);
        }
        let delay = outside.dice.below(outside.plan.fetch_ms);
        let fact = Fact::Fetched { room: handle, ticket, answer };
        outside.after(delay, Happening::Fact { shard: self.me, fact: Box::new(fact) });
        None
    }

    fn verify(&mut self, ticket: Ticket, conn: ConnId, shown: &Shown<'_>) -> Option<Verdict> {
        let answer = principal(shown.token);
        let outside = &mut *self.outside;
        if outside.plan.verify_ms == 0 {
            return Some(answer);
        }
        let delay = outside.dice.below(outside.plan.verify_ms);
        let fact = Fact::Verified { conn, ticket, answer };
        outside.after(delay, Happening::Fact { shard: self.me, fact: Box::new(fact) });
        None
    }

    fn consult(&mut self, whom: Consulting, matter: &Matter<'_>) -> Option<Vec<Ruling>> {
        let outside = &mut *self.outside;
        let (hook, peace) = (&mut outside.plan.hook, outside.peace);
        let rule = |_: &RoomKey| {
            if peace {
                return Ok(());
            }
            match hook.dice.below(1000) {
                n if n < hook.refuses => Err(Refusal::new(ErrorCode::NotAllowed)),
                n if n < hook.refuses + hook.fails => Err(Refusal::later(ErrorCode::NoRuling, 100)),
                _ => Ok(()),
            }
        };
        let rulings: Vec<Ruling> = matter.rooms.iter().map(rule).collect();
        if hook.ms == 0 {
            return Some(rulings);
        }
        let delay = hook.dice.below(hook.ms);
        outside.log(format_args!("shard {} asks the hook for {whom:?}: {:?}", self.me, matter.verb));
        let fact = Fact::Consulted { whom, rulings };
        outside.after(delay, Happening::Fact { shard: self.me, fact: Box::new(fact) });
        None
    }
}

impl Outside {
    /// A store that fails to write often fails to read; one that loses a read now and then exists too.
    fn reading_fails(&mut self) -> bool {
        let of_thousand = match (self.journal.failing, self.plan.loads_fail && !self.peace) {
            (true, _) => 300,
            (false, true) => 80,
            (false, false) => 0,
        };
        self.dice.chance(of_thousand)
    }
}

/// A token is its user's name; one with a question mark is none of ours.
fn principal(token: &str) -> Verdict {
    let bad = || Refusal::new(ErrorCode::BadToken);
    let user = Name::new(token).map_err(|_| bad())?;
    if token.contains('?') {
        return Err(bad());
    }
    Ok(Principal {
        realm: REALM,
        user,
        profile: Profile::default(),
        claims: Vec::new(),
        can: None,
        organisation: None,
        powers: Powers { backend: token == Plan::ADMIN, any_realm: false },
        expires_at: None,
        token_id: None,
        issued_at: 0,
    })
}
