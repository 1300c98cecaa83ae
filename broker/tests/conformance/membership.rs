//! Rooms with members.

use super::Stage;
use super::sessions::refused;
use super::support::client::{post, room};
use super::support::{Client, Heard};
use rookery_protocol::command::{Access, Command, Role, RoomSettings, RosterOf, SubscribeRoom, Wants};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::{Name, UserId};
use rookery_protocol::reply::{EndReason, Mark, Reply};

fn user(stage: &Stage<'_>, name: &str) -> UserId {
    Name::new(&stage.user(name)).unwrap()
}

fn create(client: &mut Client, name: &str, members: Vec<UserId>) -> Reply {
    client.ask(&Command::Create {
        room: room(name),
        settings: Box::new(RoomSettings {
            access: Some(Access::Members),
            title: Some("T".to_owned()),
            ..RoomSettings::default()
        }),
        members,
    })
}

fn subscribe(client: &mut Client, name: &str) -> Reply {
    let rooms = vec![SubscribeRoom { room: room(name), cursor: None, wants: Wants::default() }];
    client.ask(&Command::Subscribe { rooms })
}

pub fn private_room(stage: &Stage<'_>) {
    let name = stage.room("private");
    let (mut alice, mut bob, mut eve) = (stage.enter("alice"), stage.enter("bob"), stage.enter("eve"));
    let reply = create(&mut alice, &name, vec![user(stage, "bob")]);
    assert!(matches!(reply, Reply::Placed { .. }), "{reply:?}");
    assert_eq!(refused(create(&mut eve, &name, vec![])), ErrorCode::RoomExists);
    assert!(matches!(subscribe(&mut bob, &name), Reply::Subscribed(_)));
    for command in [post(&name, "let me in", None), Command::Join { room: room(&name) }] {
        let code = refused(eve.ask(&command));
        assert!(matches!(code, ErrorCode::NotAllowed | ErrorCode::NotAMember | ErrorCode::NoSuchRoom), "{code:?}");
    }
    assert!(matches!(subscribe(&mut eve, &name), Reply::Refused(_)));
    alice.post(&name, "among us");
    assert_eq!(bob.body(), "among us");
    let roster = Command::Roster { room: room(&name), of: RosterOf::Members, after: None, limit: 10 };
    let Reply::Roster { members, count, .. } = alice.ask(&roster) else { panic!("no roster") };
    assert_eq!((members.len(), count), (2, 2));
}

pub fn removal_ends_subscriptions(stage: &Stage<'_>) {
    let name = stage.room("removal");
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    create(&mut alice, &name, vec![user(stage, "bob")]);
    assert!(matches!(subscribe(&mut bob, &name), Reply::Subscribed(_)));
    // Pipelined, so that removal and what follows fall into one turn.
    let numbers = [
        alice.say(&post(&name, "before", None)),
        alice.say(&Command::RemoveMember { room: room(&name), user: user(stage, "bob") }),
        alice.say(&post(&name, "after", None)),
    ];
    for number in numbers {
        assert!(matches!(alice.reply(number), Reply::Placed { .. }));
    }
    assert_eq!(bob.body(), "before");
    let removal = bob.event();
    assert!(matches!(removal.body, EventBody::Left { .. }), "{removal:?}");
    loop {
        match bob.next_unasked() {
            Heard::Frame(ServerFrame::Mark(Mark::Ended { at, reason, .. })) => {
                assert_eq!((at, reason), (removal.place, EndReason::Removed));
                break;
            }
            Heard::Frame(ServerFrame::Event { event, .. }) => panic!("after removal: {event:?}"),
            Heard::Frame(_) => {}
            Heard::Closed(why) => panic!("{why:?}"),
        }
    }
    assert!(matches!(bob.ask(&Command::Ping), Reply::Pong { .. }));
    assert!(bob.aside.iter().all(|frame| !matches!(frame, ServerFrame::Event { .. })));
    assert!(matches!(subscribe(&mut bob, &name), Reply::Refused(_)));
}

pub fn roles(stage: &Stage<'_>) {
    let name = stage.room("roles");
    let (mut alice, mut bob) = (stage.enter("alice"), stage.enter("bob"));
    create(&mut alice, &name, vec![user(stage, "bob")]);
    let invite = Command::Invite { room: room(&name), user: user(stage, "carol"), role: Role::Member };
    assert_eq!(refused(bob.ask(&invite)), ErrorCode::NotAllowed);
    let promote = Command::SetRole { room: room(&name), user: user(stage, "bob"), role: Role::Admin };
    assert_eq!(refused(bob.ask(&promote)), ErrorCode::NotAllowed);
    assert!(matches!(alice.ask(&promote), Reply::Placed { .. }));
    assert!(matches!(bob.ask(&invite), Reply::Placed { .. }));
    assert_eq!(refused(alice.ask(&Command::Leave { room: room(&name) })), ErrorCode::LastOwner);
    let owner = Command::SetRole { room: room(&name), user: user(stage, "bob"), role: Role::Owner };
    assert!(matches!(alice.ask(&owner), Reply::Placed { .. }));
    assert!(matches!(alice.ask(&Command::Leave { room: room(&name) }), Reply::Placed { .. }));
}

pub fn life_of_a_room(stage: &Stage<'_>) {
    let name = stage.room("life");
    let mut alice = stage.enter("alice");
    create(&mut alice, &name, vec![]);
    let settings = Box::new(RoomSettings { topic: Some("birds".to_owned()), ..RoomSettings::default() });
    assert!(matches!(alice.ask(&Command::Update { room: room(&name), settings }), Reply::Placed { .. }));
    let before = alice.post(&name, "one");
    assert!(matches!(alice.ask(&Command::Archive { room: room(&name), archived: true }), Reply::Placed { .. }));
    assert_eq!(refused(alice.ask(&post(&name, "no", None))), ErrorCode::RoomArchived);
    assert!(matches!(alice.ask(&Command::Archive { room: room(&name), archived: false }), Reply::Placed { .. }));
    let Reply::Subscribed(subscribed) = subscribe(&mut alice, &name) else { panic!("not subscribed") };
    assert_eq!((subscribed.info.topic.as_str(), subscribed.role), ("birds", Some(Role::Owner)));
    assert!(matches!(alice.ask(&Command::DeleteRoom { room: room(&name) }), Reply::Placed { .. }));
    assert_eq!(refused(alice.ask(&post(&name, "gone", None))), ErrorCode::NoSuchRoom);
    // Anew under the old name: nothing of the old one, and no place twice.
    // While the old one is being cleared the answer is "busy": again, then.
    let place = loop {
        match create(&mut alice, &name, vec![]) {
            Reply::Placed { place, .. } => break place,
            reply => assert_eq!(refused(reply), ErrorCode::Busy),
        }
    };
    assert!(place > before);
    let Reply::Subscribed(subscribed) = subscribe(&mut alice, &name) else { panic!("not subscribed") };
    assert_eq!((subscribed.messages, subscribed.info.topic.as_str()), (0, ""));
}
