//! The opening handshake of RFC 6455, both sides, as bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// A request head longer than this is not one of ours.
pub const HEAD_MAX: usize = 8 << 10;

/// The key every client connection sends. It need not be secret or fresh: no cache stands between us and the server.
pub const CLIENT_KEY: &str = "cm9va2VyeS1sb2FkZ2VuLQ==";

/// The value that proves that the other side read the key.
pub fn accept_value(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// Length of the head (request or response) at the start of `bytes`, its blank line included.
pub fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of one header, found without regard to the case of its name.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The head a client opens with. `more` are complete header lines, each with its line end.
pub fn request(host: &str, path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {CLIENT_KEY}\r\n{more}\r\n"
    )
}

/// The server's consent to a request head, or `None` if that was no upgrade.
pub fn response(head: &[u8]) -> Option<String> {
    let key = header(head, "Sec-WebSocket-Key")?;
    Some(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept_value(key)
    ))
}

/// Whether a response head is the consent we asked for; otherwise its first line, for the error message.
pub fn check_response(head: &[u8], accept: &str) -> Result<(), String> {
    let first = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    if !first.starts_with(b"HTTP/1.1 101") {
        return Err(format!("upgrade refused: {}", String::from_utf8_lossy(first)));
    }
    if header(head, "Sec-WebSocket-Accept") != Some(accept) {
        return Err("upgrade answered with a wrong Sec-WebSocket-Accept".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_6455_section_1_3_comes_out() {
        assert_eq!(accept_value("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn our_two_sides_agree() {
        let request = request("127.0.0.1:1", "/v1/ws", "Sec-WebSocket-Protocol: x\r\n");
        assert_eq!(head_len(request.as_bytes()), Some(request.len()));
        assert_eq!(header(request.as_bytes(), "sec-websocket-protocol"), Some("x"));
        let response = response(request.as_bytes()).unwrap();
        assert_eq!(head_len(response.as_bytes()), Some(response.len()));
        assert_eq!(check_response(response.as_bytes(), &accept_value(CLIENT_KEY)), Ok(()));
        assert!(check_response(response.as_bytes(), "other").is_err());
        let refusal = check_response(b"HTTP/1.1 401 Unauthorized\r\n\r\n", "x").unwrap_err();
        assert!(refusal.contains("401"), "{refusal}");
    }

    #[test]
    fn a_head_without_a_key_gets_no_consent() {
        assert_eq!(response(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), None);
        assert_eq!(head_len(b"GET / HTTP/1.1\r\nHost: x\r\n"), None);
    }
}
