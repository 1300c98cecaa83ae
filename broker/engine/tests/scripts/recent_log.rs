//! Beyond the recent log: pages come from the store, late and shared, and show messages as they are now.

use crate::client::{Client, post};
use crate::stage::Stage;

fn stage_with_history() -> (Stage, Client) {
    let stage = Stage::with(|plan| {
        plan.limits.recent_events = 8;
        plan.limits.replay_page_events = 4;
    });
    let bob = stage.enter("bob");
    for n in 1..=50 {
        bob.says(&post("general", &format!("m{n}")));
        bob.hears(r#"{"re":3,"ok":"placed"}"#);
    }
    (stage, bob)
}

const FROM_THE_START: &str = r#"{"do":"subscribe","id":2,"rooms":[{"room":"general","cursor":[0,0]}]}"#;

#[test]
fn pages_of_the_store_are_read_once_for_all_who_lag() {
    let (stage, bob) = stage_with_history();
    let (ann, eve) = (stage.enter("ann"), stage.enter("eve"));
    stage.outside(|outside| outside.fake.late.fetch = true);
    let before = stage.outside(|outside| outside.fake.counts.fetches);
    // Two that get the same bytes, and one that gets others.
    let zoe = stage.enter("zoe");
    for client in [&ann, &eve] {
        client.says(FROM_THE_START);
        client.hears(r#"{"re":2,"ok":"subscribed","start":"resuming","from":[0,0],"end":[100,50]}"#);
    }
    zoe.says(&FROM_THE_START.replace("}]", r#","wants":["presence"]}]"#));
    zoe.hears(r#"{"re":2,"ok":"subscribed"}"#);
    zoe.hears(r#"{"mark":"present","count":3}"#);
    // What is posted meanwhile comes in its turn.
    bob.posts("general", "m51");
    bob.hears(r#"{"re":3,"ok":"placed"}"#);
    stage.answers();
    for client in [&ann, &eve, &zoe] {
        for n in 1..=51 {
            client.hears(&format!(r#"{{"ev":"posted","seq":{n},"body":"m{n}"}}"#));
        }
        client.hears(r#"{"mark":"resumed","at":[100,51]}"#);
    }
    // While it caught up it was told of nobody, so now it is told of all.
    zoe.hears(r#"{"mark":"present","users":["ann","eve","zoe"]}"#);
    // Forty-three events that are not at hand, in pages of four.
    let fetches = stage.outside(|outside| outside.fake.counts.fetches) - before;
    assert_eq!(fetches, 11);
}

#[test]
fn a_page_that_is_read_while_its_message_changes_shows_it_as_it_is() {
    let (stage, bob) = stage_with_history();
    let ann = stage.enter("ann");
    stage.outside(|outside| outside.fake.late.fetch = true);
    ann.says(FROM_THE_START);
    ann.hears(r#"{"re":2,"ok":"subscribed"}"#);
    stage.outside(|outside| outside.fake.late.fetch = false);
    bob.says(r#"{"do":"edit","id":7,"room":"general","target":[100,2],"body":"edited"}"#);
    bob.hears(r#"{"re":7,"ok":"placed","place":[100,51]}"#);
    bob.says(r#"{"do":"delete","id":8,"room":"general","target":[100,3]}"#);
    bob.hears(r#"{"re":8,"ok":"placed","place":[100,52]}"#);
    stage.answers();
    ann.hears(r#"{"ev":"posted","seq":1,"body":"m1","version":null}"#);
    ann.hears(r#"{"ev":"posted","seq":2,"body":"edited","version":[100,51]}"#);
    ann.hears(r#"{"ev":"posted","seq":3,"body":"","version":[100,52]}"#);
    for n in 4..=50 {
        ann.hears(&format!(r#"{{"ev":"posted","seq":{n},"body":"m{n}"}}"#));
    }
    ann.hears(r#"{"ev":"edited","seq":51,"target":[100,2],"body":"edited"}"#);
    ann.hears(r#"{"ev":"deleted","seq":52,"target":[100,3]}"#);
    ann.hears(r#"{"mark":"resumed","at":[100,52]}"#);
}

#[test]
fn a_store_that_does_not_answer_is_asked_again() {
    let (stage, _bob) = stage_with_history();
    let ann = stage.enter("ann");
    stage.outside(|outside| outside.fake.fail_reads = true);
    ann.says(FROM_THE_START);
    ann.hears(r#"{"re":2,"ok":"subscribed","start":"resuming"}"#);
    stage.pass(5_000);
    ann.hears_nothing();
    stage.outside(|outside| outside.fake.fail_reads = false);
    stage.pass(5_000);
    for n in 1..=50 {
        ann.hears(&format!(r#"{{"ev":"posted","seq":{n},"body":"m{n}"}}"#));
    }
    ann.hears(r#"{"mark":"resumed","at":[100,50]}"#);
}
