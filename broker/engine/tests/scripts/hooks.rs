//! Hooks: what a realm's backend has a say in waits for its ruling, in order, and nothing else does.

use crate::client::{Client, Heard, post};
use crate::stage::Stage;
use rookery_engine::settings::Decides;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Reply;
use serde_json::Value;

fn stage(late: bool, refuses: &[&'static str]) -> Stage {
    let stage = Stage::with(|plan| plan.hook = Decides { subscribe: true, post: true });
    let refuses = refuses.to_vec();
    stage.outside(|outside| {
        outside.hook.late = late;
        outside.hook.refuses = refuses;
    });
    stage
}

fn asked(stage: &Stage) -> Vec<String> {
    stage.outside(|outside| std::mem::take(&mut outside.hook.asked))
}

/// All that it has heard so far.
fn all(client: &Client) -> Vec<Value> {
    let said = |heard| if let Heard::Said(said) = heard { said } else { panic!("{heard:?}") };
    client.ear(|ear| ear.heard.drain(..).map(said).collect())
}

#[test]
fn nobody_is_asked_where_no_hook_has_a_say() {
    let stage = Stage::new();
    stage.outside(|outside| outside.hook.refuses = vec!["general", "no"]);
    let ann = stage.enter("ann");
    ann.says(&post("general", "no"));
    ann.hears(r#"{"ok":"placed"}"#);
    assert!(asked(&stage).is_empty());
}

#[test]
fn a_ruling_at_once_is_a_word_on_the_way() {
    let stage = stage(false, &["den", "no"]);
    let ann = stage.enter("ann");
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"general"},{"room":"den"}]}"#);
    ann.hears_some(&[r#"{"re":2,"ok":"subscribed"}"#, r#"{"re":2,"error":"not_allowed","item":1}"#]);
    ann.says(r#"{"do":"post","id":3,"room":"general","body":"no"}"#);
    ann.hears(r#"{"re":3,"error":"not_allowed","detail":"the hook says no"}"#);
    ann.says(r#"{"do":"history","id":4,"room":"den"}"#);
    ann.hears(r#"{"re":4,"error":"not_allowed"}"#);
    let questions =
        ["Subscribe ann general,den", "Post ann general no", "Subscribe ann den"].map(str::to_owned).to_vec();
    assert_eq!(asked(&stage), questions);
}

#[test]
fn an_edit_is_said_too_and_asked_about() {
    let stage = stage(false, &["no"]);
    let ann = stage.enter("ann");
    ann.says(r#"{"do":"post","id":2,"room":"general","body":"yes"}"#);
    ann.hears(r#"{"re":2,"ok":"placed"}"#);
    ann.says(r#"{"do":"edit","id":3,"room":"general","target":[100,1],"body":"no"}"#);
    let heard = ann.hears_on_until(r#"{"re":3}"#);
    assert_eq!(heard.last().unwrap()["error"], "not_allowed", "{heard:?}");
}

#[test]
fn what_is_asked_meanwhile_waits_in_order() {
    let stage = stage(true, &["no"]);
    let ann = stage.enter("ann");
    for (n, body) in ["one", "no", "three"].into_iter().enumerate() {
        ann.says(&format!(r#"{{"do":"post","id":{},"room":"general","body":"{body}"}}"#, n + 2));
    }
    ann.says(r#"{"do":"ping","id":9}"#);
    ann.hears_nothing();
    assert_eq!(asked(&stage), ["Post ann general one"], "one question at a time");
    assert!(stage.answer());
    ann.hears(r#"{"re":2,"ok":"placed","place":[100,1]}"#);
    assert!(stage.answer());
    ann.hears(r#"{"re":3,"error":"not_allowed"}"#);
    ann.hears_nothing();
    stage.answers();
    ann.hears_some(&[r#"{"re":4,"ok":"placed","place":[100,2]}"#, r#"{"re":9,"ok":"pong"}"#]);
}

#[test]
fn others_do_not_wait() {
    let stage = stage(true, &[]);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.posts("general", "slow");
    stage.outside(|outside| outside.hook.late = false);
    bob.posts("general", "quick");
    bob.hears(r#"{"ok":"placed","place":[100,1]}"#);
    ann.hears_nothing();
    stage.answers();
    ann.hears(r#"{"ok":"placed","place":[100,2]}"#);
}

#[test]
fn what_waits_is_bounded() {
    let stage = stage(true, &[]);
    let ann = stage.enter("ann");
    for id in 2..200 {
        ann.says(&format!(r#"{{"do":"post","id":{id},"room":"general","body":"x"}}"#));
    }
    let refused = all(&ann);
    assert!(refused.iter().all(|frame| frame["error"] == "busy"), "{refused:?}");
    assert_eq!(refused.len(), 198 - 1 - 128);
    stage.answers();
    let places: Vec<_> = all(&ann).iter().map(|frame| frame["place"][1].as_u64()).collect();
    assert_eq!(places, (1..=129).map(Some).collect::<Vec<_>>());
}

#[test]
fn rooms_of_a_welcome_are_asked_about_as_one() {
    let stage = stage(true, &["den"]);
    let ann = stage.connect();
    ann.says(
        r#"{"do":"resume","id":1,"token":"ann","rooms":[{"room":"attic"},{"room":"den"},{"room":{"inbox":true}}]}"#,
    );
    ann.says(r#"{"do":"post","id":2,"room":"attic","body":"behind it"}"#);
    ann.hears(r#"{"re":1,"ok":"welcome"}"#);
    ann.hears_nothing();
    assert_eq!(asked(&stage), ["Subscribe ann attic,den"]);
    stage.answers();
    let heard = ann.hears_on_until(r#"{"re":2}"#);
    let refused: Vec<_> = heard.iter().filter(|frame| frame["error"] == "not_allowed").collect();
    assert!(refused.len() == 1 && refused[0]["item"] == 1, "{heard:?}");
    assert_eq!(heard.iter().filter(|frame| frame["ok"] == "subscribed").count(), 2, "{heard:?}");
    assert_eq!(heard.last().unwrap()["ok"], "placed");
}

#[test]
fn who_leaves_meanwhile_leaves_nothing() {
    let stage = stage(true, &[]);
    let ann = stage.enter("ann");
    ann.posts("general", "gone");
    ann.hangs_up();
    stage.answers();
    let bob = stage.enter("bob");
    stage.outside(|outside| outside.hook.late = false);
    bob.says(&post("general", "alone"));
    bob.hears(r#"{"ok":"placed","place":[100,1]}"#);
}

#[test]
fn a_token_that_ends_meanwhile_ends_behind_the_ruling() {
    let stage = stage(true, &[]);
    let ann = stage.enter("ann expires=5000");
    stage.pass(4900);
    ann.posts("general", "in time");
    stage.pass(500);
    ann.hears_nothing();
    stage.answers();
    ann.hears(r#"{"ok":"placed"}"#);
    stage.pass(100);
    ann.hears_close(4200);
}

#[test]
fn backends_and_rooms_of_the_nodes_own_are_not_asked_about() {
    let stage = stage(false, &["*", "shop", "no"]);
    let shop = stage.enter("shop backend");
    shop.says(r#"{"do":"post","id":2,"room":"general","body":"no"}"#);
    shop.hears(r#"{"re":2,"ok":"placed"}"#);
    let ann = stage.enter("ann");
    ann.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":{"inbox":true}},{"room":{"lobby":true}}]}"#);
    ann.hears_some(&[r#"{"re":2,"ok":"subscribed"}"#, r#"{"re":2,"ok":"subscribed"}"#]);
    assert!(asked(&stage).is_empty());
}

#[test]
fn a_caller_is_asked_about_and_answered_once() {
    let stage = stage(true, &["no"]);
    let post = |body: &str| format!(r#"{{"do":"post","room":"general","body":"{body}"}}"#);
    let (good, bad, gone) =
        (stage.calls("ann", &post("yes")), stage.calls("ann", &post("no")), stage.calls("ann", &post("gone")));
    assert_eq!((stage.answer_to(good), stage.answer_to(bad)), (None, None));
    stage.hangs_up(gone);
    stage.answers();
    assert!(matches!(stage.answer_to(good), Some(Reply::Placed { .. })));
    assert!(matches!(stage.answer_to(bad), Some(Reply::Refused(refusal)) if refusal.code == ErrorCode::NotAllowed));
    assert_eq!(stage.answer_to(gone), None);
    let history = stage.calls("shop backend", r#"{"do":"history","room":"general"}"#);
    let Some(Reply::History(page)) = stage.answer_to(history) else { panic!("no history") };
    assert_eq!(page.messages.len(), 1, "who hung up has said nothing");
}

#[test]
fn a_caller_whose_user_is_revoked_meanwhile_is_refused() {
    let stage = stage(true, &[]);
    stage.calls("shop backend", r#"{"do":"list_rooms"}"#);
    stage.answers();
    let late = stage.calls("ann issued=1", r#"{"do":"post","room":"general","body":"late"}"#);
    stage.pass(10);
    let revoke = stage.calls("shop backend", r#"{"do":"revoke","user":"ann"}"#);
    stage.outside(|outside| assert_eq!(outside.hook.revoked, ["ann"], "what was allowed is to be asked again"));
    stage.answers();
    assert!(matches!(stage.answer_to(revoke), Some(reply) if !matches!(reply, Reply::Refused(_))));
    assert!(matches!(stage.answer_to(late), Some(Reply::Refused(refusal)) if refusal.code == ErrorCode::Revoked));
}
