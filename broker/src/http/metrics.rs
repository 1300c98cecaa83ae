//! `GET /metrics`, for whoever asks from the same machine: what a node does is not for strangers.

use crate::metrics::Figures;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::net::SocketAddr;

pub const PATH: &str = "/metrics";

pub fn is_for(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

/// The page is made beside the shard's thread, because some of it is asked of the system.
pub async fn answer(figures: &Figures) -> Response<Full<Bytes>> {
    let figures = figures.clone();
    let page = tokio::task::spawn_blocking(move || figures.text()).await;
    let Ok(page) = page else {
        return super::text(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the log says why.\n");
    };
    let mut response = Response::new(Full::new(page.into()));
    let form = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}
