//! The page at `/`, its files, its guests, and which pages may connect: the real binary over real sockets.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery_protocol::command::Command;
use rookery_protocol::reply::Reply;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use support::{Client, JSON, Node};

/// A node in development mode: nobody gave it a secret.
struct Development {
    child: Child,
    address: SocketAddr,
    /// Whoever prints to a pipe that nobody holds ends.
    _said: std::io::BufReader<std::process::ChildStdout>,
    _data: tempfile::TempDir,
}

impl Development {
    fn start(more: &[&str]) -> Development {
        let data = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rookery"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--shards", "2", "--data"]).arg(data.path()).args(more);
        command.env_remove("ROOKERY_AUTH__SECRET").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        std::io::BufRead::read_line(&mut said, &mut first).unwrap();
        let address = first.split_whitespace().nth(1).unwrap().parse().unwrap();
        Development { child, address, _said: said, _data: data }
    }

    fn ask_guest(&self, headers: &str, body: &str) -> Answer {
        let port = self.address.port();
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: localhost:{port}\r\n") };
        let form =
            if headers.contains("Content-Type:") { "" } else { "Content-Type: application/json; charset=utf-8\r\n" };
        let length = body.len();
        let head = format!("POST /demo/guest HTTP/1.1\r\n{host}{form}{headers}Content-Length: {length}\r\n");
        exchange(self.address, &format!("{head}Connection: close\r\n\r\n{body}"))
    }
}

impl Drop for Development {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // An upgraded socket stays open: its head is enough.
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).unwrap();
        bytes.extend_from_slice(&part[..read]);
        if read == 0 || bytes.starts_with(b"HTTP/1.1 101") {
            break;
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n"))
}

/// Whether a page of this origin, which addressed the node like this, gets a socket.
fn may_connect(address: SocketAddr, host: &str, origin: &str) -> bool {
    let answer = exchange(
        address,
        &format!(
            "GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: rookery.v1.json\r\n\r\n"
        ),
    );
    assert!([101, 403].contains(&answer.status), "{answer:?}");
    answer.status == 101
}

#[test]
fn the_page_and_everything_it_names_is_served_and_nothing_from_elsewhere() {
    let node = Node::start(1);
    let page = get(node.address, "/", "");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut open = vec![("/".to_owned(), page)];
    while let Some((path, answer)) = open.pop() {
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        for foreign in ["http://", "https://", "//cdn", "@import url", "@import \"", " style=\"", " onclick=\""] {
            let mut body = answer.body.replace("http://www.w3.org/2000/svg", "");
            body = body.replace("https:\" ? ", "");
            assert!(!body.contains(foreign), "{path} names {foreign}");
        }
        for name in named(&path, &answer.body) {
            if seen.insert(name.clone()) {
                let found = get(node.address, &name, "");
                open.push((name, found));
            }
        }
    }
    assert!(seen.contains("/demo/client/timeline.js") && seen.contains("/demo/style.css"), "{seen:?}");
}

/// Addresses in a page or module, as paths of this node.
fn named(path: &str, body: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (begin, end) in [("src=\"/", '"'), ("href=\"/demo", '"'), ("from \"./", '"'), ("import \"./", '"')] {
        // What stands in comments is for types, and no browser loads it.
        let code: Vec<_> = body.lines().filter(|line| !line.trim_start().starts_with(['/', '*'])).collect();
        for part in code.join("\n").split(begin).skip(1) {
            let name = part.split(end).next().unwrap();
            let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
            found.push(match begin.chars().last() {
                Some('/') if begin.contains("./") => folder.join(name).to_str().unwrap().to_owned(),
                Some('/') => format!("/{name}"),
                _ => format!("/demo{name}"),
            });
        }
    }
    found
}

#[test]
fn what_a_browser_has_is_not_sent_again() {
    let node = Node::start(1);
    let first = get(node.address, "/demo/app.js", "");
    let tag = first.header("etag").unwrap();
    for held in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let again = get(node.address, "/demo/app.js", &format!("If-None-Match: {held}\r\n"));
        assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag)));
    }
    assert_eq!(get(node.address, "/demo/app.js", "If-None-Match: \"other\"\r\n").body, first.body);
    let head = exchange(
        node.address,
        &format!("HEAD /demo/app.js HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.address),
    );
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (200, "", Some(tag)));
}

#[test]
fn other_methods_and_names_get_a_clear_answer() {
    let node = Node::start(1);
    for path in ["/demo/", "/demo/nothing.js", "/demo/../Cargo.toml", "/demo/client/types.js"] {
        assert_eq!(get(node.address, path, "").status, 404, "{path}");
    }
    for (method, path, allowed) in [("POST", "/", "GET, HEAD"), ("DELETE", "/demo/guest", "GET, POST")] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.address);
        let answer = exchange(node.address, &request);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)));
    }
}

#[test]
fn a_guest_gets_a_token_that_works_and_only_in_development_mode() {
    let node = Development::start(&[]);
    assert!(get(node.address, "/demo/guest", "").body.contains("\"guests\":true"));
    let answer = node.ask_guest("", "{\"name\":\" Wren \"}");
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(told["user"], "Wren");
    let token = told["token"].as_str().unwrap();
    let mut client = Client::open(node.address, JSON);
    let Reply::Welcome(welcome) = client.ask(&Command::Authenticate { token: token.to_owned() }) else {
        panic!("not welcome")
    };
    assert_eq!(welcome.user.as_str(), "Wren");

    let secret = Node::start(1);
    assert!(get(secret.address, "/demo/guest", "").body.contains("\"guests\":false"));
    let body = "{\"name\":\"Wren\"}";
    let request = format!(
        "POST /demo/guest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let refused = exchange(secret.address, &request);
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains("rookery token NAME") && !refused.body.contains("token\":\""), "{}", refused.body);
}

#[test]
fn what_a_guest_asks_is_checked() {
    let node = Development::start(&[]);
    for (headers, body, status, said) in [
        ("", "", 400, "is not {"),
        ("", "{\"name\":7}", 400, "is not {"),
        ("", "{\"name\":\"  \"}", 400, "The name is not one"),
        ("", "{\"name\":\"a\\u0007b\"}", 400, "The name is not one"),
        ("", &format!("{{\"name\":\"{}\"}}", "x".repeat(41)), 400, "40 characters"),
        ("", &format!("{{\"name\":\"{}\"}}", "x".repeat(2000)), 400, "1,024 bytes"),
        ("Content-Type: text/plain\r\n", "{\"name\":\"Wren\"}", 415, "application/json"),
        ("Origin: https://evil.example\r\n", "{\"name\":\"Wren\"}", 403, "localhost"),
        ("Origin: null\r\n", "{\"name\":\"Wren\"}", 403, "localhost"),
        ("Host: evil.example\r\nOrigin: http://evil.example\r\n", "{\"name\":\"Wren\"}", 403, "localhost"),
        ("Host: evil.example\r\n", "{\"name\":\"Wren\"}", 403, "localhost"),
    ] {
        let answer = node.ask_guest(headers, body);
        assert_eq!(answer.status, status, "{headers} {body}: {answer:?}");
        assert!(answer.body.replace("\\\"", "\"").contains(said), "{headers} {body}: {answer:?}");
    }
    let own = format!("Origin: http://localhost:{}\r\n", node.address.port());
    assert_eq!(node.ask_guest(&own, "{\"name\":\"Wren\"}").status, 200);
}

#[test]
fn own_pages_connect_listed_ones_do_and_no_others() {
    let node = Node::start(1);
    let listed = Node::start_with(1, &["--allow-origin", "https://chat.example.org"]);
    for node in [&node, &listed] {
        let port = node.address.port();
        for name in ["127.0.0.1", "localhost", "[::1]"] {
            assert!(may_connect(node.address, &format!("{name}:{port}"), &format!("http://{name}:{port}")), "{name}");
        }
        for (host, origin) in [
            (format!("evil.example:{port}"), format!("http://evil.example:{port}")),
            (format!("localhost.evil.example:{port}"), format!("http://localhost.evil.example:{port}")),
            (format!("192.168.1.5:{port}"), format!("http://192.168.1.5:{port}")),
            (format!("localhost:{port}"), "http://localhost:3000".to_owned()),
            (format!("localhost:{port}"), "https://evil.example".to_owned()),
            (format!("localhost:{port}"), "null".to_owned()),
        ] {
            assert!(!may_connect(node.address, &host, &origin), "{host} {origin}");
        }
    }
    let elsewhere = ("chat.example.org", "https://chat.example.org");
    assert!(may_connect(listed.address, elsewhere.0, elsewhere.1));
    assert!(!may_connect(node.address, elsewhere.0, elsewhere.1));
}
