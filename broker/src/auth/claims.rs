//! What a token of ours may say, and the principal that follows from it. `docs/reference/tokens.md` has the table.

use super::object::Object;
use super::settings::{RealmAuth, Trust};
use super::why::Why;
use rookery_protocol::ids::{Millis, Name, Realm};
use rookery_protocol::limits;
use rookery_protocol::principal::{Grant, Pattern, Powers, Principal, Profile, Verbs};
use rookery_protocol::wire::json;
use serde::Serialize;

/// As they are written. Names follow RFC 7519 where it has one.
#[derive(Debug, Default, Serialize)]
pub struct Claims {
    /// The user.
    pub sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Shown beside messages.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub avatar: String,
    /// Rooms that this token opens, where a room asks for claims.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<String>,
    /// What it is good for; None: for everything that its user may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can: Option<Vec<Can>>,
    /// May send backend commands.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backend: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub any_realm: bool,
}

#[derive(Debug, Default, Serialize)]
pub struct Can {
    pub rooms: Vec<String>,
    pub verbs: Vec<String>,
}

/// Whose realm it is: said by the token, or by the keys that it is checked with.
pub fn realm_of(claims: &Object<'_>, implied: &Realm) -> Result<Realm, Why> {
    let said = claims.text("realm")?;
    said.map_or(Ok(implied.clone()), |said| {
        Name::new(&said).map_err(|why| Why::claim("realm", format!("is no name: {why}")))
    })
}

/// What the realm asks of every token, at this time.
pub fn check(claims: &Object<'_>, auth: &RealmAuth, at: Millis) -> Result<(), Why> {
    let now = at / 1000;
    let leeway = auth.leeway_s.min(limits::TOKEN_LEEWAY_S);
    let (expires, begins, issued) = (claims.seconds("exp")?, claims.seconds("nbf")?, claims.seconds("iat")?);
    if let Some(at) = expires.filter(|end| end.saturating_add(leeway) <= now) {
        return Err(Why::Expired { at });
    }
    for (claim, from) in [("nbf", begins), ("iat", issued)] {
        if let Some(at) = from.filter(|from| *from > now.saturating_add(leeway)) {
            return Err(Why::NotYet { claim, at });
        }
    }
    if let Some(life) = auth.token_life_s {
        let (Some(expires), Some(issued)) = (expires, issued) else {
            return Err(Why::Missing { name: if expires.is_none() { "exp" } else { "iat" }.to_owned() });
        };
        if expires.saturating_sub(issued) > life {
            return Err(Why::claim(
                "exp",
                format!("is more than {life} s after its `iat`, the most that the realm allows"),
            ));
        }
    }
    let issuer = claims.text("iss")?;
    if let Some(wanted) = &auth.issuer
        && issuer.as_deref() != Some(wanted)
    {
        return Err(issuer.map_or(Why::Missing { name: "iss".to_owned() }, |given| {
            Why::claim("iss", format!("is {given:?}, and the realm accepts {wanted:?}"))
        }));
    }
    let audience = match claims.raw("aud") {
        Some(raw) if raw.starts_with('[') => claims.texts("aud")?,
        Some(_) | None => claims.text("aud")?.into_iter().collect(),
    };
    if !auth.audience.is_empty() && !audience.iter().any(|one| auth.audience.iter().any(|known| known == one)) {
        return Err(Why::claim("aud", format!("is {audience:?}, and the realm accepts {:?}", auth.audience)));
    }
    match auth.required.iter().find(|name| claims.raw(name).is_none()) {
        Some(name) => Err(Why::Missing { name: name.clone() }),
        None => Ok(()),
    }
}

/// Whom it speaks of.
pub fn principal(claims: &Object<'_>, realm: Realm, auth: &RealmAuth, at: Millis) -> Result<Principal, Why> {
    let name = |claim: &str, text: &str| Name::new(text).map_err(|why| Why::claim(claim, format!("is no name: {why}")));
    let named = |claim: &str| claims.text(claim)?.map(|text| name(claim, &text)).transpose();
    let shown = |claim: &str| match claims.text(claim)?.unwrap_or_default().into_owned() {
        text if text.len() as u64 > limits::TEXT_FIELD_BYTES => {
            Err(Why::claim(claim, format!("has more than {} bytes", limits::TEXT_FIELD_BYTES)))
        }
        text => Ok(text),
    };
    let millis = |seconds: u64| seconds.saturating_mul(1000);
    // Shown after its end, but within the leeway, it is good until that ends: an end in the past would be one at once.
    let ends = |end: u64| if millis(end) > at { millis(end) } else { millis(end.saturating_add(auth.leeway_s)) };
    let signed = auth.trust == Trust::Signed;
    let (backend, any_realm) = (claims.flag("backend")?, claims.flag("any_realm")?);
    if any_realm && signed && !auth.any_realm {
        return Err(Why::claim("any_realm", "is not for tokens of this realm"));
    }
    let rooms = claims.texts("rooms")?;
    let can = claims.raw("can").map(grants).transpose()?;
    let patterns = rooms.len() + can.iter().flatten().map(|grant| grant.rooms.len()).sum::<usize>();
    if patterns as u64 > limits::TOKEN_PATTERNS {
        return Err(Why::claim("can", format!("and `rooms` have more than {} patterns", limits::TOKEN_PATTERNS)));
    }
    Ok(Principal {
        user: named("sub")?.ok_or_else(|| Why::Missing { name: "sub".to_owned() })?,
        realm,
        organisation: named("org")?,
        token_id: named("jti")?,
        claims: rooms.iter().map(|room| name("rooms", room)).collect::<Result<_, _>>()?,
        can: can.map(Into::into),
        profile: Profile { display: shown("name")?, avatar: shown("avatar")? },
        powers: Powers { backend: backend && signed, any_realm: any_realm && signed },
        expires_at: claims.seconds("exp")?.map(ends),
        issued_at: claims.seconds("iat")?.map_or(0, millis),
    })
}

fn grants(raw: &str) -> Result<Vec<Grant>, Why> {
    let mut items = Vec::new();
    let each = |item| {
        items.push(item);
        Ok(())
    };
    json::items(raw, limits::TOKEN_PATTERNS as usize, each)
        .map_err(|bad| Why::claim("can", format!("is not a list: {}", bad.refusal().detail)))?;
    items.into_iter().map(grant).collect()
}

fn grant(raw: &str) -> Result<Grant, Why> {
    let can = |why: String| Why::claim("can", why);
    let object =
        Object::parse(raw.as_bytes(), "claims").map_err(|why| can(format!("has an item that is none: {why}")))?;
    // A misspelt word must not widen anything in silence.
    if let Some(name) = object.names().find(|name| !["rooms", "verbs"].contains(name)) {
        return Err(can(format!("has an item with {name:?}; it has `rooms` and `verbs`")));
    }
    let list = |name: &str| match object.raw(name) {
        Some(_) => object.texts(name).map_err(|why| can(format!("has an item whose list is none: {why}"))),
        None => Err(can(format!("has an item without `{name}`"))),
    };
    let pattern = |text: &str| Pattern::parse(text).ok_or_else(|| can(format!("names no rooms: {text:?}")));
    let rooms = list("rooms")?.iter().map(|text| pattern(text)).collect::<Result<_, _>>()?;
    let mut verbs = Verbs::default();
    for word in list("verbs")? {
        verbs.add(&word).ok_or_else(|| {
            can(format!("names no verb: {word:?}; verbs are commands, or `read`, `write` and `manage`"))
        })?;
    }
    Ok(Grant { rooms, verbs })
}
