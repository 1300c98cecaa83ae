//! Life of a room: created, changed, left, deleted; and who hears what of it.

use super::*;
use crate::message::{ToEdge, Whom};
use rookery_protocol::command::{Access, HistoryFrom, Role, RoomSettings, RosterOf};
use rookery_protocol::reply::{EndReason, GapReason, Start};

fn create(access: Access, members: &[&str]) -> Command {
    let settings = RoomSettings { title: Some("General".to_owned()), access: Some(access), ..RoomSettings::default() };
    let members = members.iter().map(|m| Name::new(m).unwrap()).collect();
    Command::Create { room: ROOM, settings: Box::new(settings), members }
}

fn invite(user: &str, role: Role) -> Command {
    Command::Invite { room: ROOM, user: Name::new(user).unwrap(), role }
}

fn remove(user: &str) -> Command {
    Command::RemoveMember { room: ROOM, user: Name::new(user).unwrap() }
}

fn set_role(user: &str, role: Role) -> Command {
    Command::SetRole { room: ROOM, user: Name::new(user).unwrap(), role }
}

fn ended(bench: &mut Bench) -> Option<(Whom, Place, EndReason)> {
    let i = bench.told.iter().position(|told| matches!(told, ToEdge::Ended { .. }))?;
    match bench.told.remove(i) {
        Some(ToEdge::Ended { whom, at, reason, .. }) => Some((whom, at, reason)),
        _ => None,
    }
}

#[test]
fn the_creator_owns_the_room_and_members_are_told() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), create(Access::Members, &["bob", "ann"]));
    assert_eq!(bench.refused(&ann(), &general(), create(Access::Open, &[])), ErrorCode::RoomExists);
    let roster = Command::Roster { room: ROOM, of: RosterOf::Members, after: None, limit: 0 };
    let Reply::Roster { members, .. } = bench.say(&bob(), &general(), roster.clone()) else { panic!() };
    let roles: Vec<_> = members.iter().map(|m| (m.user.as_str(), m.role)).collect();
    assert_eq!(roles, [("ann", Some(Role::Owner)), ("bob", Some(Role::Member))]);
    assert_eq!(bench.refused(&principal("eve"), &general(), roster), ErrorCode::NotAMember);
    for user in ["ann", "bob"] {
        assert_eq!(bench.ports.store(&room(RoomKind::Inbox, user)).belongs.len(), 1, "{user}");
    }
    assert!(bench.ports.store(&general()).pending.is_empty(), "their inboxes have answered");
}

#[test]
fn roles_decide_what_is_allowed() {
    let mut bench = Bench::new();
    let eve = principal("eve");
    bench.placed(&ann(), &general(), create(Access::Members, &["bob"]));
    assert_eq!(bench.refused(&bob(), &general(), invite("eve", Role::Member)), ErrorCode::NotAllowed);
    assert_eq!(bench.refused(&eve, &general(), Command::Join { room: ROOM }), ErrorCode::NotAMember);
    bench.placed(&ann(), &general(), set_role("bob", Role::Admin));
    bench.placed(&bob(), &general(), invite("eve", Role::Member));
    assert_eq!(bench.say(&bob(), &general(), invite("eve", Role::Member)), Reply::Done);
    assert_eq!(bench.refused(&bob(), &general(), set_role("eve", Role::Owner)), ErrorCode::NotAllowed);
    assert_eq!(bench.refused(&bob(), &general(), remove("ann")), ErrorCode::NotAllowed);
    assert_eq!(bench.refused(&bob(), &general(), Command::DeleteRoom { room: ROOM }), ErrorCode::NotAllowed);
    assert_eq!(bench.refused(&ann(), &general(), Command::Leave { room: ROOM }), ErrorCode::LastOwner);
    assert_eq!(bench.refused(&ann(), &general(), set_role("ann", Role::Member)), ErrorCode::LastOwner);
    bench.placed(&ann(), &general(), set_role("bob", Role::Owner));
    bench.placed(&ann(), &general(), Command::Leave { room: ROOM });
    let pin = Command::Pin { room: ROOM, target: bench.post("bob", &general(), "pin me") };
    assert_eq!(bench.refused(&eve, &general(), pin.clone()), ErrorCode::NotAllowed);
    bench.placed(&bob(), &general(), pin);
    bench.placed(&server(), &general(), remove("eve"));
}

#[test]
fn who_is_removed_hears_that_and_nothing_after() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), create(Access::Members, &["bob"]));
    bench.attach("bob", &general(), None);
    bench.attach("ann", &general(), None);
    bench.told.clear();
    bench.ask(&ann(), &general(), post("before", None));
    bench.ask(&ann(), &general(), remove("bob"));
    bench.ask(&ann(), &general(), post("after", None));
    bench.turn();
    let at = bench.told.iter().position(|told| matches!(told, ToEdge::Ended { .. })).unwrap();
    let text = |told: &[&ToEdge]| -> String {
        let chunks = told.iter().filter_map(|t| if let ToEdge::Chunk(c) = t { Some(c) } else { None });
        chunks.map(|c| String::from_utf8_lossy(c.bytes()).into_owned()).collect()
    };
    let told: Vec<_> = bench.told.iter().collect();
    let (before, after) = (text(&told[..at]), text(&told[at..]));
    assert!(before.contains("before") && before.contains("left") && !before.contains("after"), "{before}");
    assert!(after.contains("after"), "the others go on");
    let Some((whom, place, reason)) = ended(&mut bench) else { panic!() };
    assert_eq!((whom, reason), (Whom::User(Name::literal("bob")), EndReason::Removed));
    assert_eq!(place.seq.0, bench.home_end().seq.0 - 1);
    let number = bench.attach_as(&bob(), &general(), Wants::default(), None);
    bench.turn();
    assert!(matches!(bench.reply(number), Some(Reply::Refused(r)) if r.code == ErrorCode::NotAMember));
}

#[test]
fn who_attaches_and_is_removed_in_one_turn_is_not_let_in() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), create(Access::Members, &["bob"]));
    let number = bench.attach_as(&bob(), &general(), Wants::default(), None);
    bench.ask(&ann(), &general(), remove("bob"));
    bench.turn();
    assert!(matches!(bench.reply(number), Some(Reply::Refused(r)) if r.code == ErrorCode::NotAMember));
    assert!(ended(&mut bench).is_none());
}

#[test]
fn closing_a_room_to_others_ends_them() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), create(Access::Open, &["bob"]));
    for user in ["ann", "bob", "eve"] {
        bench.attach(user, &general(), None);
    }
    let settings = RoomSettings { access: Some(Access::Members), ..RoomSettings::default() };
    bench.placed(&ann(), &general(), Command::Update { room: ROOM, settings: Box::new(settings) });
    let Some((whom, _, reason)) = ended(&mut bench) else { panic!() };
    assert_eq!((whom, reason), (Whom::User(Name::literal("eve")), EndReason::AccessLost));
    assert!(ended(&mut bench).is_none());
}

#[test]
fn an_archived_room_can_only_be_read() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), create(Access::Open, &[]));
    let target = bench.post("ann", &general(), "kept");
    bench.placed(&ann(), &general(), Command::Archive { room: ROOM, archived: true });
    assert_eq!(bench.say(&ann(), &general(), Command::Archive { room: ROOM, archived: true }), Reply::Done);
    for command in [
        post("x", None),
        Command::Delete { room: ROOM, target, ack: None },
        Command::Typing { room: ROOM, on: true },
        Command::Update {
            room: ROOM,
            settings: Box::new(RoomSettings { topic: Some("x".into()), ..Default::default() }),
        },
    ] {
        assert_eq!(bench.refused(&ann(), &general(), command), ErrorCode::RoomArchived);
    }
    assert_eq!(bench.refused(&bob(), &general(), Command::Join { room: ROOM }), ErrorCode::RoomArchived);
    bench.attach("bob", &general(), Some(Place::START));
    bench.placed(&ann(), &general(), Command::Archive { room: ROOM, archived: false });
    bench.post("ann", &general(), "x");
}

#[test]
fn a_room_that_was_used_can_be_created_over() {
    let mut bench = Bench::new();
    bench.post("bob", &general(), "first come");
    assert_eq!(bench.refused(&bob(), &general(), invite("eve", Role::Member)), ErrorCode::NotAllowed);
    assert_eq!(bench.placed(&ann(), &general(), create(Access::Open, &[])), Place::new(100, 2));
    bench.placed(&ann(), &general(), invite("eve", Role::Member));
    let history = Command::History { room: ROOM, from: HistoryFrom::Newest, limit: 0, thread: None };
    let Reply::History(page) = bench.say(&bob(), &general(), history) else { panic!() };
    assert_eq!(page.messages.len(), 1);
}

#[test]
fn a_deleted_room_is_gone_until_it_is_created_anew() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), create(Access::Open, &["bob"]));
    let old = bench.post("ann", &general(), "of the first life");
    bench.attach("bob", &general(), None);
    bench.placed(&ann(), &general(), Command::DeleteRoom { room: ROOM });
    let Some((whom, at, reason)) = ended(&mut bench) else { panic!() };
    assert_eq!((whom, reason), (Whom::All, EndReason::RoomDeleted));
    assert!(at > old);
    assert_eq!(bench.refused(&ann(), &general(), post("x", None)), ErrorCode::NoSuchRoom);
    assert_eq!(bench.refused(&ann(), &general(), create(Access::Open, &[])), ErrorCode::Busy, "traces go first");
    bench.pass(5000);
    let tables = bench.ports.store(&general());
    assert!(tables.members.is_empty() && tables.records.is_empty() && tables.events.is_empty());
    assert!(bench.ports.store(&room(RoomKind::Inbox, "bob")).belongs.is_empty());
    assert_eq!(bench.refused(&ann(), &general(), post("x", None)), ErrorCode::NoSuchRoom);
    let created = bench.placed(&bob(), &general(), create(Access::Open, &[]));
    assert!(created.seq > at.seq && created.epoch > at.epoch);
    let subscribed = bench.attach("bob", &general(), Some(old));
    assert_eq!(subscribed.start, Start::Gap(GapReason::UnknownPlace));
    let anew = bench.post("ann", &general(), "of the second life");
    let history = || Command::History { room: ROOM, from: HistoryFrom::Newest, limit: 0, thread: None };
    let Reply::History(page) = bench.say(&ann(), &general(), history()) else { panic!() };
    assert_eq!(page.messages.iter().map(|m| (m.place, m.ordinal)).collect::<Vec<_>>(), [(anew, 1)]);
    // And so it is after a restart.
    bench.restart(RoomClass::default());
    let subscribed = bench.attach("bob", &general(), Some(created));
    assert_eq!(subscribed.start, Start::Resuming);
    let next = bench.post("ann", &general(), "of the next run");
    assert!(next.epoch > created.epoch && next.seq.0 == anew.seq.0 + 1);
}

#[test]
fn a_deletion_goes_on_after_a_restart() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), create(Access::Open, &["bob", "eve"]));
    bench.placed(&ann(), &general(), Command::DeleteRoom { room: ROOM });
    bench.restart(RoomClass::default());
    assert_eq!(bench.refused(&ann(), &general(), create(Access::Open, &[])), ErrorCode::Busy);
    bench.pass(5000);
    bench.placed(&ann(), &general(), create(Access::Open, &[]));
    assert!(bench.ports.store(&room(RoomKind::Inbox, "eve")).belongs.is_empty());
}
