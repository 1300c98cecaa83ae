//! Where a realm's keys come from, and the set of them that is in force: replaced as a whole, and only by a good one.

use super::key::Key;
use super::key_set::{self, KeySet};
use super::settings::KeySource;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct KeyRing {
    /// For people.
    pub whose: String,
    sources: Vec<KeySource>,
    state: Mutex<State>,
    /// Rises with every replacement: who has kept a set looks here, without the lock, whether it is still the one.
    version: AtomicU64,
}

struct State {
    current: Arc<KeySet>,
    /// By source. None: it was never read with success.
    read: Vec<Option<Vec<Arc<Key>>>>,
}

/// Why a realm has no keys, in one line.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyRingFault {
    pub whose: String,
    /// The file, or whatever else it is about.
    pub what: String,
    pub why: String,
}

impl std::fmt::Display for KeyRingFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "keys of {}: {}: {}", self.whose, self.what, self.why)
    }
}

/// Larger files are none of ours.
const FILE_BYTES: u64 = rookery_protocol::limits::KEY_SET_BYTES;

impl KeyRing {
    /// Everything that lies on this machine is read, and has to be good.
    pub fn open(whose: &str, sources: &[KeySource]) -> Result<KeyRing, KeyRingFault> {
        let read = vec![None; sources.len()];
        let state = Mutex::new(State { current: Arc::default(), read });
        let ring = KeyRing { whose: whose.to_owned(), sources: sources.to_vec(), state, version: AtomicU64::new(0) };
        for (index, source) in sources.iter().enumerate() {
            if let Some(read) = read_here(source) {
                let fault = |why| KeyRingFault { whose: whose.to_owned(), what: name_of(source), why };
                ring.put(index, read.map_err(fault)?);
            }
        }
        Ok(ring)
    }

    pub fn sources(&self) -> &[KeySource] {
        &self.sources
    }

    /// Whether another reading could find other keys.
    pub fn may_change(&self) -> bool {
        self.sources.iter().any(|source| !matches!(source, KeySource::Secret { .. }))
    }

    pub fn current(&self) -> Arc<KeySet> {
        self.state.lock().current.clone()
    }

    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What a source holds now. True: that is something else than before.
    pub fn put(&self, source: usize, keys: Vec<Arc<Key>>) -> bool {
        let mut state = self.state.lock();
        let Some(read) = state.read.get_mut(source) else { return false };
        let looks = |keys: &[Arc<Key>]| keys.iter().map(|k| (k.fingerprint, k.id.clone())).collect::<Vec<_>>();
        if read.as_ref().is_some_and(|before| looks(before) == looks(&keys)) {
            return false;
        }
        *read = Some(keys);
        let all = state.read.iter().flatten().flatten().cloned().collect();
        state.current = Arc::new(KeySet::new(all));
        self.version.fetch_add(1, Ordering::Release);
        true
    }

    /// Whether a token that one of them signed could be taken for one of the other, as far as that is known.
    pub fn shares_with(&self, other: &KeyRing) -> bool {
        let url = |source: &KeySource| match source {
            KeySource::KeySetUrl { url, .. } => Some(url.clone()),
            KeySource::Secret { .. } | KeySource::PemFile { .. } | KeySource::KeySetFile { .. } => None,
        };
        let urls: Vec<_> = self.sources.iter().filter_map(url).collect();
        let theirs = other.current();
        other.sources.iter().filter_map(url).any(|theirs| urls.contains(&theirs))
            || self.current().keys().iter().any(|own| theirs.keys().iter().any(|k| k.fingerprint == own.fingerprint))
    }
}

/// For logs and people: no secret is in it.
pub fn name_of(source: &KeySource) -> String {
    match source {
        KeySource::Secret { .. } => "a secret".to_owned(),
        KeySource::PemFile { path, .. } | KeySource::KeySetFile { path } => path.display().to_string(),
        KeySource::KeySetUrl { url, .. } => url.clone(),
    }
}

/// The keys of a source on this machine. None: it lies elsewhere.
pub fn read_here(source: &KeySource) -> Option<Result<Vec<Arc<Key>>, String>> {
    match source {
        KeySource::Secret { id, algorithm, secret } => {
            Some(Key::secret(id.clone(), *algorithm, secret.bytes()).map(|key| vec![Arc::new(key)]))
        }
        KeySource::PemFile { id, path } => {
            Some(file(path).and_then(|pem| Key::pem(id.clone(), &pem)).map(|key| vec![Arc::new(key)]))
        }
        KeySource::KeySetFile { path } => Some(file(path).and_then(|bytes| usable(&bytes, true, source))),
        KeySource::KeySetUrl { .. } => None,
    }
}

/// The keys of a set; what is left out of it is told.
pub fn usable(bytes: &[u8], secrets: bool, source: &KeySource) -> Result<Vec<Arc<Key>>, String> {
    let read = key_set::read(bytes, secrets)?;
    for why in &read.left_out {
        tracing::info!(event = "key_left_out", source = name_of(source), why);
    }
    Ok(read.keys)
}

fn file(path: &Path) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES {
        return Err(format!("it has {length} bytes, and may have {FILE_BYTES}"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}
