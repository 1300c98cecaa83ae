//! What a connection costs the server from `accept` to `close`: the front door beside a server that parses nothing.
//!
//! `cargo bench -p rookery --bench ws_connect` prints the server thread's CPU time per connection: connect, upgrade,
//! one message back and forth, close; a hundred clients at a time. The difference between the two is what HTTP and
//! the WebSocket rules cost; the rest is the kernel and the runtime.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use rookery::net::front::{Answer, FrontLimits, Outcome, Router, accept_http, server};
use rookery::net::guard::{Allowance, GuardLimits, GuardState, Incoming, Reader};
use rookery::net::listen::{ListenOptions, listen};
use rookery::net::origin::OriginPolicy;
use rookery::net::upgrade::{self, Rules};
use rookery_protocol::wire::frames::Frames;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

const AT_A_TIME: usize = 100;
const WAVES: usize = 50;
const ROUNDS: usize = 5;

const REQUEST: &[u8] = b"GET /v1/ws HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: bench\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: rookery.v1.binary\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: rookery.v1.binary\r\n\
    date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
const HELLO: &[u8] = &[0x82, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const CLOSE: &[u8] = &[0x88, 0x80, 1, 2, 3, 4];

fn main() {
    let mut figures = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        figures[0].push(measure(bare));
        figures[1].push(measure(front));
    }
    println!("{:<28} {:>8} {:>8}   server CPU per connection, us", "", "best", "median");
    for (name, mut rounds) in ["parses nothing", "front door, guard"].into_iter().zip(figures) {
        rounds.sort_by(f64::total_cmp);
        println!("{name:<28} {:>8.1} {:>8.1}", rounds[0], rounds[ROUNDS / 2]);
    }
}

/// Runs one server in a thread of its own against the clients; returns its CPU time per connection.
fn measure(serve: fn(StdListener, mpsc::Receiver<()>) -> f64) -> f64 {
    let address = "127.0.0.1:0".parse().expect("an address");
    let listener = listen(address, NonZeroUsize::MIN, ListenOptions::default()).expect("a port").remove(0);
    let address = listener.local_addr().expect("its address");
    let (stop, stopped) = mpsc::channel();
    let server = thread::spawn(move || serve(listener, stopped));
    for _ in 0..WAVES {
        wave(address).expect("a wave of connections");
    }
    stop.send(()).expect("the server runs");
    // The last connection makes it look at the signal.
    drop(StdStream::connect(address));
    let spent = server.join().expect("the server ends");
    spent / (WAVES * AT_A_TIME) as f64
}

fn wave(address: SocketAddr) -> std::io::Result<()> {
    let mut sockets = (0..AT_A_TIME).map(|_| StdStream::connect(address)).collect::<Result<Vec<_>, _>>()?;
    let mut buffer = [0; 1_024];
    for socket in &mut sockets {
        socket.set_nodelay(true)?;
        socket.write_all(REQUEST)?;
    }
    for socket in &mut sockets {
        let mut got = 0;
        while !buffer[..got].ends_with(b"\r\n\r\n") {
            got += socket.read(&mut buffer[got..])?;
        }
        socket.write_all(HELLO)?;
    }
    for socket in &mut sockets {
        socket.read_exact(&mut buffer[..7])?;
        socket.write_all(CLOSE)?;
    }
    for socket in &mut sockets {
        assert_eq!(socket.read(&mut buffer)?, 2);
    }
    Ok(())
}

/// CPU time of the calling thread in microseconds.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos: f64 = text.split(' ').next().and_then(|field| field.parse().ok()).expect("a number");
    nanos / 1_000.0
}

fn run<F: Future<Output = ()> + 'static>(
    listener: StdListener,
    stopped: mpsc::Receiver<()>,
    serve: impl Fn(TcpStream, SocketAddr) -> F,
) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
    let start = cpu();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, peer)) = listener.accept().await {
            if stopped.try_recv().is_ok() {
                break;
            }
            spawn_local(serve(stream, peer));
        }
    });
    cpu() - start
}

fn bare(listener: StdListener, stopped: mpsc::Receiver<()>) -> f64 {
    let space = Rc::new(RefCell::new([0; 16 * 1_024]));
    run(listener, stopped, move |stream, _| {
        let space = Rc::clone(&space);
        async move {
            for answer in [ANSWER, b"\x82\x05\x04\x04\x04\x0C\x08", b"\x88\x00"] {
                loop {
                    stream.readable().await.expect("readable");
                    match stream.try_read(&mut *space.borrow_mut()) {
                        Ok(_) => break,
                        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
                    }
                }
                stream.try_write(answer).expect("room for an answer");
            }
        }
    })
}

struct Door;

impl Router for Door {
    type Context = ();
    type Body = Full<Bytes>;

    async fn route(&self, mut request: Request<hyper::body::Incoming>, _: SocketAddr) -> Answer<(), Full<Bytes>> {
        let rules = Rules { origins: &OriginPolicy::None, protocols: &["rookery.v1.binary"] };
        match upgrade::accept(&mut request, &rules) {
            Ok(accepted) => Answer::Upgrade(accepted.response, ()),
            Err(refusal) => Answer::Plain(refusal.response()),
        }
    }
}

fn front(listener: StdListener, stopped: mpsc::Receiver<()>) -> f64 {
    let http = Rc::new(server(FrontLimits::default()));
    let reader = Rc::new(RefCell::new(Reader::new()));
    run(listener, stopped, move |stream, peer| {
        let (http, reader) = (Rc::clone(&http), Rc::clone(&reader));
        async move {
            match accept_http(&http, stream, peer, &Door).await {
                Outcome::Upgraded { mut stream, answer, unread, context: () } => {
                    stream.write_all(&answer).await.expect("the 101");
                    echo(stream, &unread, &reader).await
                }
                Outcome::Ended => {}
                Outcome::Failed(error) => panic!("{error}"),
            }
        }
    })
}

async fn echo(mut stream: TcpStream, unread: &[u8], reader: &RefCell<Reader>) {
    assert!(unread.is_empty());
    let limits = GuardLimits::default();
    let mut conn = GuardState::default();
    while !conn.has_ended() {
        stream.readable().await.expect("readable");
        let mut out = Frames::new();
        {
            let mut reader = reader.borrow_mut();
            let Ok(Some(filled)) = reader.fill(|space| stream.try_read(space)) else { continue };
            let allowance = Allowance { limits: &limits, now: 0, frames: 64 };
            let mut sink = |incoming: Incoming<'_>| {
                match incoming {
                    Incoming::Binary(bytes) => {
                        out.binary(|out| out.extend_from_slice(bytes));
                    }
                    Incoming::Close { code, .. } => out.close(code.unwrap_or(1000), ""),
                    Incoming::Text(_) | Incoming::Ping(_) | Incoming::Pong(_) => unreachable!("not sent"),
                }
                ControlFlow::Continue(())
            };
            reader.read(&mut conn, filled, allowance, &mut sink).expect("good frames");
        }
        stream.write_all(out.as_bytes()).await.expect("room for an answer");
    }
}
