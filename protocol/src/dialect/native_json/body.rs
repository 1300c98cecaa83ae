//! Bodies: text as `body`; bytes that are not text as `body64`, in base64.

use super::form::{Form, key, put};
use super::object::{Field, Object};
use crate::layout::{Opt, Word};
use crate::limits;
use crate::message::BodyKind;
use crate::wire::bad::Bad;
use crate::wire::{check, json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// Writes the kind, where the receiver cannot tell it, and the body.
#[inline]
pub fn write(kind: Option<BodyKind>, body: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(body) {
        Ok(text) if kind.is_none_or(BodyKind::is_text) => {
            if let Some(kind) = kind.filter(|kind| *kind != BodyKind::Text) {
                put::<Word<_>>(key!(kind), &kind, out);
            }
            out.extend_from_slice(key!(body).as_bytes());
            json::string(text, out);
        }
        // Also a text that is none, which would make the whole frame invalid: shown as the bytes that it is.
        _ => {
            put::<Opt<Word<_>>>(key!(kind), &kind, out);
            out.extend_from_slice(br#","body64":""#);
            let at = out.len();
            out.resize(at + body.len().div_ceil(3) * 4, 0);
            let written = STANDARD.encode_slice(body, &mut out[at..]).unwrap_or(0);
            out.truncate(at + written);
            out.push(b'"');
        }
    }
}

/// The kind, if one was given or follows from the form, and the body.
#[inline]
pub fn read(object: &Object<'_>) -> Result<(Option<BodyKind>, Arc<[u8]>), Bad> {
    let kind = match object.given(Field::kind) {
        Some(raw) => Some(Word::<BodyKind>::read(raw).map_err(|b| b.at("kind"))?),
        None => None,
    };
    match (object.given(Field::body), object.given(Field::body64)) {
        (Some(raw), None) => {
            let text = json::text(raw).map_err(|b| b.at("body"))?;
            if kind == Some(BodyKind::Binary) {
                return Err(Bad::malformed("a binary body is given as `body64`").at("body"));
            }
            check::sized(&text, limits::BODY_BYTES).map_err(|b| b.at("body"))?;
            Ok((kind, Arc::from(text.as_bytes())))
        }
        (None, Some(raw)) => {
            let body = bytes(raw).map_err(|b| b.at("body64"))?;
            Ok((Some(kind.unwrap_or(BodyKind::Binary)), Arc::from(body)))
        }
        (None, None) => Err(Bad::malformed("missing").at("body")),
        (Some(_), Some(_)) => Err(Bad::malformed("given beside `body`").at("body64")),
    }
}

fn bytes(raw: &str) -> Result<Vec<u8>, Bad> {
    let text = json::text(raw)?;
    // Before anything is allocated.
    if text.len() as u64 > limits::BODY_BYTES.div_ceil(3) * 4 {
        return Err(Bad::too_large(limits::BODY_BYTES, "bytes"));
    }
    STANDARD.decode(&*text).map_err(|_| Bad::malformed("not base64 (standard alphabet, padded)"))
}

/// What a client says: bytes go with the kind `binary`, and with no other.
#[inline]
pub fn read_command(object: &Object<'_>) -> Result<(Option<BodyKind>, Arc<[u8]>), Bad> {
    let (kind, body) = read(object)?;
    if object.given(Field::body64).is_some() {
        if kind != Some(BodyKind::Binary) {
            return Err(Bad::malformed("only with the kind `binary`").at("body64"));
        }
        check::body(kind, &body).map_err(|b| b.at("body64"))?;
    }
    Ok((kind, body))
}
