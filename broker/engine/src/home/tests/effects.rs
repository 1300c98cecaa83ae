//! What an event does in other rooms: after its confirmation, once, whatever is lost on the way.

use super::*;
use crate::message::Action;
use rookery_protocol::event::{EventBody, NoticeKind};

fn mention(users: &[&str]) -> Command {
    let mentions = users.iter().map(|u| Name::new(u).unwrap()).collect();
    post_extra("look", PostExtra { mentions, ..PostExtra::default() })
}

fn notices(bench: &mut Bench, user: &str) -> Vec<(Place, NoticeKind)> {
    let tables = bench.ports.store(&room(RoomKind::Inbox, user));
    let notice = |body: &EventBody| if let EventBody::Notified(n) = body { Some((n.place, n.kind)) } else { None };
    tables.events.values().filter_map(|event| notice(&event.body)).collect()
}

#[test]
fn a_mention_reaches_the_inbox() {
    let mut bench = Bench::new();
    bench.attach("bob", &room(RoomKind::Inbox, "bob"), None);
    let place = bench.placed(&ann(), &general(), mention(&["bob", "bob", "ann"]));
    assert_eq!(notices(&mut bench, "bob"), [(place, NoticeKind::Mentioned)]);
    assert!(notices(&mut bench, "ann").is_empty(), "nobody is told of what they did themselves");
    assert!(bench.heard().contains("notified"));
    assert!(bench.ports.store(&general()).pending.is_empty());
}

#[test]
fn it_leaves_only_when_its_cause_is_confirmed() {
    let mut bench = Bench::with(RoomClass::default(), Late { submit: true, ..Late::default() });
    bench.cut = Some(Vec::new());
    bench.ask(&ann(), &general(), mention(&["bob"]));
    bench.turn();
    assert!(bench.cut.as_ref().unwrap().is_empty());
    bench.facts();
    let sent = bench.cut.take().unwrap();
    let [ToHome::Effect(effect)] = &sent[..] else { panic!("{sent:?}") };
    assert!(matches!(&effect.action, Action::Notify(n) if n.place == effect.id.place));
}

#[test]
fn what_a_run_left_undone_the_next_one_does_unasked() {
    let mut bench = Bench::new();
    bench.cut = Some(Vec::new());
    let place = bench.placed(&ann(), &general(), mention(&["bob"]));
    bench.cut = None;
    bench.restart(RoomClass::default());
    // Not even a store that does not answer at first makes it forget.
    bench.ports.fail_reads = true;
    bench.fact(crate::ports::Fact::Undone { room: general() });
    bench.ports.fail_reads = false;
    bench.pass(20_000);
    assert_eq!(notices(&mut bench, "bob"), [(place, NoticeKind::Mentioned)]);
    assert!(bench.ports.store(&general()).pending.is_empty());
}

#[test]
fn what_is_lost_on_the_way_is_repeated_and_taken_once() {
    let mut bench = Bench::new();
    bench.cut = Some(Vec::new());
    bench.placed(&ann(), &general(), mention(&["bob"]));
    bench.pass(3500);
    let sent = bench.cut.replace(Vec::new()).unwrap();
    assert_eq!(sent.len(), 3, "at once, after 1 s, after 2 s more");
    // Two of them arrive; the first answer is lost.
    let mut effects = sent.into_iter();
    bench.tell(effects.next().unwrap());
    bench.turn();
    let answer = bench.cut.replace(Vec::new()).unwrap();
    assert!(matches!(answer[..], [ToHome::EffectDone(_)]));
    bench.tell(effects.next().unwrap());
    bench.turn();
    let mut answer = bench.cut.replace(Vec::new()).unwrap();
    bench.tell(answer.remove(0));
    bench.turn();
    bench.pass(100_000);
    assert!(bench.cut.take().unwrap().is_empty(), "answered, so never sent again");
    assert_eq!(notices(&mut bench, "bob").len(), 1);
}

#[test]
fn it_goes_again_after_a_restart() {
    let mut bench = Bench::new();
    bench.cut = Some(Vec::new());
    bench.placed(&ann(), &general(), mention(&["bob"]));
    bench.cut = None;
    bench.restart(RoomClass::default());
    assert!(notices(&mut bench, "bob").is_empty());
    bench.attach("eve", &general(), None);
    bench.turn();
    assert_eq!(notices(&mut bench, "bob").len(), 1);
    // And a target that has taken it before its restart takes it no more.
    let pending = bench.ports.store(&room(RoomKind::Inbox, "bob")).taken.clone();
    assert_eq!(pending.len(), 1);
}

#[test]
fn changes_of_membership_are_told_in_their_order() {
    let mut bench = Bench::new();
    bench.cut = Some(Vec::new());
    let join = || Command::Join { room: ROOM };
    let leave = || Command::Leave { room: ROOM };
    for command in [join(), leave(), join()] {
        bench.placed(&bob(), &general(), command);
    }
    let sent = bench.cut.take().unwrap();
    assert_eq!(sent.len(), 1, "the second waits for the first");
    for message in sent {
        bench.tell(message);
    }
    bench.turn();
    use NoticeKind::{MemberOf, NoLongerMember};
    let kinds: Vec<_> = notices(&mut bench, "bob").into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [MemberOf, NoLongerMember, MemberOf]);
    assert_eq!(bench.ports.store(&room(RoomKind::Inbox, "bob")).belongs.len(), 1);
}

#[test]
fn unanswered_effects_are_bounded() {
    let mut bench = Bench::new();
    bench.cut = Some(Vec::new());
    let users: Vec<String> = (0..32).map(|i| format!("user{i}")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    for _ in 0..32 {
        bench.placed(&ann(), &general(), mention(&users));
    }
    assert_eq!(bench.refused(&ann(), &general(), mention(&users)), ErrorCode::Busy);
    bench.post("ann", &general(), "without effects it goes on");
}
