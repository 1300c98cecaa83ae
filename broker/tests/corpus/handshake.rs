//! Handshakes: what may open a WebSocket, and the status that everything else gets.

use super::bytes::{TEXT, message};
use super::{Case, Class, ORIGINS, PROTOCOLS, Verdict};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request that is right in everything, to be spoilt.
struct Request {
    line: String,
    headers: Vec<(&'static str, String)>,
    behind: Vec<u8>,
}

impl Request {
    fn right() -> Request {
        Request {
            line: "GET /v1/ws HTTP/1.1".to_owned(),
            headers: vec![
                ("Host", "chat.example.com".to_owned()),
                ("Upgrade", "websocket".to_owned()),
                ("Connection", "Upgrade".to_owned()),
                ("Sec-WebSocket-Key", KEY.to_owned()),
                ("Sec-WebSocket-Version", "13".to_owned()),
            ],
            behind: Vec::new(),
        }
    }

    fn line(mut self, line: &str) -> Request {
        line.clone_into(&mut self.line);
        self
    }

    fn without(mut self, name: &str) -> Request {
        self.headers.retain(|(had, _)| *had != name);
        self
    }

    fn with(mut self, name: &'static str, value: &str) -> Request {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn set(self, name: &'static str, value: &str) -> Request {
        self.without(name).with(name, value)
    }

    fn behind(mut self, bytes: &[u8]) -> Request {
        self.behind.extend_from_slice(bytes);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        [out.as_bytes(), &self.behind].concat()
    }

    fn gets(&self, name: &str, status: u16) -> Case {
        self.case(name, status, None, Vec::new())
    }

    fn opens(&self, name: &str, protocol: Option<&'static str>) -> Case {
        self.case(name, 101, protocol, self.behind.clone())
    }

    fn case(&self, name: &str, status: u16, protocol: Option<&'static str>, behind: Vec<u8>) -> Case {
        Case {
            class: Class::Handshake,
            name: format!("handshake-{name}"),
            input: self.bytes(),
            heard: Vec::new(),
            verdict: Verdict::Http { status, protocol, behind },
        }
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = lines();
    cases.extend(upgrades());
    cases.extend(versions());
    cases.extend(keys());
    cases.extend(bodies());
    cases.extend(origins());
    cases.extend(protocols());
    cases.extend(heads());
    cases
}

fn right() -> Request {
    Request::right()
}

fn lines() -> Vec<Case> {
    let mut cases = vec![right().opens("right", None)];
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get", "Get", "WEBSOCKET"]
    {
        let request = right().line(&format!("{method} /v1/ws HTTP/1.1"));
        cases.push(request.gets(&format!("method-{method}"), 405));
    }
    for (name, line) in [
        ("http-1.0", "GET /v1/ws HTTP/1.0"),
        ("http-0.9", "GET /v1/ws HTTP/0.9"),
        ("http-1.2", "GET /v1/ws HTTP/1.2"),
        ("no-version", "GET /v1/ws"),
        ("no-path", "GET HTTP/1.1"),
        ("no-method", "/v1/ws HTTP/1.1"),
        ("space-in-method", "G ET /v1/ws HTTP/1.1"),
        ("control-in-path", "GET /v1/\u{1}ws HTTP/1.1"),
        ("lower-case-version", "GET /v1/ws http/1.1"),
        ("not-http", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}"),
        ("letters", "hello"),
        ("colon-path", "GET :// HTTP/1.1"),
    ] {
        cases.push(right().line(line).gets(&format!("line-{name}"), 400));
    }
    cases
}

fn upgrades() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, value) in [
        ("lower", "websocket"),
        ("mixed-case", "WebSocket"),
        ("upper", "WEBSOCKET"),
        ("in-a-list", "h2c, websocket"),
        ("in-a-list-without-spaces", "h2c,websocket,irc"),
        ("with-empty-elements", ", websocket ,"),
    ] {
        cases.push(right().set("Upgrade", value).opens(&format!("upgrade-{name}"), None));
    }
    for (name, value) in [
        ("other", "h2c"),
        ("prefix", "websocke"),
        ("suffix", "websockets"),
        ("with-version", "websocket/13"),
        ("quoted", "\"websocket\""),
        ("empty", ""),
        ("space-inside", "web socket"),
        ("semicolons", "h2c; websocket"),
    ] {
        cases.push(right().set("Upgrade", value).gets(&format!("upgrade-{name}"), 426));
    }
    cases.push(right().without("Upgrade").gets("upgrade-missing", 426));
    cases.push(right().without("Upgrade").without("Connection").gets("plain-get", 426));
    cases.push(right().set("Upgrade", "h2c").with("Upgrade", "websocket").opens("upgrade-in-two-headers", None));
    for (name, value) in [
        ("lower", "upgrade"),
        ("upper", "UPGRADE"),
        ("keep-alive-first", "keep-alive, Upgrade"),
        ("keep-alive-last", "Upgrade,keep-alive"),
        ("tabs", "\tkeep-alive ,\tupgrade\t"),
    ] {
        cases.push(right().set("Connection", value).opens(&format!("connection-{name}"), None));
    }
    for (name, value) in [
        ("keep-alive", "keep-alive"),
        ("close", "close"),
        ("prefix", "upgrad"),
        ("suffix", "upgrades"),
        ("joined", "keep-alive upgrade"),
        ("empty", ""),
    ] {
        cases.push(right().set("Connection", value).gets(&format!("connection-{name}"), 400));
    }
    cases.push(right().without("Connection").gets("connection-missing", 400));
    cases.push(right().set("Connection", "keep-alive").with("Connection", "Upgrade").opens("connection-twice", None));
    cases
}

fn versions() -> Vec<Case> {
    let mut cases = Vec::new();
    for value in
        ["", "0", "7", "8", "12", "14", "013", "13.0", "+13", "0x0d", "13, 8", "8, 13", "13,13", "thirteen", "130"]
    {
        let name = format!("version-{}", if value.is_empty() { "empty" } else { value });
        cases.push(right().set("Sec-WebSocket-Version", value).gets(&name, 426));
    }
    cases.push(right().without("Sec-WebSocket-Version").gets("version-missing", 426));
    cases.push(right().with("Sec-WebSocket-Version", "13").gets("version-twice", 426));
    cases.push(right().with("Sec-WebSocket-Version", "8").gets("version-13-and-8", 426));
    cases.push(right().set("Sec-WebSocket-Version", "  13\t").opens("version-in-spaces", None));
    cases
}

fn keys() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, key) in [
        ("zeros", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("ones", "/////////////////////w=="),
        ("loose-bits", "AAAAAAAAAAAAAAAAAAAAAB=="),
        ("in-spaces", "  dGhlIHNhbXBsZSBub25jZQ==  "),
    ] {
        cases.push(right().set("Sec-WebSocket-Key", key).opens(&format!("key-{name}"), None));
    }
    for (name, key) in [
        ("empty", ""),
        ("three-bytes", "AAAA"),
        ("fifteen-bytes", "AAAAAAAAAAAAAAAAAAAA"),
        ("seventeen-bytes", "AAAAAAAAAAAAAAAAAAAAAAA="),
        ("eighteen-bytes", "AAAAAAAAAAAAAAAAAAAAAAAA"),
        ("thirty-two-bytes", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("no-padding", "AAAAAAAAAAAAAAAAAAAAAA"),
        ("one-padding", "AAAAAAAAAAAAAAAAAAAAAA="),
        ("three-padding", "AAAAAAAAAAAAAAAAAAAAA==="),
        ("padding-inside", "AAAAAAAAAAA=AAAAAAAAAAA="),
        ("url-alphabet", "____________________-A=="),
        ("space-inside", "dGhlIHNh bXBsZSBub25jZQ="),
        ("not-base64", "!!!!!!!!!!!!!!!!!!!!!!=="),
        ("hex", "00112233445566778899aabbccddeeff"),
        ("two-in-one", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        cases.push(right().set("Sec-WebSocket-Key", key).gets(&format!("key-{name}"), 400));
    }
    cases.push(right().set("Sec-WebSocket-Key", &"A".repeat(4_000)).gets("key-of-4000", 400));
    cases.push(right().without("Sec-WebSocket-Key").gets("key-missing", 400));
    cases.push(right().with("Sec-WebSocket-Key", KEY).gets("key-twice", 400));
    cases
}

fn bodies() -> Vec<Case> {
    let hello = message(TEXT, b"hello");
    let mut cases = vec![
        right().behind(&hello).opens("frame-behind", None),
        right().behind(&hello[..3]).opens("half-a-frame-behind", None),
        right().behind(&hello.repeat(50)).opens("fifty-frames-behind", None),
        right().with("Content-Length", "0").behind(&hello).opens("content-length-0", None),
    ];
    for (name, header, value, body) in [
        ("content-length-5", "Content-Length", "5", &b"hello"[..]),
        ("content-length-without-body", "Content-Length", "5", b""),
        ("chunked", "Transfer-Encoding", "chunked", b"0\r\n\r\n"),
        ("chunked-with-body", "Transfer-Encoding", "chunked", b"5\r\nhello\r\n0\r\n\r\n"),
        ("content-length-word", "Content-Length", "five", b""),
        ("content-length-negative", "Content-Length", "-1", b""),
        ("content-length-huge", "Content-Length", "99999999999999999999", b""),
        ("gzip-chunked", "Transfer-Encoding", "gzip", b""),
    ] {
        cases.push(right().with(header, value).behind(body).gets(&format!("body-{name}"), 400));
    }
    let both = right().with("Content-Length", "0").with("Transfer-Encoding", "chunked").behind(b"0\r\n\r\n");
    cases.push(both.gets("body-both-lengths", 400));
    cases.push(right().with("Content-Length", "0").with("Content-Length", "5").gets("body-two-lengths", 400));
    cases
}

fn origins() -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, origin) in ORIGINS.iter().enumerate() {
        cases.push(right().with("Origin", origin).opens(&format!("origin-listed-{at}"), None));
    }
    for (name, origin) in [("upper-case", "HTTPS://CHAT.EXAMPLE.COM"), ("default-port", "https://chat.example.com:443")]
    {
        cases.push(right().with("Origin", origin).opens(&format!("origin-{name}"), None));
    }
    for (name, origin) in [
        ("null", "null"),
        ("empty", ""),
        ("other-scheme", "http://chat.example.com"),
        ("other-port", "https://chat.example.com:8443"),
        ("parent", "https://example.com"),
        ("child", "https://a.chat.example.com"),
        ("prefix", "https://chat.example.com.evil.org"),
        ("suffix", "https://evilchat.example.com"),
        ("trailing-dot", "https://chat.example.com."),
        ("trailing-slash", "https://chat.example.com/"),
        ("path", "https://chat.example.com/page"),
        ("user", "https://chat.example.com@evil.org"),
        ("look-alike", "https://xn--cht-8cd.example.com"),
        ("wildcard", "https://*.example.com"),
        ("list", "https://chat.example.com https://evil.org"),
        ("no-scheme", "chat.example.com"),
        ("file", "file://"),
        ("localhost-without-port", "http://localhost"),
        ("loopback-for-localhost", "http://127.0.0.1:3000"),
        ("star", "*"),
        ("newline-escape", "https://chat.example.com%0d%0a"),
        (
            "long",
            "https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org",
        ),
    ] {
        cases.push(right().with("Origin", origin).gets(&format!("origin-{name}"), 403));
    }
    let twice = right().with("Origin", ORIGINS[0]).with("Origin", ORIGINS[0]);
    cases.push(twice.gets("origin-twice", 403));
    cases
}

fn protocols() -> Vec<Case> {
    let [best, second] = PROTOCOLS;
    let mut cases = Vec::new();
    for (name, offer, chosen) in [
        ("best", best.to_owned(), Some(best)),
        ("second", second.to_owned(), Some(second)),
        ("both", format!("{best}, {second}"), Some(best)),
        ("both-the-other-way", format!("{second},{best}"), Some(best)),
        ("among-strangers", format!("mqtt, {second}, graphql-ws"), Some(second)),
        ("strangers-only", "mqtt, graphql-ws".to_owned(), None),
        ("other-case", best.to_uppercase(), None),
        ("token-characters", "!#$%&'*+-.^_`|~09azAZ".to_owned(), None),
    ] {
        cases.push(right().with("Sec-WebSocket-Protocol", &offer).opens(&format!("protocol-{name}"), chosen));
    }
    let split = right().with("Sec-WebSocket-Protocol", "mqtt").with("Sec-WebSocket-Protocol", second);
    cases.push(split.opens("protocol-in-two-headers", Some(second)));
    for (name, offer) in [
        ("empty", ""),
        ("empty-element", "mqtt,,graphql-ws"),
        ("trailing-comma", "mqtt,"),
        ("twice", "mqtt, mqtt"),
        ("space-inside", "mq tt"),
        ("quoted", "\"mqtt\""),
        ("slash", "a/b"),
        ("brackets", "a(b)"),
        ("at", "a@b"),
    ] {
        cases.push(right().with("Sec-WebSocket-Protocol", offer).gets(&format!("protocol-{name}"), 400));
    }
    for (name, offer) in [
        ("deflate", "permessage-deflate"),
        ("deflate-with-parameters", "permessage-deflate; client_max_window_bits=15; server_no_context_takeover"),
        ("unknown", "x-webkit-deflate-frame, foo; bar=\"baz\""),
        ("nonsense", ";;,,=="),
    ] {
        cases.push(right().with("Sec-WebSocket-Extensions", offer).opens(&format!("extension-{name}-not-taken"), None));
    }
    cases
}

/// Heads that are broken before anybody looks at their meaning.
fn heads() -> Vec<Case> {
    let mut cases = Vec::new();
    let raw = |name: &str, input: Vec<u8>, status: u16| Case {
        class: Class::Handshake,
        name: format!("handshake-head-{name}"),
        input,
        heard: Vec::new(),
        verdict: Verdict::Http { status, protocol: None, behind: Vec::new() },
    };
    for (name, line) in [
        ("no-colon", "Nonsense\r\n"),
        ("space-before-colon", "Upgrade : websocket\r\n"),
        ("empty-name", ": value\r\n"),
        ("nul-in-name", "Na\0me: value\r\n"),
        ("nul-in-value", "Name: va\0lue\r\n"),
        ("control-in-value", "Name: va\u{1}lue\r\n"),
        ("folded", "Name: one\r\n two\r\n"),
        ("bare-return", "Name: one\rtwo\r\n"),
        ("space-in-name", "Na me: value\r\n"),
        ("unicode-name", "N\u{e4}me: value\r\n"),
    ] {
        let whole = right().bytes();
        let end = whole.len() - 2;
        let input = [&whole[..end], line.as_bytes(), b"\r\n"].concat();
        cases.push(raw(name, input, 400));
    }
    let many = (0..200).fold(right(), |request, _| request.with("X-Filler", "x"));
    cases.push(many.gets("head-200-headers", 431));
    let long = right().with("X-Filler", &"x".repeat(40_000));
    cases.push(long.gets("head-of-40000-bytes", 431));
    let long_path = right().line(&format!("GET /{} HTTP/1.1", "p".repeat(40_000)));
    cases.push(long_path.gets("head-path-of-40000-bytes", 431));
    let unix = String::from_utf8(right().bytes()).expect("ascii").replace("\r\n", "\n");
    cases.push(raw("bare-newlines", unix.into_bytes(), 101));
    let blank_first = [b"\r\n\r\n", &right().bytes()[..]].concat();
    cases.push(raw("blank-lines-first", blank_first, 101));
    cases
}
