//! What a target's answers look like, and what they mean.

use memchr::memmem;
use serde::Deserialize;

use super::text::Text;
use crate::adapter::{Heard, Start};

/// So much of an answer is quoted.
const QUOTED_MAX: usize = 200;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    #[default]
    Nothing,
    /// The connection may join.
    Ready,
    Subscribed,
    Left,
    /// What this connection asked for last is done.
    Done,
    Acked,
    Refused,
}

/// All tests that are there must hold.
#[derive(Clone, Debug)]
pub struct Answer {
    pub whole: Option<String>,
    pub begins: Option<String>,
    pub contains: Option<String>,
    pub means: Means,
    /// Behind these texts stand the number of the command that is answered, and the voucher.
    pub number: Option<String>,
    pub voucher: Option<String>,
    pub say: Option<Text>,
}

impl Answer {
    pub fn is(&self, message: &[u8]) -> bool {
        self.whole.as_ref().is_none_or(|whole| message == whole.as_bytes())
            && self.begins.as_ref().is_none_or(|begin| message.starts_with(begin.as_bytes()))
            && self.contains.as_ref().is_none_or(|part| memmem::find(message, part.as_bytes()).is_some())
    }

    /// `nth` is this answer's own number among all.
    pub fn understand(&self, nth: usize, message: &[u8], heard: &mut Vec<Heard>) {
        if let Some(voucher) = self.voucher.as_ref().and_then(|name| behind(message, name, is_of_voucher)) {
            heard.push(Heard::Voucher(String::from_utf8_lossy(voucher).into()));
        }
        if self.say.is_some() {
            heard.push(Heard::Say(nth));
        }
        let number = self.number.as_ref().and_then(|name| behind(message, name, |byte| byte.is_ascii_digit()));
        let command = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        // Last stands what may change how the following messages are judged.
        match (self.means, command) {
            (Means::Nothing, _) => {}
            (Means::Ready, _) => heard.push(Heard::Ready),
            (Means::Subscribed, _) => heard.push(Heard::Subscribed { start: Start::Live, from: None }),
            (Means::Left, _) => heard.push(Heard::Left),
            (Means::Done, _) => heard.push(Heard::Done),
            (Means::Acked, Some(command)) => heard.push(Heard::Acked { command, place: None }),
            (Means::Acked, None) => heard.push(Heard::Refused {
                command: None,
                why: format!("no number of a command in the ack {}", quoted(message)),
            }),
            (Means::Refused, command) => heard.push(Heard::Refused { command, why: quoted(message) }),
        }
    }
}

fn is_of_voucher(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// The value behind a name, as long as its bytes are `of` it. What texts put between the two is skipped.
fn behind<'a>(message: &'a [u8], name: &str, of: impl Fn(u8) -> bool) -> Option<&'a [u8]> {
    let rest = &message[memmem::find(message, name.as_bytes())? + name.len()..];
    let from = rest.iter().position(|byte| !matches!(byte, b'"' | b'\\' | b':' | b'=' | b' '))?;
    let value = &rest[from..];
    let length = value.iter().position(|byte| !of(*byte)).unwrap_or(value.len());
    (length > 0).then_some(&value[..length])
}

fn quoted(message: &[u8]) -> String {
    String::from_utf8_lossy(&message[..message.len().min(QUOTED_MAX)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_behind_its_name() {
        let digits = |byte: u8| byte.is_ascii_digit();
        assert_eq!(behind(br#"{"id":17,"error":{}}"#, "\"id\"", digits), Some(&b"17"[..]));
        assert_eq!(behind(b"4312[]", "43", digits), Some(&b"12"[..]));
        assert_eq!(behind(br#"{"data":"{\"socket_id\":\"12.34\"}"}"#, "socket_id", is_of_voucher), Some(&b"12.34"[..]));
        for (message, name) in [("{}", "id"), ("id", "id"), ("id:\"", "id"), ("id:x", "id")] {
            assert_eq!(behind(message.as_bytes(), name, digits), None, "{message}");
        }
    }
}
