//! Sending twice is sending once: keys in flight, keys that are looked up, keys after a stop.

use crate::stage::Stage;

fn keyed(id: u32, key: &str, body: &str) -> String {
    format!(r#"{{"do":"post","id":{id},"room":"general","body":"{body}","key":{key}}}"#)
}

#[test]
fn a_repeat_in_flight_waits_for_the_first_and_gets_its_answer() {
    for key in [r#"["9876543210987654321",1]"#, r#""free form""#] {
        let stage = Stage::new();
        let ann = stage.enter("ann");
        let again = stage.enter("ann");
        let eve = stage.enter("eve");
        eve.listens_to("general");
        stage.outside(|outside| (outside.fake.late.sequence, outside.fake.late.submit) = (true, true));
        ann.says(&keyed(5, key, "once"));
        // The client lost its patience, and its connection, but not its key.
        ann.hangs_up();
        again.says(&keyed(6, key, "twice"));
        again.says(&keyed(7, key, "three times"));
        again.hears_nothing();
        stage.answers();
        eve.hears(r#"{"ev":"posted","seq":1,"body":"once","key":null}"#);
        again.hears_some(&[
            r#"{"re":6,"ok":"placed","place":[100,1],"duplicate":true}"#,
            r#"{"re":7,"ok":"placed","place":[100,1],"duplicate":true}"#,
        ]);
    }
}

#[test]
fn keys_are_looked_up_after_a_stop_and_belong_to_their_user() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    for (n, key) in [(1, r#"["7",3]"#), (2, r#""free""#), (3, r#"["7",9]"#)] {
        ann.says(&keyed(5, key, "first"));
        ann.hears(&format!(r#"{{"re":5,"ok":"placed","place":[100,{n}],"duplicate":null}}"#));
    }
    stage.crash(0, 200);
    stage.outside(|outside| outside.fake.late.fetch = true);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    // A higher number needs no look-up.
    ann.says(&keyed(5, r#"["7",10]"#, "new"));
    ann.hears(r#"{"re":5,"ok":"placed","place":[200,4],"n":4,"duplicate":null}"#);
    ann.says(&keyed(6, r#""free""#, "again"));
    ann.says(&keyed(7, r#""free""#, "again"));
    ann.says(&keyed(8, r#"["7",3]"#, "again"));
    ann.says(&keyed(9, r#"["7",5]"#, "late, but never sent before"));
    bob.says(&keyed(5, r#""free""#, "his own"));
    ann.hears_nothing();
    stage.answers();
    ann.hears_some(&[
        r#"{"re":6,"ok":"placed","place":[100,2],"duplicate":true}"#,
        r#"{"re":7,"ok":"placed","place":[100,2],"duplicate":true}"#,
        r#"{"re":8,"ok":"placed","place":[100,1],"duplicate":true}"#,
        r#"{"re":9,"ok":"placed","n":6,"duplicate":null}"#,
    ]);
    bob.hears(r#"{"re":5,"ok":"placed","n":5,"duplicate":null}"#);
    stage.stored("general", |tables| assert_eq!(tables.messages, 6));
}

#[test]
fn a_look_up_that_fails_posts_nothing() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    ann.posts("general", "without a key");
    ann.hears(r#"{"re":3,"ok":"placed","n":1}"#);
    stage.outside(|outside| (outside.fake.late.fetch, outside.fake.fail_reads) = (true, true));
    ann.says(&keyed(5, r#""free""#, "perhaps again"));
    ann.says(&keyed(6, r#""free""#, "perhaps again"));
    ann.hears_nothing();
    stage.answers();
    ann.hears_some(&[r#"{"re":5,"error":"busy"}"#, r#"{"re":6,"error":"busy"}"#]);
    stage.outside(|outside| outside.fake.fail_reads = false);
    ann.says(&keyed(7, r#""free""#, "perhaps again"));
    stage.answers();
    ann.hears(r#"{"re":7,"ok":"placed","n":2,"duplicate":null}"#);
}
