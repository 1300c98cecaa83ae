//! From a token to its end: the deadline, late verification, refresh, another principal, revocation, silence.

use crate::client::post;
use crate::stage::Stage;
use rookery_engine::testing::room;
use rookery_protocol::event::Fact;
use rookery_protocol::ids::RoomKind;

const PING: &str = r#"{"do":"ping","id":4}"#;

#[test]
fn a_stranger_has_ten_seconds() {
    let stage = Stage::new();
    let (quiet, wrong) = (stage.connect(), stage.connect());
    wrong.says(r#"{"do":"authenticate","id":1,"token":"forged"}"#);
    wrong.hears(r#"{"re":1,"error":"bad_token"}"#);
    stage.pass(9_999);
    quiet.hears_nothing();
    stage.pass(1);
    for client in [&quiet, &wrong] {
        assert!(client.hears_close(4201).starts_with("not_authenticated"));
    }
}

#[test]
fn a_token_that_is_looked_at_late_is_waited_for_with_all_that_came_behind_it() {
    let stage = Stage::new();
    stage.outside(|outside| outside.late_tokens = true);
    let (ann, forger) = (stage.connect(), stage.connect());
    ann.says(r#"{"do":"authenticate","id":1,"token":"ann"}"#);
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"general"}]}"#);
    ann.says(&post("general", "at once"));
    forger.says(r#"{"do":"authenticate","id":1,"token":"forged"}"#);
    forger.says(&post("general", "forged"));
    // The deadline passes while the node itself is slow: nobody is sent away for that.
    stage.pass(20_000);
    ann.hears_nothing();
    forger.hears_nothing();
    stage.answers();
    ann.hears(r#"{"re":1,"ok":"welcome","user":"ann"}"#);
    ann.hears(r#"{"re":3,"ok":"placed","place":[100,1]}"#);
    ann.hears(r#"{"re":2,"ok":"subscribed","start":"live","from":[0,0],"end":[100,1]}"#);
    ann.hears(r#"{"ev":"posted","body":"at once"}"#);
    forger.hears(r#"{"re":1,"error":"bad_token"}"#);
    forger.hears(r#"{"re":3,"error":"not_authenticated"}"#);
    assert!(forger.hears_close(4201).starts_with("not_authenticated"));
}

#[test]
fn a_token_ends_and_a_refresh_is_in_time() {
    let stage = Stage::new();
    let ann = stage.enter("ann expires=30000");
    let bob = stage.enter("bob expires=30000");
    ann.listens_to("general");
    stage.pass(29_000);
    ann.says(r#"{"do":"refresh","id":2,"token":"bob expires=90000"}"#);
    ann.hears(r#"{"re":2,"error":"not_allowed"}"#);
    ann.says(r#"{"do":"refresh","id":3,"token":"ann expires=60000"}"#);
    ann.hears(r#"{"re":3,"ok":"done"}"#);
    stage.pass(999);
    bob.hears_nothing();
    stage.pass(1);
    assert!(bob.hears_close(4200).starts_with("token_expired"));
    let eve = stage.enter("eve");
    eve.posts("general", "ann is here still");
    eve.hears(r#"{"re":3,"ok":"placed"}"#);
    ann.hears(r#"{"ev":"posted","body":"ann is here still"}"#);
    stage.pass(29_999);
    ann.hears_nothing();
    stage.pass(1);
    assert!(ann.hears_close(4200).starts_with("token_expired"));
    // And nobody comes in with it again.
    let ann = stage.connect();
    ann.says(r#"{"do":"authenticate","id":1,"token":"ann expires=60000"}"#);
    ann.hears(r#"{"re":1,"error":"token_expired"}"#);
}

#[test]
fn another_principal_begins_when_the_one_before_has_ended() {
    let stage = Stage::new();
    let eve = stage.enter("eve");
    let client = stage.enter("ann");
    client.says(r#"{"do":"create","id":2,"room":"anns","settings":{"access":"members"}}"#);
    client.hears(r#"{"re":2,"ok":"placed"}"#);
    client.listens_to("anns");
    client.listens_to("general");
    // In one go: the commands before it are ann's, those behind it bob's.
    client.begins(&post("general", "ann's"));
    client.begins(r#"{"do":"authenticate","id":5,"token":"bob"}"#);
    client.says(r#"{"do":"post","id":6,"room":"general","body":"bob's"}"#);
    client.hears(r#"{"mark":"ended","room":"anns","at":[100,1],"reason":"access_lost"}"#);
    client.hears(r#"{"mark":"ended","room":"general","at":[0,0],"reason":"access_lost"}"#);
    client.hears(r#"{"re":5,"ok":"welcome","user":"bob"}"#);
    client.hears(r#"{"re":3,"ok":"placed","place":[100,1]}"#);
    client.hears(r#"{"re":6,"ok":"placed","place":[100,2]}"#);
    client.says(r#"{"do":"post","id":7,"room":"anns","body":"not mine"}"#);
    client.hears(r#"{"re":7,"error":"not_a_member"}"#);
    eve.says(r#"{"do":"history","id":7,"room":"general"}"#);
    eve.hears(r#"{"re":7,"ok":"history","messages":[{"by":"ann","body":"ann's"},{"by":"bob","body":"bob's"}]}"#);
    // A token that is refused leaves everything as it was.
    client.says(r#"{"do":"authenticate","id":8,"token":"forged"}"#);
    client.hears(r#"{"re":8,"error":"bad_token"}"#);
    client.says(r#"{"do":"post","id":9,"room":"general","body":"still bob's"}"#);
    client.hears(r#"{"re":9,"ok":"placed"}"#);
}

#[test]
fn while_another_principal_is_looked_at_everything_waits_in_order() {
    let stage = Stage::new();
    let eve = stage.enter("eve");
    eve.listens_to("general");
    let client = stage.enter("ann");
    client.listens_to("general");
    stage.outside(|outside| outside.late_tokens = true);
    client.says(r#"{"do":"authenticate","id":5,"token":"bob"}"#);
    client.says(r#"{"do":"post","id":6,"room":"general","body":"whose?"}"#);
    client.says(r#"{"do":"resume","id":7,"token":"zoe","rooms":[{"room":"general","cursor":[0,0]}]}"#);
    client.says(r#"{"do":"post","id":8,"room":"general","body":"and whose?"}"#);
    // Until then it is ann, who hears what is said.
    eve.posts("general", "hi ann");
    eve.hears(r#"{"ev":"posted","body":"hi ann"}"#);
    eve.hears(r#"{"re":3,"ok":"placed"}"#);
    client.hears(r#"{"ev":"posted","body":"hi ann"}"#);
    client.hears_nothing();
    stage.answers();
    client.hears(r#"{"mark":"ended","room":"general","at":[100,1],"reason":"access_lost"}"#);
    client.hears(r#"{"re":5,"ok":"welcome","user":"bob"}"#);
    client.hears(r#"{"re":6,"ok":"placed","place":[100,2]}"#);
    client.hears(r#"{"re":7,"ok":"welcome","user":"zoe"}"#);
    client.hears(r#"{"re":8,"ok":"placed","place":[100,3]}"#);
    client.hears(r#"{"re":7,"ok":"subscribed","start":"resuming","from":[0,0]}"#);
    for (seq, by) in [(1, "eve"), (2, "bob"), (3, "zoe")] {
        client.hears(&format!(r#"{{"ev":"posted","seq":{seq},"by":"{by}"}}"#));
    }
    client.hears(r#"{"mark":"resumed","at":[100,3]}"#);
    eve.hears(r#"{"ev":"posted","seq":2,"by":"bob"}"#);
    eve.hears(r#"{"ev":"posted","seq":3,"by":"zoe"}"#);
}

#[test]
fn what_is_revoked_ends_on_every_shard_and_does_not_come_back() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let backend = stage.enter_at(0, "backend backend");
    let (stolen, phone) = (stage.enter_at(1, "ann id=t1 issued=1"), stage.enter_at(0, "ann id=t2 issued=2"));
    backend.says(r#"{"do":"revoke","id":2,"token_id":"t1"}"#);
    backend.hears(r#"{"re":2}"#);
    assert!(stolen.hears_close(4202).starts_with("revoked"));
    phone.hears_nothing();
    let again = stage.connect_to(0);
    again.says(r#"{"do":"authenticate","id":1,"token":"ann id=t1 issued=1"}"#);
    again.hears(r#"{"re":1,"error":"revoked"}"#);
    // Neither by a refresh.
    phone.says(r#"{"do":"refresh","id":3,"token":"ann id=t1 issued=1"}"#);
    phone.hears(r#"{"re":3,"error":"revoked"}"#);
    stage.pass(1_000);
    let since = 1_700_000_000_000_u64 + 500;
    backend.says(&format!(r#"{{"do":"revoke","id":4,"user":"ann","issued_before":{since}}}"#));
    backend.hears(r#"{"re":4}"#);
    assert!(phone.hears_close(4202).starts_with("revoked"));
    let fresh = stage.enter_at(1, "ann issued=500");
    // A token that is being looked at while it is revoked does not get in.
    stage.outside_of(1, |outside| outside.late_tokens = true);
    let racing = stage.connect_to(1);
    racing.says(r#"{"do":"authenticate","id":1,"token":"eve id=t3"}"#);
    backend.says(r#"{"do":"revoke","id":5,"token_id":"t3"}"#);
    backend.hears(r#"{"re":5}"#);
    stage.answers();
    racing.hears(r#"{"re":1,"error":"revoked"}"#);
    fresh.hears_nothing();
}

#[test]
fn what_was_revoked_before_a_stop_does_not_come_in_after_it() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let backend = stage.enter_at(0, "backend backend");
    backend.says(r#"{"do":"revoke","id":2,"token_id":"t1"}"#);
    backend.hears(r#"{"re":2,"ok":"counted"}"#);
    backend.says(r#"{"do":"revoke","id":3,"user":"bob"}"#);
    backend.hears(r#"{"re":3,"ok":"counted"}"#);
    stage.crash(0, 200);
    // Whoever comes first waits until the directory is read.
    let first = stage.connect_to(1);
    first.says(r#"{"do":"authenticate","id":1,"token":"ann id=t1"}"#);
    first.hears(r#"{"re":1,"error":"revoked"}"#);
    first.hears_nothing();
    for (shard, token) in [(0, "ann id=t1"), (1, "bob id=t2")] {
        let client = stage.connect_to(shard);
        client.says(&format!(r#"{{"do":"authenticate","id":1,"token":"{token}"}}"#));
        client.hears(r#"{"re":1,"error":"revoked"}"#);
    }
    let _ann = stage.enter_at(1, "ann id=t2");
}

#[test]
fn while_a_directory_cannot_be_read_nobody_is_let_in() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let backend = stage.enter_at(0, "backend backend org=acme");
    backend.says(r#"{"do":"revoke","id":2,"token_id":"t1"}"#);
    backend.hears(r#"{"re":2,"ok":"counted"}"#);
    stage.crash(0, 200);
    for shard in 0..2 {
        stage.outside_of(shard, |outside| outside.fake.fail_reads = true);
    }
    let (bad, good) = (stage.connect_to(0), stage.connect_to(1));
    for _ in 0..2 {
        bad.says(r#"{"do":"authenticate","id":1,"token":"ann id=t1"}"#);
        bad.hears(r#"{"re":1,"error":"busy"}"#);
    }
    for shard in 0..2 {
        stage.outside_of(shard, |outside| outside.fake.fail_reads = false);
    }
    // Revoked in the whole realm, though the backend and the user belong to different organisations.
    bad.says(r#"{"do":"authenticate","id":2,"token":"ann id=t1 org=guild"}"#);
    bad.hears(r#"{"re":2,"error":"revoked"}"#);
    good.says(r#"{"do":"authenticate","id":2,"token":"ann id=t2 org=guild"}"#);
    good.hears(r#"{"re":2,"ok":"welcome"}"#);
}

#[test]
fn a_revocation_is_forgotten_when_every_token_that_it_is_about_has_ended() {
    let stage = Stage::with(|plan| plan.token_life_ms = 60_000);
    let backend = stage.enter("backend backend");
    let revoke = |id: u32, what: &str| {
        backend.says(&format!(r#"{{"do":"revoke","id":{id},{what}}}"#));
        backend.hears(&format!(r#"{{"re":{id},"ok":"counted"}}"#));
    };
    let kept = || {
        let kept = |fact: &Fact| match fact {
            Fact::TokenRevoked { id } => id.as_str().to_owned(),
            Fact::UserRevoked { user, .. } => user.as_str().to_owned(),
            other => panic!("{other:?} is no revocation"),
        };
        let directory = room(RoomKind::Directory, "*");
        stage.outside(|outside| {
            outside.fake.store(&directory).revoked.iter().map(|(fact, _)| kept(fact)).collect::<Vec<_>>()
        })
    };
    revoke(2, r#""token_id":"t1""#);
    revoke(3, &format!(r#""user":"bob","issued_before":{}"#, 1_700_000_000_000_u64));
    revoke(4, r#""user":"eve""#);
    stage.pass(40_000);
    revoke(5, r#""token_id":"t2""#);
    assert_eq!(kept(), ["t1", "bob", "eve", "t2"]);
    stage.pass(20_001);
    revoke(6, r#""token_id":"t3""#);
    stage.pass(1);
    assert_eq!(kept(), ["eve", "t2", "t3"]);
    // By a start, too.
    stage.pass(40_000);
    stage.crash(0, 200);
    let _ann = stage.enter("ann");
    assert_eq!(kept(), ["eve", "t3"]);
}

#[test]
fn silence_is_asked_about_and_ends_after_a_minute() {
    let stage = Stage::new();
    let (ann, dead) = (stage.enter("ann"), stage.enter("bob"));
    dead.ear(|ear| ear.mute = true);
    stage.pass(24_999);
    assert_eq!(dead.ear(|ear| ear.pings), 0);
    stage.pass(1);
    assert_eq!(dead.ear(|ear| ear.pings), 1);
    stage.pass(34_999);
    dead.hears_nothing();
    stage.pass(1);
    assert!(dead.hears_close(4002).starts_with("silent"));
    ann.says(PING);
    ann.hears(r#"{"re":4,"ok":"pong","at":1700000060000}"#);
}

#[test]
fn a_backend_disconnects_a_user_everywhere() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let backend = stage.enter_at(0, "backend backend");
    let clients = [stage.enter_at(0, "ann"), stage.enter_at(1, "ann"), stage.enter_at(1, "ann")];
    let bob = stage.enter_at(1, "bob");
    backend.says(r#"{"do":"disconnect","id":2,"user":"ann"}"#);
    backend.hears(r#"{"re":2,"ok":"counted","count":3}"#);
    for client in &clients {
        assert!(client.hears_close(4103).starts_with("reset"));
    }
    bob.says(r#"{"do":"disconnect","id":2,"user":"backend"}"#);
    bob.hears(r#"{"re":2,"error":"not_allowed"}"#);
}
