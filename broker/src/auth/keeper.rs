//! Reads keys again: now and then, and when a token names one that nobody knows. On a thread of its own, so that no shard
//! waits; a token that may have to wait for keys is answered from here.

use super::Tokens;
use super::fetch;
use super::key_ring::{KeyRing, name_of, read_here, usable};
use super::settings::KeySource;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::Millis;
use rookery_protocol::principal::Principal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::time::Instant;

/// A token that its shard could not decide on with the keys it has. Never shown: the token is in it.
pub struct Ask {
    pub token: String,
    /// Among the realms of [`Tokens`].
    pub realm: usize,
    pub at: Millis,
    /// Called once, on the keeper's thread.
    pub answer: Box<dyn FnOnce(Result<Principal, ErrorCode>) + Send>,
}

/// The way to the keeper: one queue for each ring whose keys may change.
#[derive(Clone, Default)]
pub struct Asks(Arc<[Option<Sender<Ask>>]>);

impl Asks {
    /// Gives it back where there is nobody to ask, or no room.
    pub fn ask(&self, ring: usize, ask: Ask) -> Result<(), Ask> {
        match self.0.get(ring) {
            Some(Some(queue)) => queue.try_send(ask).map_err(|error| error.into_inner()),
            Some(None) | None => Err(ask),
        }
    }
}

/// The keeper ends when this is dropped.
pub struct Keeper {
    pub asks: Asks,
    _running: watch::Sender<()>,
}

/// Tokens that wait for keys of one ring.
const WAITING: usize = 1024;
/// However many tokens name keys that nobody knows, keys are read no more often than this.
const LEAST_BETWEEN: Duration = Duration::from_secs(10);
/// After a failure.
const AGAIN: Duration = Duration::from_secs(30);
pub const THREAD: &str = "keys";

/// Starts to look after the keys of these tokens.
pub fn keep(tokens: &Arc<Tokens>) -> std::io::Result<Keeper> {
    let (running, ended) = watch::channel(());
    let mut asks = Vec::new();
    let mut work = Vec::new();
    for ring in &tokens.rings {
        asks.push(ring.may_change().then(|| {
            let (sender, receiver) = channel(WAITING);
            work.push((ring.clone(), receiver));
            sender
        }));
    }
    if !work.is_empty() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tokens = tokens.clone();
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            for (ring, asks) in work {
                runtime.spawn(look_after(tokens.clone(), ring, asks));
            }
            let mut ended = ended;
            // An error says that nobody is left to end it.
            runtime.block_on(async { while ended.changed().await.is_ok() {} });
            runtime.shutdown_background();
        })?;
    }
    Ok(Keeper { asks: Asks(asks.into()), _running: running })
}

async fn look_after(tokens: Arc<Tokens>, ring: Arc<KeyRing>, mut asks: Receiver<Ask>) {
    // What lies on this machine was read when the node started.
    let mut whole = !ring.sources().iter().any(|source| matches!(source, KeySource::KeySetUrl { .. }));
    let mut read_at = whole.then(Instant::now);
    loop {
        let wait = if whole { tokens.reload } else { tokens.reload.min(AGAIN) };
        let due = read_at.map_or_else(Instant::now, |at| at + wait);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {
                read_at = Some(Instant::now());
                whole = read(&tokens, &ring).await;
            }
            ask = asks.recv() => {
                let Some(ask) = ask else { return };
                // Keys that were read since cost nothing to try.
                let answer = tokens.judge(&ask.token, ask.realm, &ring.current(), ask.at);
                let old = read_at.is_none_or(|at| at.elapsed() >= LEAST_BETWEEN);
                let answer = match answer {
                    Err(why) if why.may_be_keys() && old => {
                        read_at = Some(Instant::now());
                        whole = read(&tokens, &ring).await;
                        tokens.judge(&ask.token, ask.realm, &ring.current(), ask.at)
                    }
                    answer => answer,
                };
                (ask.answer)(answer.map_err(|why| tokens.refuse(&why)));
            }
        }
    }
}

/// True: every source could be read. What could not keeps the keys it had.
async fn read(tokens: &Tokens, ring: &KeyRing) -> bool {
    let mut whole = true;
    for (index, source) in ring.sources().iter().enumerate() {
        let keys = match (source, read_here(source)) {
            (KeySource::Secret { .. }, _) => continue,
            (KeySource::KeySetUrl { url, roots }, _) => {
                fetch::get(url, roots.as_deref()).await.and_then(|bytes| usable(&bytes, false, source))
            }
            (KeySource::PemFile { .. } | KeySource::KeySetFile { .. }, Some(keys)) => keys,
            (KeySource::PemFile { .. } | KeySource::KeySetFile { .. }, None) => continue,
        };
        let whose = &ring.whose;
        tokens.counters.key_reads.fetch_add(1, Ordering::Relaxed);
        match keys {
            Ok(keys) => {
                let count = keys.len();
                if ring.put(index, keys) {
                    tracing::info!(event = "keys_changed", whose, source = name_of(source), count);
                }
            }
            Err(why) => {
                whole = false;
                tokens.counters.key_reads_failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    event = "keys_not_read",
                    whose,
                    source = name_of(source),
                    why,
                    "the last good ones hold"
                );
            }
        }
    }
    whole
}
