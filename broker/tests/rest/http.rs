//! A client's end of HTTP/1.1 over a blocking socket.

use crate::support::client::read;
use serde_json::Value;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

pub struct Http {
    pub socket: TcpStream,
    received: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    /// With names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Http {
    pub fn open(address: SocketAddr) -> Http {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Http { socket, received: Vec::new() }
    }

    pub fn ask(&mut self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        self.ask_with(method, path, token, body, "")
    }

    /// `headers`: more of them, each with its line's end.
    pub fn ask_with(&mut self, method: &str, path: &str, token: &str, body: &str, headers: &str) -> Answer {
        self.say(&request(method, path, token, body.as_bytes(), headers));
        self.answer().unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    pub fn say(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// The next answer; None: the socket ended before it was whole.
    pub fn answer(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.received.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_lowercase(), v.to_owned()));
        let headers: Vec<_> = lines.filter_map(header).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, length)| length.parse::<usize>().unwrap());
        while self.received.len() < length {
            self.more()?;
        }
        let body = self.received.drain(..length).collect();
        Some(Answer { status, headers, body })
    }

    fn more(&mut self) -> Option<()> {
        let mut space = [0; 16 * 1024];
        let count = read(&self.socket, &mut space).unwrap_or_else(|error| match error.kind() {
            std::io::ErrorKind::ConnectionReset => 0,
            _ => panic!("nothing heard: {error}"),
        });
        self.received.extend_from_slice(&space[..count]);
        (count > 0).then_some(())
    }
}

pub fn request(method: &str, path: &str, token: &str, body: &[u8], headers: &str) -> Vec<u8> {
    let mut out = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}");
    if !token.is_empty() {
        out += &format!("Authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        if !headers.to_lowercase().contains("content-type") {
            out += "Content-Type: application/json\r\n";
        }
        out += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut out = (out + "\r\n").into_bytes();
    out.extend_from_slice(body);
    out
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// Done, and what it says.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Refused in the one form, with this status and name; the whole error.
    #[track_caller]
    pub fn error(&self, status: u16, name: &str) -> Value {
        let said = self.json();
        assert_eq!((self.status, said["name"].as_str()), (status, Some(name)), "{said}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(self.header("x-request-id").is_some());
        assert!(said["code"].is_u64() && said["message"].is_string() && said["retry_after_ms"].is_u64(), "{said}");
        assert_eq!(status == 401, self.header("www-authenticate").is_some());
        assert_eq!([408, 429, 503].contains(&status), self.header("retry-after").is_some(), "{status}");
        said
    }
}
