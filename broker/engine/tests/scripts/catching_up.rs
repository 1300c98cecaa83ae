//! Live or catching up: who lags is fed at its own pace and told nothing, as long as nothing is lost.

use crate::client::Client;
use crate::stage::{Plan, Stage};

/// Marks that a few messages reach.
fn small(plan: &mut Plan) {
    plan.limits.outbox_shed_bytes = 1_000;
    plan.limits.outbox_low_bytes = 1_000;
    plan.limits.outbox_high_bytes = 4_000;
    plan.limits.replay_page_events = 4;
}

fn posts_many(bob: &Client, room: &str, numbers: std::ops::RangeInclusive<u32>) {
    for n in numbers {
        bob.posts(room, &format!("{n} {}", "x".repeat(200)));
        bob.hears(r#"{"re":3,"ok":"placed"}"#);
    }
}

/// Every number once, in order, and nothing else.
fn hears_numbers(ann: &Client, numbers: std::ops::RangeInclusive<u32>) {
    for n in numbers {
        let said = ann.hears(&format!(r#"{{"ev":"posted","seq":{n}}}"#));
        assert!(said["body"].as_str().unwrap().starts_with(&format!("{n} ")));
    }
}

#[test]
fn who_lags_is_fed_at_its_own_pace_and_told_nothing() {
    let stage = Stage::with(small);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.listens_to("general");
    ann.takes(0);
    posts_many(&bob, "general", 1..=100);
    assert!((4_000..8_000).contains(&ann.queued()), "{} bytes wait", ann.queued());
    assert_eq!(stage.shard(|shard, _| shard.edge.counters.lagged), 1);
    // A little at a time.
    for _ in 0..20 {
        ann.takes(500);
        assert!(ann.queued() < 8_000, "{} bytes wait", ann.queued());
    }
    ann.takes(usize::MAX);
    hears_numbers(&ann, 1..=100);
    posts_many(&bob, "general", 101..=101);
    hears_numbers(&ann, 101..=101);
}

#[test]
fn what_is_no_longer_kept_is_a_gap_before_the_next_event() {
    let stage = Stage::with(|plan| {
        small(plan);
        plan.limits.recent_events = 8;
    });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.listens_to("general");
    ann.takes(0);
    posts_many(&bob, "general", 1..=100);
    stage.stored("general", |tables| tables.replay_from = tables.last);
    ann.takes(usize::MAX);
    let all = ann.hears_on_until(r#"{"mark":"gap","room":"general","reason":"too_old","from":[100,100]}"#);
    let events = &all[..all.len() - 1];
    assert!((10..50).contains(&events.len()));
    assert!((1..).zip(events).all(|(n, event)| event["seq"] == n));
    posts_many(&bob, "general", 101..=101);
    hears_numbers(&ann, 101..=101);
}

#[test]
fn a_shard_that_is_behind_catches_up_when_there_is_room_in_its_lane() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let room = stage.name_on(1, "room");
    let (ann, bob) = (stage.enter_at(0, "ann"), stage.enter_at(1, "bob"));
    ann.listens_to(&room);
    posts_many(&bob, &room, 1..=1);
    hears_numbers(&ann, 1..=1);
    stage.outside_of(1, |outside| outside.lanes_full = true);
    posts_many(&bob, &room, 2..=20);
    ann.hears_nothing();
    stage.outside_of(1, |outside| outside.lanes_full = false);
    // Nothing new in the room: the next turn of its shard says that something was left out.
    bob.says(r#"{"do":"ping","id":4}"#);
    bob.hears(r#"{"re":4,"ok":"pong"}"#);
    hears_numbers(&ann, 2..=20);
}
