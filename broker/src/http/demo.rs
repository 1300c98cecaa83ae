//! `/` and what is below `/demo/`: a chat to look at, with everything it needs in the binary, and on a node in
//! development mode a token for whoever looks. It connects as any client does, and has no power that another lacks.

mod files;

use super::FrontSettings;
use crate::auth::{Claims, Tokens};
use crate::net::own_page;
use crate::ports::Clock;
use bytes::Bytes;
use files::File;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use rookery_protocol::ids::Name;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const GUEST: &str = "/demo/guest";
const BELOW: &str = "/demo/";

/// Short, so that the page shows how a token is renewed.
const TOKEN_SECONDS: u64 = 15 * 60;
const BODY_BYTES: usize = 1024;
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// Of a guest's name, in characters.
const NAME_CHARACTERS: usize = 40;

/// Only from here, no inline code, in nobody's frame. `'self'` covers the node's own WebSocket.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Makes tokens for guests: only a node in development mode has one.
#[derive(Clone)]
pub struct Guests {
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
}

#[derive(Deserialize)]
struct Asked {
    name: String,
}

/// What was wrong with a request for a token: a word for programs, a sentence for people.
type Refusal = (StatusCode, &'static str, String);

pub fn is_at(path: &str) -> bool {
    path == "/" || path.starts_with(BELOW)
}

pub async fn answer(settings: &FrontSettings, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if path == GUEST {
        match *request.method() {
            Method::POST => guest(settings, request).await,
            Method::GET | Method::HEAD => {
                answered(StatusCode::OK, &json!({ "guests": settings.guests.is_some(), "seconds": TOKEN_SECONDS }))
            }
            _ => super::wrong_method("GET, POST"),
        }
    } else if !is_read {
        super::wrong_method("GET, HEAD")
    } else {
        match files::find(path) {
            Some(file) => served(file, request.headers()),
            None => super::text(StatusCode::NOT_FOUND, "Nothing here. The demo is at /.\n"),
        }
    };
    guard(response.headers_mut());
    response
}

/// A file, or the word that the browser has it already.
fn served(file: &'static File, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    if known.flat_map(|value| value.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == file.tag()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Full::new(Bytes::from_static(file.body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
    }
    if let Ok(tag) = HeaderValue::from_str(file.tag()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    // Asked about each time: a page and its modules must be of one version.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn guest(settings: &FrontSettings, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, body) = match token(settings, request).await {
        Ok(body) => (StatusCode::OK, body),
        Err((status, error, message)) => (status, json!({ "error": error, "message": message })),
    };
    let mut response = answered(status, &body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn token(settings: &FrontSettings, request: Request<Incoming>) -> Result<serde_json::Value, Refusal> {
    let Some(guests) = &settings.guests else {
        let why = "This node signs tokens with a secret of its own. Make one with: rookery token NAME";
        return Err((StatusCode::NOT_FOUND, "not_available", why.to_owned()));
    };
    if !may_ask(settings, &request) {
        let why = "Guests are let in through a page of this node, asked for at localhost or a listed origin.";
        return Err((StatusCode::FORBIDDEN, "foreign_origin", why.to_owned()));
    }
    let malformed = |why: &str| (StatusCode::BAD_REQUEST, "malformed", why.to_owned());
    // A page elsewhere can send text without asking first, and JSON it cannot.
    if !is_json(request.headers()) {
        let why = "Send {\"name\":\"…\"} as application/json.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "malformed", why.to_owned()));
    }
    let body = Limited::new(request.into_body(), BODY_BYTES).collect();
    let body = tokio::time::timeout(BODY_WITHIN, body).await;
    let body = body.map_err(|_| (StatusCode::REQUEST_TIMEOUT, "malformed", "The body came too slowly.".to_owned()))?;
    let body = body.map_err(|_| malformed("The body is cut off, or has more than 1,024 bytes."))?.to_bytes();
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| malformed("The body is not {\"name\":\"…\"}."))?;
    let name = asked.name.trim();
    if name.chars().count() > NAME_CHARACTERS {
        return Err(malformed("The name has more than 40 characters."));
    }
    let user = Name::new(name).map_err(|why| malformed(&format!("The name is not one: {why}.")))?;
    let now = guests.clock.now().wall / 1000;
    let claims =
        Claims { sub: user.as_str().to_owned(), iat: Some(now), exp: Some(now + TOKEN_SECONDS), ..Claims::default() };
    let token = guests.tokens.sign(&claims).map_err(|why| (StatusCode::INTERNAL_SERVER_ERROR, "internal", why))?;
    Ok(json!({ "token": token, "user": user.as_str(), "expires_at": (now + TOKEN_SECONDS) * 1000 }))
}

/// A browser says which page asks; who says nothing is a program of this machine.
fn may_ask(settings: &FrontSettings, request: &Request<Incoming>) -> bool {
    if own_page::is_own_page(request) {
        return true;
    }
    if request.headers().contains_key(header::ORIGIN) {
        // Its guests are of the main realm.
        return settings.realm(None).is_some_and(|(_, origins)| origins.allows(request.headers()));
    }
    own_page::is_asked_at_loopback(request)
}

fn is_json(headers: &HeaderMap) -> bool {
    let form = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    form.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json")
}

fn answered(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(format!("{body}\n").into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What keeps a page from being used by another one.
fn guard(headers: &mut HeaderMap) {
    const GUARDS: [(HeaderName, &str); 5] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
