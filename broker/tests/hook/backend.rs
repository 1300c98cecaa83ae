//! A backend over real sockets: HTTP by hand, so that it can also do it wrong.

use serde_json::Value;
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A question, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub head: String,
    pub body: Vec<u8>,
    pub json: Value,
    /// On which of the connections.
    pub link: usize,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub fn verb(&self) -> &str {
        self.json["verb"].as_str().unwrap()
    }

    pub fn sub(&self) -> &str {
        self.json["principal"]["sub"].as_str().unwrap()
    }
}

/// What a backend does about a question.
pub enum Act {
    Say(Value),
    /// These bytes, and the connection ends.
    Raw(Vec<u8>),
    /// A head that promises more, and a byte of it now and then while anybody reads.
    Drip,
    /// Nothing, and the connection ends.
    HangUp,
    /// Once the gate is open.
    Behind(Arc<Gate>, Value),
    /// An answer, and behind it the connection ends without a word about it.
    SayAndEnd(Value),
}

/// Holds answers back until a test lets them go.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    moved: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.moved.notify_all();
    }

    fn pass(&self) {
        let open = self.open.lock().unwrap();
        drop(self.moved.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap());
    }
}

type Rule = Box<dyn FnMut(&Asked) -> Act + Send>;

struct Shared {
    rule: Mutex<Rule>,
    asked: Mutex<Vec<Asked>>,
    came: Condvar,
    down: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

pub struct Backend {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Backend {
    pub fn start(rule: impl FnMut(&Asked) -> Act + Send + 'static) -> Backend {
        Backend::start_at("127.0.0.1:0".parse().unwrap(), rule)
    }

    /// Where another one has been, perhaps.
    pub fn start_at(address: SocketAddr, rule: impl FnMut(&Asked) -> Act + Send + 'static) -> Backend {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            rule: Mutex::new(Box::new(rule)),
            asked: Mutex::default(),
            came: Condvar::new(),
            down: AtomicBool::new(false),
            sockets: Mutex::default(),
        });
        let own = shared.clone();
        let accepting = std::thread::spawn(move || {
            for (link, socket) in listener.incoming().enumerate() {
                if own.down.load(Ordering::SeqCst) {
                    return;
                }
                let (own, socket) = (own.clone(), socket.unwrap());
                socket.set_nodelay(true).unwrap();
                own.sockets.lock().unwrap().push(socket.try_clone().unwrap());
                std::thread::spawn(move || serve(&own, socket, link));
            }
        });
        Backend { address, shared, accepting: Some(accepting) }
    }

    /// Allows everything.
    pub fn kind() -> Backend {
        Backend::start(|_| Act::Say(allow()))
    }

    pub fn url(&self) -> String {
        format!("http://{}/ask", self.address)
    }

    pub fn rules(&self, rule: impl FnMut(&Asked) -> Act + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Waits until so many have come.
    pub fn was_asked(&self, count: usize) -> Vec<Asked> {
        let asked = self.shared.asked.lock().unwrap();
        let (asked, late) = self.shared.came.wait_timeout_while(asked, PATIENCE, |asked| asked.len() < count).unwrap();
        assert!(!late.timed_out(), "{} questions, not {count}", asked.len());
        asked.clone()
    }

    pub fn count(&self, verb: &str) -> usize {
        self.asked().iter().filter(|asked| asked.verb() == verb).count()
    }

    pub fn links(&self) -> usize {
        self.asked().iter().map(|asked| asked.link).collect::<HashSet<_>>().len()
    }

    /// Gone, with all its connections.
    pub fn stop(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.down.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        accepting.join().unwrap();
        for socket in self.shared.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn allow() -> Value {
    serde_json::json!({"allow": true})
}

pub fn refuse(code: &str, text: &str) -> Value {
    serde_json::json!({"allow": false, "code": code, "text": text})
}

/// An answer as HTTP has it.
pub fn whole(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn serve(shared: &Shared, mut socket: TcpStream, link: usize) {
    let mut received = Vec::new();
    while let Some(asked) = question(&mut socket, &mut received, link) {
        let act = shared.rule.lock().unwrap()(&asked);
        shared.asked.lock().unwrap().push(asked);
        shared.came.notify_all();
        let say =
            |socket: &mut TcpStream, json: &Value| socket.write_all(&whole("200 OK", "", json.to_string().as_bytes()));
        let goes_on = match act {
            Act::Say(json) => say(&mut socket, &json).is_ok(),
            Act::Behind(gate, json) => {
                gate.pass();
                say(&mut socket, &json).is_ok()
            }
            Act::SayAndEnd(json) => {
                let _ = say(&mut socket, &json);
                false
            }
            Act::Raw(bytes) => {
                let _ = socket.write_all(&bytes);
                false
            }
            Act::Drip => {
                let mut alive = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{").is_ok();
                while alive {
                    std::thread::sleep(Duration::from_millis(5));
                    alive = socket.write_all(b" ").is_ok();
                }
                false
            }
            Act::HangUp => false,
        };
        if !goes_on {
            let _ = socket.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

fn question(socket: &mut TcpStream, received: &mut Vec<u8>, link: usize) -> Option<Asked> {
    let mut more = |received: &mut Vec<u8>| {
        let mut space = [0; 16 * 1024];
        let count = socket.read(&mut space).ok().filter(|count| *count > 0)?;
        received.extend_from_slice(&space[..count]);
        Some(())
    };
    let end = loop {
        match received.windows(4).position(|w| w == b"\r\n\r\n") {
            Some(at) => break at + 4,
            None => more(received)?,
        }
    };
    let head = String::from_utf8(received.drain(..end).collect()).unwrap();
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map(|(_, value)| value.parse().unwrap()).next().unwrap();
    while received.len() < length {
        more(received)?;
    }
    let body: Vec<u8> = received.drain(..length).collect();
    let json = serde_json::from_slice(&body).unwrap();
    Some(Asked { head, body, json, link })
}
