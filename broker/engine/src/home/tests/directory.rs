//! What must be unique or counted.

use super::*;
use crate::message::ToEdge;
use rookery_protocol::command::{Revocation, RoomSettings, Status};
use rookery_protocol::event::Fact;

fn directory() -> RoomKey {
    room(RoomKind::Directory, "*")
}

fn direct(bench: &mut Bench, who: &Principal, user: &str) -> Name {
    let reply = bench.say(who, &directory(), Command::DirectRoom { user: Name::new(user).unwrap() });
    let Reply::Direct { name } = reply else { panic!("{reply:?}") };
    name
}

#[test]
fn a_pair_has_one_room_from_either_side() {
    let mut bench = Bench::new();
    let name = direct(&mut bench, &ann(), "bob");
    assert_eq!(direct(&mut bench, &bob(), "ann"), name);
    assert_ne!(direct(&mut bench, &ann(), "eve"), name);
    let key = RoomKey { name, ..room(RoomKind::Direct, "1") };
    bench.post("ann", &key, "hi");
    bench.attach("bob", &key, Some(Place::START));
    assert_eq!(bench.refused(&principal("eve"), &key, post("x", None)), ErrorCode::NotAMember);
    for user in ["ann", "bob"] {
        assert!(bench.ports.store(&room(RoomKind::Inbox, user)).belongs.contains_key(&key));
    }
    let none = Command::DirectRoom { user: Name::literal("ann") };
    assert_eq!(bench.refused(&ann(), &directory(), none), ErrorCode::NotAllowed);
    bench.restart(RoomClass::default());
    assert_eq!(direct(&mut bench, &ann(), "bob"), key.name);
}

#[test]
fn who_is_told_of_a_direct_room_can_enter_it() {
    let mut bench = Bench::new();
    bench.cut = Some(Vec::new());
    let ask = |bench: &mut Bench, who: &Principal, user: &'static str| {
        let number = bench.ask(who, &directory(), Command::DirectRoom { user: Name::literal(user) });
        bench.turn();
        number
    };
    let one = ask(&mut bench, &ann(), "bob");
    let two = ask(&mut bench, &bob(), "ann");
    assert!(bench.reply(one).is_none() && bench.reply(two).is_none(), "the room has not begun");
    let sent = bench.cut.take().unwrap();
    sent.into_iter().for_each(|message| bench.tell(message));
    bench.turn();
    assert!(matches!(bench.reply(one), Some(Reply::Direct { .. })));
    assert!(matches!(bench.reply(two), Some(Reply::Direct { .. })));
}

#[test]
fn numbers_rise_without_holes() {
    let mut bench = Bench::with(RoomClass::default(), Late { sequence: true, ..Late::default() });
    let take = |count| Command::TakeNumbers { counter: Name::literal("ids"), count };
    let numbers: Vec<_> = [3, 5, 1].map(|count| bench.ask(&server(), &directory(), take(count))).to_vec();
    let nothing = bench.ask(&server(), &directory(), take(0));
    bench.facts();
    let said: Vec<_> = numbers.iter().map(|n| bench.reply(*n).unwrap()).collect();
    let block = |first, count| Reply::Numbers { first, count };
    assert_eq!(said, [block(1, 3), block(4, 5), block(9, 1)]);
    assert!(matches!(bench.reply(nothing), Some(Reply::Refused(r)) if r.code == ErrorCode::Malformed));
    bench.ports.late.sequence = false;
    bench.restart(RoomClass::default());
    assert_eq!(bench.say(&server(), &directory(), take(2)), block(10, 2));
    assert_eq!(bench.refused(&server(), &directory(), take(65)), ErrorCode::TooLarge);
    assert_eq!(bench.refused(&ann(), &directory(), take(1)), ErrorCode::NotAllowed);
}

#[test]
fn a_name_has_one_holder() {
    let mut bench = Bench::new();
    let (name, mine, yours) = (Name::literal("general"), Name::literal("1"), Name::literal("2"));
    let take = |holder: &Name| Command::TakeName { name: name.clone(), holder: holder.clone() };
    let release = |holder: &Name| Command::ReleaseName { name: name.clone(), holder: holder.clone() };
    bench.placed(&server(), &directory(), take(&mine));
    assert_eq!(bench.say(&server(), &directory(), take(&mine)), Reply::Done);
    assert_eq!(bench.refused(&server(), &directory(), take(&yours)), ErrorCode::NameTaken);
    assert_eq!(bench.refused(&server(), &directory(), release(&yours)), ErrorCode::NameTaken);
    bench.placed(&server(), &directory(), release(&mine));
    bench.placed(&server(), &directory(), take(&yours));
}

#[test]
fn listed_rooms_and_ones_own() {
    let mut bench = Bench::new();
    for (name, listed) in [("a", true), ("b", true), ("c", false)] {
        let settings =
            RoomSettings { title: Some(format!("Room {name}")), listed: Some(listed), ..RoomSettings::default() };
        let create = Command::Create { room: ROOM, settings: Box::new(settings), members: Vec::new() };
        bench.placed(&ann(), &room(RoomKind::Room, name), create);
    }
    let list = |mine, after: Option<&str>, limit| Command::ListRooms {
        mine,
        after: after.map(|a| Name::new(a).unwrap()),
        limit,
    };
    let said = |reply: Reply| {
        let Reply::Rooms { rooms, more } = reply else { panic!("{reply:?}") };
        (rooms.into_iter().map(|r| (r.title, r.role)).collect::<Vec<_>>(), more)
    };
    let (rooms, more) = said(bench.say(&bob(), &directory(), list(false, None, 1)));
    assert_eq!((rooms, more), (vec![("Room a".to_owned(), None)], true));
    let (rooms, more) = said(bench.say(&bob(), &directory(), list(false, Some("a"), 5)));
    assert_eq!((rooms.len(), more), (1, false));
    let (rooms, _) = said(bench.say(&ann(), &directory(), list(true, None, 5)));
    let owner = Some(rookery_protocol::command::Role::Owner);
    assert_eq!(rooms, ["a", "b", "c"].map(|n| (format!("Room {n}"), owner)).to_vec());
    let settings = Box::new(RoomSettings { listed: Some(false), ..Default::default() });
    let unlist = Command::Update { room: ROOM, settings };
    bench.placed(&ann(), &room(RoomKind::Room, "a"), unlist);
    bench.placed(&ann(), &room(RoomKind::Room, "b"), Command::DeleteRoom { room: ROOM });
    assert!(said(bench.say(&bob(), &directory(), list(false, None, 5))).0.is_empty());
}

#[test]
fn users_are_those_that_were_seen() {
    let mut bench = Bench::new();
    bench.open("bob", 1, None, false);
    bench.open("ann", 2, None, false);
    bench.open("ann", 3, None, false);
    assert_eq!(bench.ports.store(&directory()).facts.len(), 2, "each once");
    let away = Command::SetStatus { status: Status::Away, text: String::new() };
    bench.say(&bob(), &room(RoomKind::Lobby, "*"), away);
    let Reply::Users { users, more } = bench.say(&ann(), &directory(), Command::Users { after: None, limit: 5 }) else {
        panic!()
    };
    let said: Vec<_> = users.iter().map(|u| (u.user.as_str(), u.status)).collect();
    assert_eq!(said, [("ann", Status::Online), ("bob", Status::Away)]);
    assert!(!more);
}

#[test]
fn a_revocation_reaches_every_shard() {
    let mut bench = Bench::new();
    let revoke = Command::Revoke(Revocation::Token { id: Name::literal("t1") });
    assert_eq!(bench.refused(&ann(), &directory(), revoke.clone()), ErrorCode::NotAllowed);
    assert_eq!(bench.say(&server(), &directory(), revoke), Reply::Counted { count: 1 });
    let told = bench.told.iter().find(|told| matches!(told, ToEdge::Revoked { .. }));
    let Some(ToEdge::Revoked { fact, .. }) = told else { panic!() };
    assert_eq!(*fact, Fact::TokenRevoked { id: Name::literal("t1") });
}

#[test]
fn search_waits_for_its_index() {
    let mut bench = Bench::new();
    let search = Command::Search { query: "x".to_owned(), limit: 1 };
    assert_eq!(bench.refused(&ann(), &directory(), search), ErrorCode::NotAvailable);
}
