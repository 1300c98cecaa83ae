//! An echo server on the broker's own network parts: a few lines that show how they fit together, and the target of
//! the Autobahn suite (`scripts/autobahn.sh`).
//!
//! `cargo run --release --example ws_echo -- 127.0.0.1:9001`

use std::cell::RefCell;
use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Incoming as Body;
use hyper::server::conn::http1::Builder;
use rookery::net::front::{Answer, FrontLimits, Outcome, Router, accept_http, server};
use rookery::net::guard::{Allowance, GuardLimits, GuardState, Incoming, Reader};
use rookery::net::listen::{ListenOptions, listen};
use rookery::net::origin::OriginPolicy;
use rookery::net::upgrade::{self, Rules};
use rookery::net::violation::Violation;
use rookery_protocol::wire::frames::Frames;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// Autobahn sends messages of 16 MiB and fragments them finely.
const LIMITS: GuardLimits = GuardLimits { message_bytes: 32 << 20, message_fragments: 1 << 20, finish_within: 10_000 };

/// After a close frame the client should close the connection; it gets this long.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all connections of the shard share.
struct Shard {
    reader: RefCell<Reader>,
    http: Builder,
    started: Instant,
}

struct Echo;

impl Router for Echo {
    type Context = ();
    type Body = Full<Bytes>;

    async fn route(&self, mut request: Request<Body>, _peer: SocketAddr) -> Answer<(), Full<Bytes>> {
        let rules = Rules { origins: &OriginPolicy::Any, protocols: &[] };
        match upgrade::accept(&mut request, &rules) {
            Ok(accepted) => Answer::Upgrade(accepted.response, ()),
            Err(refusal) => Answer::Plain(refusal.response()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:9001").parse()?;
    let listeners = listen(address, NonZeroUsize::MIN, ListenOptions::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default())?;
    runtime.block_on(async {
        for listener in listeners {
            println!("listening on ws://{}", listener.local_addr()?);
            serve(TcpListener::from_std(listener)?).await?;
        }
        Ok(())
    })
}

async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let shard = Rc::new(Shard {
        reader: RefCell::new(Reader::new()),
        http: server(FrontLimits::default()),
        started: Instant::now(),
    });
    loop {
        let (stream, peer) = listener.accept().await?;
        let shard = Rc::clone(&shard);
        spawn_local(async move {
            if let Outcome::Upgraded { stream, answer, unread, context: () } =
                accept_http(&shard.http, stream, peer, &Echo).await
            {
                // A lost connection is nothing to an echo server.
                let _ = echo(&shard, stream, answer, &unread).await;
            }
        });
    }
}

/// Echoes until one side closes.
async fn echo(shard: &Shard, mut stream: TcpStream, answer: Vec<u8>, unread: &[u8]) -> std::io::Result<()> {
    let mut conn = GuardState::default();
    // The 101 goes out with the first echo, or alone.
    let mut out = Frames::new();
    out.raw(&answer);
    let mut outcome = shard.take(&mut conn, &mut out, |reader, conn, allowance, sink| {
        reader.read_slice(conn, unread, allowance, &mut |incoming| sink(incoming)).map(|_| true)
    });
    loop {
        if let Err(violation) = outcome {
            out.close(violation.close(), violation.why());
        }
        stream.write_all(out.as_bytes()).await?;
        out.clear();
        if outcome.is_err() || conn.has_ended() {
            return farewell(stream).await;
        }
        // No buffer is held while waiting: the reader's space is the shard's.
        stream.readable().await?;
        outcome = shard.take(&mut conn, &mut out, |reader, conn, allowance, sink| {
            match reader.fill(|space| stream.try_read(space)) {
                Ok(Some(filled)) => reader.read(conn, filled, allowance, &mut |incoming| sink(incoming)).map(|_| true),
                Ok(None) => Ok(false),
                Err(error) => Ok(error.kind() == std::io::ErrorKind::WouldBlock),
            }
        });
        if outcome == Ok(false) {
            return Ok(());
        }
    }
}

impl Shard {
    fn take(
        &self,
        conn: &mut GuardState,
        out: &mut Frames,
        read: impl FnOnce(
            &mut Reader,
            &mut GuardState,
            Allowance<'_>,
            &mut dyn FnMut(Incoming<'_>) -> ControlFlow<()>,
        ) -> Result<bool, Violation>,
    ) -> Result<bool, Violation> {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        conn.check_time(now, &LIMITS)?;
        let allowance = Allowance { limits: &LIMITS, now, frames: usize::MAX };
        let mut answer = |incoming: Incoming<'_>| {
            match incoming {
                Incoming::Text(text) => out.text(|out| out.extend_from_slice(text.as_bytes())),
                Incoming::Binary(bytes) => out.binary(|out| out.extend_from_slice(bytes)),
                Incoming::Ping(payload) => out.pong(payload),
                Incoming::Pong(_) => {}
                Incoming::Close { code: Some(code), .. } => out.close(code, ""),
                Incoming::Close { code: None, .. } => out.close_without_code(),
            }
            ControlFlow::Continue(())
        };
        read(&mut self.reader.borrow_mut(), conn, allowance, &mut answer)
    }
}

/// Ends our side and waits for the client to end its own, so that our close frame is not lost to a reset.
async fn farewell(mut stream: TcpStream) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    let drained = async {
        loop {
            stream.readable().await?;
            match stream.try_read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    tokio::time::timeout(FAREWELL, drained).await.unwrap_or(Ok(()))
}
