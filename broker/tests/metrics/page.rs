//! The page as a scraper gets it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Status and body.
pub fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body =
        if head.to_lowercase().contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        body += &after[..length];
        rest = after[length..].trim_start_matches("\r\n");
        if length == 0 {
            break;
        }
    }
    body
}

pub fn page(address: SocketAddr) -> String {
    let (status, page) = get(address, "/metrics", "");
    assert_eq!(status, 200);
    page
}

/// The sum of all series of a name that have these labels, each as `name="value"`.
pub fn sum(page: &str, name: &str, labels: &[&str]) -> f64 {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let values = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (own, said) = series.split_once('{').unwrap_or((series, ""));
        let fits = own == name && labels.iter().all(|label| said.contains(label));
        fits.then(|| value.parse::<f64>().unwrap())
    });
    values.sum()
}

/// A figure: its name, labels that its series have, and whether the sum of these is as it should be.
pub struct Figure<'a> {
    pub name: &'a str,
    pub labels: &'a [&'a str],
    pub should: Should,
}

#[derive(Debug, Clone, Copy)]
pub enum Should {
    Be(f64),
    BeAtLeast(f64),
}

impl Figure<'_> {
    fn holds(&self, page: &str) -> bool {
        let sum = sum(page, self.name, self.labels);
        match self.should {
            Should::Be(is) => sum == is,
            Should::BeAtLeast(least) => sum >= least,
        }
    }
}

/// Asks until the figures are as they should be, which they are half a second later at most: each shard shows its own
/// when it gets to it.
pub fn shown(address: SocketAddr, what: &str, is: impl Fn(&str) -> bool) -> String {
    asked(address, is).unwrap_or_else(|page| panic!("{what} never came in {page}"))
}

/// The first page on which every figure is as it should be.
pub fn figures(address: SocketAddr, figures: &[Figure<'_>]) -> String {
    asked(address, |page| figures.iter().all(|figure| figure.holds(page))).unwrap_or_else(|page| {
        let wrong = figures.iter().filter(|figure| !figure.holds(&page));
        let told = wrong.map(|Figure { name, labels, should }| format!("{name} {labels:?} should {should:?}\n"));
        panic!("{}in {page}", told.collect::<String>())
    })
}

/// The first page that is so, or the last one that was not.
fn asked(address: SocketAddr, is: impl Fn(&str) -> bool) -> Result<String, String> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let page = page(address);
        if is(&page) {
            return Ok(page);
        }
        if Instant::now() >= until {
            return Err(page);
        }
    }
}
