//! Coming back: many rooms in one frame, each with its own verdict, also where the store takes its time or fails.

use crate::stage::Stage;

#[test]
fn many_rooms_come_back_in_one_frame_each_with_its_own_verdict() {
    let stage = Stage::new();
    let bob = stage.enter("bob");
    for (room, bodies) in [("one", 2), ("two", 3), ("three", 1)] {
        for n in 1..=bodies {
            bob.posts(room, &format!("{room} {n}"));
            bob.hears(&format!(r#"{{"re":3,"ok":"placed","place":[100,{n}],"n":{n}}}"#));
        }
    }
    let ann = stage.connect();
    ann.says(
        r#"{"do":"resume","id":9,"token":"ann","rooms":[
            {"room":"one","cursor":[100,1]},
            {"room":"two","cursor":[0,0]},
            {"room":"three","cursor":[177,5]},
            {"room":"four","cursor":[100,1]},
            {"room":"five"}]}"#,
    );
    ann.hears(r#"{"re":9,"ok":"welcome","user":"ann"}"#);
    ann.hears_of(
        "one",
        &[
            r#"{"re":9,"ok":"subscribed","start":"resuming","from":[100,1],"end":[100,2]}"#,
            r#"{"ev":"posted","epoch":null,"seq":2,"body":"one 2"}"#,
            r#"{"mark":"resumed","at":[100,2]}"#,
        ],
    );
    ann.hears_of(
        "two",
        &[
            r#"{"re":9,"ok":"subscribed","start":"resuming","from":[0,0],"end":[100,3]}"#,
            r#"{"ev":"posted","epoch":100,"seq":1,"body":"two 1"}"#,
            r#"{"ev":"posted","epoch":null,"seq":2,"body":"two 2"}"#,
            r#"{"ev":"posted","epoch":null,"seq":3,"body":"two 3"}"#,
            r#"{"mark":"resumed","at":[100,3]}"#,
        ],
    );
    // A place of a future that never was.
    ann.hears_of(
        "three",
        &[r#"{"re":9,"ok":"subscribed","start":{"gap":"unknown_place"},"from":[100,1],"end":[100,1]}"#],
    );
    // A room that lost all it had: nobody had been promised it.
    ann.hears_of(
        "four",
        &[
            r#"{"re":9,"ok":"subscribed","start":{"retract":[0,0]},"from":[0,0],"end":[0,0]}"#,
            r#"{"mark":"resumed","at":[0,0]}"#,
        ],
    );
    ann.hears_of("five", &[r#"{"re":9,"ok":"subscribed","start":"live","from":[0,0]}"#]);
    ann.hears_nothing();

    for room in ["one", "two", "three", "four", "five"] {
        bob.posts(room, "live");
        bob.hears(r#"{"re":3,"ok":"placed"}"#);
        ann.hears(&format!(r#"{{"ev":"posted","room":"{room}","body":"live"}}"#));
    }
}

#[test]
fn a_room_that_is_read_late_keeps_nobody_else_waiting() {
    let stage = Stage::new();
    let bob = stage.enter("bob");
    for room in ["quick", "slow", "broken"] {
        bob.posts(room, "missed");
        bob.hears(r#"{"re":3,"ok":"placed","place":[100,1]}"#);
    }
    bob.hangs_up();
    stage.crash(0, 200);
    let ann = stage.connect();
    // Both "slow" and "broken" are read after "quick" is there.
    ann.says(r#"{"do":"resume","id":9,"token":"ann","rooms":[{"room":"quick","cursor":[0,0]}]}"#);
    ann.hears(r#"{"re":9,"ok":"welcome"}"#);
    let all = ["subscribed", "posted", "resumed"].map(|_| "{}");
    ann.hears_of("quick", &all);
    stage.outside(|outside| outside.fake.late.load = true);
    ann.says(
        r#"{"do":"resume","id":10,"rooms":[
            {"room":"slow","cursor":[0,0]},{"room":"quick","cursor":[0,0]},{"room":"broken","cursor":[0,0]}]}"#,
    );
    // Where it is already, it goes on from where it stands, whatever cursor is named.
    ann.hears(r#"{"re":10,"ok":"subscribed","room":{"name":"quick"},"from":[100,1]}"#);
    ann.hears(r#"{"mark":"resumed","room":"quick","at":[100,1]}"#);
    ann.hears_nothing();

    assert!(stage.answer());
    ann.hears_of(
        "slow",
        &[
            r#"{"re":10,"ok":"subscribed","start":"resuming","from":[0,0],"end":[100,1]}"#,
            r#"{"ev":"posted","seq":1,"body":"missed"}"#,
            r#"{"mark":"resumed","at":[100,1]}"#,
        ],
    );
    stage.outside(|outside| outside.fake.facts.clear());
    ann.hears_nothing();
}
