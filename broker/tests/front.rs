//! The front door: time limits on a paused clock, sockets that come back whole, and a real listener.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use rookery::net::front::{Answer, FrontLimits, Outcome, Router, accept_http, server};
use rookery::net::listen::{ListenOptions, listen};
use rookery::net::origin::OriginPolicy;
use rookery::net::upgrade::{self, Refusal, Rules};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::Instant;

const HEAD_WITHIN: Duration = Duration::from_secs(5);

const UPGRADE: &str = "GET /v1/ws?room=a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// `/v1/ws` is a WebSocket, `/echo` returns the body, `/slow` takes its time; the context is the request's query.
struct Paths;

impl Router for Paths {
    type Context = (SocketAddr, String);
    type Body = Full<Bytes>;

    async fn route(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Answer<Self::Context, Full<Bytes>> {
        match request.uri().path() {
            "/v1/ws" => {
                let rules = Rules { origins: &OriginPolicy::None, protocols: &[] };
                match upgrade::accept(&mut request, &rules) {
                    Ok(accepted) => {
                        let query = request.uri().query().unwrap_or_default().to_owned();
                        Answer::Upgrade(accepted.response, (peer, query))
                    }
                    Err(refusal) => Answer::Plain(refusal.response()),
                }
            }
            "/slow" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Answer::Plain(Response::new(Full::new(Bytes::from_static(b"at last"))))
            }
            _ => {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                Answer::Plain(Response::new(Full::new(body)))
            }
        }
    }
}

/// Runs on a shard-like runtime whose clock jumps to the next timer when nothing else is to be done.
fn on_a_paused_clock<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build_local(Default::default()).unwrap().block_on(test());
}

type Server = tokio::task::JoinHandle<Outcome<DuplexStream, (SocketAddr, String)>>;

fn open() -> (DuplexStream, Server) {
    let (client, stream) = tokio::io::duplex(64 * 1024);
    let limits = FrontLimits { head_within: HEAD_WITHIN, ..FrontLimits::default() };
    let task = spawn_local(async move {
        let mut outcome = accept_http(&server(limits), stream, ([192, 0, 2, 7], 1_234).into(), &Paths).await;
        if let Outcome::Upgraded { stream, answer, .. } = &mut outcome {
            stream.write_all(answer).await.unwrap();
        }
        outcome
    });
    (client, task)
}

async fn read_head(client: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn a_silent_socket_is_cut_at_the_limit() {
    on_a_paused_clock(|| async {
        let start = Instant::now();
        let (mut client, task) = open();
        let outcome = task.await.unwrap();
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        let spent = start.elapsed();
        assert!(spent >= HEAD_WITHIN && spent <= HEAD_WITHIN + Duration::from_secs(1), "{spent:?}");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
    });
}

#[test]
fn a_head_sent_byte_by_byte_buys_no_time() {
    on_a_paused_clock(|| async {
        let start = Instant::now();
        let (mut client, task) = open();
        let trickle = spawn_local(async move {
            for byte in UPGRADE.bytes() {
                if client.write_u8(byte).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
            panic!("the whole head was taken");
        });
        let outcome = task.await.unwrap();
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        assert!(start.elapsed() <= HEAD_WITHIN + Duration::from_secs(1), "{:?}", start.elapsed());
        trickle.await.unwrap();
    });
}

#[test]
fn a_kept_alive_socket_may_not_idle_longer_than_the_limit() {
    on_a_paused_clock(|| async {
        let (mut client, task) = open();
        client.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200 "));
        let answered = Instant::now();
        task.await.unwrap();
        assert!(answered.elapsed() <= HEAD_WITHIN + Duration::from_secs(1), "{:?}", answered.elapsed());
    });
}

#[test]
fn the_limit_is_for_heads_and_not_for_answers() {
    on_a_paused_clock(|| async {
        let (mut client, task) = open();
        client.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200 "));
        assert!(matches!(task.await.unwrap(), Outcome::Ended));
    });
}

#[test]
fn an_upgraded_socket_comes_back_with_what_was_sent_behind_the_request() {
    on_a_paused_clock(|| async {
        let (mut client, task) = open();
        // An ordinary request first, on the same socket.
        client.write_all(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200 "));
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        client.write_all(b"early").await.unwrap();
        let head = read_head(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // The example of RFC 6455 section 1.3.
        assert!(head.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        let Outcome::Upgraded { mut stream, unread, context: (peer, query), .. } = task.await.unwrap() else {
            panic!("not upgraded");
        };
        assert_eq!((peer, query.as_str()), (([192, 0, 2, 7], 1_234).into(), "room=a"));
        client.write_all(b" and late").await.unwrap();
        client.shutdown().await.unwrap();
        let mut all = unread.to_vec();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"early and late");
        stream.write_all(b"ours now").await.unwrap();
        drop(stream);
        let mut back = String::new();
        client.read_to_string(&mut back).await.unwrap();
        assert_eq!(back, "ours now");
    });
}

#[test]
fn a_refused_upgrade_leaves_the_socket_to_http() {
    on_a_paused_clock(|| async {
        let (mut client, task) = open();
        client.write_all(b"GET /v1/ws HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let head = read_head(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
        let mut why = vec![0; Refusal::NotAnUpgrade.why().len()];
        client.read_exact(&mut why).await.unwrap();
        assert_eq!(why, Refusal::NotAnUpgrade.why().as_bytes());
        client.write_all(UPGRADE.as_bytes()).await.unwrap();
        assert!(read_head(&mut client).await.starts_with("HTTP/1.1 101 "));
        assert!(matches!(task.await.unwrap(), Outcome::Upgraded { .. }));
    });
}

#[test]
fn a_client_that_leaves_at_any_byte_leaves_nothing_behind() {
    on_a_paused_clock(|| async {
        for cut in 0..UPGRADE.len() {
            let start = Instant::now();
            let (mut client, task) = open();
            client.write_all(&UPGRADE.as_bytes()[..cut]).await.unwrap();
            drop(client);
            let outcome = task.await.unwrap();
            assert!(!matches!(outcome, Outcome::Upgraded { .. }), "cut at {cut}");
            assert_eq!(start.elapsed(), Duration::ZERO, "cut at {cut}: it was noticed at once");
        }
    });
}

#[test]
fn every_refusal_has_a_status_and_a_reason() {
    for refusal in Refusal::ALL {
        let response = refusal.response();
        assert!(response.status().is_client_error(), "{refusal:?}");
        assert!(!refusal.why().is_empty());
    }
}

#[test]
fn a_socket_goes_through_the_front_door_of_a_real_listener() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        let address = "127.0.0.1:0".parse().unwrap();
        let listeners = listen(address, NonZeroUsize::MIN, ListenOptions::default()).unwrap();
        let listener = TcpListener::from_std(listeners.into_iter().next().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let http = Rc::new(server(FrontLimits::default()));
        let client = spawn_local(async move {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(UPGRADE.as_bytes()).await.unwrap();
            client.write_all(b"frames").await.unwrap();
            let mut answer = vec![0; 12];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, b"HTTP/1.1 101");
            client.shutdown().await.unwrap();
        });
        let (stream, peer) = listener.accept().await.unwrap();
        let outcome = accept_http(&http, stream, peer, &Paths).await;
        let Outcome::Upgraded { mut stream, answer, unread, context } = outcome else { panic!("not upgraded") };
        stream.write_all(&answer).await.unwrap();
        assert_eq!(context.0, peer);
        // As a shard hands it to another: out of one runtime's poll, into the other's.
        let mut stream = TcpStream::from_std(stream.into_std().unwrap()).unwrap();
        let mut all = unread.to_vec();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"frames");
        client.await.unwrap();
    });
}
