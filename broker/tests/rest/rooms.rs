//! Rooms, members and messages: what is done shows, to REST and to a WebSocket alike.

use crate::support::{Client, JSON};
use crate::{Stage, bodies, eventually, place};
use rookery_protocol::event::EventBody;

#[test]
fn a_room_from_its_first_day_to_its_last() {
    let stage = Stage::new();
    let made = stage.ask(
        "POST",
        "/v1/rooms",
        r#"{"room":"den","settings":{"title":"Den","listed":true,"access":"members"},"members":["ann"]}"#,
    );
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.ok()["ok"], "placed");
    stage.ask("POST", "/v1/rooms", r#"{"room":"den"}"#).error(409, "room_exists");
    let den = stage.ask_as("ann", "GET", "/v1/rooms/den", "").ok();
    assert_eq!((&den["info"]["title"], &den["count"], &den["role"]), (&"Den".into(), &2.into(), &"member".into()));
    stage.ask_as("eve", "GET", "/v1/rooms/den", "").error(403, "not_a_member");
    stage.ask("PATCH", "/v1/rooms/den", r#"{"settings":{"topic":"Birds"}}"#).ok();
    let den = stage.ask("GET", "/v1/rooms/den", "").ok();
    assert_eq!((&den["info"]["title"], &den["info"]["topic"]), (&"Den".into(), &"Birds".into()));
    eventually(|| (stage.ask("GET", "/v1/rooms", "").ok()["rooms"][0]["room"]["name"] == "den").then_some(()));
    eventually(|| {
        let mine = stage.ask_as("ann", "GET", "/v1/rooms?mine=true", "").ok();
        (mine["rooms"][0]["role"] == "member").then_some(())
    });
    stage.ask("PUT", "/v1/rooms/den/archive", "").ok();
    stage.ask("POST", "/v1/rooms/den/messages", r#"{"body":"x"}"#).error(409, "room_archived");
    stage.ask("DELETE", "/v1/rooms/den/archive", "").ok();
    stage.ask("POST", "/v1/rooms/den/messages", r#"{"body":"x"}"#).ok();
    stage.ask("DELETE", "/v1/rooms/den", "").ok();
    eventually(|| stage.ask("GET", "/v1/rooms", "").ok()["rooms"].as_array()?.is_empty().then_some(()));
}

#[test]
fn members_come_change_and_go() {
    let stage = Stage::new();
    stage.ask("POST", "/v1/rooms", r#"{"room":"den","settings":{"access":"members"}}"#).ok();
    let members = || {
        let page = stage.ask("GET", "/v1/rooms/den/members", "").ok();
        let entry = |m: &serde_json::Value| format!("{}:{}", m["user"].as_str().unwrap(), m["role"].as_str().unwrap());
        page["members"].as_array().unwrap().iter().map(entry).collect::<Vec<_>>()
    };
    assert_eq!(stage.ask("PUT", "/v1/rooms/den/members/ann", "").ok()["ok"], "placed");
    stage.ask("PUT", "/v1/rooms/den/members/bob", r#"{"role":"admin"}"#).ok();
    assert_eq!(members(), ["ann:member", "bob:admin", "shop:owner"]);
    stage.ask("PATCH", "/v1/rooms/den/members/ann", r#"{"role":"owner"}"#).ok();
    stage.ask("PATCH", "/v1/rooms/den/members/ann", "{}").error(400, "malformed");
    stage.ask("DELETE", "/v1/rooms/den/members/bob", "").ok();
    stage.ask_as("bob", "POST", "/v1/rooms/den/messages", r#"{"body":"x"}"#).error(403, "not_a_member");
    stage.ask("POST", "/v1/rooms/den/leave", "").ok();
    assert_eq!(members(), ["ann:owner"]);
    stage.ask_as("ann", "POST", "/v1/rooms/den/leave", "").error(409, "last_owner");
    stage.ask_as("ann", "POST", "/v1/rooms/open/join", "").ok();
    let page = stage.ask("GET", "/v1/rooms/open/members?of=present", "").ok();
    assert_eq!(page["count"], 0);
}

#[test]
fn what_is_posted_edited_and_deleted_is_heard_at_once() {
    let stage = Stage::new();
    let mut ann = Client::enter(stage.node.address, JSON, &stage.node.token("ann"));
    ann.subscribe("general", None);
    let posted = stage.posted("general", "hello");
    assert_eq!(ann.body(), "hello");
    let at = format!("/v1/rooms/general/messages/{posted}");
    stage.ask("PUT", &at, r#"{"body":"hello, all"}"#).ok();
    assert!(matches!(ann.event().body, EventBody::Edited(message) if &*message.body == b"hello, all"));
    stage.ask_as("ann", "PUT", &format!("{at}/reactions/%F0%9F%90%A6"), "").ok();
    assert!(matches!(ann.event().body, EventBody::Reacted { reaction, .. } if reaction.as_str() == "🐦"));
    let page = stage.ask("GET", "/v1/rooms/general/messages", "").ok();
    assert_eq!(page["reactions"][0]["reaction"], "🐦");
    assert_eq!(stage.ask_as("ann", "PUT", &format!("{at}/reactions/%F0%9F%90%A6"), "").ok()["ok"], "done");
    stage.ask_as("ann", "DELETE", &format!("{at}/reactions/%F0%9F%90%A6"), "").ok();
    stage.ask("PUT", &format!("{at}/pin"), "").ok();
    stage.ask("DELETE", &format!("{at}/pin"), "").ok();
    stage.ask_as("ann", "PUT", &at, r#"{"body":"not mine"}"#).error(403, "not_allowed");
    stage.ask_as("ann", "DELETE", &at, "").error(403, "not_allowed");
    let (epoch, seq) = posted.split_once(',').unwrap();
    let read = format!(r#"{{"place":[{epoch},{seq}]}}"#);
    stage.ask_as("ann", "PUT", "/v1/rooms/general/read", &read).ok();
    stage.ask("DELETE", &at, "").ok();
    stage.ask("PUT", &at, r#"{"body":"again"}"#).error(404, "no_such_message");
    stage.ask("PUT", "/v1/rooms/general/messages/1,1/pin", "").error(404, "no_such_message");
}

#[test]
fn an_ack_says_what_was_asked_for() {
    let stage = Stage::new();
    for (asked, level) in [("?ack=accepted", "accepted"), ("?ack=local", "durable"), ("", "durable")] {
        let placed = stage.ask("POST", &format!("/v1/rooms/general/messages{asked}"), r#"{"body":"x"}"#);
        assert_eq!((placed.status, &placed.ok()["level"]), (201, &level.into()));
    }
    let wrong = stage.ask("POST", "/v1/rooms/general/messages?ack=eternal", r#"{"body":"x"}"#);
    assert_eq!(wrong.error(400, "malformed")["field"], "ack");
    let memory = Stage::with(&["--store", "memory"]);
    memory.ask("POST", "/v1/rooms/general/messages?ack=local", r#"{"body":"x"}"#).error(400, "level_unavailable");
}

#[test]
fn every_way_into_history_and_the_links_from_page_to_page() {
    let stage = Stage::new();
    let posted: Vec<String> = (0..10).map(|n| stage.posted("general", &n.to_string())).collect();
    let page = |query: &str| stage.ask("GET", &format!("/v1/rooms/general/messages?limit=3{query}"), "");
    for (query, found) in [
        (String::new(), ["7", "8", "9"]),
        (format!("&before={}", posted[5]), ["2", "3", "4"]),
        (format!("&after={}", posted[5]), ["6", "7", "8"]),
        (format!("&around={}", posted[5]), ["4", "5", "6"]),
        ("&skip_oldest=1".to_owned(), ["1", "2", "3"]),
        ("&skip_newest=1".to_owned(), ["6", "7", "8"]),
    ] {
        assert_eq!(bodies(&page(&query).ok()), found, "{query}");
    }
    let both = page(&format!("&before={}&after={}", posted[5], posted[1])).error(400, "malformed");
    assert_eq!(both["field"], "after");
    // From the newest back to the first, by the links alone.
    let mut all = Vec::new();
    let mut next = "/v1/rooms/general/messages?limit=4".to_owned();
    loop {
        let shown = stage.ask("GET", &next, "");
        let mut found: Vec<String> = bodies(&shown.ok()).iter().map(|b| (*b).to_owned()).collect();
        found.extend(std::mem::take(&mut all));
        all = found;
        match link(shown.header("link").unwrap_or_default(), "prev") {
            Some(before) => next = before,
            None => break,
        }
    }
    assert_eq!(all, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    let first = page("&skip_oldest=0");
    let after = link(first.header("link").unwrap(), "next").unwrap();
    assert_eq!(bodies(&stage.ask("GET", &after, "").ok()), ["3", "4", "5"]);
}

pub fn link(header: &str, relation: &str) -> Option<String> {
    let wanted = format!("; rel=\"{relation}\"");
    let link = header.split(", ").find_map(|link| link.strip_suffix(&wanted))?;
    Some(link.strip_prefix('<')?.strip_suffix('>')?.to_owned())
}

#[test]
fn threads_and_everything_a_message_can_have() {
    let stage = Stage::new();
    let root = stage.ask("POST", "/v1/rooms/general/messages", r#"{"body":"root"}"#).ok()["place"].clone();
    let said = format!(
        r#"{{"body":"x","kind":"markdown","thread":{root},"mentions":["ann"],"metadata":{{"n":1}},
            "attachments":[{{"url":"https://x/y","bytes":9007199254740991}}],"on_behalf_of":"bob"}}"#
    );
    let placed = stage.ask("POST", "/v1/rooms/general/messages", &said).ok();
    let thread = stage.ask("GET", &format!("/v1/rooms/general/messages?thread={}", place(&root)), "").ok();
    let message = &thread["messages"][0];
    assert_eq!(message["place"], placed["place"]);
    assert_eq!(
        (&message["by"], &message["kind"], &message["metadata"]["n"]),
        (&"bob".into(), &"markdown".into(), &1.into())
    );
    assert_eq!(message["attachments"][0]["bytes"], 9007199254740991u64);
    stage
        .ask_as("ann", "POST", "/v1/rooms/general/messages", r#"{"body":"x","on_behalf_of":"bob"}"#)
        .error(403, "not_allowed");
    let bytes = stage.ask("POST", "/v1/rooms/general/messages", r#"{"kind":"binary","body64":"AAEC"}"#);
    assert_eq!(bytes.status, 201);
    let expect = format!(r#"{{"body":"x","expect":{root}}}"#);
    stage.ask("POST", "/v1/rooms/general/messages", &expect).error(412, "unexpected");
}

#[test]
fn names_may_hold_what_a_path_cannot() {
    let stage = Stage::new();
    for (encoded, name) in
        [("a%2Fb", "a/b"), ("%C3%BC%20%3F%23%25", "ü ?#%"), ("%7Bx%7D", "{x}"), ("a+b", "a+b"), ("%22%5C", "\"\\")]
    {
        stage.ask("POST", &format!("/v1/rooms/{encoded}/messages"), r#"{"body":"hi"}"#).ok();
        let described = stage.ask("GET", &format!("/v1/rooms/{encoded}"), "").ok();
        assert_eq!((&described["room"]["name"], &described["messages"]), (&name.into(), &1.into()));
    }
    for bad in ["%", "%2", "%zz", "%ff", "%0A"] {
        stage.ask("GET", &format!("/v1/rooms/{bad}"), "").error(400, "malformed");
    }
    let long = "x".repeat(256);
    stage.ask("GET", &format!("/v1/rooms/{long}"), "").error(413, "too_large");
}
