//! Both decoders of both languages at their borders: cut, joined, newer than this build, and random.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Language, NATIVE, language};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::dialect::contract::{Form, Talk};
use rookery_protocol::dialect::speak::{Epochs, ServerFrame};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::Kind;
use rookery_protocol::ids::RoomHandle;
use rookery_protocol::limits;
use rookery_protocol::reply::{MarkKind, ReplyKind};
use rookery_protocol::testing;
use rookery_protocol::wire::varint;

fn samples<V: std::fmt::Debug>(count: u32, strategy: impl Strategy<Value = V>, mut check: impl FnMut(V)) {
    use proptest::strategy::ValueTree;
    let mut runner = TestRunner::deterministic();
    for _ in 0..count {
        check(strategy.new_tree(&mut runner).unwrap().current());
    }
}

/// Everything that a server says, as payloads.
fn said(language: &Language, count: u32, mut check: impl FnMut(Vec<u8>, ServerFrame)) {
    let room = RoomHandle(3);
    for kind in Kind::ALL {
        samples(count, testing::happening_of(kind), |happening| {
            let payload = language.happen(room, &happening, true);
            let heard = language.hear(&mut Epochs::default(), &payload).unwrap();
            check(payload, heard[0].clone());
        });
    }
    for kind in ReplyKind::ALL {
        samples(count, testing::reply_of(*kind), |reply| {
            let payload = language.reply(9, &reply);
            check(payload, ServerFrame::Reply { number: 9, reply });
        });
    }
    for kind in MarkKind::ALL {
        samples(count, testing::mark_of(*kind), |mark| {
            check(language.mark(&mark), ServerFrame::Mark(mark));
        });
    }
}

/// Nothing done, and one word about it.
fn is_refused_or_closed(talk: &Talk) -> bool {
    talk.commands.is_empty() && (talk.refused.len() == 1) != talk.close.is_some()
}

#[test]
fn a_command_cut_anywhere_is_refused_or_closes() {
    for language in NATIVE {
        for kind in CommandKind::ALL {
            samples(4, testing::command_of(*kind), |command| {
                let whole = language.say(7, &command);
                for cut in 0..whole.len() {
                    if language.incoming(&whole[..cut]).is_none() {
                        continue;
                    }
                    let talk = language.receive(&whole[..cut]);
                    assert!(is_refused_or_closed(&talk), "{command:?} at {cut}: {talk:?}");
                }
            });
        }
    }
}

#[test]
fn a_frame_cut_anywhere_with_its_length_corrected_is_refused() {
    let binary = language("binary");
    for kind in CommandKind::ALL {
        samples(4, testing::command_of(*kind), |command| {
            let whole = binary.say(7, &command);
            let (_, size) = varint::take(&whole).unwrap();
            let frame = &whole[size..];
            for cut in 1..frame.len() {
                let talk = binary.receive(&framed(&frame[..cut]));
                let number = if cut < 2 { 0 } else { 7 };
                assert_eq!(talk.commands, vec![], "{command:?} at {cut}");
                assert_eq!(talk.close, None);
                assert_eq!(talk.refused[0].0, number);
                assert_eq!(talk.refused[0].1.code, ErrorCode::Malformed, "{command:?} at {cut}");
            }
        });
    }
}

#[test]
fn what_a_server_says_cut_anywhere_is_an_error_to_the_client() {
    for language in NATIVE {
        said(language, 3, |payload, frame| {
            for cut in 0..payload.len() {
                let heard = language.hear(&mut Epochs::default(), &payload[..cut]);
                assert!(heard.is_err() || heard == Ok(vec![]) && cut == 0, "{frame:?} at {cut}: {heard:?}");
            }
        });
    }
    // And with the length corrected.
    let binary = language("binary");
    said(binary, 3, |payload, frame| {
        let (_, size) = varint::take(&payload).unwrap();
        for cut in 1..payload.len() - size {
            let heard = binary.hear(&mut Epochs::default(), &framed(&payload[size..size + cut]));
            assert!(heard.is_err(), "{frame:?} at {cut}: {heard:?}");
        }
    });
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(frame.len() as u64, &mut out);
    out.extend_from_slice(frame);
    out
}

/// Several commands as one message.
fn joined(language: &Language, messages: &[Vec<u8>]) -> Vec<u8> {
    match language.dialect().profile().form {
        Form::Text => [b"[", &messages.join(&b", "[..])[..], b"]"].concat(),
        Form::Binary | Form::Either => messages.concat(),
    }
}

#[test]
fn many_commands_in_one_message_are_as_many_messages() {
    for language in NATIVE {
        samples(200, prop::collection::vec(testing::command(), 1..8), |commands| {
            let messages: Vec<_> = commands.iter().zip(0..).map(|(c, n)| language.say(n, c)).collect();
            let talk = language.receive(&joined(language, &messages));
            assert_eq!(talk.refused, vec![]);
            let asked: Vec<_> = talk.commands.into_iter().map(|a| (a.number, a.command)).collect();
            assert_eq!(asked, (0..).zip(commands).collect::<Vec<_>>());
        });
        let ping = language.say(1, &rookery_protocol::command::Command::Ping);
        let most = limits::FRAMES_PER_MESSAGE as usize;
        assert_eq!(language.receive(&joined(language, &vec![ping.clone(); most])).commands.len(), most);
        let talk = language.receive(&joined(language, &vec![ping; most + 1]));
        assert_eq!((talk.commands.len(), talk.refused[0].1.code, talk.close), (0, ErrorCode::TooLarge, None));
    }
}

#[test]
fn one_bad_command_among_others_is_refused_alone() {
    let json = language("json").receive(br#"[{"do":"ping","id":1},{"do":"pong","id":2},{"do":"ping","id":3}]"#);
    let binary = language("binary").receive(&[2, 132, 1, 4, 255, 2, 9, 9, 2, 132, 3]);
    for talk in [json, binary] {
        assert_eq!(talk.commands.iter().map(|a| a.number).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(talk.refused[0].0, 2);
        assert_eq!(talk.refused[0].1.code, ErrorCode::UnknownCommand);
        assert_eq!(talk.close, None);
    }
}

#[test]
fn clients_hear_several_frames_in_one_message() {
    let binary = language("binary");
    let (mut messages, mut frames) = (Vec::new(), Vec::new());
    said(binary, 1, |payload, frame| {
        messages.push(payload);
        frames.push(frame);
    });
    assert!(frames.len() <= limits::FRAMES_PER_MESSAGE as usize);
    assert_eq!(binary.hear(&mut Epochs::default(), &messages.concat()), Ok(frames));
}

#[test]
fn trailing_fields_of_a_newer_peer_are_ignored() {
    let binary = language("binary");
    for kind in CommandKind::ALL {
        samples(4, testing::command_of(*kind), |command| {
            let whole = binary.say(7, &command);
            let (_, size) = varint::take(&whole).unwrap();
            let longer = framed(&[&whole[size..], &[0, 1, 2, 0xff, 0xff]].concat());
            let talk = binary.receive(&longer);
            assert_eq!(talk.refused, vec![], "{command:?}");
            assert_eq!(talk.commands[0].command, command);
        });
    }
    said(binary, 4, |payload, frame| {
        let (_, size) = varint::take(&payload).unwrap();
        let longer = framed(&[&payload[size..], &[9; 40]].concat());
        assert_eq!(binary.hear(&mut Epochs::default(), &longer), Ok(vec![frame]));
    });

    let json = language("json");
    let newer = br#","newer":{"a":[1,{"b":null}]},"n\u0065wer2":"\ud800","newer":5}"#;
    let longer = |object: &[u8]| [&object[..object.len() - 1], newer].concat();
    for kind in CommandKind::ALL {
        samples(4, testing::command_of(*kind), |command| {
            let talk = json.receive(&longer(&json.say(7, &command)));
            // Half a character in the name of a field, and not in its value, would be refused.
            assert_eq!(talk.refused, vec![], "{command:?}");
            assert_eq!(talk.commands[0].command, command);
        });
    }
    said(json, 4, |payload, frame| {
        assert_eq!(json.hear(&mut Epochs::default(), &longer(&payload)), Ok(vec![frame]));
    });
}

#[test]
fn kinds_of_a_newer_server_are_passed_over() {
    let binary = language("binary");
    let pong = binary.reply(1, &rookery_protocol::reply::Reply::Done);
    for kind in 0..=255u64 {
        let known = Kind::from_number(kind).is_some()
            || ReplyKind::from_number(kind).is_some()
            || MarkKind::from_number(kind).is_some();
        if known {
            continue;
        }
        let message = [framed(&[kind as u8, 1, 2, 3]), pong.clone()].concat();
        assert_eq!(binary.hear(&mut Epochs::default(), &message).unwrap().len(), 1, "{kind}");
    }
    let json = language("json");
    for text in
        [r#"{"ev":"newer","room":{}}"#, r#"{"re":1,"ok":"newer"}"#, r#"{"mark":"newer"}"#, r#"{"newer":1}"#, "{}"]
    {
        assert_eq!(json.hear(&mut Epochs::default(), text.as_bytes()), Ok(vec![]), "{text}");
    }
}

#[test]
fn flag_bits_of_a_newer_peer_are_ignored() {
    let binary = language("binary");
    // A post with a flag of bit 10, whose field stands behind all that this build knows.
    let talk = binary.receive(&framed(&[128 + 12, 7, 0x80, 0x08, 1, 1, b'a', 1, b'x', 0xee, 0xee]));
    assert_eq!(talk.refused, vec![]);
    assert_eq!(talk.commands.len(), 1);
    // A subscription that wants something of bit 6 as well.
    let talk = binary.receive(&framed(&[128 + 10, 7, 1, 5, 1, 1, b'a', 0, 0x41]));
    assert_eq!(talk.commands.len(), 1);
}

#[test]
fn the_wrong_form_and_too_much_close() {
    use rookery_protocol::dialect::contract::{Incoming, Stage};
    let close = |word: &str, incoming: Incoming<'_>| {
        let mut talk = Talk::default();
        language(word).dialect().receive(&mut Stage::default(), incoming, &mut talk);
        talk.close
    };
    assert_eq!(close("json", Incoming::Binary(b"{}")), Some(DropReason::WrongForm));
    assert_eq!(close("binary", Incoming::Text("{}")), Some(DropReason::WrongForm));
    let big = vec![b' '; limits::MESSAGE_BYTES as usize + 1];
    assert_eq!(close("json", Incoming::Text(std::str::from_utf8(&big).unwrap())), Some(DropReason::TooBig));
    assert_eq!(close("binary", Incoming::Binary(&big)), Some(DropReason::TooBig));
}

#[test]
fn epochs_are_remembered_by_room() {
    use rookery_protocol::event::Signal;
    use rookery_protocol::ids::{Epoch, Place};
    use rookery_protocol::reply::{GapReason, Mark};
    let mut epochs = Epochs::default();
    let (a, b) = (RoomHandle(1), RoomHandle(2));
    assert_eq!(epochs.of(a), Epoch(0));
    epochs.learn(&ServerFrame::Mark(Mark::Gap { room: a, reason: GapReason::Lagged, from: Place::new(5, 9) }));
    assert_eq!((epochs.of(a), epochs.of(b)), (Epoch(5), Epoch(0)));
    let retract = Signal::Retract { above: Place::new(5, 9), next: Place::new(6, 10) };
    epochs.learn(&ServerFrame::Signal { room: a, signal: retract });
    assert_eq!(epochs.of(a), Epoch(6));
}

/// Never a panic, and every answer is a command, a refusal or a close.
fn survives(language: &Language, payload: &[u8]) {
    if language.incoming(payload).is_none() {
        return;
    }
    let talk = language.receive(payload);
    assert!(!talk.commands.is_empty() || !talk.refused.is_empty() || talk.close.is_some());
    let _ = language.hear(&mut Epochs::default(), payload);
}

#[test]
fn random_bytes() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(20_000) });
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    runner
        .run(&bytes, |bytes| {
            survives(language("binary"), &bytes);
            survives(language("binary"), &framed(&bytes));
            let text = String::from_utf8_lossy(&bytes);
            survives(language("json"), text.as_bytes());
            Ok(())
        })
        .unwrap();
    let jsonish = "[\\[\\]{}\",:\\\\ 0-9eE+.atruflsndorm/-]{0,60}";
    runner
        .run(&jsonish, |text| {
            survives(language("json"), text.as_bytes());
            Ok(())
        })
        .unwrap();
}

#[test]
fn whole_messages_with_a_few_bytes_changed() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(10_000) });
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    for language in NATIVE {
        runner
            .run(&(testing::command(), testing::reply(), changes.clone()), |(command, reply, changes)| {
                for mut payload in [language.say(7, &command), language.reply(7, &reply)] {
                    for (at, byte) in &changes {
                        let at = at.index(payload.len());
                        payload[at] = *byte;
                    }
                    survives(language, &payload);
                }
                Ok(())
            })
            .unwrap();
    }
}
