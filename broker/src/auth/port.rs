//! How a shard verifies: with key sets that it keeps by itself, so that it takes no lock but when one was replaced.

use super::keeper::{Ask, Asks};
use super::key_set::KeySet;
use super::why::Why;
use super::{RealmTokens, Tokens};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Millis, Realm};
use rookery_protocol::principal::Principal;
use std::sync::Arc;

pub struct TokenPort {
    tokens: Arc<Tokens>,
    asks: Asks,
    /// By ring: the version, and the set.
    kept: Vec<(u64, Arc<KeySet>)>,
}

type Verdict = Result<Principal, ErrorCode>;

impl TokenPort {
    pub fn new(tokens: Arc<Tokens>, asks: Asks) -> TokenPort {
        let kept = tokens.rings.iter().map(|ring| (ring.version(), ring.current())).collect();
        TokenPort { tokens, asks, kept }
    }

    /// None: keys are looked for, and `later` is called with the answer on another thread.
    pub fn verify(
        &mut self,
        realm: Option<&Realm>,
        token: &str,
        at: Millis,
        later: impl FnOnce(Verdict) + Send + 'static,
    ) -> Option<Verdict> {
        let realm = match self.tokens.index_of(realm) {
            Ok(realm) => realm,
            Err(why) => return Some(Err(self.tokens.refuse(&why))),
        };
        let RealmTokens { ring, .. } = self.tokens.realms[realm];
        let keys = self.keys(ring);
        let why = match self.tokens.judge(token, realm, &keys, at) {
            Ok(principal) => return Some(Ok(principal)),
            Err(why) => why,
        };
        if !(why.may_be_keys() && self.tokens.rings[ring].may_change()) {
            return Some(Err(self.tokens.refuse(&why)));
        }
        let ask = Ask { token: token.to_owned(), realm, at, answer: Box::new(later) };
        match self.asks.ask(ring, ask) {
            Ok(()) => None,
            Err(_) => Some(Err(self.tokens.refuse(&Why::Crowded))),
        }
    }

    fn keys(&mut self, ring: usize) -> Arc<KeySet> {
        let (kept, now) = (&mut self.kept[ring], &self.tokens.rings[ring]);
        let version = now.version();
        if kept.0 != version {
            *kept = (version, now.current());
        }
        kept.1.clone()
    }
}
