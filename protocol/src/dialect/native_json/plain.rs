//! A command whose fields come from several places, and a reply without a number.

use super::form;
use super::object::{Field, Object};
use super::{command, reply};
use crate::catalog::CommandKind;
use crate::command::Command;
use crate::limits;
use crate::reply::Reply;
use crate::wire::bad::Bad;
use crate::wire::{check, json};

/// `body` is an object, or empty; `given` are fields from elsewhere, as raw JSON. None may stand in both.
pub fn read(kind: CommandKind, body: &str, given: &[(&str, String)]) -> Result<Command, Bad> {
    let mut object = Object::new();
    if !body.is_empty() {
        object.fill(body, limits::JSON_DEPTH as usize)?;
    }
    for (word, raw) in given {
        let field = Field::from_word(word.as_bytes()).ok_or_else(|| Bad::malformed("not known").at(word))?;
        object.give(field, raw);
    }
    object.complete()?;
    let command = command::read(kind, &object)?;
    check::command(&command)?;
    Ok(command)
}

/// A reply that is no refusal, as an object.
pub fn write(reply: &Reply, out: &mut Vec<u8>) {
    form::object(out, |out| reply::write_done(reply, out));
}

/// A text as a JSON string.
pub fn text(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::string(text, &mut out);
    // Text in, text out: only what JSON wants escaped was changed.
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::RoomRef;
    use crate::errors::ErrorCode;
    use crate::ids::{DuplicateKey, Name, Place};

    fn room() -> (&'static str, String) {
        ("room", text("a/b \"c\""))
    }

    #[test]
    fn fields_come_from_the_body_and_from_elsewhere() {
        let given = [room(), ("key", text("k1"))];
        let Ok(Command::Post(post)) = read(CommandKind::Post, r#"{"body":"hi","thread":[1,2]}"#, &given) else {
            panic!()
        };
        assert_eq!(post.room, RoomRef::Room { realm: None, name: Name::new("a/b \"c\"").unwrap() });
        assert_eq!(post.key, Some(DuplicateKey::Free("k1".into())));
        assert_eq!(post.extra.unwrap().thread, Some(Place::new(1, 2)));
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        for (body, field) in [
            (r#"{}"#, Some("body")),
            (r#"{"body":7}"#, Some("body")),
            (r#"{"body":"x","room":"other"}"#, Some("room")),
            (r#"{"body":"x","body":"y"}"#, Some("body")),
            (r#"{"body":"x","attachments":[{"url":1}]}"#, Some("attachments")),
            (r#"{"body":"x""#, None),
            ("[]", None),
        ] {
            let bad = read(CommandKind::Post, body, &[room()]).unwrap_err();
            assert_eq!((bad.code, bad.field()), (ErrorCode::Malformed, field), "{body}: {bad:?}");
        }
    }
}
