//! `GET /livez`, `/readyz` and `/health`: for whatever starts, stops and spares nodes. `?verbose` says what was looked at,
//! to whoever may see `/metrics`.

use crate::health::Health;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

/// None: it is no page of ours.
pub fn answer(health: &Health, path: &str, query: Option<&str>, may_see: bool) -> Option<Response<Full<Bytes>>> {
    let good = match path {
        "/livez" => health.is_alive(),
        "/readyz" | "/health" => health.is_ready(),
        _ => return None,
    };
    let is_verbose = may_see && query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("verbose")));
    let (form, body) = if is_verbose {
        let page = json!({"live": health.is_alive(), "ready": health.is_ready(), "checks": health.checks()});
        ("application/json", format!("{page:#}\n"))
    } else {
        ("text/plain; charset=utf-8", if good { "ok\n" } else { "no\n" }.to_owned())
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}
