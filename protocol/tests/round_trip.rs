//! Whatever can be said comes back the same, in both native languages.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Language, NATIVE};
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, TestRunner};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::dialect::speak::{Epochs, ServerFrame};
use rookery_protocol::event::{EventBody, Kind};
use rookery_protocol::ids::RoomHandle;
use rookery_protocol::reply::{MarkKind, ReplyKind};
use rookery_protocol::testing::{self, Happening};

/// Runs one property for each value of a list, so that a rare kind is tested as often as a common one.
fn for_each<K: Copy, V: std::fmt::Debug>(
    kinds: &[K],
    strategy: impl Fn(K) -> BoxedStrategy<V>,
    check: impl Fn(&Language, V),
) {
    for &kind in kinds {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(48) });
        for language in NATIVE {
            runner
                .run(&strategy(kind), |value| {
                    check(language, value);
                    Ok(())
                })
                .unwrap();
        }
    }
}

#[test]
fn commands() {
    for_each(CommandKind::ALL, testing::command_of, |language, command| {
        let said = language.say(7, &command);
        let talk = language.receive(&said);
        assert_eq!(talk.refused, vec![], "{}", language.show(&said));
        assert_eq!(talk.close, None);
        assert_eq!(talk.commands.len(), 1);
        assert_eq!(talk.commands[0].number, 7);
        assert_eq!(talk.commands[0].command, command, "{}", language.show(&said));
    });
}

#[test]
fn events_and_signals() {
    for_each(&Kind::ALL, testing::happening_of, |language, happening| {
        let room = RoomHandle(5);
        let expected = match happening.clone() {
            Happening::Event(event) => ServerFrame::Event { room, opens_epoch: true, event },
            Happening::Signal(signal) => ServerFrame::Signal { room, signal },
        };
        let said = language.happen(room, &happening, true);
        assert_eq!(language.hear(&mut Epochs::default(), &said), Ok(vec![expected]), "{}", language.show(&said));

        // Once the epoch is known it need not be said.
        let Happening::Event(event) = &happening else { return };
        let mut epochs = Epochs::default();
        epochs.learn(&ServerFrame::Event { room, opens_epoch: true, event: event.clone() });
        let said = language.happen(room, &happening, false);
        let expected = ServerFrame::Event { room, opens_epoch: false, event: event.clone() };
        assert_eq!(language.hear(&mut epochs, &said), Ok(vec![expected]), "{}", language.show(&said));
        assert!(!matches!(event.body, EventBody::Void) || said.len() < 400);
    });
}

#[test]
fn replies() {
    for_each(ReplyKind::ALL, testing::reply_of, |language, reply| {
        let said = language.reply(u32::MAX, &reply);
        let heard = language.hear(&mut Epochs::default(), &said);
        assert_eq!(heard, Ok(vec![ServerFrame::Reply { number: u32::MAX, reply }]), "{}", language.show(&said));
    });
}

#[test]
fn marks() {
    for_each(MarkKind::ALL, testing::mark_of, |language, mark| {
        let said = language.mark(&mark);
        let heard = language.hear(&mut Epochs::default(), &said);
        assert_eq!(heard, Ok(vec![ServerFrame::Mark(mark)]), "{}", language.show(&said));
    });
}
