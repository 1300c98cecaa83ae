//! Inbox and lobby: sessions of a user, status, unread rooms, erasing.

use super::*;
use crate::message::{SessionOrder, ToEdge};
use rookery_protocol::command::{ReadMark, Status};
use rookery_protocol::errors::DropReason;

fn lobby() -> RoomKey {
    room(RoomKind::Lobby, "*")
}

fn inbox(user: &str) -> RoomKey {
    room(RoomKind::Inbox, user)
}

fn orders(bench: &mut Bench) -> Vec<SessionOrder> {
    let mut orders = Vec::new();
    bench.told.retain(|told| {
        if let ToEdge::Session { order, .. } = told {
            orders.push(order.clone());
        }
        !matches!(told, ToEdge::Session { .. })
    });
    orders
}

fn close(bench: &mut Bench, user: &str, slot: u32) {
    let address = Address { shard: ShardId(0), conn: ConnId { slot, generation: 1 } };
    bench.tell(ToHome::SessionClosed { inbox: inbox(user), address });
    bench.turn();
}

fn status(bench: &mut Bench, user: &str) -> (Status, String) {
    let users = vec![Name::new(user).unwrap()];
    let Reply::Presence { users } = bench.say(&ann(), &lobby(), Command::QueryPresence { users }) else { panic!() };
    (users[0].status, users[0].text.clone())
}

#[test]
fn a_user_has_as_many_connections_as_it_may() {
    let mut bench = Bench::new();
    assert_eq!(bench.open("bob", 1, Some(2), false), Reply::Done);
    assert_eq!(bench.open("bob", 2, Some(2), false), Reply::Done);
    assert_eq!(bench.open("bob", 2, Some(2), false), Reply::Done, "the same once more");
    let reply = bench.open("bob", 3, Some(2), false);
    assert!(matches!(reply, Reply::Refused(r) if r.code == ErrorCode::TooManyConnections));
    orders(&mut bench);
    bench.attach("bob", &inbox("bob"), None);
    assert_eq!(bench.open("bob", 3, Some(2), true), Reply::Done);
    let oldest = ConnId { slot: 1, generation: 1 };
    assert_eq!(orders(&mut bench), [SessionOrder::Close { conn: Some(oldest), reason: DropReason::Replaced }]);
    assert!(bench.heard().contains("replaced"));
    close(&mut bench, "bob", 2);
    assert_eq!(bench.open("bob", 4, Some(2), false), Reply::Done);
}

#[test]
fn the_lobby_knows_who_is_online_and_says_it_to_those_who_ask() {
    let mut bench = Bench::new();
    bench.attach("ann", &lobby(), None);
    bench.open("bob", 1, None, false);
    assert_eq!(orders(&mut bench), [SessionOrder::Share { of: 1 }]);
    assert!(bench.heard().contains("online"));
    assert_eq!(status(&mut bench, "bob").0, Status::Online);
    let busy = Command::SetStatus { status: Status::Busy, text: "writing".to_owned() };
    assert_eq!(bench.say(&bob(), &lobby(), busy), Reply::Done);
    bench.open("bob", 2, None, false);
    assert_eq!(status(&mut bench, "bob"), (Status::Busy, "writing".to_owned()), "a second connection changes nothing");
    bench.told.clear();
    close(&mut bench, "bob", 1);
    close(&mut bench, "bob", 2);
    bench.pass(999);
    assert_eq!(status(&mut bench, "bob").0, Status::Busy);
    bench.pass(1);
    assert_eq!(status(&mut bench, "bob").0, Status::Offline);
    assert!(bench.heard().contains("offline"));
    bench.open("bob", 3, None, false);
    assert_eq!(status(&mut bench, "bob").0, Status::Online);
}

#[test]
fn who_comes_back_in_time_was_never_offline() {
    let mut bench = Bench::new();
    bench.open("bob", 1, None, false);
    close(&mut bench, "bob", 1);
    bench.pass(500);
    bench.open("bob", 2, None, false);
    bench.pass(5000);
    assert_eq!(status(&mut bench, "bob").0, Status::Online);
}

#[test]
fn a_backend_disconnects_all_connections_of_a_user() {
    let mut bench = Bench::new();
    bench.open("bob", 1, None, false);
    bench.open("bob", 2, None, false);
    orders(&mut bench);
    let user = Name::literal("bob");
    let disconnect = || Command::Disconnect { user: user.clone() };
    assert_eq!(bench.refused(&ann(), &inbox("ann"), disconnect()), ErrorCode::NotAllowed);
    // It comes to the backend's own inbox, and finds its way.
    assert_eq!(bench.say(&server(), &inbox("backend"), disconnect()), Reply::Counted { count: 2 });
    assert_eq!(orders(&mut bench), [SessionOrder::Close { conn: None, reason: DropReason::Reset }]);
}

#[test]
fn unread_rooms_are_gathered_from_those_who_know() {
    let mut bench = Bench::new();
    let rooms = [general(), room(RoomKind::Room, "random"), room(RoomKind::Room, "quiet")];
    for key in &rooms {
        bench.placed(&bob(), key, Command::Join { room: ROOM });
    }
    bench.post("ann", &general(), "one");
    let read = bench.post("ann", &general(), "two");
    bench.post("ann", &general(), "three");
    bench.post("ann", &rooms[1], "hello");
    bench.say(&bob(), &general(), Command::MarkRead { room: ROOM, place: read, mark: ReadMark::Read });
    let ask =
        |after: Option<&str>, limit| Command::UnreadSummary { after: after.map(|a| Name::new(a).unwrap()), limit };
    let Reply::Unread { rooms, more } = bench.say(&bob(), &inbox("bob"), ask(None, 10)) else { panic!() };
    let said: Vec<_> = rooms
        .iter()
        .map(|e| (e.room.name.as_str(), e.unread, e.last_line.as_ref().map(|m| m.body.to_vec()).unwrap_or_default()))
        .collect();
    assert_eq!(said, [("general", 1, b"three".to_vec()), ("quiet", 0, vec![]), ("random", 1, b"hello".to_vec())]);
    assert!(!more);
    let Reply::Unread { rooms, more } = bench.say(&bob(), &inbox("bob"), ask(Some("general"), 1)) else { panic!() };
    assert_eq!((rooms[0].room.name.as_str(), more), ("quiet", true));
    assert_eq!(bench.refused(&ann(), &inbox("bob"), ask(None, 1)), ErrorCode::NotAllowed);
}

#[test]
fn a_page_does_not_wait_for_ever() {
    let mut bench = Bench::new();
    bench.placed(&bob(), &general(), Command::Join { room: ROOM });
    bench.cut = Some(Vec::new());
    let number = bench.ask(&bob(), &inbox("bob"), Command::UnreadSummary { after: None, limit: 10 });
    bench.turn();
    assert!(bench.reply(number).is_none());
    bench.pass(2000);
    assert_eq!(bench.reply(number), Some(Reply::Unread { rooms: Vec::new(), more: false }));
}

#[test]
fn an_erased_user_leaves_nothing_behind_in_its_rooms() {
    let mut bench = Bench::new();
    let rooms: Vec<RoomKey> = (0..3).map(|i| room(RoomKind::Room, &format!("room{i}"))).collect();
    for key in &rooms {
        bench.placed(&bob(), key, Command::Join { room: ROOM });
        for i in 0..100 {
            bench.ask(&bob(), key, post(&format!("secret {i}"), None));
        }
        bench.post("ann", key, "not his");
    }
    bench.attach("bob", &rooms[0], None);
    bench.told.clear();
    let erase = Command::Erase { user: Name::literal("bob") };
    assert_eq!(bench.say(&server(), &inbox("backend"), erase), Reply::Counted { count: 3 });
    // The node goes down in the middle of it.
    bench.pass(30);
    bench.restart(RoomClass::default());
    bench.attach("eve", &inbox("eve"), None);
    assert!(matches!(
        bench.say(&server(), &inbox("bob"), Command::UnreadSummary { after: None, limit: 1 }),
        Reply::Unread { .. }
    ));
    bench.pass(300_000);
    for key in &rooms {
        let tables = bench.ports.store(key);
        assert!(tables.members.is_empty());
        let kept = tables.records.values().filter(|m| !m.body.is_empty()).count();
        assert_eq!(kept, 1, "{key:?}");
    }
    assert!(bench.ports.store(&inbox("bob")).belongs.is_empty());
    assert!(bench.ports.store(&inbox("bob")).pending.is_empty());
    // Who comes back is not erased again.
    bench.placed(&bob(), &rooms[0], Command::Join { room: ROOM });
    bench.restart(RoomClass::default());
    bench.attach("bob", &inbox("bob"), None);
    bench.pass(5000);
    assert_eq!(bench.ports.store(&inbox("bob")).belongs.len(), 1);
    assert_eq!(bench.ports.store(&rooms[0]).members.len(), 1);
}
