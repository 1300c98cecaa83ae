//! The inbox: what concerns one user, wherever it happens; unread rooms; summaries of rooms in the background; reports.

use crate::stage::Stage;

const INBOX: &str = r#"{"do":"subscribe","id":2,"rooms":[{"room":{"inbox":true},"cursor":[0,0]}]}"#;

#[test]
fn notices_come_in_the_order_of_their_causes_and_are_resumed_like_any_room() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    ann.says(r#"{"do":"create","id":5,"room":"den","settings":{"access":"members"},"members":["bob"]}"#);
    ann.hears(r#"{"re":5,"ok":"placed"}"#);
    ann.says(r#"{"do":"set_role","id":6,"room":"den","user":"bob","role":"admin"}"#);
    ann.hears(r#"{"re":6,"ok":"placed"}"#);
    ann.says(r#"{"do":"post","id":7,"room":"den","body":"@bob","mentions":["bob"]}"#);
    ann.hears(r#"{"re":7,"ok":"placed"}"#);
    ann.says(r#"{"do":"remove_member","id":8,"room":"den","user":"bob"}"#);
    ann.hears(r#"{"re":8,"ok":"placed"}"#);
    let bob = stage.enter("bob");
    bob.says(INBOX);
    bob.hears(r#"{"re":2,"ok":"subscribed","start":"resuming","room":{"kind":"inbox","name":"bob"}}"#);
    for (seq, notice) in (1..).zip(["member_of", "role_changed", "mentioned", "no_longer_member"]) {
        bob.hears(&format!(
            r#"{{"ev":"notified","room":"inbox","seq":{seq},"by":"ann","about":{{"name":"den"}},"notice":"{notice}"}}"#
        ));
    }
    bob.hears(r#"{"mark":"resumed","room":"inbox","at":[100,4]}"#);
    // Nobody reads another one's: a name is never an inbox.
    ann.says(r#"{"do":"subscribe","id":9,"rooms":[{"room":"bob"}]}"#);
    ann.hears(r#"{"re":9,"ok":"subscribed","room":{"kind":"room","name":"bob"},"end":[0,0]}"#);
}

#[test]
fn unread_rooms_are_gathered_and_a_room_that_does_not_answer_is_left_out_in_time() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for room in ["one", "two"] {
        bob.says(&format!(r#"{{"do":"join","id":4,"room":"{room}"}}"#));
        bob.hears(r#"{"re":4,"ok":"placed"}"#);
        for n in 1..=3 {
            ann.posts(room, &format!("{room} {n}"));
            ann.hears(r#"{"re":3,"ok":"placed"}"#);
        }
    }
    bob.says(r#"{"do":"mark_read","id":5,"room":"one","place":[100,3]}"#);
    bob.hears(r#"{"re":5,"ok":"done"}"#);
    let summary = r#"{"do":"unread_summary","id":6}"#;
    bob.says(summary);
    bob.hears(
        r#"{"re":6,"ok":"unread","rooms":[
            {"room":{"name":"one"},"last":[100,4],"unread":1,"last_line":{"body":"one 3"}},
            {"room":{"name":"two"},"last":[100,4],"unread":3,"last_line":{"body":"two 3"}}]}"#,
    );
    // After a stop, the rooms have to be read first.
    stage.crash(0, 200);
    let bob = stage.enter("bob");
    bob.says(r#"{"do":"typing","id":7,"room":"one"}"#);
    bob.hears(r#"{"re":7,"ok":"done"}"#);
    bob.says(r#"{"do":"unread_summary","id":8,"limit":1}"#);
    bob.hears(r#"{"re":8,"ok":"unread","rooms":[{"room":{"name":"one"},"unread":1}],"more":true}"#);
    stage.outside(|outside| outside.fake.late.load = true);
    bob.says(summary);
    stage.pass(1_999);
    bob.hears_nothing();
    stage.pass(1);
    bob.hears(r#"{"re":6,"ok":"unread","rooms":[{"room":{"name":"one"},"unread":1}]}"#);
    stage.answers();
}

#[test]
fn a_room_in_the_background_is_summarised_at_most_once_a_second() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    bob.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"general","wants":["summary_only"]}]}"#);
    bob.hears(r#"{"re":2,"ok":"subscribed"}"#);
    for n in 1..=3 {
        ann.posts("general", &format!(r"line {n}\nand more"));
        ann.hears(r#"{"re":3,"ok":"placed"}"#);
    }
    bob.hears(r#"{"ev":"summary","room":"general","last":[100,1],"n":1,"by":"ann","line":"line 1"}"#);
    stage.pass(999);
    bob.hears_nothing();
    stage.pass(1);
    bob.hears(r#"{"ev":"summary","last":[100,3],"n":3,"line":"line 3"}"#);
    ann.says(r#"{"do":"typing","id":4,"room":"general"}"#);
    ann.hears(r#"{"re":4,"ok":"done"}"#);
    stage.pass(10_000);
}

#[test]
fn the_sender_of_a_direct_room_hears_what_was_delivered_and_read() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.says(r#"{"do":"direct_room","id":4,"user":"bob"}"#);
    let name = ann.hears(r#"{"re":4,"ok":"direct"}"#)["name"].as_str().unwrap().to_owned();
    ann.says(INBOX);
    ann.hears_on_until(r#"{"mark":"resumed","room":"inbox"}"#);
    ann.says(&format!(r#"{{"do":"post","id":5,"room":{{"direct":"{name}"}},"body":"hi"}}"#));
    let place = ann.hears(r#"{"re":5,"ok":"placed"}"#)["place"].clone();
    for (state, id) in [("delivered", 6), ("read", 7), ("read", 8)] {
        bob.says(&format!(
            r#"{{"do":"mark_read","id":{id},"room":{{"direct":"{name}"}},"place":{place},"state":"{state}"}}"#
        ));
        bob.hears(&format!(r#"{{"re":{id},"ok":"done"}}"#));
    }
    for state in ["delivered", "read"] {
        ann.hears(&format!(r#"{{"ev":"report","room":"inbox","by":"bob","place":{place},"state":"{state}"}}"#));
    }
}
