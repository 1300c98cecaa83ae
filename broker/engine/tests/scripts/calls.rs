//! Callers: a command of somebody without a connection goes the way of every command, and is answered exactly once.

use crate::stage::Stage;
use rookery_engine::message::Caller;
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::{AckLevel, Place};
use rookery_protocol::reply::{Refusal, Reply};

const POST: &str = r#"{"do":"post","room":"general","body":"from afar","key":"k1"}"#;

fn refused(stage: &Stage, caller: Caller) -> Refusal {
    match stage.answer_to(caller) {
        Some(Reply::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn code(stage: &Stage, caller: Caller) -> ErrorCode {
    refused(stage, caller).code
}

#[test]
fn a_caller_posts_like_a_connection_and_a_repeat_gets_the_first_place() {
    let stage = Stage::new();
    let ann = stage.enter("ann");
    ann.listens_to("general");
    let first = stage.calls("shop backend", POST);
    let placed =
        |duplicate| Reply::Placed { place: Place::new(100, 1), ordinal: Some(1), level: AckLevel::Durable, duplicate };
    assert_eq!(stage.answer_to(first), Some(placed(false)));
    ann.hears(r#"{"ev":"posted","by":"shop","body":"from afar"}"#);
    let again = stage.calls("shop backend", POST);
    assert!(
        matches!(stage.answer_to(again), Some(Reply::Placed { duplicate: true, place, .. }) if place == Place::new(100, 1))
    );
    ann.hears_nothing();
}

#[test]
fn an_answer_waits_for_what_the_command_waits_for() {
    let stage = Stage::new();
    stage.outside(|outside| outside.fake.late.submit = true);
    let caller = stage.calls("shop backend", POST);
    assert_eq!(stage.answer_to(caller), None);
    stage.answers();
    assert!(matches!(stage.answer_to(caller), Some(Reply::Placed { .. })));
}

#[test]
fn an_answer_finds_its_caller_across_shards() {
    let stage = Stage::with(|plan| plan.shards = 3);
    for shard in 0..3 {
        let room = stage.name_on(shard, "room");
        let caller = stage.calls_at(0, "shop backend", &format!(r#"{{"do":"post","room":"{room}","body":"hi"}}"#));
        assert!(matches!(stage.answer_to(caller), Some(Reply::Placed { .. })), "on shard {shard}");
    }
}

#[test]
fn a_broadcast_has_one_answer_for_all_its_rooms() {
    let stage = Stage::with(|plan| plan.shards = 2);
    let (here, there) = (stage.name_on(0, "here"), stage.name_on(1, "there"));
    let owner = stage.enter("olga");
    owner.says(&format!(r#"{{"do":"create","id":2,"room":"{there}"}}"#));
    owner.hears(r#"{"re":2,"ok":"placed"}"#);
    owner.says(&format!(r#"{{"do":"archive","id":3,"room":"{there}"}}"#));
    owner.hears(r#"{"re":3,"ok":"placed"}"#);
    let caller =
        stage.calls("shop backend", &format!(r#"{{"do":"broadcast","rooms":["{there}","{here}"],"body":"hi"}}"#));
    let answer = stage.answer_to(caller);
    assert_eq!(answer, Some(Reply::Broadcast { placed: 1, refused: vec![(0, ErrorCode::RoomArchived)] }));
}

#[test]
fn what_belongs_to_a_connection_is_refused_by_its_kind() {
    let stage = Stage::new();
    for text in [
        r#"{"do":"authenticate","token":"ann"}"#,
        r#"{"do":"refresh","token":"ann"}"#,
        r#"{"do":"resume","rooms":[{"room":"general"}]}"#,
        r#"{"do":"resume","token":"ann"}"#,
        r#"{"do":"ping"}"#,
        r#"{"do":"subscribe","rooms":[{"room":"general"}]}"#,
        r#"{"do":"unsubscribe","rooms":["general"]}"#,
        r#"{"do":"typing","room":"general"}"#,
        r#"{"do":"set_status","status":"away"}"#,
    ] {
        assert_eq!(code(&stage, stage.calls("ann", text)), ErrorCode::UnknownCommand, "{text}");
    }
    // A handle is a connection's.
    let by_handle = stage.calls("ann", r#"{"do":"post","room":3,"body":"hi"}"#);
    assert_eq!(code(&stage, by_handle), ErrorCode::NotSubscribed);
}

#[test]
fn a_caller_may_what_its_principal_may_and_no_more() {
    let stage = Stage::new();
    assert_eq!(code(&stage, stage.calls("ann", r#"{"do":"erase","user":"bob"}"#)), ErrorCode::NotAllowed);
    let olga = stage.enter("olga");
    olga.says(r#"{"do":"create","id":2,"room":"den","settings":{"access":"members"}}"#);
    olga.hears(r#"{"re":2,"ok":"placed"}"#);
    assert_eq!(code(&stage, stage.calls("ann", r#"{"do":"history","room":"den"}"#)), ErrorCode::NotAMember);
    assert!(matches!(
        stage.answer_to(stage.calls("olga", r#"{"do":"history","room":"den"}"#)),
        Some(Reply::History(_))
    ));
    let revoke = stage.calls("shop backend", r#"{"do":"revoke","token_id":"t1"}"#);
    assert_eq!(stage.answer_to(revoke), Some(Reply::Counted { count: 1 }));
    assert_eq!(code(&stage, stage.calls("olga id=t1", r#"{"do":"history","room":"den"}"#)), ErrorCode::Revoked);
    // Too large is too large, whoever says it.
    let body = "x".repeat(61_441);
    let caller =
        stage.calls("ann", &format!(r#"{{"do":"post","room":{{"inbox":true}},"body":"{}"}}"#, &body[..61_440]));
    assert_eq!(code(&stage, caller), ErrorCode::NotAllowed);
}

#[test]
fn a_room_is_described_as_far_as_it_is_confirmed() {
    let stage = Stage::new();
    let olga = stage.enter("olga");
    olga.says(r#"{"do":"create","id":2,"room":"den","settings":{"title":"Den"},"members":["ann"]}"#);
    olga.hears(r#"{"re":2,"ok":"placed"}"#);
    olga.listens_to("den");
    let Some(Reply::Described(den)) = stage.answer_to(stage.calls("ann", r#"{"do":"describe","room":"den"}"#)) else {
        panic!("not described")
    };
    assert_eq!((den.info.title.as_str(), den.end, den.count, den.present), ("Den", Place::new(100, 2), 2, 1));
    stage.outside(|outside| outside.fake.late.submit = true);
    olga.says(r#"{"do":"post","id":5,"room":"den","body":"hi","ack":"accepted"}"#);
    olga.hears(r#"{"ev":"posted","body":"hi"}"#);
    olga.hears(r#"{"re":5,"ok":"placed"}"#);
    let Some(Reply::Described(den)) = stage.answer_to(stage.calls("ann", r#"{"do":"describe","room":"den"}"#)) else {
        panic!("not described")
    };
    assert_eq!((den.end, den.messages), (Place::new(100, 2), 0));
}

#[test]
fn a_user_has_one_bucket_for_all_its_calls_which_fills_again() {
    let stage = Stage::with(|plan| {
        (plan.limits.user_commands_per_second, plan.limits.user_commands_burst) = (4, 10);
    });
    const READ: &str = r#"{"do":"roster","room":"general"}"#;
    let took =
        (0..12).filter(|_| matches!(stage.answer_to(stage.calls("ann", READ)), Some(Reply::Roster { .. }))).count();
    assert_eq!(took, 10);
    let refusal = refused(&stage, stage.calls("ann", READ));
    assert_eq!((refusal.code, refusal.retry_after_ms), (ErrorCode::RateLimited, 250));
    // Another user's is its own.
    assert!(matches!(stage.answer_to(stage.calls("bob", READ)), Some(Reply::Roster { .. })));
    stage.pass(250);
    assert!(matches!(stage.answer_to(stage.calls("ann", READ)), Some(Reply::Roster { .. })));
    assert_eq!(code(&stage, stage.calls("ann", READ)), ErrorCode::RateLimited);
}

#[test]
fn so_many_wait_and_whoever_hangs_up_makes_room() {
    let stage = Stage::with(|plan| plan.limits.calls_per_shard = 2);
    stage.outside(|outside| outside.fake.late.submit = true);
    let post = |n: u32| stage.calls("shop backend", &format!(r#"{{"do":"post","room":"general","body":"{n}"}}"#));
    let waiting = [post(1), post(2)];
    let refusal = refused(&stage, post(3));
    assert_eq!(refusal.code, ErrorCode::Busy);
    assert!(refusal.retry_after_ms > 0);
    stage.hangs_up(waiting[0]);
    let third = post(4);
    stage.answers();
    // What was asked is done all the same; only nobody is told.
    assert_eq!(stage.answer_to(waiting[0]), None);
    assert!(matches!(stage.answer_to(waiting[1]), Some(Reply::Placed { .. })));
    assert!(matches!(stage.answer_to(third), Some(Reply::Placed { ordinal: Some(3), .. })));
    assert_eq!(stage.shard(|shard, _| shard.edge.callers()), 0);
}

#[test]
fn a_node_that_stops_takes_no_more_and_answers_whom_it_has() {
    let stage = Stage::new();
    stage.outside(|outside| outside.fake.late.submit = true);
    let before = stage.calls("shop backend", POST);
    stage.shard(|shard, now| shard.drain(now, DropReason::Draining));
    let refusal = refused(&stage, stage.calls("shop backend", POST));
    assert_eq!(refusal.code, ErrorCode::Draining);
    assert!(refusal.retry_after_ms > 0);
    stage.answers();
    assert!(matches!(stage.answer_to(before), Some(Reply::Placed { .. })));
}

#[test]
fn everything_else_is_taken() {
    let stage = Stage::new();
    let user = r#""user":"bob""#;
    let target = r#""target":[100,1]"#;
    assert!(stage.answer_to(stage.calls("shop backend", POST)).is_some());
    let mut kinds = vec![CommandKind::Post];
    for (kind, fields) in [
        (CommandKind::Create, r#""room":"den","members":["bob"]"#.to_owned()),
        (CommandKind::Edit, format!(r#""room":"general",{target},"body":"anew""#)),
        (CommandKind::React, format!(r#""room":"general",{target},"reaction":"+1""#)),
        (CommandKind::Unreact, format!(r#""room":"general",{target},"reaction":"+1""#)),
        (CommandKind::Pin, format!(r#""room":"general",{target}"#)),
        (CommandKind::Unpin, format!(r#""room":"general",{target}"#)),
        (CommandKind::MarkRead, r#""room":"general","place":[100,1]"#.to_owned()),
        (CommandKind::History, r#""room":"general""#.to_owned()),
        (CommandKind::Roster, r#""room":"general""#.to_owned()),
        (CommandKind::Describe, r#""room":"general""#.to_owned()),
        (CommandKind::Update, r#""room":"den","settings":{"title":"Den"}"#.to_owned()),
        (CommandKind::Archive, r#""room":"den","archived":false"#.to_owned()),
        (CommandKind::SetRole, format!(r#""room":"den",{user},"role":"owner""#)),
        (CommandKind::Join, r#""room":"den""#.to_owned()),
        (CommandKind::Leave, r#""room":"den""#.to_owned()),
        (CommandKind::Invite, r#""room":"den","user":"carol""#.to_owned()),
        (CommandKind::RemoveMember, r#""room":"den","user":"carol""#.to_owned()),
        (CommandKind::DeleteRoom, r#""room":"den""#.to_owned()),
        (CommandKind::Delete, format!(r#""room":"general",{target}"#)),
        (CommandKind::QueryPresence, r#""users":["bob"]"#.to_owned()),
        (CommandKind::ListRooms, r#""mine":true"#.to_owned()),
        (CommandKind::DirectRoom, user.to_owned()),
        (CommandKind::Users, String::new()),
        (CommandKind::UnreadSummary, String::new()),
        (CommandKind::Broadcast, r#""rooms":["general"],"body":"hi""#.to_owned()),
        (CommandKind::Disconnect, user.to_owned()),
        (CommandKind::Revoke, user.to_owned()),
        (CommandKind::TakeName, r#""name":"n","holder":"h""#.to_owned()),
        (CommandKind::ReleaseName, r#""name":"n","holder":"h""#.to_owned()),
        (CommandKind::TakeNumbers, r#""counter":"c","count":2"#.to_owned()),
        (CommandKind::Erase, r#""user":"carol""#.to_owned()),
    ] {
        let comma = if fields.is_empty() { "" } else { "," };
        let caller = stage.calls("shop backend", &format!(r#"{{"do":"{}"{comma}{fields}}}"#, kind.row().word));
        let answer = stage.answer_to(caller);
        assert!(answer.as_ref().is_some_and(|reply| !matches!(reply, Reply::Refused(_))), "{kind:?}: {answer:?}");
        kinds.push(kind);
    }
    // These nine belong to connections, and search is offered by nobody yet.
    assert_eq!(CommandKind::ALL.len() - kinds.len(), 9);
}
