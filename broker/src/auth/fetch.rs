//! Gets a key set over http or https. One request, no redirect: keys come from where the configuration says, or not.

use crate::net::reach::{Stream, Target};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rookery_protocol::limits;
use std::path::Path;
use std::time::Duration;

/// From the first look-up to the last byte.
const TIME: Duration = Duration::from_secs(5);

pub async fn get(url: &str, roots: Option<&Path>) -> Result<Vec<u8>, String> {
    let answer = tokio::time::timeout(TIME, fetch(url, roots)).await;
    answer.unwrap_or_else(|_| Err(format!("no whole answer within {} s", TIME.as_secs())))
}

async fn fetch(url: &str, roots: Option<&Path>) -> Result<Vec<u8>, String> {
    let target = Target::new(url, roots)?;
    let socket = target.connect().await?;
    ask(socket, &target).await
}

async fn ask(socket: Box<dyn Stream>, target: &Target) -> Result<Vec<u8>, String> {
    let failed = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(failed)?;
    let request = Request::get(target.path())
        .header(HOST, target.authority())
        .header(USER_AGENT, concat!("rookery/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let talk = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answers {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), limits::KEY_SET_BYTES as usize).collect().await;
        body.map(|body| body.to_bytes().to_vec()).map_err(|error| error.to_string())
    };
    // The connection is driven while the answer is waited for, and dropped with it.
    tokio::pin!(talk, connection);
    tokio::select! {
        answer = &mut talk => answer,
        // However it ends, what came before may be the whole answer: not everybody says goodbye over TLS.
        _ = &mut connection => talk.await,
    }
}
