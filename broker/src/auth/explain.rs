//! What a token says, and what a node would say to it: for the person who wonders why it is refused.

use super::claims;
use super::header::Parts;
use super::key::word_of;
use super::object::Object;
use super::{NODES_OWN, Tokens};
use rookery_protocol::ids::{Millis, Realm};

pub struct Explained {
    pub lines: Vec<String>,
    pub accepted: bool,
}

/// `realm`: where it is shown. None: where it says that it belongs.
pub fn explain(tokens: &Tokens, token: &str, realm: Option<&Realm>, at: Millis) -> Explained {
    let mut lines = Vec::new();
    let mut say = |what: &str, said: String| lines.push(format!("{what:<10} {said}"));
    let parts = Parts::of(token);
    let mut said = None;
    if let Ok(parts) = &parts {
        say("header", shown(&parts.header));
        say("claims", shown(&parts.claims));
        said = Object::parse(&parts.claims, "claims").ok().and_then(|c| claims::realm_of(&c, &tokens.main).ok());
    }
    let realm = realm.cloned().or(said).unwrap_or_else(|| tokens.main.clone());
    say("realm", realm.as_str().to_owned());
    let verdict = parts.map(|_| ()).and_then(|()| {
        let index = tokens.index_of(Some(&realm))?;
        let ring = tokens.realms[index].ring;
        let whose = if ring == NODES_OWN { "the node's own" } else { "the realm's" };
        let keys = tokens.rings[ring].current();
        let named = keys.keys().iter().map(|key| match &key.id {
            Some(id) => format!("{} ({id:?})", word_of(key.algorithm)),
            None => word_of(key.algorithm).to_owned(),
        });
        let named: Vec<_> = named.collect();
        say("keys", if named.is_empty() { format!("{whose}: none") } else { format!("{whose}: {}", named.join(", ")) });
        tokens.judge(token, index, &keys, at)
    });
    match &verdict {
        Ok(who) => {
            say("user", who.user.as_str().to_owned());
            say("ends", who.expires_at.map_or("never".to_owned(), |end| left(end.saturating_sub(at) / 1000)));
            say(
                "good for",
                if who.can.is_some() { "what its claim `can` names" } else { "whatever its user may do" }.to_owned(),
            );
            say(
                "revocable",
                match &who.token_id {
                    Some(id) => format!("alone, by its id {:?}, and with its user", id.as_str()),
                    None => "only with its user: it has no `jti`".to_owned(),
                },
            );
            say("accepted", "yes, unless it was revoked: that knows only the node that runs".to_owned());
        }
        Err(why) => say("refused", format!("{why} ({})", why.code().word())),
    }
    Explained { lines, accepted: verdict.is_ok() }
}

/// As it is, but for what a terminal would act upon.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

fn left(seconds: u64) -> String {
    match seconds {
        0..120 => format!("in {seconds} s"),
        120..7200 => format!("in {} min", seconds / 60),
        7200..172_800 => format!("in {} h", seconds / 3600),
        _ => format!("in {} days", seconds / 86_400),
    }
}
