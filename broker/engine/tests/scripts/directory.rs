//! The directory: what must be unique or counted, also while the sequencer and the store take their time.

use crate::stage::Stage;
use rookery_engine::testing::Late;

const SLOW: Late = Late { sequence: true, submit: true, load: false, fetch: false };

#[test]
fn a_name_is_given_once_however_many_ask_at_the_same_time() {
    let stage = Stage::with(|plan| plan.late = SLOW);
    let (one, two) = (stage.enter("one backend"), stage.enter("two backend"));
    one.begins(r#"{"do":"take_name","id":2,"name":"welcome","holder":"ann"}"#);
    two.says(r#"{"do":"take_name","id":2,"name":"welcome","holder":"bob"}"#);
    one.hears_nothing();
    stage.answers();
    one.hears(r#"{"re":2,"ok":"placed"}"#);
    two.hears(r#"{"re":2,"error":"name_taken"}"#);
    // Only its holder gives it back; then it is free.
    two.says(r#"{"do":"release_name","id":3,"name":"welcome","holder":"bob"}"#);
    two.hears(r#"{"re":3,"error":"name_taken"}"#);
    one.says(r#"{"do":"release_name","id":3,"name":"welcome","holder":"ann"}"#);
    two.says(r#"{"do":"take_name","id":4,"name":"welcome","holder":"bob"}"#);
    stage.answers();
    one.hears(r#"{"re":3,"ok":"placed"}"#);
    two.hears(r#"{"re":4,"ok":"placed"}"#);
}

#[test]
fn numbers_rise_in_blocks_and_none_is_given_twice() {
    let stage = Stage::new();
    let backend = stage.enter("backend backend");
    let take = |id: u32, count: u32| format!(r#"{{"do":"take_numbers","id":{id},"counter":"rooms","count":{count}}}"#);
    backend.says(&take(2, 64));
    backend.hears(r#"{"re":2,"ok":"numbers","first":1,"count":64}"#);
    backend.says(&take(3, 65));
    backend.hears(r#"{"re":3,"error":"too_large"}"#);
    backend.says(&take(4, 1));
    backend.hears(r#"{"re":4,"ok":"numbers","first":65,"count":1}"#);
    // Nobody was told of the next block before the node went down: it may be given again. What was told is not.
    stage.outside(|outside| outside.fake.late.submit = true);
    backend.says(&take(5, 10));
    backend.hears_nothing();
    stage.crash(0, 200);
    stage.outside(|outside| outside.fake.late.submit = false);
    let backend = stage.enter("backend backend");
    backend.says(&take(6, 2));
    backend.hears(r#"{"re":6,"ok":"numbers","first":66,"count":2}"#);
}

#[test]
fn two_who_ask_for_each_other_at_the_same_time_get_the_same_room() {
    let stage = Stage::with(|plan| plan.late = SLOW);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.begins(r#"{"do":"direct_room","id":2,"user":"bob"}"#);
    bob.says(r#"{"do":"direct_room","id":2,"user":"ann"}"#);
    ann.hears_nothing();
    stage.answers();
    let name = ann.hears(r#"{"re":2,"ok":"direct"}"#)["name"].as_str().unwrap().to_owned();
    bob.hears(&format!(r#"{{"re":2,"ok":"direct","name":"{name}"}}"#));
    // Who is told of it can enter it, and nobody else can.
    let eve = stage.enter("eve");
    let enter = format!(r#"{{"do":"subscribe","id":3,"rooms":[{{"room":{{"direct":"{name}"}}}}]}}"#);
    for client in [&ann, &bob] {
        client.says(&enter);
        client.hears(r#"{"re":3,"ok":"subscribed","room":{"kind":"direct"},"role":"member"}"#);
    }
    eve.says(&enter);
    eve.hears(r#"{"re":3,"error":"not_a_member"}"#);
    stage.crash(0, 200);
    let bob = stage.enter("bob");
    bob.says(r#"{"do":"direct_room","id":2,"user":"ann"}"#);
    stage.answers();
    bob.hears(&format!(r#"{{"re":2,"ok":"direct","name":"{name}"}}"#));
}
