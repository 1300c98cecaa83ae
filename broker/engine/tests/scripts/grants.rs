//! What a token itself is good for: verbs and rooms, asked at each command, whatever the rooms would allow.

use crate::client::post;
use crate::stage::Stage;

#[test]
fn a_token_is_good_for_the_verbs_and_rooms_that_it_grants() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let ann = stage.enter_at(0, "ann can=read,post+general,team-*");
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"general"},{"room":"attic"}]}"#);
    ann.hears_some(&[
        r#"{"re":2,"ok":"subscribed"}"#,
        r#"{"re":2,"error":"not_allowed","item":1,"detail":"the token is not good for `subscribe` in \"attic\""}"#,
    ]);
    ann.says(&post("team-red", "hello"));
    ann.hears(r#"{"re":3,"ok":"placed"}"#);
    for (command, what) in [
        (r#"{"do":"react","id":4,"room":"team-red","target":[100,1],"reaction":"+"}"#, "`react` in \\\"team-red\\\""),
        (r#"{"do":"history","id":4,"room":"attic"}"#, "`history` in \\\"attic\\\""),
        (r#"{"do":"post","id":4,"room":"tea","body":"x"}"#, "`post` in \\\"tea\\\""),
        (r#"{"do":"create","id":4,"room":"team-blue"}"#, "`create` in \\\"team-blue\\\""),
        (r#"{"do":"list_rooms","id":4}"#, "`list_rooms` in \\\"*\\\""),
        (r#"{"do":"unread_summary","id":4}"#, "`unread_summary` in \\\"ann\\\""),
        (r#"{"do":"direct_room","id":4,"user":"bob"}"#, "`direct_room` in \\\"*\\\""),
    ] {
        ann.says(command);
        ann.hears(&format!(r#"{{"re":4,"error":"not_allowed","detail":"the token is not good for {what}"}}"#));
    }
    // Of the connection itself, nothing has to be granted.
    ann.says(r#"{"do":"ping","id":5}"#);
    ann.hears(r#"{"re":5,"ok":"pong"}"#);
    // And a room that asks for more than a token is not opened by a grant.
    let bob = stage.enter_at(1, "bob");
    bob.says(r#"{"do":"create","id":2,"room":"team-closed","settings":{"access":"members"}}"#);
    bob.hears(r#"{"re":2,"ok":"placed"}"#);
    ann.says(&post("team-closed", "hello"));
    ann.hears(r#"{"re":3,"error":"not_a_member"}"#);
}

#[test]
fn a_backend_with_grants_has_them_alone() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let backend = stage.enter("poster backend can=post+general");
    backend.says(r#"{"do":"broadcast","id":2,"rooms":["general","attic"],"body":"to all"}"#);
    backend.hears(r#"{"re":2,"ok":"broadcast","placed":1,"refused":[[1,"not_allowed"]]}"#);
    for command in [
        r#"{"do":"revoke","id":3,"user":"ann"}"#,
        r#"{"do":"disconnect","id":3,"user":"ann"}"#,
        r#"{"do":"erase","id":3,"user":"ann"}"#,
    ] {
        backend.says(command);
        backend.hears(r#"{"re":3,"error":"not_allowed"}"#);
    }
    let revoker = stage.enter("revoker backend can=revoke+@directory");
    revoker.says(r#"{"do":"revoke","id":3,"user":"ann"}"#);
    revoker.hears(r#"{"re":3,"ok":"counted"}"#);
}

#[test]
fn a_narrower_token_ends_what_it_is_not_good_for() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    ann.listens_to("general");
    ann.listens_to("attic");
    ann.says(r#"{"do":"refresh","id":4,"token":"ann can=read+general"}"#);
    ann.hears(r#"{"re":4,"ok":"done"}"#);
    ann.hears(r#"{"mark":"ended","room":"attic","reason":"access_lost"}"#);
    let bob = stage.enter("bob");
    bob.posts("attic", "alone");
    bob.hears(r#"{"re":3,"ok":"placed"}"#);
    bob.posts("general", "heard");
    bob.hears(r#"{"re":3,"ok":"placed"}"#);
    ann.hears(r#"{"ev":"posted","body":"heard"}"#);
    ann.hears_nothing();
}
