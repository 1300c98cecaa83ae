//! Who is here, in three sizes.

use super::*;
use crate::message::Whom;
use crate::settings::SecondConnection;
use rookery_protocol::command::RosterOf;
use rookery_protocol::errors::DropReason;
use rookery_protocol::reply::EndReason;

const WATCH: Wants = Wants { presence: true, summary_only: false };

fn watched() -> (Bench, RoomHandle) {
    let mut bench = Bench::new();
    let number = bench.attach_as(&principal("watcher"), &general(), WATCH, None);
    bench.turn();
    let handle = bench.attached(number).handle;
    let present = bench.told.pop_back();
    assert!(matches!(present, Some(ToEdge::Present { count: 1, complete: true, .. })), "{present:?}");
    (bench, handle)
}

#[test]
fn in_a_small_room_each_is_told_and_leaving_has_its_grace() {
    let (mut bench, handle) = watched();
    assert_eq!(bench.attach("ann", &general(), None).present, 2);
    let heard = bench.heard();
    assert!(heard.contains("connected") && heard.contains("ann"), "{heard}");
    bench.detach("ann", handle, Wants::default());
    bench.pass(5000);
    bench.attach("ann", &general(), None);
    bench.pass(60_000);
    assert_eq!(bench.heard(), "", "who comes back in time was never gone");
    bench.detach("ann", handle, Wants::default());
    bench.pass(9_999);
    assert_eq!(bench.heard(), "");
    bench.pass(1);
    assert!(bench.heard().contains("disconnected"));
}

#[test]
fn larger_rooms_are_told_in_batches_and_crowds_as_a_count() {
    let (mut bench, _) = watched();
    for i in 0..200 {
        bench.attach_as(&principal(&format!("user{i:04}")), &general(), Wants::default(), None);
    }
    bench.turn();
    let heard = bench.heard();
    assert_eq!(heard.matches("connected").count(), 31, "one by one up to the limit");
    bench.pass(1000);
    let heard = bench.heard();
    assert_eq!(heard.matches("\"connected\"").count(), 2, "{heard}");
    assert!(heard.contains("user0199"));
    for i in 200..1200 {
        bench.attach_as(&principal(&format!("user{i:04}")), &general(), Wants::default(), None);
    }
    bench.turn();
    bench.pass(1000);
    let heard = bench.heard();
    assert!(heard.contains("crowd") && heard.contains("1201") && !heard.contains("user1100"), "{heard}");
    bench.told.clear();
    let to = Address { shard: ShardId(0), conn: ConnId { slot: 1, generation: 1 } };
    bench.tell(ToHome::Who { room: bench.home_handle(), to });
    bench.turn();
    let present = bench.told.pop_back();
    assert!(matches!(&present, Some(ToEdge::Present { users, count: 1201, complete: false, .. }) if users.len() == 16));
}

#[test]
fn a_roster_goes_by_pages() {
    let (mut bench, _) = watched();
    for i in 0..5 {
        bench.attach(&format!("user{i}"), &general(), None);
    }
    let page = |after: Option<&str>| Command::Roster {
        room: ROOM,
        of: RosterOf::Present,
        after: after.map(|a| Name::new(a).unwrap()),
        limit: 4,
    };
    let Reply::Roster { members, count, more } = bench.say(&ann(), &general(), page(None)) else { panic!() };
    assert_eq!((members.len(), count, more), (4, 6, true));
    let Reply::Roster { members, more, .. } = bench.say(&ann(), &general(), page(Some("user3"))) else { panic!() };
    assert_eq!((members.len(), more), (2, false));
    assert!(members.iter().all(|m| m.present && m.role.is_none()));
}

#[test]
fn a_second_connection_replaces_the_first_without_a_farewell() {
    let class = RoomClass { second_connection: SecondConnection::Replaces, ..RoomClass::default() };
    let mut bench = Bench::with(class, Late::default());
    let number = bench.attach_as(&principal("watcher"), &general(), WATCH, None);
    bench.turn();
    let handle = bench.attached(number).handle;
    bench.attach("ann", &general(), None);
    bench.told.clear();
    let newer = bench.attach_from("ann", 4242, &general());
    let ended = bench.told.iter().position(|told| matches!(told, ToEdge::Ended { .. }));
    let Some(ToEdge::Ended { whom, reason, close, .. }) = ended.and_then(|i| bench.told.remove(i)) else { panic!() };
    let older = ConnId { slot: slot_of(&ann()), generation: 1 };
    assert_eq!((whom, reason, close), (Whom::Connection(older), EndReason::Replaced, Some(DropReason::Replaced)));
    assert_eq!(newer.present, 2);
    // The edge's detach for what was ended ends nothing.
    bench.detach("ann", handle, Wants::default());
    bench.pass(60_000);
    assert!(!bench.heard().contains("connected"));
    assert_eq!(bench.attach("zoe", &general(), None).present, 3);
}
