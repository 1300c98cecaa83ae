//! The rows of [`crate::layout`] as JSON Schema, so that a description of what is read and written cannot drift from the
//! reading and writing. What has a layout of its own has its schema here, and a test holds both against each other.

use super::form::{Form, IdForm, KeyForm};
use super::plain::text;
use crate::catalog::CommandKind;
use crate::command::{Access, ReadMark, Role, RoomSettings, RosterOf, Status, SubscribeRoom};
use crate::errors::ErrorCode;
use crate::event::{Notice, NoticeKind, PresenceOf, RoomInfo};
use crate::ids::{AckLevel, RoomKey, RoomKind};
use crate::layout::*;
use crate::limits;
use crate::message::{Attachment, BodyKind};
use crate::reply::{
    Described, Page, ReactionCount, Refusal, ReplyKind, RoomEntry, RosterEntry, Subscribed, UnreadEntry, UserEntry,
    Welcome,
};
use crate::wire::check::MAX_INTEGER;
use crate::words::Worded;

/// One field.
pub struct Shape {
    pub word: &'static str,
    pub required: bool,
    /// In a query it may stand several times.
    pub list: bool,
    /// JSON Schema.
    pub schema: String,
    spell: fn(&str) -> String,
}

impl Shape {
    fn of<C: Schema>(word: &'static str) -> Shape {
        let required = C::absent().is_none();
        Shape { word, required, list: C::LIST, schema: C::schema(), spell: C::spelled }
    }

    /// The field's JSON from the texts that a URL or a header has for it.
    pub fn spelled(&self, texts: &[&str]) -> String {
        let items: Vec<String> = texts.iter().map(|text| (self.spell)(text)).collect();
        if self.list { format!("[{}]", items.join(",")) } else { items.into_iter().next().unwrap_or_default() }
    }
}

/// A form as JSON Schema.
pub trait Schema: Form {
    const LIST: bool = false;

    fn schema() -> String;

    /// Its JSON, from a text of a URL. What the text is not, is found when the JSON is read.
    fn spelled(url: &str) -> String {
        text(url)
    }
}

/// An object of these fields; `more`: further members of the schema, with a comma in front. `null` says no more than
/// leaving a field out, so it may stand where that may be.
pub fn object(shapes: &[Shape], more: &str) -> String {
    let schema = |s: &Shape| {
        if s.required { s.schema.clone() } else { format!(r#"{{"anyOf":[{},{{"type":"null"}}]}}"#, s.schema) }
    };
    let properties: Vec<String> = shapes.iter().map(|s| format!("{}:{}", text(s.word), schema(s))).collect();
    let required: Vec<String> = shapes.iter().filter(|s| s.required).map(|s| text(s.word)).collect();
    let required = if required.is_empty() { String::new() } else { format!(r#","required":[{}]"#, required.join(",")) };
    format!(r#"{{"type":"object","properties":{{{}}}{required}{more}}}"#, properties.join(","))
}

fn reference(name: &str) -> String {
    format!(r##"{{"$ref":"#/components/schemas/{name}"}}"##)
}

fn list(items: &str, max: usize) -> String {
    let most = if max == MANY { String::new() } else { format!(r#","maxItems":{max}"#) };
    format!(r#"{{"type":"array","items":{items}{most}}}"#)
}

fn bounded(max: u64) -> String {
    format!(r#"{{"type":"string","maxLength":{max}}}"#)
}

fn integer(max: u64, more: &str) -> String {
    format!(r#"{{"type":"integer","minimum":0,"maximum":{max}{more}}}"#)
}

/// Text as it stands, which a reader of JSON would take for nothing in one case.
fn bare(url: &str) -> String {
    if url == "null" { text(url) } else { url.to_owned() }
}

macro_rules! forms {
    ($($form:ty => $schema:expr $(, $spelled:expr)?;)+) => {$(
        impl Schema for $form {
            fn schema() -> String {
                $schema
            }
            $(fn spelled(url: &str) -> String {
                $spelled(url)
            })?
        }
    )+};
}

forms! {
    Token => bounded(limits::TOKEN_BYTES);
    Text => bounded(limits::TEXT_FIELD_BYTES);
    Long => r#"{"type":"string"}"#.to_owned();
    Opaque => "{}".to_owned();
    NameOf => reference("Name");
    Int => integer(MAX_INTEGER, ""), bare;
    RunOf => integer(MAX_INTEGER, ""), bare;
    Int32 => integer(u64::from(u32::MAX), ""), bare;
    Handle => integer(u64::from(u32::MAX), ""), bare;
    Limit => integer(u64::from(u32::MAX), &format!(r#","default":{}"#, limits::PAGE_DEFAULT)), bare;
    Flag => r#"{"type":"boolean"}"#.to_owned(), bare;
    On => r#"{"type":"boolean","default":true}"#.to_owned(), bare;
    PlaceOf => reference("Place"), |url: &str| format!("[{url}]");
    RefOf => reference("Room");
    WantsOf => r#"{"type":"array","items":{"type":"string"}}"#.to_owned();
    StartOf => "{}".to_owned();
    RefusedRoom => r#"{"type":"array","items":{"type":["integer","string"]},"minItems":2,"maxItems":2,"description":"[index, error]"}"#.to_owned();
    MessageOf => reference("Message");
    KeyForm => r#"{"oneOf":[{"type":"string","minLength":1,"maxLength":64},{"type":"array","items":{"type":["integer","string"]},"minItems":2,"maxItems":2,"description":"[stream, n]"}]}"#.to_owned();
    IdForm => r#"{"type":"string","pattern":"^[0-9a-f]{32}$"}"#.to_owned();
}

impl<T: Worded> Schema for Word<T> {
    fn schema() -> String {
        let words: Vec<String> = T::all().iter().map(|v| text(v.word())).collect();
        format!(r#"{{"type":"string","enum":[{}]}}"#, words.join(","))
    }
}

impl<C: Schema> Schema for Opt<C> {
    const LIST: bool = C::LIST;

    fn schema() -> String {
        C::schema()
    }

    fn spelled(url: &str) -> String {
        C::spelled(url)
    }
}

impl<C: Schema> Schema for Or<C>
where
    C::Value: Default + PartialEq,
{
    const LIST: bool = C::LIST;

    fn schema() -> String {
        C::schema()
    }

    fn spelled(url: &str) -> String {
        C::spelled(url)
    }
}

impl<C: Schema, const MAX: usize> Schema for List<C, MAX> {
    const LIST: bool = true;

    fn schema() -> String {
        list(&C::schema(), MAX)
    }

    fn spelled(url: &str) -> String {
        C::spelled(url)
    }
}

impl<C: Schema> Schema for Shared<C> {
    fn schema() -> String {
        C::schema()
    }
}

impl<C: Schema> Schema for Boxed<C> {
    fn schema() -> String {
        C::schema()
    }
}

macro_rules! word {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $word:ident) => {
        stringify!($word)
    };
}

macro_rules! shapes {
    ($($field:ident $(as $word:ident)? : $form:ty),*) => {
        vec![$(Shape::of::<$form>(word!($field $($word)?))),*]
    };
}

macro_rules! records {
    ($($record:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        $(impl Schema for Rec<$record> {
            fn schema() -> String {
                reference(stringify!($record))
            }
        })*

        fn record(name: &str) -> Vec<Shape> {
            match name {
                $(stringify!($record) => shapes!($($field $(as $word)? : $form),*),)*
                _ => Vec::new(),
            }
        }

        /// What schemas refer to, by name.
        pub fn components() -> Vec<(&'static str, String)> {
            let mut components = vec![
                ("Name", NAME.to_owned()),
                ("Place", PLACE.to_owned()),
                ("Room", room()),
                ("Message", object(&message(), BODY)),
            ];
            components.extend([$((stringify!($record), object(&record(stringify!($record)), ""))),*]);
            components
        }
    };
}

each_record!(records);

const NAME: &str = r#"{"type":"string","minLength":1,"maxLength":255,"pattern":"^[^\\u0000-\\u001f\\u007f-\\u009f]+$","description":"1 to 255 bytes of UTF-8 without control characters."}"#;
const PLACE: &str = r#"{"type":"array","items":{"type":"integer","minimum":0,"maximum":9007199254740991},"minItems":2,"maxItems":2,"description":"Where an event stands: [epoch, seq]. In a path or query: epoch,seq."}"#;

fn room() -> String {
    let name = NameOf::schema();
    let or_null = |schema: &str| format!(r#"{{"anyOf":[{schema},{{"type":"null"}}]}}"#);
    const TEXTS: [&str; 3] = ["name", "realm", "direct"];
    // Exactly one word says which room; the others are not there, or say nothing.
    let one = |word: &str| {
        let absent =
            |other: &str| if TEXTS.contains(&other) { r#"{"type":"null"}"# } else { r#"{"enum":[false,null]}"# };
        let schema = |other: &str| match other {
            _ if other == word && TEXTS.contains(&other) => name.clone(),
            _ if other == word => r#"{"const":true}"#.to_owned(),
            "realm" if word == "name" => or_null(&name),
            _ => absent(other).to_owned(),
        };
        let words = ["name", "realm", "direct", "inbox", "lobby", "directory"];
        let properties: Vec<String> = words.iter().map(|other| format!("{}:{}", text(other), schema(other))).collect();
        format!(r#"{{"type":"object","properties":{{{}}},"required":["{word}"]}}"#, properties.join(","))
    };
    // A handle is a connection's: it can be said, and is refused where there is none.
    let forms =
        [name.clone(), Handle::schema(), one("name"), one("direct"), one("inbox"), one("lobby"), one("directory")];
    format!(
        r#"{{"oneOf":[{}],"description":"A string: the ordinary room of this name. An object: another realm's, a direct room by its name, or one's own inbox, lobby or directory."}}"#,
        forms.join(",")
    )
}

/// Text in `body`, or bytes in `body64`.
const BODY: &str = r#","oneOf":[{"required":["body"],"not":{"required":["body64"]}},{"required":["body64"],"not":{"required":["body"]}}]"#;
/// The same, said by a client: bytes go with the kind `binary` and with no other.
const BODY_SAID: &str = r#","oneOf":[{"required":["body"],"properties":{"body":{"type":"string"},"body64":{"type":"null"},"kind":{"enum":["text","markdown","code","image","file","system",null]}}},{"required":["body64"],"properties":{"body64":{"type":"string"},"body":{"type":"null"},"kind":{"enum":["binary",null]}}}]"#;
const REVOKED: &str = r#","oneOf":[{"required":["token_id"],"properties":{"token_id":{"type":"string"},"user":{"type":"null"},"issued_before":{"type":"null"}}},{"required":["user"],"properties":{"user":{"type":"string"},"token_id":{"type":"null"}}}]"#;

fn optional(word: &'static str, schema: String) -> Shape {
    Shape { word, required: false, list: false, schema, spell: text }
}

fn body() -> [Shape; 2] {
    const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
    let most = limits::BODY_BYTES.div_ceil(3) * 4;
    let base64 = format!(r#"{{"type":"string","maxLength":{most},"pattern":{}}}"#, text(BASE64));
    [optional("body", bounded(limits::BODY_BYTES)), optional("body64", base64)]
}

fn message() -> Vec<Shape> {
    let mut shapes = shapes!(
        place: PlaceOf, at: Int, by: NameOf, n: Int, sender: Opt<NameOf>, posted_at: Opt<Int>, version: Opt<PlaceOf>,
        id: Opt<IdForm>, display: Or<Text>, avatar: Or<Text>, thread: Opt<PlaceOf>,
        mentions: Or<List<NameOf, MENTIONED>>, attachments: Or<List<Rec<Attachment>, ATTACHED>>, metadata: Or<Opaque>,
        edited_at: Opt<Int>, deleted_at: Opt<Int>, expires_at: Opt<Int>, kind: Opt<Word<BodyKind>>
    );
    shapes.extend(body());
    shapes
}

fn post() -> Vec<Shape> {
    let mut shapes = shapes!(room: RefOf, kind: Or<Word<BodyKind>>);
    shapes.extend(body());
    shapes.extend(shapes!(
        key: Opt<KeyForm>, ack: Opt<Word<AckLevel>>, thread: Opt<PlaceOf>, mentions: Or<List<NameOf, MENTIONED>>,
        attachments: Or<List<Rec<Attachment>, ATTACHED>>, metadata: Or<Opaque>, expect: Opt<PlaceOf>,
        expires_in_ms: Opt<Int>, on_behalf_of: Opt<NameOf>
    ));
    shapes
}

fn edit() -> Vec<Shape> {
    let mut shapes = shapes!(
        room: RefOf, target: PlaceOf, kind: Opt<Word<BodyKind>>, metadata: Opt<Opaque>, ack: Opt<Word<AckLevel>>
    );
    shapes.extend(body());
    shapes
}

fn broadcast() -> Vec<Shape> {
    let mut shapes = shapes!(rooms: List<RefOf, ROOMS>);
    shapes[0].schema = shapes[0].schema.replacen('{', r#"{"minItems":1,"#, 1);
    shapes.extend(post().into_iter().filter(|shape| shape.word != "room"));
    shapes
}

macro_rules! commands {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        fn fields(kind: CommandKind) -> Vec<Shape> {
            match kind {
                CommandKind::Post => post(),
                CommandKind::Edit => edit(),
                CommandKind::History => shapes!(
                    room: RefOf, before: Opt<PlaceOf>, after: Opt<PlaceOf>, around: Opt<PlaceOf>,
                    skip_oldest: Opt<Int>, skip_newest: Opt<Int>, limit: Limit, thread: Opt<PlaceOf>
                ),
                CommandKind::Broadcast => broadcast(),
                CommandKind::Revoke => shapes!(token_id: Opt<NameOf>, user: Opt<NameOf>, issued_before: Opt<Int>),
                $(CommandKind::$variant => shapes!($($field $(as $word)? : $form),*),)*
            }
        }
    };
}

each_command!(commands);

/// The fields of a command.
pub fn command(kind: CommandKind) -> Vec<Shape> {
    let mut shapes = fields(kind);
    if kind == CommandKind::TakeNumbers
        && let Some(count) = shapes.iter_mut().find(|shape| shape.word == "count")
    {
        count.schema = format!(r#"{{"type":"integer","minimum":1,"maximum":{}}}"#, limits::NUMBER_BLOCK);
    }
    shapes
}

/// What of a command's fields only some together are right; with a comma in front.
pub fn one_of(kind: CommandKind) -> &'static str {
    use CommandKind as K;
    if matches!(kind, K::Post | K::Edit | K::Broadcast) {
        BODY_SAID
    } else if kind == K::Revoke {
        REVOKED
    } else {
        ""
    }
}

macro_rules! replies {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        /// A reply, as [`super::plain::write`] writes it.
        pub fn reply(kind: ReplyKind) -> String {
            let mut shapes = match kind {
                ReplyKind::Welcome => record("Welcome"),
                ReplyKind::Subscribed => record("Subscribed"),
                ReplyKind::History => record("Page"),
                ReplyKind::Described => record("Described"),
                ReplyKind::Refused => record("Refusal"),
                $(ReplyKind::$variant => shapes!($($field $(as $word)? : $form),*),)*
            };
            let schema = format!(r#"{{"const":{}}}"#, text(kind.word()));
            shapes.insert(0, Shape { word: "ok", required: true, list: false, schema, spell: text });
            object(&shapes, "")
        }
    };
}

each_reply!(replies);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn words(shapes: &[Shape]) -> BTreeSet<&'static str> {
        shapes.iter().map(|shape| shape.word).collect()
    }

    #[test]
    fn every_schema_is_json_and_every_reference_leads_somewhere() {
        let names: BTreeSet<_> = components().iter().map(|(name, _)| *name).collect();
        let objects = CommandKind::ALL.iter().map(|kind| object(&command(*kind), one_of(*kind)));
        let replies = ReplyKind::ALL.iter().map(|kind| reply(*kind));
        let mut seen = 0;
        for schema in objects.chain(replies).chain(components().into_iter().map(|(_, schema)| schema)) {
            assert!(serde_json::from_str::<Value>(&schema).is_ok(), "{schema}");
            for name in schema.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(names.contains(name), "{name}");
                seen += 1;
            }
        }
        assert!(seen > 50, "{seen}");
    }

    proptest! {
        /// What is written has no field that its schema lacks, and every field that it requires.
        #[test]
        fn commands_are_as_their_schemas_say(said in testing::command()) {
            let mut out = Vec::new();
            super::super::command::write(1, &said, &mut out);
            let Value::Object(fields) = serde_json::from_slice(&out).unwrap() else { panic!() };
            let shapes = command(said.kind());
            for word in fields.keys().filter(|word| !["do", "id"].contains(&word.as_str())) {
                prop_assert!(words(&shapes).contains(word.as_str()), "{word}");
            }
            for shape in shapes.iter().filter(|shape| shape.required) {
                prop_assert!(fields.contains_key(shape.word), "{}", shape.word);
            }
        }

        #[test]
        fn replies_are_as_their_schemas_say(told in testing::reply()) {
            prop_assume!(told.kind() != ReplyKind::Refused);
            let mut out = Vec::new();
            super::super::plain::write(&told, &mut out);
            let Value::Object(fields) = serde_json::from_slice(&out).unwrap() else { panic!() };
            let schema: Value = serde_json::from_str(&reply(told.kind())).unwrap();
            prop_assert_eq!(&fields["ok"], &schema["properties"]["ok"]["const"]);
            for word in fields.keys() {
                prop_assert!(schema["properties"].get(word).is_some(), "{word}");
            }
            for word in schema["required"].as_array().unwrap() {
                prop_assert!(fields.contains_key(word.as_str().unwrap()), "{word}");
            }
        }
    }

    #[test]
    fn a_url_says_what_json_says() {
        let shape = |kind, word: &str| command(kind).into_iter().find(|s| s.word == word).unwrap();
        for (kind, word, texts, json) in [
            (CommandKind::History, "room", &["a \"b\""][..], r#""a \"b\"""#),
            (CommandKind::History, "before", &["17,4"], "[17,4]"),
            (CommandKind::History, "limit", &["7"], "7"),
            (CommandKind::History, "limit", &["null"], r#""null""#),
            (CommandKind::ListRooms, "mine", &["true"], "true"),
            (CommandKind::Roster, "of", &["present"], r#""present""#),
            (CommandKind::QueryPresence, "users", &["ann", "b,c"], r#"["ann","b,c"]"#),
        ] {
            assert_eq!(shape(kind, word).spelled(texts), json);
        }
    }
}
