//! Two levels: what this node's disk confirms, and what the store behind it reaches later.

use super::*;
use rookery_protocol::command::HistoryFrom;

fn keyed(body: &str, n: u64, ack: Option<AckLevel>) -> Command {
    let Command::Post(plain) = post(body, Some(DuplicateKey::Stream { stream: 1, n })) else { unreachable!() };
    Command::Post(Post { ack, ..plain })
}

fn level(reply: Option<Reply>) -> Option<(AckLevel, bool)> {
    match reply? {
        Reply::Placed { level, duplicate, .. } => Some((level, duplicate)),
        other => panic!("{other:?}"),
    }
}

fn far_answers(bench: &mut Bench) {
    bench.ports.settle_far();
    bench.facts();
}

#[test]
fn each_asker_hears_at_the_level_it_asked_for() {
    let mut bench = Bench::far();
    let accepted = bench.ask(&ann(), &general(), keyed("a", 1, Some(AckLevel::Accepted)));
    let local = bench.ask(&ann(), &general(), keyed("b", 2, Some(AckLevel::Local)));
    let durable = bench.ask(&ann(), &general(), keyed("c", 3, Some(AckLevel::Durable)));
    let highest = bench.ask(&ann(), &general(), keyed("d", 4, None));
    bench.turn();
    assert_eq!(level(bench.reply(accepted)), Some((AckLevel::Accepted, false)));
    assert_eq!(level(bench.reply(local)), None);
    bench.facts();
    assert_eq!(level(bench.reply(local)), Some((AckLevel::Local, false)));
    assert_eq!((bench.reply(durable), bench.reply(highest)), (None, None));
    let history = Command::History { room: ROOM, from: HistoryFrom::Newest, limit: 10, thread: None };
    let Reply::History(page) = bench.say(&ann(), &general(), history) else { panic!("no page") };
    assert_eq!(page.messages.len(), 4, "confirmed is what this node's disk has");
    far_answers(&mut bench);
    assert_eq!(level(bench.reply(durable)), Some((AckLevel::Durable, false)));
    assert_eq!(level(bench.reply(highest)), Some((AckLevel::Durable, false)));
}

#[test]
fn a_repeat_waits_for_what_it_asks_and_is_told_what_is_reached() {
    let mut bench = Bench::far();
    let first = bench.ask(&ann(), &general(), keyed("a", 1, Some(AckLevel::Local)));
    bench.turn();
    bench.facts();
    assert_eq!(level(bench.reply(first)), Some((AckLevel::Local, false)));
    let durable = bench.ask(&ann(), &general(), keyed("a", 1, Some(AckLevel::Durable)));
    let local = bench.ask(&ann(), &general(), keyed("a", 1, Some(AckLevel::Local)));
    bench.turn();
    assert_eq!(level(bench.reply(local)), Some((AckLevel::Local, true)));
    assert_eq!(bench.reply(durable), None);
    far_answers(&mut bench);
    assert_eq!(level(bench.reply(durable)), Some((AckLevel::Durable, true)));
    let late = bench.ask(&ann(), &general(), keyed("a", 1, Some(AckLevel::Local)));
    bench.turn();
    assert_eq!(level(bench.reply(late)), Some((AckLevel::Durable, true)), "an ack names the level that was reached");
}

#[test]
fn who_waits_for_a_store_that_is_away_hears_so_and_may_ask_again() {
    let mut bench = Bench::far();
    let durable = bench.ask(&ann(), &general(), keyed("a", 1, None));
    bench.turn();
    bench.facts();
    bench.pass(9_000);
    assert_eq!(bench.reply(durable), None);
    // A room at hand goes on meanwhile, and is not forgotten.
    let local = bench.ask(&ann(), &general(), keyed("b", 2, Some(AckLevel::Local)));
    bench.turn();
    bench.facts();
    assert_eq!(level(bench.reply(local)), Some((AckLevel::Local, false)));
    bench.pass(3_000);
    let Some(Reply::Refused(refusal)) = bench.reply(durable) else { panic!("waits for ever") };
    assert_eq!(refusal.code, ErrorCode::NotDurable);
    bench.pass(3_600_000);
    let loads = bench.ports.counts.loads;
    let again = bench.ask(&ann(), &general(), keyed("a", 1, None));
    bench.turn();
    assert_eq!(bench.reply(again), None);
    far_answers(&mut bench);
    assert_eq!(level(bench.reply(again)), Some((AckLevel::Durable, true)));
    assert_eq!(bench.ports.counts.loads, loads, "the room was at hand all the time");
}

#[test]
fn what_was_loaded_has_settled() {
    let mut bench = Bench::far();
    bench.ask(&ann(), &general(), keyed("a", 1, Some(AckLevel::Local)));
    bench.turn();
    bench.facts();
    bench.ports.unsettled.clear();
    bench.begin_far();
    let again = bench.ask(&ann(), &general(), keyed("a", 1, None));
    bench.turn();
    assert_eq!(level(bench.reply(again)), Some((AckLevel::Durable, true)));
}
