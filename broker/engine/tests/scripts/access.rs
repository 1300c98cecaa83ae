//! Who may enter; and how a subscription ends: in order with the events, told where, and with nothing behind it.

use crate::stage::Stage;

#[test]
fn a_rooms_access_is_checked_for_every_command() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    let bob = stage.enter("bob");
    let eve = stage.enter("eve claims=red,den");
    for (access, id) in [("members", 5), ("claims", 6)] {
        let room = if access == "members" { "members" } else { "den" };
        ann.says(&format!(r#"{{"do":"create","id":{id},"room":"{room}","settings":{{"access":"{access}"}}}}"#));
        ann.hears(&format!(r#"{{"re":{id},"ok":"placed"}}"#));
    }
    let commands = |room: &str| {
        [
            format!(r#"{{"do":"subscribe","id":7,"rooms":[{{"room":"{room}"}}]}}"#),
            format!(r#"{{"do":"post","id":7,"room":"{room}","body":"hi"}}"#),
            format!(r#"{{"do":"history","id":7,"room":"{room}"}}"#),
            format!(r#"{{"do":"typing","id":7,"room":"{room}"}}"#),
            format!(r#"{{"do":"roster","id":7,"room":"{room}"}}"#),
            format!(r#"{{"do":"mark_read","id":7,"room":"{room}","place":[100,1]}}"#),
        ]
    };
    for command in commands("members") {
        bob.says(&command);
        bob.hears(r#"{"re":7,"error":"not_a_member"}"#);
        eve.says(&command);
        eve.hears(r#"{"re":7,"error":"not_a_member"}"#);
    }
    for command in commands("den") {
        bob.says(&command);
        bob.hears(r#"{"re":7,"error":"not_allowed"}"#);
    }
    eve.says(&commands("den")[1]);
    eve.hears(r#"{"re":7,"ok":"placed"}"#);
}

#[test]
fn who_is_removed_hears_everything_up_to_that_and_nothing_after() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let room = stage.name_on(0, "room");
    let (ann, bob, slow) = (stage.enter_at(0, "ann"), stage.enter_at(1, "bob"), stage.enter_at(0, "bob"));
    ann.says(&format!(
        r#"{{"do":"create","id":5,"room":"{room}","settings":{{"access":"members"}},"members":["bob"]}}"#
    ));
    ann.hears(r#"{"re":5,"ok":"placed"}"#);
    bob.listens_to(&room);
    slow.listens_to(&room);
    slow.takes(0);
    ann.listens_to(&room);
    // In one turn: a message, the removal, a message.
    ann.begins(&format!(r#"{{"do":"post","id":6,"room":"{room}","body":"before"}}"#));
    ann.begins(&format!(r#"{{"do":"remove_member","id":7,"room":"{room}","user":"bob"}}"#));
    ann.says(&format!(r#"{{"do":"post","id":8,"room":"{room}","body":"after"}}"#));
    ann.hears_some(&[
        r#"{"ev":"posted","body":"before"}"#,
        r#"{"ev":"left","user":"bob","why":"removed"}"#,
        r#"{"ev":"posted","body":"after"}"#,
        r#"{"re":6,"ok":"placed"}"#,
        r#"{"re":7,"ok":"placed"}"#,
        r#"{"re":8,"ok":"placed"}"#,
    ]);
    slow.takes(usize::MAX);
    for client in [&bob, &slow] {
        client.hears(&format!(r#"{{"ev":"posted","room":"{room}","body":"before"}}"#));
        let left = client.hears(r#"{"ev":"left","user":"bob","why":"removed"}"#);
        client.hears(&format!(r#"{{"mark":"ended","room":"{room}","at":[100,{}],"reason":"removed"}}"#, left["seq"]));
    }
    ann.posts(&room, "much later");
    ann.hears_some(&[r#"{"ev":"posted","body":"much later"}"#, r#"{"re":3,"ok":"placed"}"#]);
    bob.posts(&room, "let me in");
    bob.hears(r#"{"re":3,"error":"not_a_member"}"#);
}

#[test]
fn who_catches_up_is_fed_up_to_its_end() {
    let stage = Stage::with(|plan| {
        plan.limits.recent_events = 4;
        plan.limits.replay_page_events = 4;
    });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    ann.says(r#"{"do":"create","id":5,"room":"den","settings":{"access":"members"},"members":["bob"]}"#);
    ann.hears(r#"{"re":5,"ok":"placed"}"#);
    for n in 1..=20 {
        ann.posts("den", &format!("m{n}"));
        ann.hears(r#"{"re":3,"ok":"placed"}"#);
    }
    stage.outside(|outside| outside.fake.late.fetch = true);
    bob.says(r#"{"do":"subscribe","id":2,"rooms":[{"room":"den","cursor":[0,0]}]}"#);
    bob.hears(r#"{"re":2,"ok":"subscribed"}"#);
    ann.says(r#"{"do":"remove_member","id":7,"room":"den","user":"bob"}"#);
    let removed = ann.hears(r#"{"re":7,"ok":"placed"}"#)["place"][1].as_u64().unwrap();
    ann.posts("den", "after");
    ann.hears(r#"{"re":3,"ok":"placed"}"#);
    stage.answers();
    let all = bob.hears_on_until(r#"{"mark":"ended"}"#);
    let (ended, events) = all.split_last().unwrap();
    assert_eq!((ended["at"][1].as_u64(), events.len() as u64), (Some(removed), removed));
    assert!((1..).zip(events).all(|(seq, event)| event["seq"] == seq));
}

#[test]
fn a_room_that_closes_to_others_ends_them() {
    let stage = Stage::new();
    let (ann, bob, eve) = (stage.enter("ann"), stage.enter("bob"), stage.enter("eve"));
    ann.says(r#"{"do":"create","id":5,"room":"hall","members":["bob"]}"#);
    ann.hears(r#"{"re":5,"ok":"placed"}"#);
    bob.listens_to("hall");
    eve.listens_to("hall");
    ann.says(r#"{"do":"update","id":6,"room":"hall","settings":{"access":"members"}}"#);
    ann.hears(r#"{"re":6,"ok":"placed"}"#);
    for client in [&bob, &eve] {
        client.hears(r#"{"ev":"updated","room":"hall","info":{"access":"members"}}"#);
    }
    eve.hears(r#"{"mark":"ended","room":"hall","reason":"access_lost"}"#);
    ann.says(r#"{"do":"delete_room","id":7,"room":"hall"}"#);
    ann.hears(r#"{"re":7,"ok":"placed"}"#);
    bob.hears(r#"{"ev":"updated","seq":4,"info":{"deleted":true}}"#);
    bob.hears(r#"{"mark":"ended","room":"hall","at":[100,4],"reason":"room_deleted"}"#);
}
