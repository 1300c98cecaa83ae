//! Who is here, in three sizes: told one by one, in batches, and as a count with a sample; leaving after a grace time.

use crate::client::Client;
use crate::stage::Stage;

const WATCH: &str = r#"{"do":"subscribe","id":2,"rooms":[{"room":"general","wants":["presence"]}]}"#;

fn watcher(stage: &Stage) -> Client {
    let ann = stage.enter("ann");
    ann.says(WATCH);
    ann.hears(r#"{"re":2,"ok":"subscribed","present":1}"#);
    ann.hears(r#"{"mark":"present","users":["ann"],"count":1,"complete":true}"#);
    ann
}

fn crowd(stage: &Stage, numbers: std::ops::Range<u32>) -> Vec<Client> {
    let come = |n| {
        let client = stage.enter(&format!("user{n:04}"));
        client.listens_to("general");
        client
    };
    numbers.map(come).collect()
}

#[test]
fn in_a_small_room_each_is_told_and_leaving_has_its_grace() {
    let stage = Stage::new();
    let ann = watcher(&stage);
    // Who did not wish for it is told nothing.
    let bob = stage.enter("bob");
    bob.listens_to("general");
    ann.hears(r#"{"ev":"connected","room":"general","users":["bob"],"seq":null}"#);
    bob.hangs_up();
    stage.pass(9_999);
    ann.hears_nothing();
    // Back in time: it was never away.
    let bob = stage.enter("bob");
    bob.listens_to("general");
    stage.pass(20_000);
    ann.hears_nothing();
    // Of two connections, the last one counts.
    let other = stage.enter("bob");
    other.listens_to("general");
    bob.hangs_up();
    stage.pass(20_000);
    ann.hears_nothing();
    other.says(r#"{"do":"unsubscribe","id":4,"rooms":["general"]}"#);
    other.hears(r#"{"re":4,"ok":"unsubscribed"}"#);
    stage.pass(9_999);
    ann.hears_nothing();
    stage.pass(1);
    ann.hears(r#"{"ev":"disconnected","room":"general","users":["bob"]}"#);
}

#[test]
fn in_a_medium_room_they_are_told_in_batches() {
    let stage = Stage::new();
    let ann = watcher(&stage);
    let early = crowd(&stage, 0..31);
    for n in 0..31 {
        ann.hears(&format!(r#"{{"ev":"connected","users":["user{n:04}"]}}"#));
    }
    let late = crowd(&stage, 31..36);
    ann.hears_nothing();
    stage.pass(999);
    ann.hears_nothing();
    stage.pass(1);
    let batch = r#"["user0031","user0032","user0033","user0034","user0035"]"#;
    ann.hears(&format!(r#"{{"ev":"connected","users":{batch}}}"#));
    late.iter().for_each(Client::hangs_up);
    stage.pass(10_000);
    ann.hears_nothing();
    stage.pass(1_000);
    let told = ann.hears(r#"{"ev":"disconnected"}"#);
    assert!(told["users"].as_array().is_some_and(|users| users.contains(&"user0031".into())), "{told}");
    drop(early);
}

#[test]
fn of_a_huge_room_a_count_and_a_sample_are_told() {
    let stage = Stage::new();
    let ann = watcher(&stage);
    let mut all = crowd(&stage, 0..999);
    stage.pass(1_000);
    let mut told = 0;
    while told < 999 {
        told += ann.hears(r#"{"ev":"connected"}"#)["users"].as_array().unwrap().len();
    }
    all.extend(crowd(&stage, 999..1_010));
    ann.hears_nothing();
    stage.pass(1_000);
    let crowd = ann.hears(r#"{"ev":"crowd","count":1011}"#);
    assert_eq!(crowd["sample"].as_array().unwrap().len(), 16);
    let eve = stage.enter("eve");
    eve.says(WATCH);
    eve.hears(r#"{"re":2,"ok":"subscribed","present":1012}"#);
    let present = eve.hears(r#"{"mark":"present","count":1012,"complete":null}"#);
    assert_eq!(present["users"].as_array().unwrap().len(), 16);
}
