//! What a hook answers. Whatever is not as it should be is no ruling: nothing is guessed, and nothing of it is logged.

use super::super::claims;
use super::super::object::Object;
use super::super::settings::RealmAuth;
use super::question::{Question, Verb};
use rookery_engine::ports::Ruling;
use rookery_protocol::errors::{ErrorCode, Fault, Retry};
use rookery_protocol::ids::Millis;
use rookery_protocol::limits;
use rookery_protocol::principal::{Powers, Principal};
use rookery_protocol::reply::Refusal;
use rookery_protocol::wire::json;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Who comes in, or why nobody does.
    In(Box<Result<Principal, Refusal>>),
    /// One for each room that was asked about.
    Rulings(Vec<Ruling>),
}

const HELP: &str = "docs/reference/hook.md says what it has to be";
/// Where a refusal says `rate_limited` and no time.
const LATER_MS: u32 = 1000;

/// The error says what is wrong with it, in words of ours only.
pub fn read(bytes: &[u8], question: &Question, auth: &RealmAuth) -> Result<Answer, String> {
    let object = Object::parse(bytes, "claims").map_err(|_| format!("the answer is no JSON object - {HELP}"))?;
    match &question.verb {
        Verb::Connect(shown) => Ok(Answer::In(Box::new(match ruling(&object, ErrorCode::NotAllowed)? {
            Ok(()) => Ok(renamed(&object, shown, auth, question.at)?),
            Err(refusal) => Err(refusal),
        }))),
        Verb::Enter { .. } => Ok(Answer::In(Box::new(match ruling(&object, ErrorCode::BadToken)? {
            Ok(()) => Ok(named(&object, question, auth)?),
            Err(refusal) => Err(refusal),
        }))),
        Verb::Talk { rooms, .. } => rulings(&object, rooms.len()).map(Answer::Rulings),
    }
}

/// `allow`, and if it is false the reason.
fn ruling(object: &Object<'_>, code: ErrorCode) -> Result<Ruling, String> {
    let allow = match object.raw("allow") {
        Some("true") => true,
        Some("false") => false,
        Some(_) | None => return Err(format!("the answer's `allow` is neither true nor false - {HELP}")),
    };
    if allow {
        return Ok(Ok(()));
    }
    let code = match object.text("code").map_err(|_| wrong("code", "is not a text"))? {
        None => code,
        Some(word) => ErrorCode::from_word(&word)
            .filter(|code| code.fault() == Fault::Policy)
            .ok_or_else(|| wrong("code", "is not a word of an error whose fault is `policy`"))?,
    };
    let text = object.text("text").map_err(|_| wrong("text", "is not a text"))?.unwrap_or_default();
    if text.len() as u64 > limits::TEXT_FIELD_BYTES {
        return Err(wrong("text", &format!("has more than {} bytes", limits::TEXT_FIELD_BYTES)));
    }
    let wait = object.raw("retry_after_ms").map(|raw| json::int(raw).ok().and_then(|ms| u32::try_from(ms).ok()));
    let wait = match (code.retry(), wait) {
        (_, Some(None)) => return Err(wrong("retry_after_ms", "is not a number of milliseconds")),
        (Retry::Later, Some(Some(ms))) => ms,
        (Retry::Later, None) => LATER_MS,
        (Retry::Never | Retry::AfterChange, _) => 0,
    };
    Ok(Err(Refusal { code, room: None, retry_after_ms: wait, detail: text.into_owned() }))
}

/// One for all rooms, or a list with one for each.
fn rulings(object: &Object<'_>, count: usize) -> Result<Vec<Ruling>, String> {
    let Some(list) = object.raw("rooms") else {
        return ruling(object, ErrorCode::NotAllowed).map(|one| vec![one; count]);
    };
    let mut items = Vec::new();
    let each = |item| {
        items.push(item);
        Ok(())
    };
    json::items(list, limits::ROOMS_PER_FRAME as usize, each).map_err(|_| wrong("rooms", "is not a list"))?;
    if items.len() != count {
        return Err(wrong("rooms", &format!("has {} items, and {count} rooms were asked about", items.len())));
    }
    let one = |item: &str| {
        let object =
            Object::parse(item.as_bytes(), "claims").map_err(|_| wrong("rooms", "has an item that is no object"))?;
        ruling(&object, ErrorCode::NotAllowed)
    };
    items.into_iter().map(one).collect()
}

/// The backend says who it is.
fn named(object: &Object<'_>, question: &Question, auth: &RealmAuth) -> Result<Principal, String> {
    let raw = object.raw("principal").ok_or_else(|| format!("the answer allows and names no `principal` - {HELP}"))?;
    let claims = claims_of(raw)?;
    let named = claims::principal(&claims, question.realm.clone(), auth, question.at).map_err(|why| said(&why))?;
    if named.expires_at.is_some_and(|end| end <= question.at) {
        return Err(wrong("principal", "has ended already: its `exp`"));
    }
    let issued_at = if claims.raw("iat").is_some() { named.issued_at } else { question.at };
    // Powers come from keys, not from answers.
    Ok(Principal { powers: Powers::default(), issued_at, ..named })
}

/// It may say more about somebody whose token is good. What it does not name stays the token's.
fn renamed(object: &Object<'_>, shown: &Principal, auth: &RealmAuth, at: Millis) -> Result<Principal, String> {
    let Some(raw) = object.raw("principal") else { return Ok(shown.clone()) };
    let claims = claims_of(raw)?;
    let named = claims::principal(&claims, shown.realm.clone(), auth, at).map_err(|why| said(&why))?;
    if named.user != shown.user {
        return Err(wrong("principal", "is another user than the token's: its `sub`"));
    }
    let has = |name: &str| claims.raw(name).is_some();
    let mut who = shown.clone();
    if has("name") {
        who.profile.display = named.profile.display;
    }
    if has("avatar") {
        who.profile.avatar = named.profile.avatar;
    }
    if has("rooms") {
        who.claims = named.claims;
    }
    if has("can") {
        who.can = named.can;
    }
    if has("org") {
        who.organisation = named.organisation;
    }
    who.expires_at = match (shown.expires_at, named.expires_at) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    Ok(who)
}

fn claims_of(raw: &str) -> Result<Object<'_>, String> {
    Object::parse(raw.as_bytes(), "claims").map_err(|_| wrong("principal", "is no object"))
}

fn wrong(name: &str, what: &str) -> String {
    format!("the answer's `{name}` {what} - {HELP}")
}

/// Which of the claims it is; what stands in it may be anybody's.
fn said(why: &super::super::why::Why) -> String {
    use super::super::why::Why;
    let name = if let Why::Claim { name, .. } | Why::Missing { name } = why { name.as_str() } else { "claims" };
    wrong("principal", &format!("does not say well what `{name}` should"))
}
