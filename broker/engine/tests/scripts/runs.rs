//! Runs and epochs: what a failing store or an unclean stop takes back, what is held, and places without content.

use crate::stage::Stage;
use rookery_engine::ports::{Fact, Foreign};
use rookery_engine::settings::OnFailure;
use rookery_engine::testing::room;
use rookery_protocol::event::{Event, EventBody, RoomInfo};
use rookery_protocol::ids::{Epoch, Name, RoomKind};
use std::sync::Arc;

#[test]
fn a_class_that_refuses_takes_back_what_was_not_stored() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.listens_to("general");
    bob.posts("general", "kept");
    bob.hears(r#"{"re":3,"ok":"placed","place":[100,1],"level":"durable"}"#);
    ann.hears(r#"{"ev":"posted","epoch":100,"seq":1,"body":"kept"}"#);

    stage.outside(|outside| outside.fake.late.submit = true);
    stage.store_fails(150);
    bob.posts("general", "lost");
    bob.says(r#"{"do":"post","id":4,"room":"general","body":"hasty","ack":"accepted"}"#);
    bob.hears(r#"{"re":4,"ok":"placed","place":[100,3],"level":"accepted"}"#);
    ann.hears(r#"{"ev":"posted","seq":2,"body":"lost"}"#);
    ann.hears(r#"{"ev":"posted","seq":3,"body":"hasty"}"#);
    bob.hears_nothing();
    stage.answers();
    ann.hears(r#"{"ev":"retract","room":"general","above":[100,1],"next":[150,2]}"#);
    bob.hears(r#"{"re":3,"error":"not_stored"}"#);

    bob.posts("general", "too early");
    bob.hears(r#"{"re":3,"error":"read_only","retry_ms":1000}"#);
    stage.outside(|outside| outside.fake.late.submit = false);
    stage.store_works();
    stage.pass(20_000);
    bob.posts("general", "again");
    let placed = bob.hears(r#"{"re":3,"ok":"placed","n":2}"#);
    let epoch = placed["place"][0].as_u64().unwrap();
    assert!(epoch >= 150 && placed["place"][1] == 2, "{placed}");
    ann.hears(&format!(r#"{{"ev":"posted","epoch":{epoch},"seq":2,"n":2,"body":"again"}}"#));
    ann.says(r#"{"do":"history","id":5,"room":"general"}"#);
    ann.hears(r#"{"re":5,"ok":"history","messages":[{"body":"kept"},{"body":"again"}]}"#);
}

#[test]
fn a_class_that_keeps_holds_what_was_not_stored_and_answers_when_it_is() {
    let stage = Stage::with(|plan| plan.class.on_failure = OnFailure::Keep);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.listens_to("general");
    stage.store_fails(150);
    bob.says(r#"{"do":"post","id":4,"room":"general","body":"held"}"#);
    bob.says(r#"{"do":"post","id":5,"room":"general","body":"held, too"}"#);
    ann.hears(r#"{"ev":"posted","epoch":100,"seq":1,"body":"held"}"#);
    ann.hears(r#"{"ev":"posted","epoch":null,"seq":2,"body":"held, too"}"#);
    stage.pass(30_000);
    bob.hears_nothing();
    // History ends at what is confirmed.
    ann.says(r#"{"do":"history","id":6,"room":"general"}"#);
    ann.hears(r#"{"re":6,"ok":"history","messages":[],"fence":[0,0]}"#);

    stage.store_works();
    stage.pass(20_000);
    bob.hears(r#"{"re":4,"ok":"placed","place":[100,1],"level":"durable"}"#);
    bob.hears(r#"{"re":5,"ok":"placed","place":[100,2],"level":"durable"}"#);
    stage.stored("general", |tables| assert_eq!(tables.events.len(), 2));
}

#[test]
fn what_a_class_keeps_is_bounded_and_survives_in_order() {
    let stage = Stage::with(|plan| {
        plan.class.on_failure = OnFailure::Keep;
        plan.limits.room_in_flight = 3;
    });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.listens_to("general");
    stage.store_fails(150);
    for id in 4..=6 {
        bob.says(&format!(r#"{{"do":"post","id":{id},"room":"general","body":"{id}"}}"#));
        ann.hears(&format!(r#"{{"ev":"posted","body":"{id}"}}"#));
    }
    bob.says(r#"{"do":"post","id":7,"room":"general","body":"one too many"}"#);
    bob.hears(r#"{"re":7,"error":"busy"}"#);
    // The client gives up; what it sent is stored all the same, once.
    bob.hangs_up();
    stage.pass(60_000);
    stage.store_works();
    stage.pass(20_000);
    let bob = stage.enter("bob");
    bob.posts("general", "after");
    bob.hears(r#"{"re":3,"ok":"placed","place":[100,4],"n":4}"#);
    ann.hears(r#"{"ev":"posted","epoch":null,"seq":4,"body":"after"}"#);
    stage.stored("general", |tables| assert_eq!(tables.messages, 4));
}

#[test]
fn an_unclean_stop_takes_what_nobody_was_promised_and_says_so() {
    let stage = Stage::new();
    let bob = stage.enter("bob");
    bob.posts("general", "kept");
    bob.hears(r#"{"re":3,"ok":"placed","place":[100,1]}"#);
    stage.outside(|outside| outside.fake.late.submit = true);
    bob.posts("general", "in memory only");
    stage.outside(|outside| outside.fake.late.submit = false);
    stage.crash(0, 200);

    // Ann saw (100, 2) before the node went down.
    let ann = stage.connect();
    ann.says(r#"{"do":"resume","id":9,"token":"ann","rooms":[{"room":"general","cursor":[100,2]}]}"#);
    ann.hears(r#"{"re":9,"ok":"welcome","run":200}"#);
    ann.hears(r#"{"re":9,"ok":"subscribed","start":{"retract":[100,1]},"from":[100,1],"end":[100,1]}"#);
    ann.hears(r#"{"mark":"resumed","at":[100,1]}"#);
    let bob = stage.enter("bob");
    bob.posts("general", "anew");
    bob.hears(r#"{"re":3,"ok":"placed","place":[200,2],"n":2}"#);
    ann.hears(r#"{"ev":"posted","epoch":200,"seq":2,"body":"anew"}"#);

    // And who comes only now with the same cursor is told the same, and what came instead.
    let eve = stage.connect();
    eve.says(r#"{"do":"resume","id":9,"token":"eve","rooms":[{"room":"general","cursor":[100,2]}]}"#);
    eve.hears(r#"{"re":9,"ok":"welcome"}"#);
    eve.hears(r#"{"re":9,"ok":"subscribed","start":{"retract":[100,1]},"from":[100,1],"end":[200,2]}"#);
    eve.hears(r#"{"ev":"posted","epoch":200,"seq":2,"body":"anew"}"#);
    eve.hears(r#"{"mark":"resumed","at":[200,2]}"#);
}

#[test]
fn what_no_longer_holds_when_it_gets_its_place_is_a_void() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.listens_to("general");
    bob.posts("general", "before");
    bob.hears(r#"{"re":3,"ok":"placed","place":[100,1]}"#);
    ann.hears(r#"{"ev":"posted","seq":1}"#);

    stage.outside(|outside| outside.fake.late.sequence = true);
    // Another node archives the room while bob's post waits for its place.
    let general = room(RoomKind::Room, "general");
    let place = stage.outside(|outside| outside.fake.foreign_place(&general, Epoch(100)));
    bob.posts("general", "too late");
    let info = RoomInfo { archived: true, ..RoomInfo::default() };
    let event = Event { place, at: 5, by: Name::literal("backend"), body: EventBody::Updated(Arc::new(info)) };
    let foreign = Box::new(Foreign { event, rows: Vec::new(), privileged: true });
    stage.fact(Fact::Foreign { room: general, event: foreign });
    stage.answers();
    ann.hears(r#"{"ev":"updated","seq":2,"info":{"archived":true}}"#);
    ann.hears(r#"{"ev":"void","seq":3,"by":"bob","body":null}"#);
    bob.hears(r#"{"re":3,"error":"overtaken"}"#);
    bob.posts("general", "still too late");
    bob.hears(r#"{"re":3,"error":"room_archived"}"#);
}
