//! Keys that lie elsewhere: read over http and https and from files, replaced while the node runs, kept while nobody answers.

use super::certificate::Certificate;
use super::forge::{By, Forge, MAIN, settings};
use crate::auth::fetch;
use crate::auth::settings::KeySource;
use crate::auth::{AuthSettings, Keeper, RealmAuth, TokenPort, Tokens, keep};
use parking_lot::Mutex;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::Millis;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Serves one text over http, one connection after another, until it is dropped with the test.
#[derive(Clone)]
struct Issuer {
    address: SocketAddr,
    /// Status line and body.
    answer: Arc<Mutex<(&'static str, String)>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    fn new(body: String) -> Issuer {
        Issuer::speaking(body, None)
    }

    /// Over TLS, if it has a certificate.
    fn speaking(body: String, tls: Option<Arc<ServerConfig>>) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = Issuer {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(("200 OK", body))),
            asked: Arc::default(),
        };
        let own = issuer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                match &tls {
                    None => own.serve(stream),
                    Some(tls) => own.serve(StreamOwned::new(ServerConnection::new(tls.clone()).unwrap(), stream)),
                }
            }
        });
        issuer
    }

    fn serve(&self, mut stream: impl Read + Write) {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
            request.push(byte[0]);
        }
        // Who hangs up before it has asked is none of those that are counted.
        if !request.starts_with(b"GET /keys?v=1 HTTP/1.1\r\n") {
            return;
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (status, body) = self.answer.lock().clone();
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        let _ = stream.flush();
    }

    fn url(&self) -> String {
        format!("http://{}/keys?v=1", self.address)
    }

    fn say(&self, status: &'static str, body: &str) {
        *self.answer.lock() = (status, body.to_owned());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

struct Node {
    tokens: Arc<Tokens>,
    keeper: Keeper,
}

fn node(sources: Vec<KeySource>, reload: Duration) -> Node {
    let realm = RealmAuth::with_keys(MAIN, sources);
    let tokens = Tokens::open(&AuthSettings { reload, ..settings(vec![realm]) });
    let tokens = Arc::new(tokens.unwrap_or_else(|fault| panic!("{fault}")));
    let keeper = keep(&tokens).unwrap();
    Node { tokens, keeper }
}

const LONG: Duration = Duration::from_secs(3600);
const AT: Millis = super::forge::AT;

impl Node {
    /// What a shard hears, at once or later, and whether it was later.
    fn verify(&self, port: &mut TokenPort, token: &str) -> (Result<String, ErrorCode>, bool) {
        let (sender, receiver) = mpsc::channel();
        let answer = port.verify(Some(&MAIN), token, AT, move |answer| sender.send(answer).unwrap());
        let (answer, late) = match answer {
            Some(answer) => (answer, false),
            None => (receiver.recv_timeout(Duration::from_secs(20)).unwrap(), true),
        };
        (answer.map(|who| who.user.as_str().to_owned()), late)
    }

    fn port(&self) -> TokenPort {
        TokenPort::new(self.tokens.clone(), self.keeper.asks.clone())
    }

    fn failed(&self) -> u64 {
        self.tokens.counters.key_reads_failed.load(Ordering::Relaxed)
    }
}

/// Waits until it is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

fn token(forge: &Forge, id: &str) -> String {
    forge.token(&format!(r#"{{"alg":"ES256","kid":"{id}"}}"#), r#"{"sub":"ann"}"#, By::Ec)
}

fn fine() -> Result<String, ErrorCode> {
    Ok("ann".to_owned())
}

#[test]
fn a_token_that_comes_before_the_keys_waits_for_them_and_a_second_does_not() {
    let forge = Forge::new();
    let issuer = Issuer::new(forge.key_set());
    let node = node(vec![KeySource::KeySetUrl { url: issuer.url(), roots: None }], LONG);
    let mut port = node.port();
    // Whether the first reading is over by now is open; what comes of the token is not.
    assert_eq!(node.verify(&mut port, &token(&forge, "e1")).0, fine());
    assert_eq!(node.verify(&mut port, &token(&forge, "e1")), (fine(), false));
    assert_eq!(issuer.asked(), 1);
}

#[test]
fn an_unknown_key_is_looked_for_no_more_often_than_it_may_be() {
    let forge = Forge::new();
    let issuer = Issuer::new(forge.key_set());
    let node = node(vec![KeySource::KeySetUrl { url: issuer.url(), roots: None }], LONG);
    let mut port = node.port();
    assert_eq!(node.verify(&mut port, &token(&forge, "e1")).0, fine());
    for n in 0..50 {
        assert_eq!(node.verify(&mut port, &token(&forge, &format!("x{n}"))), (Err(ErrorCode::BadToken), true));
    }
    assert_eq!(issuer.asked(), 1, "a forger's tokens made it ask again");
    // A wrong signature is none of the keys' fault.
    let forged = forge.token(r#"{"alg":"ES256","kid":"e1"}"#, r#"{"sub":"ann"}"#, By::OtherEc);
    assert_eq!(node.verify(&mut port, &forged), (Err(ErrorCode::BadToken), false));
}

#[test]
fn keys_change_and_the_last_good_ones_hold() {
    let forge = Forge::new();
    let issuer = Issuer::new(forge.key_set());
    let node = node(vec![KeySource::KeySetUrl { url: issuer.url(), roots: None }], Duration::from_millis(20));
    let mut ports = [node.port(), node.port()];
    for port in &mut ports {
        assert_eq!(node.verify(port, &token(&forge, "e1")).0, fine());
    }
    // Nobody answers, something else answers, an empty set answers: what was good stays.
    for (status, body) in [("503 Service Unavailable", "later"), ("200 OK", "<html>"), ("200 OK", r#"{"keys":[]}"#)] {
        let before = node.failed();
        issuer.say(status, body);
        until("it fails", || node.failed() > before);
        for port in &mut ports {
            assert_eq!(node.verify(port, &token(&forge, "e1")), (fine(), false), "{body}");
        }
    }
    // A new key takes the place of the old one.
    issuer.say("200 OK", &forge.key_set().replace(r#""e1""#, r#""e2""#));
    until("the new key is there", || node.verify(&mut ports[0], &token(&forge, "e2")) == (fine(), false));
    assert_eq!(node.verify(&mut ports[1], &token(&forge, "e2")), (fine(), false), "every shard sees it");
    assert_eq!(node.verify(&mut ports[1], &token(&forge, "e1")).0, Err(ErrorCode::BadToken));
}

#[test]
fn over_tls_the_issuer_has_to_be_the_one_that_is_trusted() {
    let forge = Forge::new();
    let certificate = Certificate::new();
    let issuer = Issuer::speaking(forge.key_set(), Some(certificate.server.clone()));
    let url = issuer.url().replace("http:", "https:");
    let from = |roots| node(vec![KeySource::KeySetUrl { url: url.clone(), roots }], LONG);
    let roots = forge.file("roots.pem", &certificate.pem);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(fetch::get(&url, Some(&roots))), Ok(forge.key_set().into_bytes()));
    let trusted = from(Some(roots));
    assert_eq!(trusted.verify(&mut trusted.port(), &token(&forge, "e1")).0, fine());
    for roots in [None, Some(forge.file("others.pem", &Certificate::new().pem)), Some(forge.file("none.pem", ""))] {
        let node = from(roots);
        until("it fails", || node.failed() > 0);
        assert_eq!(node.verify(&mut node.port(), &token(&forge, "e1")).0, Err(ErrorCode::BadToken));
    }
    assert_eq!(issuer.asked(), 2, "who does not trust it asks nothing");
}

#[test]
fn a_file_is_read_again_too() {
    let forge = Forge::new();
    let path = forge.file("rotating.json", &forge.key_set());
    let node = node(vec![KeySource::KeySetFile { path: path.clone() }], Duration::from_millis(20));
    let mut port = node.port();
    assert_eq!(node.verify(&mut port, &token(&forge, "e1")), (fine(), false));
    std::fs::write(&path, "half a fi").unwrap();
    until("it fails", || node.failed() > 0);
    assert_eq!(node.verify(&mut port, &token(&forge, "e1")), (fine(), false));
    std::fs::write(&path, forge.key_set().replace(r#""e1""#, r#""e2""#)).unwrap();
    until("the new key is there", || node.verify(&mut port, &token(&forge, "e2")) == (fine(), false));
}

#[test]
fn who_goes_elsewhere_or_has_too_much_to_say_is_not_followed() {
    let forge = Forge::new();
    let good = Issuer::new(forge.key_set());
    // Whose keys would do, if they came from where they were looked for.
    let set = forge.key_set();
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000));
    for (status, body) in [("302 Found\r\nLocation: http://127.0.0.1/", set.as_str()), ("200 OK", large.as_str())] {
        let issuer = Issuer::new(body.to_owned());
        issuer.say(status, body);
        let node = node(vec![KeySource::KeySetUrl { url: issuer.url(), roots: None }], LONG);
        until("it fails", || node.failed() > 0);
        assert_eq!(node.verify(&mut node.port(), &token(&forge, "e1")).0, Err(ErrorCode::BadToken));
    }
    // A scheme that is none of ours, a host that is none, TLS with somebody who does not speak it.
    for url in ["file:///etc/passwd".to_owned(), "nonsense".to_owned(), good.url().replace("http:", "https:")] {
        let node = node(vec![KeySource::KeySetUrl { url, roots: None }], LONG);
        until("it fails", || node.failed() > 0);
    }
}
