//! Effects on other rooms: they leave once their cause is confirmed, are sent again until they are taken, and are
//! taken once.

use crate::stage::Stage;
use rookery_protocol::ids::RoomKind;

const INBOX: &str = r#"{"do":"subscribe","id":2,"rooms":[{"room":{"inbox":true},"cursor":[0,0]}]}"#;

#[test]
fn an_effect_leaves_when_its_cause_is_confirmed() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    bob.says(INBOX);
    bob.hears(r#"{"re":2,"ok":"subscribed"}"#);
    bob.hears(r#"{"mark":"resumed"}"#);
    stage.outside(|outside| outside.fake.late.submit = true);
    ann.says(r#"{"do":"post","id":5,"room":"general","body":"look, bob","mentions":["bob"],"ack":"accepted"}"#);
    ann.hears(r#"{"re":5,"ok":"placed","place":[100,1],"level":"accepted"}"#);
    stage.pass(60_000);
    bob.hears_nothing();
    stage.answers();
    let about = r#"{"realm":"main","kind":"room","name":"general"}"#;
    let notice = format!(r#""by":"ann","about":{about},"place":[100,1],"notice":"mentioned"}}"#);
    bob.hears(&format!(r#"{{"ev":"notified","room":"inbox","seq":1,{notice}"#));
}

#[test]
fn an_effect_of_what_was_taken_back_never_leaves() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    bob.says(INBOX);
    bob.hears(r#"{"re":2,"ok":"subscribed"}"#);
    bob.hears(r#"{"mark":"resumed"}"#);
    stage.outside(|outside| outside.fake.late.submit = true);
    ann.says(r#"{"do":"post","id":5,"room":"general","body":"look, bob","mentions":["bob"]}"#);
    stage.store_fails(150);
    stage.answers();
    ann.hears(r#"{"re":5,"error":"not_stored"}"#);
    stage.outside(|outside| outside.fake.late.submit = false);
    stage.store_works();
    stage.pass(60_000);
}

#[test]
fn an_effect_is_sent_again_until_it_is_taken_and_taken_once() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let room = stage.name_on(0, "room");
    let bob = stage.named_on(1, RoomKind::Inbox, "bob");
    let ann = stage.enter_at(0, "ann");
    // It does not get through to the inbox before the node goes down.
    stage.outside_of(0, |outside| outside.lanes_full = true);
    ann.says(&format!(r#"{{"do":"post","id":5,"room":"{room}","body":"look","mentions":["{bob}"]}}"#));
    ann.hears(r#"{"re":5,"ok":"placed","place":[100,1],"level":"durable"}"#);
    stage.outside_of(0, |outside| outside.lanes_full = false);
    stage.crash(0, 200);

    // Touched again, the room sends it; the inbox takes it, but its answer is lost with the next stop.
    let ann = stage.enter_at(0, "ann");
    stage.outside_of(1, |outside| outside.lanes_full = true);
    ann.says(&format!(r#"{{"do":"typing","id":6,"room":"{room}"}}"#));
    ann.hears(r#"{"re":6,"ok":"done"}"#);
    stage.outside_of(1, |outside| outside.lanes_full = false);
    stage.crash(0, 300);

    let ann = stage.enter_at(0, "ann");
    ann.says(&format!(r#"{{"do":"typing","id":6,"room":"{room}"}}"#));
    ann.hears(r#"{"re":6,"ok":"done"}"#);
    let inbox = stage.enter_at(1, &bob);
    inbox.says(INBOX);
    inbox.hears(r#"{"re":2,"ok":"subscribed"}"#);
    inbox.hears(r#"{"ev":"notified","epoch":200,"seq":1,"place":[100,1],"notice":"mentioned"}"#);
    inbox.hears(r#"{"mark":"resumed"}"#);
}
