//! A shard's thread: pinned to a core, with its own runtime, listener and tasks.

use super::cell::{Configured, Doors, Inner, Mail, Sent, ShardCell, ShardCounters};
use super::mailbox::{Full, Receiver};
use super::strangers::Strangers;
use super::{calls, connection, turn};
use crate::allocator;
use crate::auth::TokenPort;
use crate::auth::hook::{HookPort, Hooks, Post};
use crate::http::{Front, FrontSettings, Upgraded};
use crate::net::burst::Burst;
use crate::net::tls::Tls;
use crate::ports::{Clock, ShellPorts, store::StorePort};
use rookery_engine::message::ShardId;
use rookery_engine::settings::Settings;
use rookery_protocol::errors::DropReason;
use rookery_storage::persistent::THREADS as STORE_THREADS;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::UnboundedSender;

/// Everything that a shard's thread needs to begin.
pub struct Plan {
    pub settings: Arc<Settings>,
    pub core: Option<core_affinity::CoreId>,
    pub listeners: Vec<Listener>,
    pub mailbox: Receiver<Mail>,
    pub doors: Doors,
    pub tokens: TokenPort,
    pub hooks: Hooks,
    pub store: StorePort,
    pub clock: Clock,
    pub counters: Arc<ShardCounters>,
    pub front: FrontSettings,
    /// Whether many connections may be written to in one system call.
    pub io_uring: bool,
    pub ended: UnboundedSender<Ending>,
}

/// Where a shard takes connections from.
pub struct Listener {
    pub socket: std::net::TcpListener,
    /// None: plain.
    pub tls: Option<Arc<Tls>>,
}

/// What a node hears of its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A panic: the thread may go on, but nobody knows what state it is in.
    Fault { shard: ShardId },
    /// A panic on a thread of the store: nobody knows what it would still have answered.
    StoreFault { thread: &'static str },
    /// The thread is over.
    Over { shard: ShardId },
}

thread_local! {
    /// Whom the panic hook tells, on a shard's thread.
    static HERE: RefCell<Option<(ShardId, UnboundedSender<Ending>)>> = const { RefCell::new(None) };
}

/// A panic in a task does not end its thread (the runtime catches it), so the hook tells the node. The store's threads
/// are known by their names; whoever waits for them would wait for ever.
pub fn report_panics(ended: &UnboundedSender<Ending>) {
    let usual = std::panic::take_hook();
    // The hook outlives the node: it must not keep the node's ear open.
    let ended = ended.downgrade();
    std::panic::set_hook(Box::new(move |info| {
        usual(info);
        let name = std::thread::current().name().and_then(|name| STORE_THREADS.iter().find(|own| **own == name));
        if let (Some(thread), Some(ended)) = (name, ended.upgrade()) {
            tracing::error!(event = "store_panicked", thread);
            let _ = ended.send(Ending::StoreFault { thread });
        }
        HERE.with(|here| {
            if let Some((shard, ended)) = &*here.borrow() {
                tracing::error!(event = "shard_panicked", shard = shard.0);
                let _ = ended.send(Ending::Fault { shard: *shard });
            }
        });
    }));
}

/// Reports the end of a thread, however it comes.
struct Report(ShardId, UnboundedSender<Ending>);

impl Drop for Report {
    fn drop(&mut self) {
        let _ = self.1.send(Ending::Over { shard: self.0 });
    }
}

/// Starts the thread. It ends when it was told to drain and has, or by a panic, which the caller must look for.
pub fn spawn(plan: Plan) -> std::io::Result<JoinHandle<()>> {
    let id = plan.settings.shard;
    std::thread::Builder::new().name(format!("shard-{}", id.0)).spawn(move || {
        let _report = Report(id, plan.ended.clone());
        HERE.with(|here| *here.borrow_mut() = Some((id, plan.ended.clone())));
        if let Some(core) = plan.core {
            // Without it everything works, a little slower: some systems do not let us choose.
            if !core_affinity::set_for_current(core) {
                tracing::warn!(event = "shard_not_pinned", shard = id.0, core = core.id);
            }
        }
        match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime.block_on(run(plan)),
            Err(error) => panic!("shard {}: no runtime: {error}", id.0),
        }
    })
}

async fn run(plan: Plan) {
    let id = plan.settings.shard;
    let door = plan.doors.get(usize::from(id.0)).map(|door| door.control.clone());
    let post: Post = Arc::new(move |ruled| {
        let Some(door) = &door else { return Ok(()) };
        match door.try_send(Mail::Ruled(ruled), 0) {
            Err(Full(Mail::Ruled(ruled))) => Err(ruled),
            Ok(()) | Err(Full(_)) => Ok(()),
        }
    });
    let hook = HookPort::new(plan.hooks, post, plan.counters.hook.clone());
    let ports = ShellPorts::new(id, plan.doors.clone(), plan.tokens, hook, plan.store);
    let burst = plan.io_uring.then(|| burst(id)).flatten();
    let cell = ShardCell::new(plan.settings, ports, plan.clock, plan.counters, burst);
    tokio::task::spawn_local(turn::flusher(cell.clone()));
    tokio::task::spawn_local(timers(cell.clone()));
    let front = Rc::new(Front::new(plan.front));
    let strangers = Strangers::open();
    let accept_at = |Listener { socket, tls }| match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => {
            let (cell, front, strangers) = (cell.clone(), front.clone(), strangers.clone());
            tokio::task::spawn_local(accept(cell, socket, tls, front, strangers, plan.doors.clone()))
        }
        Err(error) => panic!("shard {}: listener not taken: {error}", id.0),
    };
    let accepting: Vec<_> = plan.listeners.into_iter().map(accept_at).collect();
    let mut mailbox = plan.mailbox;
    let (last_words, why) = mail(&cell, &front, &mut mailbox).await;
    accepting.iter().for_each(tokio::task::JoinHandle::abort);
    tokio::select! {
        () = drain(&cell, last_words, why) => {}
        // Told a second time, it hurries.
        _ = mail(&cell, &front, &mut mailbox) => {}
    }
}

/// Without it everything works, with a system call for each connection.
fn burst(shard: ShardId) -> Option<Box<Burst>> {
    let burst = Burst::new();
    if let Err(error) = &burst {
        tracing::info!(event = "no_io_uring", shard = shard.0, %error);
    }
    burst.ok().map(Box::new)
}

/// Takes mail until told to drain.
async fn mail(cell: &Rc<ShardCell>, front: &Front, mailbox: &mut Receiver<Mail>) -> (Duration, DropReason) {
    loop {
        let mut drain = None;
        mailbox.drain(BATCH, |mail| match mail {
            Mail::Parcel(sent) => {
                let Sent { from, parcel, since } = *sent;
                let micros = cell.clock.micros();
                let mut inner = cell.inner.borrow_mut();
                let inner = &mut *inner;
                inner.ports.at(micros);
                inner.ports.since.join(&since);
                inner.shard.parcel(cell.clock.at(micros), &mut inner.ports, from, parcel);
            }
            Mail::Fact(fact) => {
                let micros = cell.clock.micros();
                let mut inner = cell.inner.borrow_mut();
                let inner = &mut *inner;
                inner.ports.at(micros);
                inner.shard.fact(cell.clock.at(micros), &mut inner.ports, *fact);
            }
            Mail::Verified(verified) => {
                let micros = cell.clock.micros();
                let now = cell.clock.at(micros);
                let Inner { shard, ports, .. } = &mut *cell.inner.borrow_mut();
                ports.at(micros);
                if let Some(fact) = ports.verified(*verified) {
                    shard.fact(now, ports, fact);
                }
            }
            Mail::Ruled(ruled) => {
                let micros = cell.clock.micros();
                let now = cell.clock.at(micros);
                let Inner { shard, ports, .. } = &mut *cell.inner.borrow_mut();
                ports.at(micros);
                let fact = ports.ruled(*ruled);
                shard.fact(now, ports, fact);
            }
            Mail::StoreAnswers => store_answers(cell),
            Mail::Connection(arrival) => match arrival.enter() {
                Ok(arrival) => connection::begin(cell, arrival),
                Err(error) => tracing::warn!(event = "socket_not_taken", %error),
            },
            Mail::Configured(configured) => configure(cell, front, *configured),
            Mail::Call(call) => calls::take(cell, *call),
            Mail::Drain { last_words, why } => drain = Some((last_words, why)),
        });
        cell.work.notify_one();
        if let Some(drain) = drain {
            return drain;
        }
        mailbox.sleep().await;
    }
}

fn configure(cell: &ShardCell, front: &Front, configured: Configured) {
    let Configured { limits, realms, origins } = configured;
    front.admit(origins);
    let settings = Settings { limits, realms, ..(*cell.settings).clone() };
    cell.inner.borrow_mut().shard.configure(Arc::new(settings));
}

/// Tells the engine what the store has answered.
fn store_answers(cell: &ShardCell) {
    let micros = cell.clock.micros();
    let now = cell.clock.at(micros);
    let mut inner = cell.inner.borrow_mut();
    let Inner { shard, ports, facts, .. } = &mut *inner;
    ports.at(micros);
    ports.store_answers(facts);
    for fact in facts.drain(..) {
        shard.fact(now, ports, fact);
    }
}

/// Figures are not written down more often; the loop's beat sees to it that it is not less often than twice a second.
const SHOWN_EVERY_MS: u64 = 100;

/// Mail taken before the turn is looked at again.
const BATCH: usize = 64;

/// Fires what is due, and at least once a second shows that the loop turns. A moment without work is for tidying.
async fn timers(cell: Rc<ShardCell>) {
    const BEAT: Duration = Duration::from_millis(500);
    let (mut worked, mut published) = (Worked::default(), 0);
    loop {
        let now = cell.now();
        let due = cell.inner.borrow().shard.next_deadline();
        let wait = due.map_or(BEAT, |at| Duration::from_millis(at.saturating_sub(now.mono)).min(BEAT));
        if !wait.is_zero() {
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
        // A store whose call was lost in a full lane is heard a beat later.
        store_answers(&cell);
        let now = cell.now();
        {
            let mut inner = cell.inner.borrow_mut();
            let inner = &mut *inner;
            inner.shard.tick(now, &mut inner.ports);
            if now.mono.saturating_sub(published) >= SHOWN_EVERY_MS {
                published = now.mono;
                cell.publish(inner);
            }
            if worked.rests(now.mono, inner) {
                allocator::tidy();
            }
        }
        cell.counters.turned_at.store(now.mono, Ordering::Relaxed);
        cell.work.notify_one();
        if wait.is_zero() {
            tokio::task::yield_now().await;
        }
    }
}

/// How much a shard had done when it was looked at last.
#[derive(Default)]
struct Worked {
    at: u64,
    done: u64,
    rested: u32,
}

impl Worked {
    /// Nothing was done for a beat; asked again and again, a longer and longer rest: rooms and users are forgotten at times
    /// of their own, and the allocator keeps for a moment what it has just been given back.
    fn rests(&mut self, now: u64, inner: &Inner) -> bool {
        const REST_MS: u64 = 400;
        if now.saturating_sub(self.at) < REST_MS {
            return false;
        }
        let counters = &inner.shard.edge.counters;
        let done = counters.opened + counters.commands + counters.chunks + inner.served;
        self.rested = if done == self.done { self.rested.saturating_add(1) } else { 0 };
        (self.at, self.done) = (now, done);
        self.rested.is_power_of_two()
    }
}

async fn accept(
    cell: Rc<ShardCell>,
    listener: tokio::net::TcpListener,
    tls: Option<Arc<Tls>>,
    front: Rc<Front>,
    strangers: Rc<Strangers>,
    doors: Doors,
) {
    loop {
        match strangers.patient(listener.accept()).await {
            Ok((stream, peer)) => {
                let (cell, tls, front, doors) = (cell.clone(), tls.clone(), front.clone(), doors.clone());
                let strangers = strangers.clone();
                tokio::task::spawn_local(async move {
                    let served = strangers.patient(front.serve(stream, peer, tls.as_deref()));
                    let arrival = served.await;
                    cell.inner.borrow_mut().served += 1;
                    if let Some(arrival) = arrival {
                        place(&cell, &doors, arrival);
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: those who are here stay, and the next moment may have room.
                tracing::warn!(event = "accept_failed", %error);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// A connection whose URL names one room goes to that room's shard, before its first frame is read.
fn place(cell: &Rc<ShardCell>, doors: &Doors, arrival: Upgraded) {
    let target = arrival.room.as_ref().map_or(cell.id, |room| {
        rookery_engine::placement::shard_of(room, cell.settings.placement_key, cell.settings.shards)
    });
    if target == cell.id {
        return connection::begin(cell, arrival.arrival);
    }
    hand_over(doors, target, arrival);
}

/// A shard that takes no more arrivals is beyond its means; a closed socket sends the client elsewhere.
fn hand_over(doors: &Doors, target: ShardId, arrival: Upgraded) {
    let Some(door) = doors.get(usize::from(target.0)) else { return };
    let sent = arrival.arrival.leave().map(|arrival| door.control.try_send(Mail::Connection(Box::new(arrival)), 0));
    if !matches!(sent, Ok(Ok(()))) {
        tracing::warn!(event = "arrival_refused", shard = target.0);
    }
}

/// Says goodbye to everybody, and gives the last words a moment to be read.
async fn drain(cell: &Rc<ShardCell>, last_words: Duration, why: DropReason) {
    let mut asked = !cell.inner.borrow().calls.is_empty();
    cell.inner.borrow_mut().shard.drain(cell.now(), why);
    turn::run(cell);
    let until = tokio::time::Instant::now() + last_words;
    // Whoever was answered a moment ago has yet to write it down.
    while (asked || cell.counters.connections.load(Ordering::Relaxed) > 0) && tokio::time::Instant::now() < until {
        asked = !cell.inner.borrow().calls.is_empty();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_stores_threads_is_heard_and_others_are_not() {
        let (ended, mut endings) = tokio::sync::mpsc::unbounded_channel();
        report_panics(&ended);
        for name in STORE_THREADS.iter().copied().chain(["somebody"]) {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(|| panic!("as planned"));
            assert!(thread.unwrap().join().is_err());
        }
        let _ = std::panic::take_hook();
        for thread in STORE_THREADS {
            assert_eq!(endings.try_recv().ok(), Some(Ending::StoreFault { thread }));
        }
        assert!(endings.try_recv().is_err());
    }
}
