//! The client languages of this build: one line each. A dialect's id is its line.

use super::contract::{Dialect, DialectId};
use super::native_binary::NativeBinary;
use super::native_json::NativeJson;
use super::speak::Speak;

/// In the order of their ids.
pub static DIALECTS: &[&dyn Dialect] = &[&NativeJson, &NativeBinary];

pub const NATIVE_JSON: DialectId = DialectId(0);
pub const NATIVE_BINARY: DialectId = DialectId(1);

/// Where a reader of `GET /v1/ws` stands after the request's `Sec-WebSocket-Protocol`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// Answer with this subprotocol.
    Named(DialectId, &'static str),
    /// The client asked for none: native JSON, and no subprotocol in the answer.
    Unnamed(DialectId),
    /// Nothing of what the client asked for is spoken here; the sentence says what is.
    Unknown(String),
}

/// Ids are never read from a wire: one that is no line of the registry is a fault of our own.
pub fn get(id: DialectId) -> &'static dyn Dialect {
    DIALECTS[usize::from(id.0)]
}

pub fn by_subprotocol(name: &str) -> Option<DialectId> {
    let at = DIALECTS.iter().position(|d| d.profile().subprotocol == Some(name))?;
    u8::try_from(at).ok().map(DialectId)
}

/// Subprotocols that are spoken here.
pub fn supported() -> impl Iterator<Item = &'static str> {
    DIALECTS.iter().filter_map(|d| d.profile().subprotocol)
}

/// Chooses from the values of `Sec-WebSocket-Protocol`, joined by commas; the client's order is its preference.
pub fn choose(offered: Option<&str>) -> Chosen {
    let names = || offered.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty());
    for name in names() {
        let spoken = by_subprotocol(name).and_then(|id| Some((id, get(id).profile().subprotocol?)));
        if let Some((id, subprotocol)) = spoken {
            return Chosen::Named(id, subprotocol);
        }
    }
    if names().next().is_none() {
        return Chosen::Unnamed(NATIVE_JSON);
    }
    let supported: Vec<_> = supported().collect();
    Chosen::Unknown(format!("none of the offered subprotocols is spoken here; these are: {}", supported.join(", ")))
}

/// The client's end of a native language.
pub fn speaker(id: DialectId) -> Option<&'static dyn Speak> {
    match id {
        NATIVE_JSON => Some(&NativeJson),
        NATIVE_BINARY => Some(&NativeBinary),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lines_and_subprotocols_choose() {
        assert_eq!(by_subprotocol("rookery.v1.json"), Some(NATIVE_JSON));
        assert_eq!(by_subprotocol("rookery.v1.binary"), Some(NATIVE_BINARY));
        assert_eq!(by_subprotocol("rookery.v9.json"), None);
        assert_eq!(choose(None), Chosen::Unnamed(NATIVE_JSON));
        assert_eq!(choose(Some(" ,")), Chosen::Unnamed(NATIVE_JSON));
        assert_eq!(
            choose(Some("rookery.v9.json, rookery.v1.binary,rookery.v1.json")),
            Chosen::Named(NATIVE_BINARY, "rookery.v1.binary")
        );
        let Chosen::Unknown(why) = choose(Some("rookery.v9.json")) else { panic!("a newer version is refused") };
        assert!(why.ends_with("rookery.v1.json, rookery.v1.binary"), "{why}");
        assert!(speaker(DialectId(200)).is_none());
    }
}
