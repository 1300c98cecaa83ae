//! Who gets in, how fast, and with how much: sizes, token buckets, rooms of a connection, connections of a user.

use crate::client::Client;
use crate::stage::Stage;

const PING: &str = r#"{"do":"ping","id":4}"#;

#[test]
fn a_stranger_gets_less_room_than_a_user() {
    let stage = Stage::new();
    let ann = stage.connect();
    assert_eq!(ann.may_say(), 16_384);
    ann.says(r#"{"do":"subscribe","id":1,"rooms":[{"room":"general"}]}"#);
    ann.hears(r#"{"re":1,"error":"not_authenticated"}"#);
    // From the token on, also while it is looked at: what follows it in one go is a user's.
    stage.outside(|outside| outside.late_tokens = true);
    ann.says(r#"{"do":"authenticate","id":2,"token":"ann"}"#);
    assert_eq!(ann.may_say(), 65_536);
    stage.answers();
    ann.hears(r#"{"re":2,"ok":"welcome","max_message_bytes":65536}"#);
    assert_eq!(ann.may_say(), 65_536);
    let bob = stage.connect();
    bob.says(r#"{"do":"authenticate","id":2,"token":"forged"}"#);
    stage.answers();
    bob.hears(r#"{"re":2,"error":"bad_token"}"#);
    assert_eq!(bob.may_say(), 16_384);
}

/// Pings until the bucket is empty; answers with how many got through, and how long to wait.
fn drain(client: &Client) -> (usize, u64) {
    for n in 0.. {
        client.says(PING);
        let said = client.hears(r#"{"re":4}"#);
        if said["error"] == "rate_limited" {
            return (n, said["retry_ms"].as_u64().unwrap());
        }
        assert_eq!(said["ok"], "pong");
    }
    unreachable!()
}

#[test]
fn a_connection_has_its_burst_and_then_its_pace_and_is_told_when_to_come_again() {
    let stage = Stage::with(|plan| (plan.limits.commands_per_second, plan.limits.commands_burst) = (4, 10));
    let ann = stage.enter("ann");
    // One went for the token.
    assert_eq!(drain(&ann), (9, 250));
    // Another connection of the same user has a bucket of its own.
    let phone = stage.enter("ann");
    assert_eq!(drain(&phone), (9, 250));
    stage.pass(249);
    assert_eq!(drain(&ann), (0, 1));
    stage.pass(1);
    assert_eq!(drain(&ann), (1, 250));
    stage.pass(60_000);
    assert_eq!(drain(&ann), (10, 250));
}

#[test]
fn a_user_has_a_bucket_over_all_connections_also_over_shards() {
    let stage = Stage::with(|plan| {
        plan.shards = 2;
        (plan.limits.user_commands_per_second, plan.limits.user_commands_burst) = (10, 20);
    });
    let one = stage.enter_at(0, "ann");
    let two = stage.enter_at(0, "ann");
    let (first, wait) = drain(&one);
    assert_eq!((drain(&two), wait), ((0, 100), 100), "the same bucket, and {first} were in it");
    let bob = stage.enter_at(0, "bob");
    assert!(drain(&bob).0 >= 19);
    // On two shards, each has half of the pace.
    let three = stage.enter_at(1, "ann");
    drain(&three);
    stage.pass(1_000);
    assert_eq!((drain(&one).0, drain(&two).0, drain(&three).0), (5, 0, 5));
    three.hangs_up();
    stage.pass(1_000);
    assert_eq!(drain(&one).0, 10);
}

#[test]
fn a_connection_has_so_many_rooms() {
    let stage = Stage::with(|plan| plan.limits.rooms_per_connection = 2);
    let ann = stage.enter("ann");
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"one"},{"room":"two"},{"room":"three"}]}"#);
    ann.hears_some(&[
        r#"{"re":2,"ok":"subscribed","room":{"name":"one"}}"#,
        r#"{"re":2,"ok":"subscribed","room":{"name":"two"}}"#,
        r#"{"re":2,"error":"too_many_rooms","item":2}"#,
    ]);
    // Again is not one more; one less makes room.
    ann.says(r#"{"do":"subscribe","id":3,"rooms":[{"room":"one"}]}"#);
    ann.hears(r#"{"re":3,"ok":"subscribed"}"#);
    ann.hears(r#"{"mark":"resumed","room":"one"}"#);
    ann.says(r#"{"do":"unsubscribe","id":4,"rooms":["one"]}"#);
    ann.hears(r#"{"re":4,"ok":"unsubscribed"}"#);
    ann.listens_to("three");
}

#[test]
fn a_user_has_so_many_connections() {
    let stage = Stage::with(|plan| {
        plan.shards = 2;
        plan.limits.connections_per_user = 2;
    });
    let one = stage.enter_at(0, "ann");
    let two = stage.enter_at(1, "ann");
    let three = stage.connect_to(1);
    three.says(r#"{"do":"authenticate","id":1,"token":"ann"}"#);
    three.hears(r#"{"re":1,"error":"too_many_connections"}"#);
    assert!(three.hears_close(4301).starts_with("too_many_connections"));
    let _bob = stage.enter_at(1, "bob");
    two.hangs_up();
    let three = stage.enter_at(1, "ann");
    for client in [&one, &three] {
        client.says(PING);
        client.hears(r#"{"re":4,"ok":"pong"}"#);
    }
}

#[test]
fn who_goes_on_and_on_is_sent_away() {
    let stage = Stage::with(|plan| (plan.limits.commands_per_second, plan.limits.commands_burst) = (1, 1));
    let ann = stage.enter("ann");
    for _ in 0..1_000 {
        ann.says(PING);
        ann.hears(r#"{"re":4,"error":"rate_limited"}"#);
    }
    ann.says(PING);
    ann.hears(r#"{"re":4,"error":"rate_limited"}"#);
    assert!(ann.hears_close(4102).starts_with("abusive"));
}
