//! What a key can hold: how it is read from a file, from the environment or a flag, and how it is shown.

use super::given::Given;
use crate::auth::hook::OnNoRuling;
use crate::net::network::Network;
use crate::net::origin::{Allowed, Origin};
use rookery_engine::settings::{Deliver, OnFailure, SecondConnection};
use rookery_protocol::command::Access;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub trait Value: Sized {
    fn form() -> Form;

    /// The error says what it has to be.
    fn of(given: &Given) -> Result<Self, String>;

    /// What it is when nobody has set it. None: that cannot be.
    fn unset() -> Option<Self> {
        None
    }

    /// As it stands in a file. None: the key is not set.
    fn show(&self) -> Option<String>;
}

/// What a value looks like: for help, hints and the schema.
#[derive(Debug, Clone)]
pub struct Form {
    /// In a flag's help.
    pub name: &'static str,
    /// "has to be …".
    pub must_be: String,
    pub schema: Json,
}

impl Form {
    fn new(name: &'static str, must_be: &str, schema: Json) -> Form {
        Form { name, must_be: must_be.to_owned(), schema }
    }

    fn refuse<T>(&self, given: &Given) -> Result<T, String> {
        Err(format!("{} has to be {}", given.said(), self.must_be))
    }
}

fn quoted(text: &str) -> String {
    // A TOML string is a JSON string, but for what JSON does not escape: DEL.
    Json::from(text).to_string().replace('\u{7f}', "\\u007f")
}

impl Value for bool {
    fn form() -> Form {
        Form::new("TRUE|FALSE", "true or false", json!({"type": "boolean"}))
    }

    fn of(given: &Given) -> Result<bool, String> {
        match given {
            Given::Truth(truth) => Ok(*truth),
            Given::Word(word) if word == "true" => Ok(true),
            Given::Word(word) if word == "false" => Ok(false),
            Given::Word(_) | Given::Text(_) | Given::Number(_) | Given::List(_) | Given::Other(_) => {
                Self::form().refuse(given)
            }
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! numbers {
    ($($type:ident)+) => {$(
        impl Value for $type {
            fn form() -> Form {
                let must_be = format!("a whole number from 0 to {}", $type::MAX);
                // No number of ours needs more than JavaScript's editors can hold.
                let most = u64::from($type::MAX).min((1 << 53) - 1);
                Form { name: "NUMBER", must_be, schema: json!({"type": "integer", "minimum": 0, "maximum": most}) }
            }

            fn of(given: &Given) -> Result<$type, String> {
                given.number().and_then(|number| $type::try_from(number).ok()).map_or_else(|| Self::form().refuse(given), Ok)
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}

numbers! { u8 u32 u64 }

impl Value for String {
    fn form() -> Form {
        Form::new("TEXT", "a text in quotes", json!({"type": "string"}))
    }

    fn of(given: &Given) -> Result<String, String> {
        given.text().map_or_else(|| Self::form().refuse(given), |text| Ok(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Value for PathBuf {
    fn form() -> Form {
        Form::new("PATH", "a path in quotes", json!({"type": "string", "minLength": 1}))
    }

    fn of(given: &Given) -> Result<PathBuf, String> {
        match given.text() {
            Some(text) if !text.is_empty() => Ok(PathBuf::from(text)),
            Some(_) | None => Self::form().refuse(given),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Value for SocketAddr {
    fn form() -> Form {
        Form::new(
            "ADDRESS",
            "an address and a port, as \"127.0.0.1:8080\" or \"[::1]:8080\"",
            json!({"type": "string"}),
        )
    }

    fn of(given: &Given) -> Result<SocketAddr, String> {
        given.text().and_then(|text| text.parse().ok()).map_or_else(|| Self::form().refuse(given), Ok)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl<T: Value> Value for Option<T> {
    fn form() -> Form {
        T::form()
    }

    fn of(given: &Given) -> Result<Option<T>, String> {
        T::of(given).map(Some)
    }

    fn unset() -> Option<Option<T>> {
        Some(None)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

impl<T: Value> Value for Vec<T> {
    fn form() -> Form {
        let each = T::form();
        Form {
            name: "LIST",
            must_be: format!("a list; each of it {}", each.must_be),
            schema: json!({"type": "array", "items": each.schema}),
        }
    }

    /// In the environment and in flags: with commas between.
    fn of(given: &Given) -> Result<Vec<T>, String> {
        match given {
            Given::List(list) => list.iter().map(T::of).collect(),
            Given::Word(word) if word.is_empty() => Ok(Vec::new()),
            Given::Word(word) => word.split(',').map(|word| T::of(&Given::Word(word.trim().to_owned()))).collect(),
            Given::Text(_) | Given::Number(_) | Given::Truth(_) | Given::Other(_) => Self::form().refuse(given),
        }
    }

    fn show(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().filter_map(T::show).collect::<Vec<_>>().join(", ")))
    }
}

/// How many threads carry rooms. A node holds one bit per shard in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards(pub u8);

impl Shards {
    pub const MOST: u8 = 64;
}

impl Value for Shards {
    fn form() -> Form {
        Form::new("NUMBER", "a number from 0 to 64", json!({"type": "integer", "minimum": 0, "maximum": Shards::MOST}))
    }

    fn of(given: &Given) -> Result<Shards, String> {
        match given.number().and_then(|number| u8::try_from(number).ok()) {
            Some(shards) if shards <= Shards::MOST => Ok(Shards(shards)),
            Some(_) | None => Self::form().refuse(given),
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// From the largest: the first that divides a length of time is what it is shown in.
    const UNITS: [(&'static str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

    pub fn ms(self) -> u64 {
        self.0.as_millis() as u64
    }
}

impl Value for Span {
    fn form() -> Form {
        let pattern = "^[0-9]+(ms|s|m|h|d)$";
        let schema = json!({"anyOf": [{"type": "string", "pattern": pattern}, {"const": 0}]});
        Form::new("TIME", "a length of time, as \"250ms\", \"10s\", \"5m\", \"12h\", \"30d\", or 0", schema)
    }

    fn of(given: &Given) -> Result<Span, String> {
        if given.number() == Some(0) {
            return Ok(Span(Duration::ZERO));
        }
        let ms = given.text().and_then(|text| {
            let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
            let (_, ms) = Span::UNITS.iter().find(|(name, _)| *name == unit)?;
            number.parse::<u64>().ok()?.checked_mul(*ms)
        });
        ms.map_or_else(|| Self::form().refuse(given), |ms| Ok(Span(Duration::from_millis(ms))))
    }

    fn show(&self) -> Option<String> {
        let ms = self.ms();
        let (unit, each) = Span::UNITS.into_iter().find(|(_, each)| ms.is_multiple_of(*each))?;
        Some(if ms == 0 { "0".to_owned() } else { format!("\"{}{unit}\"", ms / each) })
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl Bytes {
    const UNITS: [(&'static str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
}

impl Value for Bytes {
    fn form() -> Form {
        let schema = json!({"anyOf": [
            {"type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$"},
            {"type": "integer", "minimum": 0},
        ]});
        Form::new("BYTES", "a number of bytes, as \"64KiB\", \"16MiB\", or 65536", schema)
    }

    fn of(given: &Given) -> Result<Bytes, String> {
        let bytes = given.number().or_else(|| {
            let text = given.text()?;
            let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
            let (_, each) = Bytes::UNITS.iter().find(|(name, _)| *name == unit)?;
            number.parse::<u64>().ok()?.checked_mul(*each)
        });
        bytes.map_or_else(|| Self::form().refuse(given), |bytes| Ok(Bytes(bytes)))
    }

    fn show(&self) -> Option<String> {
        let (unit, each) = Bytes::UNITS.into_iter().find(|(_, each)| self.0.is_multiple_of(*each))?;
        Some(if self.0 == 0 { "0".to_owned() } else { format!("\"{}{unit}\"", self.0 / each) })
    }
}

/// What is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

impl Value for Hidden {
    fn form() -> Form {
        Form::new("TEXT", "a text in quotes", json!({"type": "string"}))
    }

    fn of(given: &Given) -> Result<Hidden, String> {
        given.text().map_or_else(|| Err("it has to be a text in quotes".to_owned()), |text| Ok(Hidden(text.to_owned())))
    }

    fn show(&self) -> Option<String> {
        Some("\"(hidden)\"".to_owned())
    }
}

/// What logs tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(pub String);

impl Value for LogLevel {
    fn form() -> Form {
        Form::new(
            "LEVEL",
            "error, warn, info, debug or trace; by part: \"info,scylla=debug\"",
            json!({"type": "string"}),
        )
    }

    fn of(given: &Given) -> Result<LogLevel, String> {
        match given.text() {
            Some(text) if crate::observe::is_filter(text) => Ok(LogLevel(text.to_owned())),
            Some(_) | None => Self::form().refuse(given),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

impl Value for Network {
    fn form() -> Form {
        let must_be = "an address, or a network as \"10.0.0.0/8\", with nothing set behind its bits";
        Form::new("NETWORK", must_be, json!({"type": "string"}))
    }

    fn of(given: &Given) -> Result<Network, String> {
        given.text().and_then(Network::parse).map_or_else(|| Self::form().refuse(given), Ok)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Value for Allowed {
    fn form() -> Form {
        Form::new("ORIGIN", "an origin, as \"https://chat.example.org\", or \"*\"", json!({"type": "string"}))
    }

    fn of(given: &Given) -> Result<Allowed, String> {
        match given.text() {
            Some("*") => Ok(Allowed::All),
            Some(text) => {
                Origin::parse(text).map_or_else(|_| Self::form().refuse(given), |page| Ok(Allowed::Page(page)))
            }
            None => Self::form().refuse(given),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// One of a few words.
macro_rules! choices {
    ($($type:ident { $($variant:ident = $word:literal),+ })+) => {$(
        impl Value for $type {
            fn form() -> Form {
                Form::new("WORD", concat!("one of these:", $(" \"", $word, "\""),+), json!({"enum": [$($word),+]}))
            }

            fn of(given: &Given) -> Result<$type, String> {
                match given.text() {
                    $(Some($word) => Ok($type::$variant),)+
                    Some(_) | None => Self::form().refuse(given),
                }
            }

            fn show(&self) -> Option<String> {
                Some(match self { $($type::$variant => concat!("\"", $word, "\"")),+ }.to_owned())
            }
        }
    )+};
}

/// Where history goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreEngine {
    /// In the data folder: what is acked survives kill -9 and a power cut.
    Embedded,
    /// In the data folder first, and from there to ScyllaDB: what is acked `durable` needs neither this disk nor this node.
    Scylla,
    /// Kept while the process runs.
    Memory,
}

/// What a secret signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretAlgorithm {
    Hs256,
    Hs384,
    Hs512,
}

/// What a hook may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookVerb {
    Connect,
    Subscribe,
    Post,
}

choices! {
    HookVerb { Connect = "connect", Subscribe = "subscribe", Post = "post" }
    OnNoRuling { Refuse = "refuse", Allow = "allow" }
    SecretAlgorithm { Hs256 = "HS256", Hs384 = "HS384", Hs512 = "HS512" }
    StoreEngine { Embedded = "embedded", Scylla = "scylla", Memory = "memory" }
    Access { Open = "open", Claims = "claims", Members = "members" }
    Deliver { Placed = "placed", Stored = "stored" }
    OnFailure { Refuse = "refuse", Keep = "keep" }
    SecondConnection { Allowed = "allowed", Replaces = "replaces" }
}
