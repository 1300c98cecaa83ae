//! A room whose state is being read: its commands wait in order, bounded, and it is read once for all of them.

use crate::client::post;
use crate::stage::Stage;

#[test]
fn commands_wait_in_order_and_the_room_is_read_once() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let before = stage.outside(|outside| {
        outside.fake.late.load = true;
        outside.fake.counts.loads
    });
    ann.says(r#"{"do":"create","id":2,"room":"den","settings":{"access":"members"}}"#);
    ann.says(r#"{"do":"invite","id":3,"room":"den","user":"bob"}"#);
    bob.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"den","cursor":[0,0]}]}"#);
    bob.says(&post("den", "first"));
    ann.says(r#"{"do":"post","id":4,"room":"den","body":"second"}"#);
    stage.pass(60_000);
    ann.hears_nothing();
    bob.hears_nothing();
    assert_eq!(stage.outside(|outside| outside.fake.counts.loads) - before, 1);
    assert!(stage.answer());
    bob.hears_all(&[
        r#"{"re":3,"ok":"placed","place":[100,3]}"#,
        r#"{"re":2,"ok":"subscribed","start":"resuming","from":[0,0],"end":[100,4],"role":"member"}"#,
        r#"{"ev":"updated","seq":1}"#,
        r#"{"ev":"joined","seq":2,"user":"bob"}"#,
        r#"{"ev":"posted","seq":3,"body":"first"}"#,
        r#"{"ev":"posted","seq":4,"body":"second"}"#,
        r#"{"mark":"resumed","at":[100,4]}"#,
    ]);
    ann.hears_all(&[r#"{"re":2,"ok":"placed"}"#, r#"{"re":3,"ok":"placed"}"#, r#"{"re":4,"ok":"placed"}"#]);
    stage.answers();
}

#[test]
fn so_many_wait_and_the_others_are_told_to_come_again() {
    let stage = Stage::with(|plan| plan.limits.room_waiting = 3);
    let ann = stage.enter("ann");
    stage.outside(|outside| outside.fake.late.load = true);
    for id in 1..=5 {
        ann.says(&format!(r#"{{"do":"post","id":{id},"room":"general","body":"{id}"}}"#));
    }
    for id in 4..=5 {
        ann.hears(&format!(r#"{{"re":{id},"error":"busy","retry_ms":100}}"#));
    }
    // Another room is not concerned.
    stage.outside(|outside| outside.fake.late.load = false);
    ann.says(r#"{"do":"post","id":6,"room":"other","body":"hi"}"#);
    ann.hears(r#"{"re":6,"ok":"placed"}"#);
    stage.answers();
    for id in 1..=3 {
        ann.hears(&format!(r#"{{"re":{id},"ok":"placed","place":[100,{id}]}}"#));
    }
}

#[test]
fn a_room_that_cannot_be_read_turns_all_away_and_is_read_anew_for_the_next() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    stage.outside(|outside| (outside.fake.late.load, outside.fake.fail_reads) = (true, true));
    ann.says(r#"{"do":"post","id":2,"room":"general","body":"lost"}"#);
    ann.says(r#"{"do":"subscribe","id":3,"rooms":[{"room":"other"},{"room":"general"}]}"#);
    stage.answers();
    ann.hears_some(&[
        r#"{"re":2,"error":"busy"}"#,
        r#"{"re":3,"error":"busy","item":0}"#,
        r#"{"re":3,"error":"busy","item":1}"#,
    ]);
    stage.outside(|outside| (outside.fake.late.load, outside.fake.fail_reads) = (false, false));
    ann.says(r#"{"do":"post","id":4,"room":"general","body":"kept"}"#);
    ann.hears(r#"{"re":4,"ok":"placed","place":[100,1]}"#);
}
