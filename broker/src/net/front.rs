//! The front door: HTTP on a fresh socket, until it is upgraded or ends.
//!
//! Every request goes to the caller's [`Router`]. If it answers with an upgrade, the 101 is written and the socket
//! comes back, with the bytes that the client sent behind its request: no trait object, no task, nothing left of hyper.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// What an HTTP client may send before anything else is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontLimits {
    /// From the start of waiting for a request until its head is complete; also how long a kept-alive socket may idle.
    pub head_within: Duration,
    /// Bytes of a request's head: the size of hyper's buffer, at least [`FrontLimits::LEAST_HEAD`].
    pub head_bytes: usize,
    pub headers: usize,
}

impl FrontLimits {
    /// Hyper's buffer is never smaller.
    pub const LEAST_HEAD: usize = 8_192;
    /// Up to this many headers are parsed without an allocation.
    const FREE_HEADERS: usize = 100;
}

impl Default for FrontLimits {
    fn default() -> FrontLimits {
        FrontLimits { head_within: Duration::from_secs(5), head_bytes: 16 * 1024, headers: FrontLimits::FREE_HEADERS }
    }
}

/// Decides what a request gets.
pub trait Router {
    /// What the caller wants to remember about an upgraded connection.
    type Context;
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static;

    fn route(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Answer<Self::Context, Self::Body>>;
}

/// A router's answer.
pub enum Answer<C, B> {
    /// Take the socket: the 101 of [`accept`](super::upgrade::accept), and what to remember.
    Upgrade(Response<Empty<Bytes>>, C),
    Plain(Response<B>),
}

/// What became of a socket.
#[derive(Debug)]
pub enum Outcome<S, C> {
    /// It speaks another protocol now. `unread` came behind the request and is to be read first.
    Upgraded { stream: S, unread: Bytes, context: C },
    /// It has ended in order.
    Ended,
    /// It broke: a malformed head (answered by hyper), a timeout, a lost connection.
    Failed(hyper::Error),
}

/// Builds what every connection of a shard is served with.
pub fn server(limits: FrontLimits) -> Builder {
    let mut builder = Builder::new();
    // Without a timer hyper keeps no time at all.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_buf_size(limits.head_bytes.max(FrontLimits::LEAST_HEAD))
        .half_close(false);
    if limits.headers != FrontLimits::FREE_HEADERS {
        builder.max_headers(limits.headers);
    }
    builder
}

/// Serves HTTP on a fresh socket until it is upgraded or ends.
pub async fn accept_http<S, R>(server: &Builder, stream: S, peer: SocketAddr, router: &R) -> Outcome<S, R::Context>
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: Router,
{
    let upgraded = RefCell::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let upgraded = &upgraded;
        async move {
            Ok::<_, Infallible>(match router.route(request, peer).await {
                Answer::Plain(response) => response.map(Either::Right),
                Answer::Upgrade(response, context) => {
                    *upgraded.borrow_mut() = Some(context);
                    response.map(Either::Left)
                }
            })
        }
    });
    let parts = match server.serve_connection(TokioIo::new(stream), service).without_shutdown().await {
        Ok(parts) => parts,
        Err(error) => return Outcome::Failed(error),
    };
    let mut stream = parts.io.into_inner();
    match upgraded.take() {
        Some(context) => Outcome::Upgraded { stream, unread: parts.read_buf, context },
        None => {
            // The peer may be gone already; then there is nothing to end.
            let _ = stream.shutdown().await;
            Outcome::Ended
        }
    }
}
