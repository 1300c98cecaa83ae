//! From a request to a command: who asks, and the command's fields out of path, query, headers and body.

use super::answer::Fault;
use super::routes::{KEY_HEADER, Route, Source};
use crate::auth::Tokens;
use crate::http::native::percent_decoded;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::limits;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Refusal;
use rookery_protocol::rest::{self, Shape};
use std::time::Duration;

/// When somebody whose body did not come in time may try again.
const TOO_SLOW_MS: u32 = 1000;

/// What is percent-encoded wrongly would be taken for a name that nobody meant.
pub fn check_path(path: &str) -> Result<(), Fault> {
    let whole = |rest: &str| rest.get(..2).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    if path.split('%').skip(1).all(whole) {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::Malformed, "a percent sign in the path is followed by two hexadecimal digits")
        .into())
}

/// The realm is the one that the token names, or the main one.
pub fn principal(tokens: &Tokens, headers: &HeaderMap) -> Result<Principal, Fault> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (only, none) = (given.next(), given.next());
    let bearer = only.filter(|_| none.is_none()).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let missing =
        || Refusal::because(ErrorCode::NotAuthenticated, "send one header `Authorization: Bearer` with a token");
    Ok(tokens.verify_where_it_belongs(bearer.ok_or_else(missing)?)?)
}

pub async fn read(route: &Route, path: &RawPathParams, request: Request) -> Result<Command, Fault> {
    let (head, body) = request.into_parts();
    let mut given = Vec::new();
    for (name, text) in path {
        given.push(from_path(route, name, text)?);
    }
    given.extend(route.fixed.map(|(word, json)| (word, json.to_owned())));
    from_query(route, head.uri.query().unwrap_or_default(), &mut given)?;
    from_header(route, &head.headers, &mut given)?;
    let takes_body = !route.fields(Source::Body).is_empty();
    let body = if takes_body { whole(&head.headers, body).await? } else { String::new() };
    Ok(rest::read(route.command, &body, &given)?)
}

fn from_path(route: &Route, name: &str, text: &str) -> Result<(&'static str, String), Fault> {
    if name == "direct" {
        return Ok(("room", format!("{{\"direct\":{}}}", rest::text(text))));
    }
    let shape = route.fields(Source::Path).into_iter().find(|shape| shape.word == name);
    let shape = shape.ok_or(ErrorCode::NoSuchPath)?;
    Ok((shape.word, shape.spelled(&[text])))
}

/// What is not known is refused: a misspelt word would ask for something else.
fn from_query(route: &Route, query: &str, given: &mut Vec<(&'static str, String)>) -> Result<(), Fault> {
    let shapes = route.fields(Source::Query);
    let mut texts: Vec<Vec<String>> = shapes.iter().map(|_| Vec::new()).collect();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (word, text) = pair.split_once('=').unwrap_or((pair, ""));
        let known = percent_decoded(word).and_then(|word| shapes.iter().position(|shape| shape.word == word));
        let Some(at) = known else {
            return Err(Fault::at(word, Refusal::because(ErrorCode::Malformed, unknown(&shapes))));
        };
        let encoded = || Refusal::because(ErrorCode::Malformed, "not percent-encoded UTF-8");
        let text = percent_decoded(text).ok_or_else(|| Fault::at(shapes[at].word, encoded()))?;
        if !shapes[at].list && !texts[at].is_empty() {
            return Err(Fault::at(shapes[at].word, Refusal::because(ErrorCode::Malformed, "given twice")));
        }
        texts[at].push(text);
    }
    for (shape, texts) in shapes.iter().zip(&texts).filter(|(_, texts)| !texts.is_empty()) {
        given.push((shape.word, shape.spelled(&texts.iter().map(String::as_str).collect::<Vec<_>>())));
    }
    Ok(())
}

fn unknown(shapes: &[Shape]) -> String {
    let words: Vec<_> = shapes.iter().map(|shape| format!("`{}`", shape.word)).collect();
    match words.as_slice() {
        [] => "this request takes no query".to_owned(),
        words => format!("not known here; the query takes {}", words.join(", ")),
    }
}

/// A key that would not be heeded is refused, or its sender would lean on it.
fn from_header(route: &Route, headers: &HeaderMap, given: &mut Vec<(&'static str, String)>) -> Result<(), Fault> {
    let mut values = headers.get_all(KEY_HEADER).iter();
    let Some(value) = values.next() else { return Ok(()) };
    let refuse = |why: &str| Err(Fault::at("Idempotency-Key", Refusal::because(ErrorCode::Malformed, why)));
    let Some(shape) = route.fields(Source::Header).into_iter().next() else {
        return refuse("only what posts a message has a key; this is the same however often it is asked, or is not");
    };
    if values.next().is_some() {
        return refuse("given twice");
    }
    let Ok(key) = std::str::from_utf8(value.as_bytes()) else { return refuse("not UTF-8") };
    given.push((shape.word, shape.spelled(&[key])));
    Ok(())
}

/// The whole body, within its size and its time.
async fn whole(headers: &HeaderMap, body: Body) -> Result<String, Fault> {
    let most = limits::MESSAGE_BYTES;
    let too_large = || Refusal::because(ErrorCode::TooLarge, format!("a body has at most {most} bytes"));
    let announced = headers.get(CONTENT_LENGTH).and_then(|n| n.to_str().ok()).and_then(|n| n.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > most) {
        return Err(too_large().into());
    }
    let read = Limited::new(body, most as usize).collect();
    let read = tokio::time::timeout(Duration::from_millis(limits::REQUEST_BODY_MS), read).await;
    let bytes = match read {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large().into()),
        Ok(Err(_)) => return Err(Refusal::because(ErrorCode::Malformed, "the body ends too early").into()),
        Err(_) => return Err(Refusal::later(ErrorCode::TooSlow, TOO_SLOW_MS).into()),
    };
    if bytes.is_empty() {
        return Ok(String::new());
    }
    if !is_json(headers) {
        return Err(ErrorCode::WrongType.into());
    }
    String::from_utf8(bytes.into()).map_err(|_| Refusal::because(ErrorCode::Malformed, "the body is not UTF-8").into())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (only, none) = (types.next(), types.next());
    let kind = only.filter(|_| none.is_none()).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
