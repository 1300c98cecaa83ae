//! The description, and a page of our own that shows it: no outside assets, nothing that is fetched from elsewhere.

use super::openapi;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};

const PAGE: &str = include_str!("viewer/index.html");
const SCRIPT: &str = include_str!("viewer/viewer.js");
const STYLE: &str = include_str!("viewer/viewer.css");

/// The page asks this node and no other, also for what it is made of.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let document = Bytes::from(openapi::document().to_string());
    let file = |kind: &'static str, text: Bytes| get(async move || whole(kind, text.clone()));
    router
        .route("/v1/openapi.json", file("application/json", document))
        .route("/v1/docs", file("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes())))
        .route("/v1/docs/viewer.js", file("text/javascript; charset=utf-8", Bytes::from_static(SCRIPT.as_bytes())))
        .route("/v1/docs/viewer.css", file("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes())))
}

fn whole(kind: &'static str, text: Bytes) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
