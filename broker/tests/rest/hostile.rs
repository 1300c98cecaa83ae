//! Clients that do it wrong on purpose: large, slow, cut, many; and an honest one beside them.

use crate::Stage;
use crate::http::{Http, request};
use std::time::{Duration, Instant};

const MESSAGES: &str = "/v1/rooms/general/messages";

#[test]
fn a_giant_body_is_refused_before_it_is_read() {
    let stage = Stage::new();
    let head = |length: &str| {
        format!(
            "POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{length}\r\n\r\n",
            stage.backend
        )
    };
    for announced in ["65537", "9999999999", "9223372036854775807"] {
        let mut http = stage.http();
        http.say(head(&format!("Content-Length: {announced}")).as_bytes());
        http.answer().unwrap().error(413, "too_large");
    }
    // Not announced: a chunk after another, until it is enough.
    let mut http = stage.http();
    http.say(head("Transfer-Encoding: chunked").as_bytes());
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 4096], b"\r\n"].concat();
    for _ in 0..17 {
        use std::io::Write;
        if http.socket.write_all(&chunk).is_err() {
            break;
        }
    }
    http.answer().unwrap().error(413, "too_large");
    // The largest that is allowed.
    let body = format!(r#"{{"body":"{}"}}"#, "x".repeat(61_440));
    stage.ask("POST", MESSAGES, &body).ok();
    let body = format!(r#"{{"body":"{}"}}"#, "x".repeat(61_441));
    stage.ask("POST", MESSAGES, &body).error(413, "too_large");
}

#[test]
fn a_slow_body_has_a_deadline() {
    let stage = Stage::new();
    let began = Instant::now();
    let mut slow: Vec<Http> = (0..20).map(|_| stage.http()).collect();
    let head = format!(
        "POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        stage.backend
    );
    slow.iter_mut().for_each(|http| http.say(head.as_bytes()));
    // Meanwhile others are served.
    stage.posted("general", "beside them");
    assert!(began.elapsed() < Duration::from_secs(5));
    for http in &mut slow {
        http.answer().unwrap().error(408, "too_slow");
        assert!(http.answer().is_none(), "and the socket ends");
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_request_cut_at_any_byte_is_never_done() {
    let stage = Stage::new();
    let whole = request("POST", MESSAGES, &stage.backend, br#"{"body":"never"}"#, "");
    for cut in (0..whole.len()).rev().step_by(3).chain(whole.len() - 20..whole.len()) {
        let mut http = stage.http();
        http.say(&whole[..cut]);
        http.socket.shutdown(std::net::Shutdown::Write).unwrap();
        if let Some(answer) = http.answer() {
            assert_eq!(answer.status, 400, "cut at {cut}");
        }
    }
    assert_eq!(stage.ask("GET", "/v1/rooms/general", "").ok()["messages"], 0);
    // A body shorter than whole JSON, as its length says: refused at every length.
    let body = br#"{"body":"never","thread":[1,2],"mentions":["ann"]}"#;
    let mut http = stage.http();
    for cut in 0..body.len() {
        http.say(&request("POST", MESSAGES, &stage.backend, &body[..cut], ""));
        http.answer().unwrap().error(400, "malformed");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let stage = Stage::new();
    let mut http = stage.http();
    let mut all = Vec::new();
    for n in 0..50 {
        all.extend(request("POST", MESSAGES, &stage.backend, format!(r#"{{"body":"{n}"}}"#).as_bytes(), ""));
        all.extend(request("GET", &format!("{MESSAGES}?limit=1"), &stage.backend, b"", ""));
    }
    http.say(&all);
    for n in 0..50 {
        assert_eq!(http.answer().unwrap().status, 201);
        assert_eq!(http.answer().unwrap().ok()["messages"][0]["body"], n.to_string());
    }
}

#[test]
fn one_socket_serves_as_many_requests_as_it_is_asked() {
    let stage = Stage::new();
    let mut http = stage.http();
    for n in 0..2_000 {
        let answer = match n % 4 {
            0 => http.ask("GET", "/v1/rooms/general", &stage.backend, ""),
            1 => http.ask("GET", "/v1/nothing", "", ""),
            2 => http.ask("POST", MESSAGES, &stage.backend, "{"),
            _ => http.ask("POST", MESSAGES, &stage.backend, r#"{"body":"x"}"#),
        };
        assert_eq!(answer.status, [200, 404, 400, 201][n % 4]);
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let stage = Stage::new();
    let mut http = stage.http();
    http.say(&request("POST", MESSAGES, &stage.backend, b"{\"body\":\"\xff\xfe\"}", ""));
    http.answer().unwrap().error(400, "malformed");
    http.say(&request("POST", MESSAGES, &stage.backend, b"\x00\x01\x02", ""));
    http.answer().unwrap().error(400, "malformed");
    http.say(&request("POST", MESSAGES, &stage.backend, br#"{"body":"x"}"#, "Idempotency-Key: \u{e9}\r\n"));
    http.answer().unwrap().ok();
}

/// Whoever hangs up in the middle leaves nothing behind that would keep others out.
#[test]
fn hanging_up_frees_the_place() {
    let stage = Stage::new();
    for _ in 0..30 {
        let many: Vec<Http> = (0..100)
            .map(|n| {
                let mut http = stage.http();
                http.say(&request("POST", MESSAGES, &stage.backend, format!(r#"{{"body":"{n}"}}"#).as_bytes(), ""));
                http
            })
            .collect();
        drop(many);
    }
    stage.ask("GET", "/v1/rooms/general", "").ok();
    stage.posted("general", "still here");
}

/// A response that nobody takes ends with its socket.
#[test]
fn a_reader_that_never_reads_is_cut() {
    // Or the kernel would take the whole answer.
    let stage = Stage::with(&["--send-buffer", "16KiB"]);
    let body = "x".repeat(60_000);
    for _ in 0..60 {
        stage.posted("general", &body);
    }
    let silent: Vec<Http> = (0..20)
        .map(|_| {
            let mut http = stage.http();
            http.say(&request("GET", &format!("{MESSAGES}?limit=200"), &stage.backend, b"", ""));
            http
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(40);
    for http in silent {
        // Only what the kernel holds can still be read; then the socket ends before the answer is whole.
        while !is_cut(&stage, &http) {
            assert!(Instant::now() < deadline, "still fed");
            std::thread::yield_now();
        }
    }
    stage.posted("general", "and on");
}

/// Whether the node has closed its side: seen in the kernel's table, so that nothing is read.
fn is_cut(stage: &Stage, http: &Http) -> bool {
    let (ours, theirs) = (http.socket.local_addr().unwrap().port(), stage.node.address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let (local, remote) = (format!(":{theirs:04X}"), format!(":{ours:04X}"));
    let mut rows = table.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?, words.next()?, words.next()?))
    });
    !rows.any(|(from, to, state)| from.ends_with(&local) && to.ends_with(&remote) && state == "01")
}
