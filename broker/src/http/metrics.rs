//! `GET /metrics`, for whoever asks from the same machine: what a node does is not for strangers.

use super::watch::Pages;
use crate::metrics;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use std::net::SocketAddr;

pub const PATH: &str = "/metrics";

pub fn is_for(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

pub fn answer(pages: &Pages) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(metrics::text(&pages.shards, &pages.tokens.counters).into()));
    let form = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}
