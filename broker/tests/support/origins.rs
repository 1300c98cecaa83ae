//! Pages that a browser may be on when it asks. One table, so that every way in is asked the same.

pub const MAIN: &str = "https://chat.example.com";
pub const SHOP: &str = "https://shop.example.com";
pub const APP: &str = "capacitor://localhost";

/// What `Origin` says; `None`: a program, which says nothing.
pub const ORIGINS: [Option<&str>; 16] = [
    None,
    Some(MAIN),
    Some("HTTPS://CHAT.example.com:443"),
    Some(SHOP),
    Some(APP),
    Some("http://localhost:3000"),
    Some("http://localhost"),
    Some("http://chat.example.com"),
    Some("https://chat.example.com:8443"),
    Some("https://sub.chat.example.com"),
    Some("https://example.com"),
    Some("https://chat.example.com.evil.example"),
    Some("https://evilchat.example.com"),
    Some("https://xn--cht-7na.example.com"),
    Some("null"),
    // What the tests call the node by.
    Some("https://node.example.com"),
];

/// The header's line, or none.
pub fn line(origin: Option<&str>) -> String {
    origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default()
}
