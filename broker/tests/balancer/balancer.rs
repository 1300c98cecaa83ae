//! A load balancer as a child process, with the sample that we give away.

use super::support::node::SECRET;
use super::support::{Folder, Node};
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing is waited for any longer.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    HAProxy,
    Nginx,
}

pub const ALL: [Product; 2] = [Product::HAProxy, Product::Nginx];

pub struct Balancer {
    child: Child,
    folder: TempDir,
    /// Bytes as they are.
    pub native: SocketAddr,
    /// Requests, one by one.
    pub http: SocketAddr,
}

/// The sample, as it is in the repository.
pub fn sample(product: Product) -> String {
    let path = match product {
        Product::HAProxy => "configs/haproxy/haproxy.cfg",
        Product::Nginx => "configs/nginx/rookery.conf",
    };
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(top.join(path)).unwrap()
}

/// A node that trusts the balancer.
pub fn node(more: &[&str]) -> Node {
    Node::start_in(Folder::new(), 1, &[&["--trusted-proxies", "127.0.0.1"], more].concat())
}

/// Changes what has to be there, so that a sample that reads differently is found.
pub fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the sample has {from:?}");
    text.replace(from, to)
}

impl Balancer {
    /// The sample with other addresses, and with what `change` makes of it.
    pub fn start(product: Product, nodes: [SocketAddr; 2], change: impl Fn(String) -> String) -> Balancer {
        let folder = tempfile::tempdir().unwrap();
        let [native, http] = [free(), free()];
        let mut text = change(sample(product));
        let mut command = match product {
            Product::HAProxy => haproxy(native, http, nodes),
            Product::Nginx => {
                let addresses = [
                    ("127.0.0.1:8081", nodes[0]),
                    ("127.0.0.1:8082", nodes[1]),
                    ("listen 8080", native),
                    ("listen 8090", http),
                ];
                for (from, to) in addresses {
                    let word = if from.starts_with("listen") { "listen " } else { "" };
                    text = changed(&text, from, &format!("{word}{to}"));
                }
                nginx(folder.path())
            }
        };
        let file = folder.path().join("sample");
        std::fs::write(&file, text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.arg(file).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; see scripts/ship.sh"));
        let mut balancer = Balancer { child, folder, native, http };
        balancer.await_listening();
        balancer
    }

    fn await_listening(&mut self) {
        let until = Instant::now() + PATIENCE;
        while [self.native, self.http].iter().any(|address| TcpStream::connect(address).is_err()) {
            let over = self.child.try_wait().unwrap();
            assert!(over.is_none() && Instant::now() < until, "{over:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the balancer's log: {}", self.log());
        }
        // In order, because nginx has children of its own.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn haproxy(native: SocketAddr, http: SocketAddr, nodes: [SocketAddr; 2]) -> Command {
    let mut command = Command::new("haproxy");
    command.env("ROOKERY_NATIVE", native.to_string()).env("ROOKERY_HTTP", http.to_string());
    command.env("ROOKERY_NODE_1", nodes[0].to_string()).env("ROOKERY_NODE_2", nodes[1].to_string());
    command.args(["-db", "-f"]);
    command
}

fn nginx(folder: &Path) -> Command {
    let mut command = Command::new("nginx");
    let more = format!("daemon off; error_log stderr notice; pid {};", folder.join("pid").display());
    command.args(["-g", &more, "-c"]);
    command
}

/// What the product itself says of the sample as it is.
pub fn checked(product: Product) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("sample");
    std::fs::write(&file, sample(product)).unwrap();
    let mut command = match product {
        Product::HAProxy => Command::new("haproxy"),
        Product::Nginx => Command::new("nginx"),
    };
    match product {
        Product::HAProxy => command.args(["-c", "-f"]),
        Product::Nginx => {
            command.args(["-t", "-g"]).arg(format!("pid {};", folder.path().join("pid").display())).arg("-c")
        }
    };
    command.arg(file).output().unwrap_or_else(|error| panic!("{command:?}: {error}; see scripts/ship.sh"))
}

/// Nobody else has taken it when it is used, or the balancer says so.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Status, head and body.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// One request that is answered.
pub fn request(address: SocketAddr, line: &str, headers: &[&str], body: &str) -> Answer {
    attempt(address, line, headers, body).unwrap_or_else(|error| panic!("no answer to {line}: {error}"))
}

/// One request, on a connection of its own; it may be cut.
pub fn attempt(address: SocketAddr, line: &str, headers: &[&str], body: &str) -> Result<Answer, Error> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    write!(
        socket,
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// A token that all nodes of a test take, for they have the same secret.
pub fn backend(node: &Node) -> String {
    assert!(SECRET.len() >= 32);
    format!("Authorization: Bearer {}", node.token_with("shop", &["--backend"]))
}
