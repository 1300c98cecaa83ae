//! `rookery health`: asks the node that this configuration describes whether it should get traffic. For containers and
//! scripts, which then need no other program.

use super::failure;
use crate::cli::HealthOptions;
use crate::config::Config;
use crate::exit::Exit;
use crate::start::Failure;
use serde_json::Value;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// It answers no, or not at all. Docker knows no other number.
const UNHEALTHY: Exit = Exit::Found;
/// For everything together.
const TIME: Duration = Duration::from_secs(3);
/// No page of health is as long.
const LONGEST: usize = 64 * 1024;

pub fn run(options: &HealthOptions) -> Result<(), Failure> {
    let address = address(&options.flags.load()?)?;
    let (question, path) = if options.live { ("live", "/livez?verbose") } else { ("ready", "/readyz?verbose") };
    let answer =
        ask(address, path).map_err(|error| failure(UNHEALTHY, format!("no node answers at {address}: {error}")))?;
    let (head, page) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => {
            println!("{question}");
            Ok(())
        }
        Some("503") => Err(failure(UNHEALTHY, format!("not {question}: {}", reasons(page)))),
        Some(_) | None => {
            let first = head.lines().next().unwrap_or_default();
            Err(failure(UNHEALTHY, format!("what answers at {address} is no node of this configuration: {first:?}")))
        }
    }
}

/// The operators' address where there is one, because it answers until the end.
fn address(config: &Config) -> Result<SocketAddr, Failure> {
    let (key, address) = match config.watch.listen {
        Some(address) => ("watch.listen", address),
        None => ("serve.listen", config.serve.listen),
    };
    if address.port() == 0 {
        return Err(Failure::config(format!("{key}: the system chose the port of {address} - set one to ask there")));
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    Ok(SocketAddr::new(ip, address.port()))
}

fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let until = Instant::now() + TIME;
    let mut socket = TcpStream::connect_timeout(&address, TIME)?;
    socket.set_write_timeout(Some(TIME))?;
    // In one piece: whoever answers may do so, and go, as soon as it has read something.
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut space = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, format!("no whole answer within {} s", TIME.as_secs())));
        }
        socket.set_read_timeout(Some(left))?;
        match socket.read(&mut space) {
            Ok(0) => break,
            Ok(count) if answer.len() + count <= LONGEST => answer.extend_from_slice(&space[..count]),
            Ok(_) => return Err(io::Error::new(ErrorKind::InvalidData, "it answers without end")),
            // Looked at again above: out of time or only interrupted.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What failed, in the node's words; where it tells only programs on its machine, what it says to all.
fn reasons(page: &str) -> String {
    let checks = serde_json::from_str::<Value>(page).ok();
    let checks = checks.as_ref().and_then(|page| page["checks"].as_array());
    let bad = checks.into_iter().flatten().filter(|check| check["ok"] == false);
    let said: Vec<String> =
        bad.filter_map(|check| Some(format!("{}: {}", check["name"].as_str()?, check["says"].as_str()?))).collect();
    if said.is_empty() { page.trim().to_owned() } else { said.join("; ") }
}
