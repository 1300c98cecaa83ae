//! The mailbox between shards, beside a bare queue with the same payload.
//!
//! Handing over: parcels into the door and out of it, no other thread looking on; the queue has no bound in bytes and wakes
//! nobody. There and back: each side asleep when the parcel comes, ours in a shard's kind of runtime (it waits for sockets,
//! too), the floor parked: a channel's receive would spin for a while, and no shard has a core for that.

use super::world::HERE;
use super::{Pair, Visit};
use crossbeam::queue::ArrayQueue;
use rookery::shard::cell::{Door, Mail, Sent, door};
use rookery::shard::mailbox::Receiver;
use rookery::shard::since::Since;
use rookery_engine::message::Parcel;
use rookery_protocol::limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

const BYTES: usize = 200;

fn parcel(number: usize) -> Mail {
    let parcel = Parcel { bytes: number, ..Parcel::default() };
    Mail::Parcel(Box::new(Sent { from: HERE, parcel, since: Since::default() }))
}

fn number(mail: &Mail) -> u8 {
    if let Mail::Parcel(sent) = mail { sent.parcel.bytes as u8 } else { panic!("not a parcel") }
}

fn send(door: &Door, mail: Mail) {
    assert!(door.parcels.try_send(mail, BYTES).is_ok(), "the lane is full");
}

struct HandOver {
    stock: Vec<Mail>,
    door: Door,
    receiver: Receiver<Mail>,
    queue: ArrayQueue<Mail>,
}

impl HandOver {
    fn new(parcels: usize) -> HandOver {
        let (door, receiver) = door();
        let queue = ArrayQueue::new(limits::LANE_PARCELS as usize);
        HandOver { stock: (0..parcels).map(parcel).collect(), door, receiver, queue }
    }

    fn numbers(&mut self) -> Vec<u8> {
        let numbers = self.stock.iter().map(number).collect();
        self.stock.sort_by_key(number);
        numbers
    }
}

impl Pair for HandOver {
    type Input = ();

    fn input(&mut self) {}

    fn ours(&mut self, (): ()) {
        for mail in self.stock.drain(..) {
            send(&self.door, mail);
        }
        self.receiver.drain(usize::MAX, |mail| self.stock.push(mail));
    }

    fn floor(&mut self, (): ()) {
        for mail in self.stock.drain(..) {
            assert!(self.queue.push(mail).is_ok(), "the queue is full");
        }
        while let Some(mail) = self.queue.pop() {
            self.stock.push(mail);
        }
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        self.ours(());
        let ours = self.numbers();
        self.floor(());
        [ours, self.numbers()]
    }
}

struct ThereAndBack {
    runtime: LocalRuntime,
    there: Door,
    here: Receiver<Mail>,
    bare: Arc<Bare>,
    mail: Option<Mail>,
    /// Of a shard and of a bare thread.
    peers: [Option<JoinHandle<()>>; 2],
}

/// Two queues, and whether it is over.
struct Bare {
    to_peer: ArrayQueue<Mail>,
    from_peer: ArrayQueue<Mail>,
    over: AtomicBool,
}

/// The next of a queue, parked until there is one. None: it is over.
fn parked(queue: &ArrayQueue<Mail>, over: &AtomicBool) -> Option<Mail> {
    loop {
        if let Some(mail) = queue.pop() {
            return Some(mail);
        }
        if over.load(Ordering::Acquire) {
            return None;
        }
        std::thread::park();
    }
}

fn runtime() -> LocalRuntime {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap()
}

/// One parcel out of a mailbox, asleep until there is one.
async fn next(receiver: &mut Receiver<Mail>) -> Mail {
    loop {
        receiver.sleep().await;
        let mut taken = None;
        receiver.drain(1, |mail| taken = Some(mail));
        if let Some(mail) = taken {
            return mail;
        }
    }
}

impl ThereAndBack {
    fn new() -> ThereAndBack {
        let ((there, mut asleep), (back, here)) = (door(), door());
        let shard = std::thread::spawn(move || {
            runtime().block_on(async {
                while let mail @ Mail::Parcel(_) = next(&mut asleep).await {
                    send(&back, mail);
                }
            });
        });
        let over = AtomicBool::new(false);
        let bare = Arc::new(Bare { to_peer: ArrayQueue::new(64), from_peer: ArrayQueue::new(64), over });
        let (peers_end, main) = (bare.clone(), std::thread::current());
        let thread = std::thread::spawn(move || {
            while let Some(mail) = parked(&peers_end.to_peer, &peers_end.over) {
                assert!(peers_end.from_peer.push(mail).is_ok(), "the queue is full");
                main.unpark();
            }
        });
        let peers = [Some(shard), Some(thread)];
        ThereAndBack { runtime: runtime(), there, here, bare, mail: Some(parcel(7)), peers }
    }
}

impl ThereAndBack {
    fn unpark(&self) {
        if let Some(peer) = &self.peers[1] {
            peer.thread().unpark();
        }
    }
}

impl Drop for ThereAndBack {
    fn drop(&mut self) {
        send(&self.there, Mail::StoreAnswers);
        self.bare.over.store(true, Ordering::Release);
        self.unpark();
        for peer in self.peers.iter_mut().filter_map(Option::take) {
            peer.join().unwrap();
        }
    }
}

impl Pair for ThereAndBack {
    const WAITS: bool = true;

    type Input = ();

    fn input(&mut self) {}

    fn ours(&mut self, (): ()) {
        send(&self.there, self.mail.take().unwrap());
        self.mail = Some(self.runtime.block_on(next(&mut self.here)));
    }

    fn floor(&mut self, (): ()) {
        assert!(self.bare.to_peer.push(self.mail.take().unwrap()).is_ok(), "the queue is full");
        self.unpark();
        self.mail = parked(&self.bare.from_peer, &self.bare.over);
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        self.ours(());
        let ours = vec![number(self.mail.as_ref().unwrap())];
        self.floor(());
        [ours, vec![number(self.mail.as_ref().unwrap())]]
    }
}

pub fn pairs(visit: &mut impl Visit) {
    for parcels in [1, 64] {
        visit.pair(&format!("mailbox, {parcels} handed over"), "parcel", parcels as u64, || HandOver::new(parcels));
    }
    visit.pair("mailbox, there and back", "round trip", 1, ThereAndBack::new);
}
