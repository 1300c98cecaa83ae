//! Users, and what only backends may do.

use crate::rooms::link;
use crate::support::client::post;
use crate::support::{BINARY, Client, Heard, JSON};
use crate::{Stage, bodies, eventually};
use rookery_protocol::errors::DropReason;

fn close_code(client: &mut Client) -> Option<u16> {
    loop {
        match client.next() {
            Heard::Frame(_) => {}
            Heard::Closed(why) => return why.map(|(code, _)| code),
        }
    }
}

#[test]
fn a_room_of_two_is_reached_by_its_name() {
    let stage = Stage::new();
    let direct = stage.ask_as("ann", "POST", "/v1/users/bob/direct", "").ok()["name"].as_str().unwrap().to_owned();
    assert_eq!(stage.ask_as("bob", "POST", "/v1/users/ann/direct", "").ok()["name"], direct.as_str());
    let messages = format!("/v1/direct/{direct}/messages");
    stage.ask_as("ann", "POST", &messages, r#"{"body":"psst"}"#).ok();
    assert_eq!(bodies(&stage.ask_as("bob", "GET", &messages, "").ok()), ["psst"]);
    stage.ask_as("eve", "GET", &messages, "").error(403, "not_a_member");
    let room = stage.ask_as("bob", "GET", &format!("/v1/direct/{direct}"), "").ok();
    assert_eq!((&room["room"]["kind"], &room["count"]), (&"direct".into(), &2.into()));
    eventually(|| {
        let unread = stage.ask_as("bob", "GET", "/v1/unread", "").ok();
        let room = &unread["rooms"][0];
        (room["unread"] == 1 && room["last_line"]["body"] == "psst").then_some(())
    });
    // No name in a path reaches an inbox.
    stage.ask_as("eve", "GET", "/v1/rooms/bob/messages", "").ok();
}

#[test]
fn who_is_here_and_who_was_ever() {
    let stage = Stage::new();
    let ann = Client::enter(stage.node.address, JSON, &stage.node.token("ann"));
    eventually(|| {
        let users = stage.ask("POST", "/v1/presence", r#"{"users":["ann","bob"]}"#).ok();
        let status = |at: usize| (users["users"][at]["user"].as_str(), users["users"][at]["status"].as_str());
        assert_eq!(status(1), (Some("bob"), Some("offline")));
        (status(0) == (Some("ann"), Some("online"))).then_some(())
    });
    assert_eq!(stage.ask("POST", "/v1/presence", "{}").error(400, "malformed")["field"], "users");
    drop(ann);
    for user in ["bob", "carol/x", "dave"] {
        Client::enter(stage.node.address, BINARY, &stage.node.token(user));
    }
    eventually(|| (stage.ask("GET", "/v1/users", "").ok()["users"].as_array()?.len() == 4).then_some(()));
    let mut seen = Vec::new();
    let mut next = "/v1/users?limit=2".to_owned();
    loop {
        let page = stage.ask("GET", &next, "");
        seen.extend(page.ok()["users"].as_array().unwrap().iter().map(|u| u["user"].as_str().unwrap().to_owned()));
        match link(page.header("link").unwrap_or_default(), "next") {
            Some(after) => next = after,
            None => break,
        }
    }
    assert_eq!(seen, ["ann", "bob", "carol/x", "dave"]);
}

#[test]
fn a_broadcast_says_who_took_it() {
    let stage = Stage::new();
    stage.ask("POST", "/v1/rooms", r#"{"room":"closed"}"#).ok();
    stage.ask("PUT", "/v1/rooms/closed/archive", "").ok();
    let rooms: Vec<String> = (0..20).map(|n| format!("\"room{n}\"")).collect();
    let cast = format!(r#"{{"rooms":["closed",{}],"body":"at noon"}}"#, rooms.join(","));
    let done = stage.ask("POST", "/v1/broadcasts", &cast).ok();
    assert_eq!((&done["placed"], &done["refused"]), (&20.into(), &serde_json::json!([[0, "room_archived"]])));
    for n in [0, 7, 19] {
        assert_eq!(bodies(&stage.ask("GET", &format!("/v1/rooms/room{n}/messages"), "").ok()), ["at noon"]);
    }
    assert_eq!(
        stage.ask("POST", "/v1/broadcasts", r#"{"rooms":[],"body":"x"}"#).error(400, "malformed")["field"],
        "rooms"
    );
    let many = vec!["\"r\""; 257].join(",");
    let refused = stage.ask("POST", "/v1/broadcasts", &format!(r#"{{"rooms":[{many}],"body":"x"}}"#));
    assert_eq!(refused.error(413, "too_large")["field"], "rooms");
}

#[test]
fn what_a_backend_does_to_a_user_takes_hold_of_its_connections() {
    let stage = Stage::new();
    let enter = |token: &str| Client::enter(stage.node.address, JSON, token);
    let token = stage.node.token("ann");
    let mut ann = enter(&token);
    assert_eq!(stage.ask("POST", "/v1/users/ann/disconnect", "").ok()["count"], 1);
    assert_eq!(close_code(&mut ann), Some(DropReason::Reset.close_code()));
    let mut ann = enter(&token);
    stage.ask("POST", "/v1/revocations", r#"{"user":"ann"}"#).ok();
    assert_eq!(close_code(&mut ann), Some(DropReason::Revoked.close_code()));
    let mut http = stage.http();
    eventually(|| {
        let refused = http.ask("GET", "/v1/rooms/general", &token, "");
        (refused.status != 200).then(|| refused.error(401, "revoked"))
    });
    stage.ask("POST", "/v1/revocations", r#"{"user":"ann","token_id":"x"}"#).error(400, "malformed");
    stage.ask("POST", "/v1/revocations", "{}").error(400, "malformed");
}

#[test]
fn an_erased_user_is_gone_from_rooms_and_pages() {
    let stage = Stage::new();
    stage.ask("POST", "/v1/rooms", r#"{"room":"den","members":["mallory"]}"#).ok();
    let mut mallory = Client::enter(stage.node.address, JSON, &stage.node.token("mallory"));
    mallory.ask(&post("den", "secret", None));
    assert_eq!(stage.ask("DELETE", "/v1/users/mallory", "").ok()["ok"], "counted");
    // It goes on in steps.
    eventually(|| {
        let page = stage.ask("GET", "/v1/rooms/den/messages", "").ok();
        let members = stage.ask("GET", "/v1/rooms/den/members", "").ok();
        (bodies(&page) == [""] && members["count"] == 1).then_some(())
    });
}

#[test]
fn names_are_unique_and_numbers_rise() {
    let stage = Stage::new();
    let take = |holder: &str| stage.ask("PUT", "/v1/names/slug", &format!(r#"{{"holder":"{holder}"}}"#));
    take("a").ok();
    take("a").ok();
    take("b").error(409, "name_taken");
    assert_eq!(stage.ask("DELETE", "/v1/names/slug", "").error(400, "malformed")["field"], "holder");
    stage.ask("DELETE", "/v1/names/slug?holder=a", "").ok();
    take("b").ok();
    let numbers = |count: u32| stage.ask("POST", "/v1/counters/tickets", &format!(r#"{{"count":{count}}}"#)).ok();
    assert_eq!((&numbers(5)["first"], &numbers(1)["first"]), (&1.into(), &6.into()));
}
