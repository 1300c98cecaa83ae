//! The lobby: what users do, told to those who ask; offline after a grace time.

use crate::stage::Stage;

#[test]
fn a_status_is_told_kept_while_online_and_ends_after_the_grace_time() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":{"lobby":true}}]}"#);
    ann.hears(r#"{"re":2,"ok":"subscribed","room":{"kind":"lobby"}}"#);
    let bob = stage.enter("bob");
    ann.hears(r#"{"ev":"presence","room":"lobby","user":"bob","status":"online"}"#);
    stage.pass(1_000);
    bob.says(r#"{"do":"set_status","id":3,"status":"busy","text":"in a meeting"}"#);
    bob.hears(r#"{"re":3,"ok":"done"}"#);
    ann.hears(r#"{"ev":"presence","user":"bob","status":"busy","text":"in a meeting","last_seen":1700000001000}"#);
    // The same again is no news.
    bob.says(r#"{"do":"set_status","id":3,"status":"busy","text":"in a meeting"}"#);
    bob.hears(r#"{"re":3,"ok":"done"}"#);
    // A second device changes nothing, nor does a short absence.
    let phone = stage.enter("bob");
    bob.hangs_up();
    phone.hangs_up();
    stage.pass(9_999);
    let bob = stage.enter("bob");
    stage.pass(10_000);
    ann.hears_nothing();
    bob.hangs_up();
    stage.pass(9_999);
    ann.hears_nothing();
    stage.pass(1);
    ann.hears(r#"{"ev":"presence","user":"bob","status":"offline","text":"in a meeting"}"#);
    ann.says(r#"{"do":"query_presence","id":4,"users":["bob","ann","nobody"]}"#);
    ann.hears(
        r#"{"re":4,"ok":"presence","users":[
            {"user":"bob","status":"offline"},{"user":"ann","status":"online"},{"user":"nobody","status":"offline"}]}"#,
    );
}

#[test]
fn an_organisation_has_a_lobby_of_its_own() {
    let stage = Stage::new();
    let (ann, bob) = (stage.enter("ann org=acme"), stage.enter("bob org=other"));
    for (client, org) in [(&ann, "acme"), (&bob, "other")] {
        client.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":{"lobby":true}}]}"#);
        client.hears(&format!(r#"{{"re":2,"ok":"subscribed","room":{{"kind":"lobby","name":"{org}"}}}}"#));
    }
    let _eve = stage.enter("eve org=acme");
    ann.hears(r#"{"ev":"presence","user":"eve","status":"online"}"#);
    bob.hears_nothing();
}
