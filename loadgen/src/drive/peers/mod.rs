//! Whole runs in other servers' languages: against a faultless server nothing is found, against a faulty one every fault by
//! its name.

mod server;
mod speaks;

use std::net::SocketAddr;

use server::{EVERY, Fault, start};
use speaks::{Centrifugo, Nats, Pusher, Shredded};

use super::{Orders, run};
use crate::adapter::{Language, Settings};
use crate::record::Record;
use crate::scenario::{self, Scenario, Time};
use crate::show::Unwatched;
use crate::sys;

fn load(language: &str, target: SocketAddr, name: &str, change: impl FnOnce(&mut Scenario)) -> Record {
    let mut scenario = scenario::shipped(name).unwrap().unwrap();
    scenario.time = Time { warm_up_seconds: 0.05, seconds: 0.4 };
    change(&mut scenario);
    scenario::check(&scenario).unwrap();
    let orders = Orders {
        targets: vec![target],
        languages: vec![Language::find(language).unwrap()],
        settings: Settings::default(),
        scenario,
        cores: sys::allowed_cores().unwrap()[..1].to_vec(),
        server_pid: None,
        returns: false,
        checks_acks: true,
        stream: 7,
        command: Vec::new(),
    };
    run(orders, &mut Unwatched).unwrap()
}

fn small(scenario: &mut Scenario) {
    scenario.rooms.seats = 10;
    scenario.posts.rate = scenario.posts.rate.min(1_000.0);
}

/// Posts that were due, said and heard, and nothing wrong.
fn assert_faultless(what: &str, record: &Record) {
    assert_eq!(record.faults.sum(), 0, "{what}: {:?} {:?}", record.faults, record.first_refusal);
    assert_eq!((&record.first_disconnect, record.gaps.disconnects), (&None, 0), "{what}");
}

fn faultless(language: &str, serve: fn(Fault) -> SocketAddr) {
    let record = load(language, serve(Fault::None), "f1", small);
    assert_faultless(language, &record);
    assert_eq!(record.languages, [language]);
    assert!(record.posted > 50 && record.totals.deliveries > 100, "{language}: {:?}", record.totals);

    let closed = load(language, serve(Fault::None), "f3", |scenario| {
        (scenario.rooms.count, scenario.rooms.seats, scenario.posts.senders) = (6, 3, 2);
    });
    assert_faultless(language, &closed);
    assert!(closed.totals.deliveries > 100, "{language}");

    let moving = load(language, serve(Fault::None), "chat", |scenario| {
        (scenario.rooms.count, scenario.rooms.seats, scenario.posts.senders) = (4, 4, 2);
        scenario.members.stay_seconds = Some([0.02, 0.1]);
        scenario.members.away_seconds = [0.0, 0.02];
    });
    assert_faultless(language, &moving);
    assert!(moving.totals.cycles > 10 && moving.totals.deliveries > 50, "{language}: {:?}", moving.totals);

    let cut = load(language, serve(Fault::None), "storm", |scenario| {
        (scenario.rooms.count, scenario.rooms.seats, scenario.posts.senders) = (4, 4, 2);
        scenario.storm.every_seconds = 0.15;
    });
    assert_faultless(language, &cut);
    assert!(cut.totals.joins >= 16, "{language}: {:?}", cut.totals);
}

fn faulty(language: &str, serve: fn(Fault) -> SocketAddr) {
    let found = |fault| {
        let record = load(language, serve(fault), "f1", small);
        let wrong = record.posted * 10 / EVERY;
        assert!(wrong > 0);
        let faults = record.faults;
        ([faults.lost, faults.duplicated, faults.reordered, faults.unexpected, faults.damaged, faults.refused], wrong)
    };
    let (lost, wrong) = found(Fault::Lose);
    assert_eq!(lost, [wrong, 0, 0, 0, 0, 0], "{language}");
    let (doubled, wrong) = found(Fault::Double);
    assert_eq!(doubled, [0, wrong, 0, 0, 0, 0], "{language}");
    let (swapped, wrong) = found(Fault::Swap);
    // The very last one may be held back for ever.
    assert!(swapped[0] <= 1 && swapped[0] + swapped[2] == wrong, "{language}: {swapped:?} of {wrong}");
    // Whole bodies are compared for one delivery of each read.
    let (damaged, wrong) = found(Fault::Damage);
    assert!(
        damaged[4] > 0 && damaged[4] <= wrong && damaged[4] == damaged.iter().sum::<u64>(),
        "{language}: {damaged:?}"
    );
}

#[test]
fn nats() {
    faultless("nats", start::<Nats>);
    faulty("nats", start::<Nats>);
}

#[test]
fn nats_in_frames_that_end_anywhere() {
    faultless("nats-websocket", start::<Shredded>);
    faulty("nats-websocket", start::<Shredded>);
}

#[test]
fn centrifugo_with_replies_and_pushes_in_one_frame() {
    faultless("centrifugo", start::<Centrifugo>);
    faulty("centrifugo", start::<Centrifugo>);
    let record = load("centrifugo", start::<Centrifugo>(Fault::None), "a", |_| {});
    assert_faultless("a publisher in its own room", &record);
    assert!(record.totals.acks > 10 && record.totals.acks.abs_diff(record.totals.posts) <= 1);
}

#[test]
fn pusher_whose_senders_are_members_and_do_not_hear_themselves() {
    faultless("pusher", start::<Pusher>);
    faulty("pusher", start::<Pusher>);
}
