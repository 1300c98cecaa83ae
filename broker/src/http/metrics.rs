//! `GET /metrics`, for whoever asks from the same machine: what a node does is not for strangers.

use crate::auth::Tokens;
use crate::metrics;
use crate::shard::cell::ShardCounters;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use std::net::SocketAddr;
use std::sync::Arc;

pub const PATH: &str = "/metrics";

pub fn is_for(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

pub fn answer(shards: &[Arc<ShardCounters>], tokens: &Tokens) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(metrics::text(shards, &tokens.counters).into()));
    let form = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}
