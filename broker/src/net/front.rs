//! The front door: HTTP on a fresh socket, until it is upgraded or ends.
//!
//! Every request goes to the caller's [`Router`]. If it answers with an upgrade, the socket comes back with the 101, not
//! written yet, and with the bytes that the client sent behind its request: no trait object, no task, nothing left of
//! hyper.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rookery_protocol::limits;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

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
    /// It speaks another protocol now. `answer` is to be written first: together with what follows it costs one write.
    /// `unread` came behind the request and is to be read first.
    Upgraded { stream: S, answer: Vec<u8>, unread: Bytes, context: C },
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
    let gate = Gate { stream, upgraded: &upgraded, answer: Vec::new(), stalled: None };
    let parts = match server.serve_connection(TokioIo::new(gate), service).without_shutdown().await {
        Ok(parts) => parts,
        Err(error) => return Outcome::Failed(error),
    };
    let Gate { mut stream, answer, .. } = parts.io.into_inner();
    match upgraded.take() {
        Some(context) => Outcome::Upgraded { stream, answer, unread: parts.read_buf, context },
        None => {
            // The peer may be gone already; then there is nothing to end.
            let _ = stream.shutdown().await;
            let _ = tokio::time::timeout(LINGER, Box::pin(discard(&mut stream))).await;
            Outcome::Ended
        }
    }
}

/// A socket that is closed with unread bytes in it is reset, and our last answer may be lost with it: that a body is too
/// large, say. So what still comes is read for a moment, or until it is plainly too much.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

async fn discard<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut waste = [0; 1024];
    let mut read = 0;
    while read < LINGER_BYTES {
        match stream.read(&mut waste).await {
            Ok(0) | Err(_) => return,
            Ok(count) => read += count,
        }
    }
}

/// The socket as hyper sees it. What it writes after an upgrade was granted, the 101, is kept.
struct Gate<'a, S, C> {
    stream: S,
    upgraded: &'a RefCell<Option<C>>,
    answer: Vec<u8>,
    /// Runs while the socket takes nothing: a response that nobody reads is not kept for ever.
    stalled: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<S: AsyncWrite + Unpin, C> Gate<'_, S, C> {
    fn taken<T>(&mut self, cx: &mut Context<'_>, taken: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if taken.is_ready() {
            self.stalled = None;
            return taken;
        }
        let within = Duration::from_millis(limits::SLOW_MS);
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin, C> AsyncRead for Gate<'_, S, C> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin, C> AsyncWrite for Gate<'_, S, C> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        if gate.upgraded.borrow().is_some() {
            gate.answer.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let taken = Pin::new(&mut gate.stream).poll_write(cx, bytes);
        gate.taken(cx, taken)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        let taken = Pin::new(&mut gate.stream).poll_flush(cx);
        gate.taken(cx, taken)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
