//! What a node tells the systemd that started it, at the real binary: ready once it listens, alive while it is, reading
//! again, stopping. And what `rookery health` says of one.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as Name, UnixDatagram};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use support::node::{Attempt, attempt_with};
use support::{Client, Folder, JSON, Node, PATIENT, deaf};

const BINARY: &str = env!("CARGO_BIN_EXE_rookery");

fn started(command: Command, more: &[&str]) -> Node {
    match attempt_with(command, Folder::new(), 2, more) {
        Attempt::Started(node) => node,
        Attempt::Refused { status, said } => panic!("no node, but {status}: {said}"),
    }
}

struct Systemd(UnixDatagram);

impl Systemd {
    /// Starts a node as systemd does, with one variable more.
    fn start(self, name: &str, more: (&str, &str), options: &[&str]) -> (Systemd, Node) {
        self.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut command = Command::new(BINARY);
        command.env("NOTIFY_SOCKET", name).env(more.0, more.1);
        let node = started(command, options);
        (self, node)
    }

    fn hears(&self) -> String {
        let mut space = [0; 256];
        let count = self.0.recv(&mut space).expect("something is said in time");
        String::from_utf8(space[..count].to_vec()).unwrap()
    }

    /// The next that is no sign of life.
    fn hears_news(&self) -> String {
        std::iter::repeat_with(|| self.hears()).find(|said| said != "WATCHDOG=1").unwrap()
    }
}

#[test]
fn systemd_hears_each_stage_and_a_node_that_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let systemd = Systemd(UnixDatagram::bind(&path).unwrap());
    let (systemd, mut node) = systemd.start(path.to_str().unwrap(), ("WATCHDOG_USEC", "20000"), &[]);
    assert_eq!(systemd.hears_news(), "READY=1");
    // Whoever is told that it is ready may come.
    drop(Client::enter(node.address, JSON, &node.token("alice")));
    for _ in 0..3 {
        assert_eq!(systemd.hears(), "WATCHDOG=1");
    }
    node.signal("-HUP");
    let said = systemd.hears_news();
    let (reloading, time) = said.split_once("\nMONOTONIC_USEC=").expect("a time");
    assert_eq!(reloading, "RELOADING=1");
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let age = uptime - time.parse::<f64>().unwrap() / 1e6;
    // The clock of the manager, not that of the calendar.
    assert!((-5.0..60.0).contains(&age), "{age} s ago");
    assert_eq!(systemd.hears_news(), "READY=1");
    node.signal("-TERM");
    assert_eq!(systemd.hears_news(), "STOPPING=1");
    assert!(node.wait(Duration::from_secs(20)).success());
}

#[test]
fn a_name_without_a_file_is_understood_and_a_watch_for_another_process_is_not_ours() {
    let name = format!("rookery-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&Name::from_abstract_name(&name).unwrap()).unwrap();
    let mut command = Command::new(BINARY);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1").env("NOTIFY_SOCKET", format!("@{name}"));
    let systemd = Systemd(socket);
    systemd.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut node = started(command, &[]);
    assert_eq!(systemd.hears(), "READY=1");
    node.signal("-TERM");
    // Nothing came in between.
    assert_eq!(systemd.hears(), "STOPPING=1");
    assert!(node.wait(Duration::from_secs(20)).success());
}

/// A node is not kept from serving by a manager that is gone.
#[test]
fn nobody_who_listens_is_no_trouble() {
    let mut command = Command::new(BINARY);
    command.env("NOTIFY_SOCKET", "/nowhere/notify").env("WATCHDOG_USEC", "1000");
    let mut node = started(command, &[]);
    drop(Client::enter(node.address, JSON, &node.token("alice")));
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(20)).success());
}

fn health(arguments: &[&str]) -> Output {
    Command::new(BINARY).arg("health").args(arguments).output().unwrap()
}

/// Status and everything that was said.
fn says(arguments: &[&str]) -> (i32, String) {
    let output = health(arguments);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn health_asks_where_the_node_is_configured_to_be() {
    let mut node = Node::start(1);
    let address = node.address.to_string();
    assert_eq!(says(&["--listen", &address]), (0, "ready\n".to_owned()));
    assert_eq!(says(&["--listen", &address, "--live"]), (0, "live\n".to_owned()));
    // A node that listens everywhere is asked on this machine.
    let everywhere = format!("0.0.0.0:{}", node.address.port());
    assert_eq!(says(&["--listen", &everywhere]).0, 0);
    // The address for operators goes before the main one.
    let (status, said) = says(&["--listen", &address, "--watch-listen", &closed().to_string()]);
    assert!(status == 1 && said.contains("no node answers"), "{status} {said}");
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(20)).success());
    let (status, said) = says(&["--listen", &address]);
    assert!(status == 1 && said.contains(&address), "{status} {said}");
}

#[test]
fn health_says_why_not() {
    let watch = closed().to_string();
    let mut node = Node::start_with(1, &[&PATIENT[..], &["--watch-listen", &watch]].concat());
    let client = deaf(&node);
    assert_eq!(says(&["--watch-listen", &watch]), (0, "ready\n".to_owned()));
    node.signal("-TERM");
    let until = Instant::now() + Duration::from_secs(20);
    let said = loop {
        let (status, said) = says(&["--watch-listen", &watch]);
        if status != 0 {
            break said;
        }
        assert!(Instant::now() < until, "it is ready for ever");
    };
    assert_eq!(said, "rookery: not ready: stopping: it was told to stop\n");
    drop(client);
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(20)).success());
}

#[test]
fn health_waits_for_nobody_and_takes_nobody_else_for_a_node() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let begun = Instant::now();
    let (status, said) = says(&["--listen", &silent.local_addr().unwrap().to_string()]);
    assert!(status == 1 && said.contains("within 3 s"), "{status} {said}");
    assert!(begun.elapsed() < Duration::from_secs(15));
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answer = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut socket, _): (TcpStream, SocketAddr) = other.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let (status, said) = says(&["--listen", &address]);
    answer.join().unwrap();
    assert!(status == 1 && said.contains("404"), "{status} {said}");
    let (status, said) = says(&["--listen", "127.0.0.1:0"]);
    assert!(status == 78 && said.contains("serve.listen"), "{status} {said}");
}

/// An address where nobody listens.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
