//! The node and its clients: takes what the agenda brings and gives it to a shard, a socket or a client.

use crate::agenda::{Fault, Happening};
use crate::callers::Callers;
use crate::client::{Client, Link};
use crate::node::Node;
use crate::outside::{Outside, WIDE};
use crate::plan::{Plan, REALM, RoomPlan};
use crate::wire::Socket;
use crate::wishes::Said;
use rookery_engine::edge::{AfterWrite, Opening};
use rookery_engine::message::ConnId;
use rookery_engine::ports::Fact;
use rookery_engine::settings::SecondConnection;
use rookery_protocol::dialect::contract::{DialectId, Form, Hello, Incoming};
use rookery_protocol::dialect::registry;
use rookery_protocol::errors::DropReason;
use rookery_protocol::limits::CHUNK_BYTES;
use std::collections::{BTreeMap, HashMap, VecDeque};

pub struct World {
    pub outside: Outside,
    pub node: Node,
    pub clients: Vec<Client>,
    pub callers: Callers,
    /// Whose connection it is.
    owners: HashMap<(u8, ConnId), usize>,
    links: u64,
}

/// What a fast client's socket takes; more than a run ever sends at once.
const FAST_WINDOW: usize = 8 << 20;

impl World {
    pub fn new(plan: Plan, keep: usize, loud: bool) -> World {
        let mut outside = Outside::new(plan, keep, loud);
        let rooms = outside.plan.rooms.len();
        let clients = (0..outside.plan.clients)
            .map(|id| {
                let user = Plan::user(id as u64 % outside.plan.users);
                let dialect = if outside.dice.chance(500) { registry::NATIVE_JSON } else { registry::NATIVE_BINARY };
                Client::new(id, user, dialect, rooms, &mut outside.dice)
            })
            .collect();
        outside.journal.begin(outside.plan.shards);
        let node = Node::start(&mut outside);
        let callers = Callers::new(outside.plan.seed);
        let mut world = World { outside, node, clients, callers, owners: HashMap::new(), links: 0 };
        world.set_out();
        world
    }

    /// Everything that happens by itself.
    fn set_out(&mut self) {
        let outside = &mut self.outside;
        for client in 0..self.clients.len() {
            let delay = outside.dice.below(outside.plan.act_ms + 1);
            outside.agenda.after(delay, ANY_LIFE, Happening::Act { client });
        }
        let end = outside.plan.fault_ms;
        let mut fault = |at: u64, fault| outside.agenda.at(at, ANY_LIFE, Happening::Fault(fault));
        fault(end, Fault::Peace);
        let mut times = crate::rng::Rng::new(outside.plan.seed ^ 0xfa17);
        for _ in 0..outside.plan.crashes {
            fault(times.between(500, end), Fault::Crash);
        }
        if outside.plan.store_fails {
            for _ in 0..times.between(1, 4) {
                let at = times.between(200, end);
                fault(at, Fault::StoreFails);
                fault(at + times.between(1, 3000), Fault::StoreRecovers);
            }
            // What is taken back last has no event behind it that would bring the news too.
            fault(end - times.between(1, 500), Fault::StoreFails);
        }
        for _ in 0..outside.plan.forgets {
            fault(times.between(500, end), Fault::Forget);
        }
        if outside.plan.narrow_lanes {
            for _ in 0..times.between(1, 6) {
                let at = times.between(200, end);
                fault(at, Fault::LanesNarrow);
                fault(at + times.between(10, 2000), Fault::LanesWiden);
            }
        }
    }

    /// The next happening. False: nothing more until then, or something is wrong.
    pub fn step(&mut self, until: u64) -> bool {
        let Some((life, what)) = self.outside.agenda.next(until) else { return false };
        if life != ANY_LIFE && life != self.outside.life {
            return true;
        }
        match what {
            Happening::Parcel { from, to } => self.node.parcel(from, to, &mut self.outside),
            Happening::Fact { fact, .. } if self.outside.is_dead(&fact) => {}
            Happening::Fact { shard, fact } => {
                self.outside.log(format_args!("shard {shard} is told {}", brief(&fact)));
                self.outside.heard(shard, &fact);
                self.node.fact(shard, *fact, &mut self.outside);
            }
            Happening::Number { room } => self.outside.number(room),
            Happening::Sync { shard } => self.outside.sync(shard),
            Happening::Settle { room } => {
                let settled = self.outside.journal.settle_foreign(&room, u64::MAX, &mut self.outside.ledger);
                self.outside.check(settled);
            }
            Happening::Turn { shard } => self.turn(shard),
            Happening::Tick { shard } => self.node.tick(shard, &mut self.outside),
            Happening::Act { client } => self.act(client),
            Happening::Read { client, link } => self.read(client, link),
            Happening::Fault(fault) => self.fault(fault),
        }
        self.outside.wrong.is_none()
    }

    fn turn(&mut self, shard: u8) {
        for conn in self.node.turn(shard, &mut self.outside) {
            match self.owners.get(&(shard, conn)) {
                Some(client) => self.write(*client),
                None => {
                    let wrong = Err(format!("shard {shard} has bytes for {conn:?}, which is gone"));
                    self.outside.check(wrong);
                }
            }
        }
        self.node.after_writes(shard, &mut self.outside);
        self.answered(shard);
        let bounds = self.bounds(shard);
        self.outside.check(bounds);
    }

    /// What holds at the end of every turn.
    fn bounds(&self, shard: u8) -> Result<(), String> {
        let limits = &self.outside.plan.limits;
        // Pushed to until above the high mark, by a chunk at most; replies until they cut the connection.
        let most = limits.outbox_high_bytes + limits.outbox_cut_bytes + CHUNK_BYTES as usize;
        for client in &self.clients {
            let Some(link) = client.link.as_ref().filter(|l| l.shard == shard) else { continue };
            let queued = self.node.queued(shard, link.conn);
            if queued > most {
                return Err(format!("{queued} bytes wait for client {}, at most {most} may", client.id));
            }
        }
        Ok(())
    }

    /// Gives a client's socket as many bytes as it takes.
    fn write(&mut self, client: usize) {
        let Some(link) = self.clients[client].link.as_mut() else { return };
        let took = self.node.write(link, &mut self.outside);
        if !link.reading && !link.pipe.is_empty() && link.pace > 0 {
            link.reading = true;
            let delay = if link.loose { self.outside.dice.between(1, 300) } else { self.outside.dice.below(3) };
            let link = link.id;
            self.outside.after(delay, Happening::Read { client, link });
        }
        match took {
            AfterWrite::Empty => {}
            // The bytes stay in the outbox; what is live may turn to catching up.
            AfterWrite::More => link.loose = true,
            AfterWrite::Close(reason) => {
                self.outside.log(format_args!("client {client} is closed: {}", reason.word()));
                let replaces = |r: &RoomPlan| r.class.second_connection == SecondConnection::Replaces;
                let fair = link.may_be_closed(reason, self.outside.plan.rooms.iter().any(replaces));
                self.outside.check(fair);
                link.server_closed = true;
                // Two that replace each other would never come to rest.
                self.clients[client].retired = reason == DropReason::Replaced && self.outside.peace;
                let Some(link) = self.clients[client].link.as_ref() else { return };
                if link.pipe.is_empty() || link.pace == 0 {
                    self.cut(client);
                }
            }
        }
    }

    fn read(&mut self, client: usize, id: u64) {
        let Some(link) = self.clients[client].link.as_mut().filter(|l| l.id == id) else { return };
        link.reading = false;
        let portion = self.outside.dice.between(1, link.pace as u64) as usize;
        let portion = portion.min(link.pipe.len());
        let bytes: Vec<u8> = link.pipe.drain(..portion).collect();
        let (shard, conn, server_closed) = (link.shard, link.conn, link.server_closed);
        match self.clients[client].read(&bytes, &mut self.outside) {
            Ok(true) => self.node.pong(shard, conn, &mut self.outside),
            Ok(false) => {}
            Err(wrong) => return self.outside.check(Err(wrong)),
        }
        let empty = self.clients[client].link.as_ref().is_none_or(|l| l.pipe.is_empty());
        if server_closed && empty {
            return self.cut(client);
        }
        self.write(client);
    }

    /// A client does something.
    fn act(&mut self, client: usize) {
        let outside = &mut self.outside;
        let pause = if outside.plan.quiet && outside.dice.chance(20) { outside.dice.below(15_000) } else { 0 };
        let delay = 1 + outside.dice.below(outside.plan.act_ms * 2) + pause;
        outside.agenda.after(delay, ANY_LIFE, Happening::Act { client });
        let now = outside.agenda.now().mono;
        self.call();
        let outside = &mut self.outside;
        let mut said = Said::new();
        if self.clients[client].link.is_none() {
            if now >= self.clients[client].back_at && !self.clients[client].retired {
                self.connect(client, &mut said);
            }
        } else if !outside.peace && outside.dice.chance(outside.plan.cuts) {
            return self.cut(client);
        } else {
            self.want(client, &mut said);
        }
        self.say(client, said);
    }

    fn want(&mut self, client: usize, said: &mut Said) {
        let (client, outside) = (&mut self.clients[client], &mut self.outside);
        let Some(link) = client.link.as_ref() else { return };
        // Some talk before they are welcome.
        if link.server_closed || (!link.welcome && (outside.peace || !outside.dice.chance(100))) {
            return;
        }
        if !client.unacked.is_empty() && (outside.peace || outside.dice.chance(500)) {
            let most = outside.dice.between(1, 20) as usize;
            return client.retry(most, outside, said);
        }
        let missing = client.missing();
        if !missing.is_empty() && (outside.peace || outside.dice.chance(400)) {
            return client.subscribe(&missing, None, outside, said);
        }
        if !outside.peace {
            client.wish(outside, said);
        }
    }

    fn say(&mut self, client: usize, said: Said) {
        for payload in said {
            let Some(link) = self.clients[client].link.as_ref() else { return };
            let (shard, conn) = (link.shard, link.conn);
            let text;
            let message = match registry::get(self.clients[client].dialect).profile().form {
                Form::Binary => Incoming::Binary(&payload),
                Form::Text | Form::Either => {
                    text = String::from_utf8_lossy(&payload).into_owned();
                    Incoming::Text(&text)
                }
            };
            self.node.receive(shard, conn, message, &mut self.outside);
        }
    }

    fn connect(&mut self, client: usize, said: &mut Said) {
        let outside = &mut self.outside;
        let shard = outside.dice.below(u64::from(outside.plan.shards)) as u8;
        let dialect: DialectId = self.clients[client].dialect;
        let opening = Opening { before: &[], dialect, realm: REALM, hello: Hello::default(), address: None };
        let conn = self.node.open(shard, opening, outside);
        let slow = !outside.peace && outside.dice.chance(outside.plan.slow);
        let (window, pace) = match (slow, outside.dice.below(3)) {
            (false, _) => (FAST_WINDOW, FAST_WINDOW),
            (true, 0) => (outside.dice.between(100, 2000) as usize, 0),
            (true, _) => (outside.dice.between(100, 4000) as usize, outside.dice.between(10, 2000) as usize),
        };
        outside.log(format_args!("client {client} connects to shard {shard}, window {window}, pace {pace}"));
        self.owners.insert((shard, conn), client);
        self.links += 1;
        self.clients[client].link = Some(Link {
            id: self.links,
            shard,
            conn,
            pipe: VecDeque::new(),
            window,
            pace,
            reading: false,
            socket: Socket::default(),
            epochs: Default::default(),
            subs: BTreeMap::new(),
            asked: BTreeMap::new(),
            next_number: 1,
            placed: BTreeMap::new(),
            welcome: false,
            loose: slow,
            closing: None,
            server_closed: false,
        });
        self.clients[client].greet(outside, said);
    }

    /// A connection ends; what lies unread in the socket is lost.
    pub fn cut(&mut self, client: usize) {
        let Some(link) = self.clients[client].link.as_ref() else { return };
        let (shard, conn) = (link.shard, link.conn);
        self.outside.log(format_args!("client {client} is cut, {} bytes unread", link.pipe.len()));
        self.node.closed(shard, conn, &mut self.outside);
        self.owners.remove(&(shard, conn));
        self.lose(client);
    }

    fn lose(&mut self, client: usize) {
        self.clients[client].lose_link();
        let away = if self.outside.peace { 0 } else { self.outside.dice.below(2000) };
        self.clients[client].back_at = self.outside.agenda.now().mono + away;
    }

    fn fault(&mut self, fault: Fault) {
        if self.outside.peace {
            return;
        }
        self.outside.log(format_args!("{fault:?}"));
        match fault {
            Fault::StoreFails => self.outside.journal.failing = true,
            Fault::StoreRecovers => self.store_back(),
            Fault::LanesNarrow => self.outside.lanes.capacity = self.outside.dice.between(200, 6000) as usize,
            Fault::LanesWiden => self.outside.lanes.capacity = WIDE,
            Fault::Crash => self.crash(),
            Fault::Forget => self.forget(),
            Fault::Peace => {
                self.outside.peace = true;
                self.outside.lanes.capacity = WIDE;
                self.store_back();
                for client in 0..self.clients.len() {
                    if let Some(link) = self.clients[client].link.as_mut()
                        && link.loose
                    {
                        link.window = FAST_WINDOW;
                        link.pace = FAST_WINDOW;
                        self.write(client);
                    }
                }
            }
        }
    }

    /// The oldest changes of a room are kept no longer.
    fn forget(&mut self) {
        let outside = &mut self.outside;
        let Some(room) = outside.dice.pick(&outside.plan.rooms).map(|r| r.key.clone()) else { return };
        let last = outside.journal.tables(&room).last;
        let seq = outside.dice.below(last.seq.0 + 1);
        let Some(place) = outside.journal.tables(&room).events.get(&seq).map(|e| e.place) else { return };
        outside.journal.tables(&room).forget_to(place);
        let book = outside.ledger.book(&room);
        book.replay_from = book.replay_from.max(place);
    }

    fn store_back(&mut self) {
        if !self.outside.journal.failing {
            return;
        }
        self.outside.journal.failing = false;
        for shard in 0..self.outside.plan.shards {
            self.node.fact(shard, Fact::StoreBack, &mut self.outside);
        }
    }

    /// What a shell reads from its store before it opens.
    fn tell_undone(&mut self) {
        let (shards, key) = (self.outside.plan.shards, self.outside.placement_key());
        for room in self.outside.journal.undone() {
            let shard = rookery_engine::placement::shard_of(&room, key, shards).0;
            let fact = Box::new(Fact::Undone { room });
            self.outside.after(0, Happening::Fact { shard, fact });
        }
    }

    /// The node stops without a word and comes back at once, with a new run and what the store kept.
    fn crash(&mut self) {
        let outside = &mut self.outside;
        let lost = outside.journal.crash(&mut outside.dice, &mut outside.ledger);
        outside.check(lost);
        outside.begin_life();
        self.owners.clear();
        self.callers.lost();
        self.node = Node::start(&mut self.outside);
        self.tell_undone();
        for client in 0..self.clients.len() {
            if self.clients[client].link.is_some() {
                self.lose(client);
            }
        }
    }
}

/// Belongs to the world, not to a life of the node.
pub const ANY_LIFE: u32 = u32::MAX;

fn brief(fact: &Fact) -> String {
    match fact {
        Fact::Sequenced { ticket, answer, .. } => format!("{ticket:?} sequenced {answer:?}"),
        Fact::Stored { ticket, answer, .. } => format!("{ticket:?} stored {answer:?}"),
        Fact::Loaded { ticket, image, .. } => format!("{ticket:?} loaded {:?}", image.as_ref().map(|i| i.last)),
        Fact::Fetched { ticket, .. } => format!("{ticket:?} fetched"),
        Fact::Verified { ticket, answer, .. } => format!("{ticket:?} verified {}", answer.is_ok()),
        Fact::Consulted { whom, rulings } => format!("{whom:?} ruled {rulings:?}"),
        Fact::Foreign { event, .. } => format!("foreign {}", event.event.place),
        Fact::StoreBack => "the store is back".to_owned(),
        Fact::Undone { room } => format!("{room:?} has something to do"),
    }
}
