//! Templates from files: read, checked, and cut at their placeholders.

use std::path::Path;

use serde::Deserialize;

use super::answer::{Answer, Means};
use super::text::{Sign, Slot, Text};
use crate::toml_file;
use crate::ws::frame;

/// A file, checked.
#[derive(Clone, Debug)]
pub struct Template {
    pub name: String,
    pub path: Text,
    pub headers: Vec<Text>,
    pub opcode: u8,
    pub separator: Option<u8>,
    pub opening: Option<Text>,
    pub subscribe: Text,
    pub leave: Option<Text>,
    pub publish: Text,
    pub typing: Option<Text>,
    pub senders_join: bool,
    pub echo: bool,
    pub sign: Option<Sign>,
    pub answers: Vec<Answer>,
}

/// A file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// For whoever reads the file.
    #[serde(rename = "about")]
    _about: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    opcode: Opcode,
    separator: Option<String>,
    opening: Option<String>,
    subscribe: String,
    leave: Option<String>,
    publish: String,
    typing: Option<String>,
    #[serde(default)]
    senders_join: bool,
    #[serde(default = "yes")]
    echo: bool,
    sign: Option<WrittenSign>,
    answers: Vec<WrittenAnswer>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Opcode {
    #[default]
    Text,
    Binary,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSign {
    key: String,
    secret: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAnswer {
    is: Option<String>,
    begins: Option<String>,
    contains: Option<String>,
    #[serde(default)]
    means: Means,
    number: Option<String>,
    voucher: Option<String>,
    say: Option<String>,
}

fn root() -> String {
    "/".to_owned()
}

fn yes() -> bool {
    true
}

/// Reads and checks a file; it is called by its own name without the ending.
pub fn load(path: &Path) -> Result<Template, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    parse(&path.display().to_string(), name, &text)
}

/// `file` is what messages call the text.
pub fn parse(file: &str, name: String, text: &str) -> Result<Template, String> {
    let written: Written = toml_file::read(file, text)?;
    check(name, written).map_err(|(key, what)| toml_file::complaint(file, text, &key, what))
}

/// A key, and what is wrong with its value.
type Complaint = (String, String);

/// What may stand where: of a connection, then also of a room.
const OF_CONNECTION: [Slot; 5] = [Slot::User, Slot::Token, Slot::Key, Slot::Voucher, Slot::Id];
const OF_ROOM: [Slot; 7] = [Slot::Room, Slot::Auth, Slot::User, Slot::Token, Slot::Key, Slot::Voucher, Slot::Id];

fn check(name: String, written: Written) -> Result<Template, Complaint> {
    let cut = |key: &str, text: &str, allowed: &[Slot]| {
        Text::cut(text, allowed).map_err(|what| (key.to_owned(), what)).and_then(|text| {
            let signs = text.has(Slot::Auth) || text.has(Slot::Key);
            let hint = "{auth} and {key} need a section [sign] with key, secret and text";
            if signs && written.sign.is_none() { Err((key.to_owned(), hint.to_owned())) } else { Ok(text) }
        })
    };
    let cut_some = |key: &str, text: &Option<String>, allowed: &[Slot]| {
        text.as_ref().map(|text| cut(key, text, allowed)).transpose()
    };
    let must = |key: &str, text: &Text, slot: Slot, name: &str| {
        let hint = format!("says nothing without {name}");
        if text.has(slot) { Ok(()) } else { Err((key.to_owned(), hint)) }
    };
    // Nothing was heard when these are sent.
    let head = [Slot::User, Slot::Token, Slot::Key];
    let path = cut("path", &written.path, &head)?;
    if !written.path.starts_with('/') {
        return Err(("path".to_owned(), "must begin with /".to_owned()));
    }
    let headers = written.headers.iter().enumerate().map(|(nth, line)| {
        let key = format!("headers.{nth}");
        let is_line = line.contains(':') && !line.contains(['\r', '\n']);
        if is_line { cut(&key, line, &head) } else { Err((key, "must be one line of the form Name: value".to_owned())) }
    });
    let headers = headers.collect::<Result<Vec<Text>, Complaint>>()?;
    let separator = match written.separator.as_deref().map(str::as_bytes) {
        None => None,
        Some([byte]) => Some(*byte),
        Some(_) => return Err(("separator".to_owned(), "must be a single byte, such as \"\\n\"".to_owned())),
    };
    let subscribe = cut("subscribe", &written.subscribe, &OF_ROOM)?;
    must("subscribe", &subscribe, Slot::Room, "{room}")?;
    let with_body = [&OF_ROOM[..], &[Slot::Body]].concat();
    let publish = cut("publish", &written.publish, &with_body)?;
    must("publish", &publish, Slot::Room, "{room}")?;
    must("publish", &publish, Slot::Body, "{body}")?;
    let typing = cut_some("typing", &written.typing, &[&OF_ROOM[..], &[Slot::On]].concat())?;
    let (opening, leave) =
        (cut_some("opening", &written.opening, &OF_CONNECTION)?, cut_some("leave", &written.leave, &OF_ROOM)?);
    let sign = match &written.sign {
        Some(WrittenSign { key, secret, text }) => {
            let text = cut("sign.text", text, &[Slot::Room, Slot::Voucher, Slot::User])?;
            Some(Sign { key: key.clone(), secret: secret.clone(), text })
        }
        None => None,
    };
    let answers = written.answers.iter().enumerate().map(|(nth, answer)| {
        let say = cut_some(&format!("answers.{nth}.say"), &answer.say, &OF_CONNECTION)?;
        check_answer(answer, publish.has(Slot::Id))
            .map_err(|(key, what)| (format!("answers.{nth}.{key}"), what.to_owned()))?;
        Ok(Answer {
            whole: answer.is.clone(),
            begins: answer.begins.clone(),
            contains: answer.contains.clone(),
            means: answer.means,
            number: answer.number.clone(),
            voucher: answer.voucher.clone(),
            say,
        })
    });
    let answers = answers.collect::<Result<Vec<Answer>, Complaint>>()?;
    if !answers.iter().any(|answer| matches!(answer.means, Means::Subscribed | Means::Done)) {
        let hint = "none means subscribed (or done), and from there on a listener is owed what is said";
        return Err(("answers".to_owned(), hint.to_owned()));
    }
    let opcode = match written.opcode {
        Opcode::Text => frame::TEXT,
        Opcode::Binary => frame::BINARY,
    };
    let Written { senders_join, echo, .. } = written;
    Ok(Template {
        name,
        path,
        headers,
        opcode,
        separator,
        opening,
        subscribe,
        leave,
        publish,
        typing,
        senders_join,
        echo,
        sign,
        answers,
    })
}

fn check_answer(answer: &WrittenAnswer, posts_have_ids: bool) -> Result<(), (&'static str, &'static str)> {
    if answer.is.is_none() && answer.begins.is_none() && answer.contains.is_none() {
        return Err(("is", "without is, begins or contains this would be every message"));
    }
    if answer.means == Means::Acked && (answer.number.is_none() || !posts_have_ids) {
        return Err(("means", "an ack needs number, the text in front of what publish says as {id}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "about = ''\nsubscribe = 'S {room}'\npublish = 'P {room} {body}'\n\
                         [[answers]]\nbegins = 's'\nmeans = 'subscribed'\n";

    #[test]
    fn a_mistake_is_pointed_at_by_file_line_column_key_and_reason() {
        parse("x.toml", "x".to_owned(), LEAST).unwrap();
        for (from, to, starts, says) in [
            ("{room}'\np", "{rom}'\np", "x.toml:2:13: subscribe: ", "{rom} means nothing here"),
            ("S {room}", "S", "x.toml:2:13: subscribe: ", "{room}"),
            (" {body}", "", "x.toml:3:11: publish: ", "{body}"),
            ("about", "separator = 'ab'\nabout", "x.toml:1:13: separator: ", "single byte"),
            ("about", "path = 'x'\nabout", "x.toml:1:8: path: ", "begin with /"),
            ("about", "headers = ['A: b', 'c']\nabout", "x.toml:1:20: headers.1: ", "Name: value"),
            ("about", "leave = '{auth}'\nabout", "x.toml:1:9: leave: ", "[sign]"),
            ("about", "opening = '{room}'\nabout", "x.toml:1:11: opening: ", "{voucher}"),
            ("begins = 's'\n", "", "x.toml:4:1: answers.0.is: ", "contains"),
            ("'subscribed'", "'acked'", "x.toml:6:9: answers.0.means: ", "number"),
            ("'subscribed'", "'nothing'", "x.toml:4:1: answers: ", "subscribed"),
            ("'subscribed'", "'joined'", "x.toml:6:9: ", "subscribed"),
            ("begins", "begin", "x.toml:5:1: ", "begins"),
        ] {
            let text = LEAST.replace(from, to);
            let error = parse("x.toml", "x".to_owned(), &text).unwrap_err();
            assert!(error.starts_with(starts) && error.contains(says), "{error}");
        }
    }
}
