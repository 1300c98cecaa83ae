//! From a reply, or a fault, to a response. Errors have one form, whoever found them.

use super::routes::Route;
use axum::body::Body;
use axum::response::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{StatusCode, Uri};
use rookery_protocol::errors::{ErrorCode, Retry};
use rookery_protocol::ids::Place;
use rookery_protocol::reply::{Refusal, Reply};
use rookery_protocol::rest;
use rookery_protocol::wire::bad::Bad;
use serde::Serialize;

/// Why a request is not done.
#[derive(Debug)]
pub struct Fault {
    refusal: Refusal,
    field: Option<String>,
}

impl Fault {
    pub fn at(field: &str, refusal: Refusal) -> Fault {
        // A stranger's text may be shown back, so it is cut.
        Fault { refusal, field: Some(field.chars().take(64).collect()) }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault { refusal, field: None }
    }
}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Fault {
        Refusal::new(code).into()
    }
}

impl From<Bad> for Fault {
    fn from(bad: Bad) -> Fault {
        let field = bad.field().map(str::to_owned);
        Fault { field, refusal: bad.refusal() }
    }
}

/// An error as it is written.
#[derive(Serialize)]
struct Written<'a> {
    code: u16,
    name: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    retry_after_ms: u32,
}

/// What a refusal that names no delay asks for, where coming back makes sense.
const LATER_MS: u32 = 1000;

impl Fault {
    pub fn response(&self) -> Response {
        let Refusal { code, detail, retry_after_ms, .. } = &self.refusal;
        let later = code.retry() == Retry::Later;
        let retry_after_ms = if later && *retry_after_ms == 0 { LATER_MS } else { *retry_after_ms };
        let written = Written {
            code: *code as u16,
            name: code.word(),
            message: code.sentence(),
            detail,
            field: self.field.as_deref(),
            retry_after_ms,
        };
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, serde_json::to_vec(&written).unwrap_or_default());
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if later {
            // The header knows whole seconds only.
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_ms.div_ceil(1000).max(1)));
        }
        response
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub fn write(route: &Route, uri: &Uri, reply: Reply) -> Result<Response, Fault> {
    if let Reply::Refused(refusal) = reply {
        return Err(refusal.into());
    }
    let again = matches!(reply, Reply::Placed { duplicate: true, .. } | Reply::Done);
    let mut body = Vec::new();
    rest::write(&reply, &mut body);
    let status = if route.makes && !again { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = json(status, body);
    if let Some(link) = links(uri, &reply).and_then(|links| HeaderValue::from_str(&links).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// The pages around this one (RFC 8288), with the same query but for where they begin.
fn links(uri: &Uri, reply: &Reply) -> Option<String> {
    let spelled = |place: Place| format!("{},{}", place.epoch.0, place.seq.0);
    let after = |name: &str, more: bool| more.then(|| vec![page(uri, "after", &encoded(name), "next")]);
    let links = match reply {
        Reply::History(shown) => {
            let before = shown.messages.first().filter(|_| shown.more_before);
            let after = shown.messages.last().filter(|_| shown.more_after);
            let before = before.map(|message| page(uri, "before", &spelled(message.place), "prev"));
            before.into_iter().chain(after.map(|message| page(uri, "after", &spelled(message.place), "next"))).collect()
        }
        Reply::Roster { members, more, .. } => after(members.last()?.user.as_str(), *more)?,
        Reply::Rooms { rooms, more } => after(rooms.last()?.room.name.as_str(), *more)?,
        Reply::Users { users, more } => after(users.last()?.user.as_str(), *more)?,
        Reply::Unread { rooms, more } => after(rooms.last()?.room.name.as_str(), *more)?,
        Reply::Done
        | Reply::Welcome(_)
        | Reply::Pong { .. }
        | Reply::Subscribed(_)
        | Reply::Unsubscribed { .. }
        | Reply::Placed { .. }
        | Reply::Described(_)
        | Reply::Presence { .. }
        | Reply::Direct { .. }
        | Reply::Numbers { .. }
        | Reply::Broadcast { .. }
        | Reply::Counted { .. }
        | Reply::Refused(_) => Vec::new(),
    };
    (!links.is_empty()).then(|| links.join(", "))
}

/// Where a page begins; only one of them can be said.
const BEGINS: [&str; 5] = ["before", "after", "around", "skip_oldest", "skip_newest"];

fn page(uri: &Uri, word: &str, value: &str, relation: &str) -> String {
    let query = uri.query().unwrap_or_default();
    let kept = query.split('&').filter(|pair| !pair.is_empty());
    let kept = kept.filter(|pair| !BEGINS.contains(&pair.split('=').next().unwrap_or_default()));
    let pairs: Vec<String> = kept.map(str::to_owned).chain([format!("{word}={value}")]).collect();
    format!("<{}?{}>; rel=\"{relation}\"", uri.path(), pairs.join("&"))
}

fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
