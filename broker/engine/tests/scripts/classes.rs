//! Room classes: what differs between rooms of one realm by the pattern of their names.

use crate::stage::Stage;
use rookery_engine::settings::{Deliver, RoomClass, SecondConnection};

fn class(pattern: &str) -> RoomClass {
    RoomClass { name: pattern.to_owned(), pattern: pattern.to_owned(), ..RoomClass::default() }
}

#[test]
fn where_the_newest_wins_a_second_connection_replaces_the_first() {
    let stage = Stage::with(|plan| {
        plan.classes.push(RoomClass { second_connection: SecondConnection::Replaces, ..class("game-*") });
    });
    let (ann, bob, phone) = (stage.enter("ann"), stage.enter("bob"), stage.enter("bob"));
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"game-1","wants":["presence"]}]}"#);
    ann.hears(r#"{"re":2,"ok":"subscribed"}"#);
    ann.hears(r#"{"mark":"present"}"#);
    bob.listens_to("game-1");
    ann.hears(r#"{"ev":"connected","users":["bob"]}"#);
    phone.listens_to("game-1");
    bob.hears(r#"{"mark":"ended","room":"game-1","reason":"replaced"}"#);
    assert!(bob.hears_close(4300).starts_with("replaced"));
    // Nobody left, nobody came.
    stage.pass(30_000);
    ann.hears_nothing();
    ann.posts("game-1", "on");
    ann.hears(r#"{"ev":"posted","body":"on"}"#);
    ann.hears(r#"{"re":3,"ok":"placed"}"#);
    phone.hears(r#"{"ev":"posted","room":"game-1","body":"on"}"#);
    // In a room of another class both may stay.
    let desk = stage.enter("bob");
    for client in [&phone, &desk] {
        client.listens_to("general");
    }
    phone.hears_nothing();
}

#[test]
fn a_class_that_delivers_when_stored_shows_nothing_before() {
    let stage = Stage::with(|plan| {
        plan.classes.push(RoomClass { deliver: Deliver::Stored, ..class("ledger") });
        plan.late.submit = true;
    });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.answers();
    for room in ["ledger", "general"] {
        bob.listens_to(room);
        ann.says(&format!(r#"{{"do":"post","id":5,"room":"{room}","body":"{room}","ack":"accepted"}}"#));
        ann.hears(r#"{"re":5,"ok":"placed","place":[100,1],"level":"accepted"}"#);
    }
    bob.hears(r#"{"ev":"posted","room":"general"}"#);
    // Who comes meanwhile begins where the others are.
    let eve = stage.enter("eve");
    eve.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"ledger","cursor":[0,0]}]}"#);
    eve.hears(r#"{"re":2,"ok":"subscribed","end":[0,0]}"#);
    eve.hears(r#"{"mark":"resumed","at":[0,0]}"#);
    stage.pass(10_000);
    bob.hears_nothing();
    stage.answers();
    for client in [&bob, &eve] {
        client.hears(r#"{"ev":"posted","room":"ledger","epoch":100,"seq":1}"#);
    }
    // What fails was never seen, so nothing is taken back.
    stage.store_fails(150);
    ann.says(r#"{"do":"post","id":6,"room":"ledger","body":"lost"}"#);
    stage.answers();
    ann.hears(r#"{"re":6,"error":"not_stored"}"#);
    bob.hears_nothing();
    eve.hears_nothing();
}

#[test]
fn rooms_of_a_class_are_made_by_command_and_have_so_many_members_and_events() {
    let stage = Stage::with(|plan| {
        let narrow = RoomClass { implicit: false, max_members: 2, ..class("team-*") };
        plan.classes.push(RoomClass { events_per_second: 2, events_burst: 3, ..narrow });
    });
    let (ann, bob, eve) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
    bob.posts("team-a", "is anybody here?");
    bob.hears(r#"{"re":3,"error":"no_such_room"}"#);
    ann.says(r#"{"do":"create","id":2,"room":"team-a"}"#);
    ann.hears(r#"{"re":2,"ok":"placed","place":[100,1]}"#);
    bob.says(r#"{"do":"join","id":4,"room":"team-a"}"#);
    bob.hears(r#"{"re":4,"ok":"placed","place":[100,2]}"#);
    eve.says(r#"{"do":"join","id":4,"room":"team-a"}"#);
    eve.hears(r#"{"re":4,"error":"not_allowed"}"#);
    // Three events at once, whoever sends them, then two each second.
    stage.pass(10_000);
    for n in 1..=3 {
        let sender = [&ann, &bob][n % 2];
        sender.posts("team-a", "quick");
        sender.hears(r#"{"re":3,"ok":"placed"}"#);
    }
    ann.posts("team-a", "too quick");
    let refused = ann.hears(r#"{"re":3,"error":"rate_limited"}"#);
    let wait = refused["retry_ms"].as_u64().unwrap();
    assert!((1..=500).contains(&wait), "{refused}");
    stage.pass(wait - 1);
    bob.posts("team-a", "still too quick");
    bob.hears(r#"{"re":3,"error":"rate_limited","retry_ms":1}"#);
    stage.pass(1);
    bob.posts("team-a", "in time");
    bob.hears(r#"{"re":3,"ok":"placed"}"#);
}
