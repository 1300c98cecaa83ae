//! Malformed JSON messages.

use super::{Malformed, SHORTEST, Verdict};
use crate::errors::{DropReason, ErrorCode};
use crate::limits;
use crate::wire::scan::Scan;

const SUBPROTOCOL: &str = "rookery.v1.json";
const MALFORMED: Verdict = Verdict::Refused(7, ErrorCode::Malformed);
const TOO_LARGE: Verdict = Verdict::Refused(7, ErrorCode::TooLarge);
/// The number could not be read.
const UNREADABLE: Verdict = Verdict::Refused(0, ErrorCode::Malformed);

struct Corpus(Vec<Malformed>);

impl Corpus {
    fn add(&mut self, name: impl Into<String>, text: impl Into<String>, verdict: Verdict) {
        let (name, payload) = (format!("json/{}", name.into()), text.into().into_bytes());
        self.0.push(Malformed { name, subprotocol: SUBPROTOCOL, text: true, payload, verdict });
    }
}

pub fn malformed() -> Vec<Malformed> {
    let mut corpus = Corpus(Vec::new());
    syntax(&mut corpus);
    every_field(&mut corpus);
    values(&mut corpus);
    together(&mut corpus);
    sizes(&mut corpus);
    corpus.0
}

fn syntax(corpus: &mut Corpus) {
    let texts = [
        "",
        " ",
        "\n",
        "null",
        "true",
        "5",
        "\"ping\"",
        "[]",
        " [ ] ",
        "{",
        "}",
        "[",
        "]",
        "{]",
        "[}",
        "{}}",
        "{}{}",
        "{} x",
        "[{}",
        "[{},]",
        "[,{}]",
        "[{} {}]",
        "{,}",
        "{\"do\"}",
        "{\"do\":}",
        "{\"do\":\"ping\",}",
        "{\"do\" \"ping\"}",
        "{'do':'ping'}",
        "{do:\"ping\"}",
        "{\"do\":ping}",
        "{\"do\":\"ping\"",
        "{\"do\":\"ping}",
        "{\"do\":\"pi\nng\"}",
        "{\"do\":\"ping\"}//",
        "/**/{\"do\":\"ping\"}",
        "\u{feff}{\"do\":\"ping\"}",
        "{\"do\":\"ping\",\"id\":07}",
        "{\"do\":\"ping\",\"id\":+7}",
        "{\"do\":\"ping\",\"id\":7.}",
        "{\"do\":\"ping\",\"id\":.7}",
        "{\"do\":\"ping\",\"id\":7e}",
        "{\"do\":\"ping\",\"id\":0x7}",
        "{\"do\":\"ping\",\"id\":NaN}",
        "{\"do\":\"ping\",\"id\":Infinity}",
        "{\"x\":tru}",
        "{\"x\":nulll}",
        "{\"x\":\"\\q\"}",
        "{\"x\":\"\\u12\"}",
        "{\"x\":\"\\u123g\"}",
        "{\"x\":\"\\",
        "{\"x\":[1,]}",
        "{\"x\":{\"y\":1,}}",
        "{\"\u{1}\":1}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1;\"b\":2}",
        "{\"do\":\"ping\"}\u{0}",
    ];
    for (i, text) in texts.into_iter().enumerate() {
        corpus.add(format!("syntax/{i:02}"), text, UNREADABLE);
    }
    let whole = r#"{"do":"post","id":7,"room":{"realm":"r","name":"n"},"body":"a\"b","mentions":["c"]}"#;
    for cut in 1..whole.len() {
        corpus.add(format!("cut/{cut:02}"), &whole[..cut], UNREADABLE);
    }
    for levels in [15, 16, 100, 10_000] {
        let nested = format!("{}{}", "[".repeat(levels + 1), "]".repeat(levels + 1));
        corpus.add(format!("nested/unknown-{levels}"), format!(r#"{{"do":"ping","id":7,"x":{nested}}}"#), UNREADABLE);
        corpus.add(format!("nested/open-{levels}"), "[".repeat(levels + 2), UNREADABLE);
        corpus.add(format!("nested/objects-{levels}"), r#"{"x":"#.repeat(levels + 2), UNREADABLE);
    }
    let deep = format!("{}{}", "[".repeat(15), "]".repeat(15));
    corpus.add(
        "nested/metadata",
        format!(r#"{{"do":"post","id":7,"room":"a","body":"x","metadata":{deep}}}"#),
        MALFORMED,
    );
    corpus.add("batch/item-is-no-object", "[5]", UNREADABLE);
    corpus.add("batch/nested-batch", r#"[[{"do":"ping","id":7}]]"#, UNREADABLE);
    corpus.add("batch/bad-item", r#"[{"do":"join","id":7}]"#, MALFORMED);
    let pings = [r#"{"do":"ping","id":7}"#; limits::FRAMES_PER_MESSAGE as usize + 1].join(",");
    corpus.add("batch/too-many", format!("[{pings}]"), Verdict::Refused(0, ErrorCode::TooLarge));
    for word in ["", "Ping", "ping ", "pong", "posted", "p\\u0069nq", "do"] {
        corpus.add(
            format!("unknown/{word}"),
            format!(r#"{{"do":"{word}","id":7}}"#),
            Verdict::Refused(7, ErrorCode::UnknownCommand),
        );
    }
    for id in ["-1", "4294967296", "1.5", "\"7\"", "[7]", "true", "1e3"] {
        corpus.add(format!("id/{id}"), format!(r#"{{"do":"ping","id":{id}}}"#), UNREADABLE);
    }
    for word in ["5", "null", "[]", "{}", "true", "\"\\ud800\""] {
        corpus.add(format!("do/{word}"), format!(r#"{{"do":{word},"id":7}}"#), MALFORMED);
    }
    corpus.add("do/missing", r#"{"id":7}"#, MALFORMED);
    for payload in [&b"{}"[..], b"", b"\x00"] {
        corpus.0.push(Malformed {
            name: format!("json/binary/{}", payload.len()),
            subprotocol: SUBPROTOCOL,
            text: false,
            payload: payload.to_vec(),
            verdict: Verdict::Close(DropReason::WrongForm),
        });
    }
    let spaces = " ".repeat(limits::MESSAGE_BYTES as usize);
    corpus.add("message/too-big", format!("{spaces}{{}}"), Verdict::Close(DropReason::TooBig));
}

/// Each field of each command: missing, given twice, and of every wrong type.
fn every_field(corpus: &mut Corpus) {
    for line in SHORTEST {
        let fields = fields(line);
        let word = fields[0].1.trim_matches('"');
        let build = |fields: &[(&str, &str)]| {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            format!("{{{}}}", fields.join(","))
        };
        for (i, (name, value)) in fields.iter().enumerate() {
            let bare = name.trim_matches('"');
            let mut twice = fields.clone();
            twice.push((name, value));
            corpus.add(format!("twice/{word}/{bare}"), build(&twice), MALFORMED);
            if i < 2 {
                continue;
            }
            let mut without = fields.clone();
            without.remove(i);
            corpus.add(format!("missing/{word}/{bare}"), build(&without), MALFORMED);
            for wrong in wrong_values(value) {
                let mut changed = fields.clone();
                changed[i].1 = wrong;
                corpus.add(format!("type/{word}/{bare}/{wrong}"), build(&changed), MALFORMED);
            }
        }
    }
}

/// Names and values of an object, as raw text.
fn fields(line: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut fields = Vec::new();
    let scanned = Scan::new(line, 16).object(|name, value| {
        fields.push((name, value));
        Ok(())
    });
    assert!(scanned.is_ok(), "{line}");
    fields
}

/// Values of other types than this one.
fn wrong_values(value: &str) -> &'static [&'static str] {
    match value.as_bytes()[0] {
        b'"' => &["5.5", "true", "[]", "-1", "{}", "\"\\udfff\""],
        b'[' => &["5", "true", "\"a\"", "{}", "[[]]", "[true,false]"],
        b'{' => &["5", "true", "\"a\"", "[]"],
        _ => &["-1", "true", "\"1\"", "[]", "{}", "1.5", "9007199254740992"],
    }
}

fn values(corpus: &mut Corpus) {
    let one = |corpus: &mut Corpus, word: &str, rest: &[&str], bad: &[&str]| {
        for rest in rest {
            for bad in bad {
                let fields = rest.replace('@', bad);
                let text = format!(r#"{{"do":"{word}","id":7,{fields}}}"#);
                corpus.add(format!("value/{word}/{fields}"), text, MALFORMED);
            }
        }
    };
    let names = ["\"\"", "\"a\\nb\"", "\"\\u0000\"", "\"\\u007f\"", "\"\\u0085\""];
    one(corpus, "join", &["\"room\":@", "\"room\":{\"name\":@}", "\"room\":{\"direct\":@}"], &names);
    one(corpus, "join", &["\"room\":{\"realm\":@,\"name\":\"a\"}"], &names);
    one(corpus, "invite", &["\"room\":\"a\",\"user\":@"], &names);
    one(corpus, "react", &["\"room\":\"a\",\"target\":[1,2],\"reaction\":@"], &names);
    one(corpus, "take_name", &["\"name\":@,\"holder\":\"h\"", "\"name\":\"n\",\"holder\":@"], &names);
    let rooms = [
        "{}",
        "-1",
        "4294967296",
        "{\"realm\":\"r\"}",
        "{\"name\":\"a\",\"direct\":\"b\"}",
        "{\"inbox\":false}",
        "{\"inbox\":true,\"lobby\":true}",
        "{\"inbox\":1}",
        "{\"inbox\":true,\"name\":\"bob\"}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"directory\":true,\"realm\":\"r\"}",
    ];
    one(corpus, "leave", &["\"room\":@"], &rooms);
    one(corpus, "unsubscribe", &["\"rooms\":[@]", "\"rooms\":[\"a\",@]"], &rooms);
    let places = [
        "[]",
        "[1]",
        "[1,2,3]",
        "[1,-2]",
        "[1.0,2]",
        "[\"1\",2]",
        "[1,[2]]",
        "[9007199254740992,1]",
        "[1,9007199254740992]",
        "{\"epoch\":1,\"seq\":2}",
        "\"1,2\"",
        "12",
    ];
    one(corpus, "pin", &["\"room\":\"a\",\"target\":@"], &places);
    one(corpus, "mark_read", &["\"room\":\"a\",\"place\":@"], &places);
    one(corpus, "history", &["\"room\":\"a\",\"before\":@", "\"room\":\"a\",\"thread\":@"], &places);
    one(corpus, "subscribe", &["\"rooms\":[{\"room\":\"a\",\"cursor\":@}]"], &places);
    let words = ["\"\"", "\"Read\"", "\"none\"", "5", "[\"read\"]"];
    one(corpus, "mark_read", &["\"room\":\"a\",\"place\":[1,2],\"state\":@"], &words);
    one(corpus, "set_status", &["\"status\":@"], &words);
    one(corpus, "set_role", &["\"room\":\"a\",\"user\":\"bob\",\"role\":@"], &words);
    one(corpus, "roster", &["\"room\":\"a\",\"of\":@"], &words);
    one(corpus, "create", &["\"room\":\"a\",\"settings\":{\"access\":@}"], &words);
    one(
        corpus,
        "post",
        &["\"room\":\"a\",\"body\":\"x\",\"kind\":@", "\"room\":\"a\",\"body\":\"x\",\"ack\":@"],
        &words,
    );
    let flags = ["0", "1", "\"true\"", "[]", "{}"];
    one(corpus, "typing", &["\"room\":\"a\",\"on\":@"], &flags);
    one(corpus, "archive", &["\"room\":\"a\",\"archived\":@"], &flags);
    one(corpus, "list_rooms", &["\"mine\":@"], &flags);
    one(corpus, "update", &["\"room\":\"a\",\"settings\":{\"listed\":@}"], &flags);
    let counts = ["-1", "1.5", "4294967296", "\"5\"", "true", "1e2"];
    one(corpus, "users", &["\"limit\":@"], &counts);
    one(corpus, "take_numbers", &["\"counter\":\"c\",\"count\":@"], &counts);
    let keys = [
        "5",
        "\"\"",
        "[]",
        "[1,2]",
        "[\"1\"]",
        "[\"1\",\"2\"]",
        "[\"1\",2,3]",
        "[\"x\",2]",
        "[\"-1\",2]",
        "[\"+1\",2]",
        "[\"18446744073709551616\",2]",
        "[\"1\",9007199254740992]",
        "{\"stream\":1}",
    ];
    one(corpus, "post", &["\"room\":\"a\",\"body\":\"x\",\"key\":@"], &keys);
    let bodies = ["5", "[]", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800\\u0041\"", "{\"text\":\"x\"}"];
    one(corpus, "post", &["\"room\":\"a\",\"body\":@", "\"room\":\"a\",\"body64\":@"], &bodies);
    let base64 = [
        "\"A\"",
        "\"AAA\"",
        "\"AA=A\"",
        "\"A===\"",
        "\"AA-_\"",
        "\"AA==AA==\"",
        "\" AAAA\"",
        "\"AAAA\\n\"",
        "\"AB==\"",
    ];
    one(corpus, "post", &["\"room\":\"a\",\"body64\":@"], &base64);
    one(corpus, "edit", &["\"room\":\"a\",\"target\":[1,2],\"body64\":@"], &base64);
}

/// Fields that are right alone and wrong together.
fn together(corpus: &mut Corpus) {
    let texts = [
        r#""do":"post","room":"a","body":"x","body64":"eA==""#,
        r#""do":"post","room":"a","body":"x","kind":"binary""#,
        r#""do":"post","room":"a","body64":"eA==","kind":"text""#,
        r#""do":"edit","room":"a","target":[1,2],"body64":"eA==","kind":"markdown""#,
        r#""do":"history","room":"a","before":[1,2],"after":[1,2]"#,
        r#""do":"history","room":"a","around":[1,2],"skip_oldest":0"#,
        r#""do":"history","room":"a","skip_oldest":0,"skip_newest":0"#,
        r#""do":"revoke""#,
        r#""do":"revoke","token_id":"t","user":"u""#,
        r#""do":"revoke","token_id":"t","issued_before":5"#,
        r#""do":"revoke","issued_before":5"#,
        r#""do":"resume""#,
        r#""do":"resume","rooms":[]"#,
        r#""do":"subscribe","rooms":[]"#,
        r#""do":"subscribe","rooms":[{}]"#,
        r#""do":"subscribe","rooms":["a"]"#,
        r#""do":"subscribe","rooms":[{"room":"a","wants":"presence"}]"#,
        r#""do":"unsubscribe","rooms":[]"#,
        r#""do":"broadcast","rooms":[],"body":"x""#,
        r#""do":"post","room":"a","body":"x","attachments":[{}]"#,
        r#""do":"post","room":"a","body":"x","attachments":[{"url":5}]"#,
        r#""do":"post","room":"a","body":"x","mentions":["bob",""]"#,
        r#""do":"post","room":"a","body":null"#,
    ];
    for (i, fields) in texts.into_iter().enumerate() {
        corpus.add(format!("together/{i:02}"), format!(r#"{{{fields},"id":7}}"#), MALFORMED);
    }
}

/// One more than each limit.
fn sizes(corpus: &mut Corpus) {
    let long = |bytes: u64| "x".repeat(bytes as usize + 1);
    let many = |count: u64, item: &str| vec![item; count as usize + 1].join(",");
    let text = long(limits::TEXT_FIELD_BYTES);
    let name = long(255);
    let cases = [
        ("token", format!(r#""do":"authenticate","token":"{}""#, long(limits::TOKEN_BYTES))),
        ("body", format!(r#""do":"post","room":"a","body":"{}""#, long(limits::BODY_BYTES))),
        ("edited-body", format!(r#""do":"edit","room":"a","target":[1,2],"body":"{}""#, long(limits::BODY_BYTES))),
        ("metadata", format!(r#""do":"post","room":"a","body":"","metadata":"{}""#, long(limits::METADATA_BYTES))),
        ("room-metadata", format!(r#""do":"update","room":"a","settings":{{"metadata":"{}"}}"#, long(8192))),
        ("key", format!(r#""do":"post","room":"a","body":"","key":"{}""#, long(64))),
        ("room", format!(r#""do":"join","room":"{name}""#)),
        ("room-two-byte-letters", format!(r#""do":"join","room":"{}""#, "é".repeat(128))),
        ("realm", format!(r#""do":"join","room":{{"realm":"{name}","name":"a"}}"#)),
        ("user", format!(r#""do":"erase","user":"{name}""#)),
        ("reaction", format!(r#""do":"react","room":"a","target":[1,2],"reaction":"{name}""#)),
        ("status-text", format!(r#""do":"set_status","status":"away","text":"{text}""#)),
        ("title", format!(r#""do":"update","room":"a","settings":{{"title":"{text}"}}"#)),
        ("topic", format!(r#""do":"update","room":"a","settings":{{"topic":"{text}"}}"#)),
        ("description", format!(r#""do":"create","room":"a","settings":{{"description":"{text}"}}"#)),
        ("query", format!(r#""do":"search","query":"{text}""#)),
        ("url", format!(r#""do":"post","room":"a","body":"","attachments":[{{"url":"{text}"}}]"#)),
        ("mentions", format!(r#""do":"post","room":"a","body":"","mentions":[{}]"#, many(limits::MENTIONS, "\"b\""))),
        (
            "attachments",
            format!(
                r#""do":"post","room":"a","body":"","attachments":[{}]"#,
                many(limits::ATTACHMENTS, r#"{"url":""}"#)
            ),
        ),
        ("subscribe", format!(r#""do":"subscribe","rooms":[{}]"#, many(limits::ROOMS_PER_FRAME, r#"{"room":"a"}"#))),
        ("resume", format!(r#""do":"resume","rooms":[{}]"#, many(limits::ROOMS_PER_FRAME, r#"{"room":"a"}"#))),
        ("unsubscribe", format!(r#""do":"unsubscribe","rooms":[{}]"#, many(limits::ROOMS_PER_FRAME, "\"a\""))),
        ("broadcast", format!(r#""do":"broadcast","body":"","rooms":[{}]"#, many(limits::ROOMS_PER_FRAME, "1"))),
        ("members", format!(r#""do":"create","room":"a","members":[{}]"#, many(limits::CREATE_MEMBERS, "\"b\""))),
        ("users", format!(r#""do":"query_presence","users":[{}]"#, many(limits::PRESENCE_QUERY_USERS, "\"b\""))),
    ];
    for (name, fields) in cases {
        corpus.add(format!("size/{name}"), format!(r#"{{{fields},"id":7}}"#), TOO_LARGE);
    }
}
