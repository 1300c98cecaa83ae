//! The slow-client ladder: signals are shed, the subscription falls back, a gap is told, and who takes no byte for ten
//! seconds is cut; nobody else notices.

use crate::client::{Client, post};
use crate::stage::{Plan, Stage};
use rookery_protocol::errors::DropReason;

fn small(plan: &mut Plan) {
    plan.limits.outbox_shed_bytes = 1_000;
    plan.limits.outbox_low_bytes = 1_000;
    plan.limits.outbox_high_bytes = 4_000;
    plan.limits.outbox_cut_bytes = 16_000;
    plan.limits.replay_page_events = 4;
}

fn fills(bob: &Client, messages: u32) {
    for n in 1..=messages {
        bob.says(&post("general", &format!("{n} {}", "x".repeat(200))));
        bob.hears(r#"{"re":3,"ok":"placed"}"#);
    }
}

#[test]
fn signals_are_shed_first_and_presence_is_told_anew() {
    let stage = Stage::with(small);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"general","wants":["presence"]}]}"#);
    ann.hears(r#"{"re":2,"ok":"subscribed"}"#);
    ann.hears(r#"{"mark":"present","users":["ann"]}"#);
    ann.takes(0);
    fills(&bob, 5);
    bob.says(r#"{"do":"typing","id":4,"room":"general"}"#);
    bob.hears(r#"{"re":4,"ok":"done"}"#);
    bob.listens_to("general");
    // It is live still, so the message comes; who came and who types does not.
    fills(&stage.enter("eve"), 1);
    bob.hears(r#"{"ev":"posted","seq":6}"#);
    assert_eq!(stage.shard(|shard, _| (shard.edge.counters.shed, shard.edge.counters.lagged)), (2, 0));
    ann.takes(usize::MAX);
    for seq in 1..=6 {
        ann.hears(&format!(r#"{{"ev":"posted","seq":{seq}}}"#));
    }
    ann.hears(r#"{"mark":"present","users":["ann","bob"],"count":2,"complete":true}"#);
    // It was slow once, and that is forgotten.
    stage.pass(20_000);
    assert!(!ann.is_gone());
}

#[test]
fn who_takes_nothing_for_ten_seconds_is_cut_and_nobody_else_notices() {
    let stage = Stage::with(small);
    let (ann, bob, eve) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
    ann.listens_to("general");
    eve.listens_to("general");
    ann.takes(300);
    fills(&bob, 40);
    let first = ann.hears(r#"{"ev":"posted","seq":1}"#);
    assert!(first["body"].as_str().unwrap().starts_with("1 "));
    stage.pass(9_000);
    // A byte is a sign of life.
    ann.takes(1);
    assert!(ann.queued() < 8_000, "{} bytes wait", ann.queued());
    stage.pass(9_999);
    assert!(!ann.is_gone());
    stage.pass(1);
    ann.is_cut(DropReason::Slow);
    assert_eq!(stage.shard(|shard, _| shard.edge.counters.dropped(DropReason::Slow)), 1);
    for seq in 1..=40 {
        eve.hears(&format!(r#"{{"ev":"posted","seq":{seq}}}"#));
    }
    // It comes back and resumes, and has lost nothing.
    let ann = stage.connect();
    ann.says(r#"{"do":"resume","id":9,"token":"ann","rooms":[{"room":"general","cursor":[100,1]}]}"#);
    ann.hears(r#"{"re":9,"ok":"welcome"}"#);
    ann.hears(r#"{"re":9,"ok":"subscribed","start":"resuming"}"#);
    for seq in 2..=40 {
        ann.hears(&format!(r#"{{"ev":"posted","seq":{seq}}}"#));
    }
    ann.hears(r#"{"mark":"resumed"}"#);
}

#[test]
fn who_is_cut_is_told_why_where_the_bytes_still_fit() {
    let stage = Stage::with(small);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.listens_to("general");
    ann.takes(0);
    fills(&bob, 1);
    stage.pass(9_999);
    // Its socket has room again at the very moment, but says so too late.
    ann.ear(|ear| ear.takes = usize::MAX);
    stage.pass(1);
    let reason = ann.hears_close(4001);
    assert!(reason.starts_with("slow"), "{reason}");
}

#[test]
fn who_asks_and_asks_and_reads_no_answer_is_cut_at_its_bound() {
    let stage = Stage::with(small);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    fills(&bob, 20);
    ann.takes(0);
    let mut asked = 0;
    while !ann.is_gone() && asked < 100 {
        ann.says(r#"{"do":"history","id":5,"room":"general"}"#);
        assert!(ann.queued() < 16_000 + 8_000, "{} bytes wait", ann.queued());
        asked += 1;
    }
    ann.is_cut(DropReason::Slow);
    assert!(asked < 10, "{asked} pages");
}
