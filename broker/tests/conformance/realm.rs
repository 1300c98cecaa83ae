//! What is not of one room: pairs, lists, unread counts, who is here.

use super::Stage;
use super::sessions::refused;
use super::support::Heard;
use super::support::client::{post, room};
use rookery_protocol::command::{
    Access, Command, Post, PostExtra, ReadMark, RoomRef, RoomSettings, Status, SubscribeRoom, Wants,
};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{EventBody, NoticeKind, Signal};
use rookery_protocol::ids::Name;
use rookery_protocol::reply::Reply;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn direct_room(stage: &Stage<'_>) {
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    let Reply::Direct { name: first } = alice.ask(&Command::DirectRoom { user: name(&stage.user("bob")) }) else {
        panic!("no room")
    };
    let Reply::Direct { name: second } = bob.ask(&Command::DirectRoom { user: name(&stage.user("alice")) }) else {
        panic!("no room")
    };
    assert_eq!(first, second);
    let direct = RoomRef::Direct { name: first };
    let rooms = vec![SubscribeRoom { room: direct.clone(), cursor: None, wants: Wants::default() }];
    assert!(matches!(bob.ask(&Command::Subscribe { rooms: rooms.clone() }), Reply::Subscribed(_)));
    let Command::Post(template) = post("x", "psst", None) else { unreachable!() };
    let reply = alice.ask(&Command::Post(Post { room: direct, ..template }));
    assert!(matches!(reply, Reply::Placed { .. }), "{reply:?}");
    assert_eq!(bob.body(), "psst");
    assert!(matches!(stage.enter("eve").ask(&Command::Subscribe { rooms }), Reply::Refused(_)));
}

pub fn rooms_and_users(stage: &Stage<'_>) {
    let mut alice = stage.enter("alice");
    let listed = stage.room("listed");
    let settings = Box::new(RoomSettings {
        listed: Some(true),
        access: Some(Access::Open),
        title: Some("Everybody".to_owned()),
        ..RoomSettings::default()
    });
    assert!(matches!(
        alice.ask(&Command::Create { room: room(&listed), settings, members: vec![] }),
        Reply::Placed { .. }
    ));
    // The directory and the inbox hear of it a moment later, each once its cause is confirmed.
    let mut found = |mine| {
        (0..1000).any(|_| {
            let mut after = None;
            loop {
                let reply = alice.ask(&Command::ListRooms { mine, after: after.clone(), limit: 200 });
                let Reply::Rooms { rooms, more } = reply else { panic!("{reply:?}") };
                if rooms.iter().any(|entry| entry.room.name.as_str() == listed) {
                    return true;
                }
                match rooms.last() {
                    Some(last) if more => after = Some(last.room.name.clone()),
                    _ => return false,
                }
            }
        })
    };
    assert!(found(false), "listed");
    assert!(found(true), "mine");
    let seen = (0..1000).any(|_| {
        let Reply::Users { users, .. } = alice.ask(&Command::Users { after: None, limit: 200 }) else {
            panic!("no users")
        };
        !users.is_empty()
    });
    assert!(seen);
}

pub fn unread(stage: &Stage<'_>) {
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    let name_of_room = stage.room("unread");
    let settings = Box::new(RoomSettings { access: Some(Access::Members), ..RoomSettings::default() });
    alice.ask(&Command::Create { room: room(&name_of_room), settings, members: vec![name(&stage.user("bob"))] });
    let first = alice.post(&name_of_room, "one");
    alice.post(&name_of_room, "two");
    alice.post(&name_of_room, "three");
    let mut unread = |want: u64| {
        (0..1000).any(|_| {
            let Reply::Unread { rooms, .. } = bob.ask(&Command::UnreadSummary { after: None, limit: 50 }) else {
                panic!("no summary")
            };
            rooms.iter().any(|entry| {
                entry.room.name.as_str() == name_of_room
                    && entry.unread == want
                    && entry.last_line.as_ref().is_some_and(|m| &m.body[..] == b"three")
            })
        })
    };
    assert!(unread(3));
    let mark = Command::MarkRead { room: room(&name_of_room), place: first, mark: ReadMark::Read };
    assert!(!matches!(stage.enter("bob").ask(&mark), Reply::Refused(_)));
    assert!(unread(2));
}

pub fn presence(stage: &Stage<'_>) {
    let mut alice = stage.enter("alice");
    let rooms = vec![SubscribeRoom { room: RoomRef::Lobby, cursor: None, wants: Wants::default() }];
    assert!(matches!(alice.ask(&Command::Subscribe { rooms }), Reply::Subscribed(_)));
    let mut bob = stage.enter("bob");
    let status = Command::SetStatus { status: Status::Busy, text: "nesting".to_owned() };
    assert!(!matches!(bob.ask(&status), Reply::Refused(_)));
    loop {
        match alice.next_unasked() {
            Heard::Frame(ServerFrame::Signal { signal: Signal::Presence(of), .. })
                if of.user.as_str() == stage.user("bob") && of.status == Status::Busy =>
            {
                assert_eq!(of.text, "nesting");
                break;
            }
            Heard::Frame(_) => {}
            Heard::Closed(why) => panic!("{why:?}"),
        }
    }
    let users = vec![name(&stage.user("bob")), name(&stage.user("nobody"))];
    let Reply::Presence { users } = alice.ask(&Command::QueryPresence { users }) else { panic!("no presence") };
    let statuses: Vec<Status> = users.iter().map(|of| of.status).collect();
    assert_eq!(statuses, [Status::Busy, Status::Offline]);
}

pub fn search_is_not_available(stage: &Stage<'_>) {
    let reply = stage.enter("alice").ask(&Command::Search { query: "bird".to_owned(), limit: 10 });
    assert_eq!(refused(reply), ErrorCode::NotAvailable);
}

pub fn mentions_reach_the_inbox(stage: &Stage<'_>) {
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    let rooms = vec![SubscribeRoom { room: RoomRef::Inbox, cursor: None, wants: Wants::default() }];
    assert!(matches!(bob.ask(&Command::Subscribe { rooms }), Reply::Subscribed(_)));
    let Command::Post(template) = post(&stage.room("mention"), "hey", None) else { unreachable!() };
    let extra = PostExtra { mentions: vec![name(&stage.user("bob"))], ..PostExtra::default() };
    let Reply::Placed { place, .. } = alice.ask(&Command::Post(Post { extra: Some(Box::new(extra)), ..template }))
    else {
        panic!("not placed")
    };
    let event = bob.event();
    let EventBody::Notified(notice) = event.body else { panic!("{event:?}") };
    assert_eq!((notice.kind, notice.place), (NoticeKind::Mentioned, place));
    assert_eq!(notice.room.name.as_str(), stage.room("mention"));
}
