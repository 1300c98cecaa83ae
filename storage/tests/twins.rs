//! The suite is seen to fail: for every check there is a store that breaks its promise, and the check catches it.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;
#[path = "common/twin.rs"]
mod twin;

use common::{Late, Plain, breaches, memory};
use rookery_storage::conformance::naive::Naive;
use rookery_storage::conformance::{Rig, run};
use rookery_storage::faulty::{FaultPlan, Faulty};
use rookery_storage::{AckLevel, Batch, Completion, Store, Ticket};
use std::collections::BTreeSet;
use twin::{Flaw, Twin};

/// Each flaw with the check that must see it. Others may see it too.
const CATCHES: &[(Flaw, &str)] = &[
    (Flaw::RowsAreLeftOut, "all parts of a batch are stored"),
    (Flaw::FailureLeavesEvents, "a batch with one bad part leaves nothing"),
    (Flaw::CompletionsAreReversed, "many batches under way keep their order"),
    (Flaw::UnknownRoomHasOrdinalZero, "a room that nobody wrote to is empty"),
    (Flaw::TimeIsForgotten, "records come back as they were"),
    (Flaw::ClaimsDurable, "all parts of a batch are stored"),
    (Flaw::CompletesTwice, "all parts of a batch are stored"),
    (Flaw::FailureIsFilledUp, "a failed batch breaks its room until it is mended"),
    (Flaw::FailureIsFilledUp, "a room without a past is broken by its first batch"),
    (Flaw::LastBatchIsNotSeen, "what completed is seen by every ask"),
    (Flaw::LastRewriteWins, "the highest version wins in whatever order"),
    (Flaw::VersionsCompareBySeq, "a rewrite lost with its epoch does not mask the next one"),
    (Flaw::DeletionIsIgnored, "a deleted body is in no answer"),
    (Flaw::RewriteChangesTime, "a rewrite changes what a message says and nothing else"),
    (Flaw::RewriteFindsAnother, "a rewrite of what is not kept does nothing"),
    (Flaw::KeysOutliveTheirRecords, "a higher epoch drops what stands above its beginning"),
    (Flaw::EpochsAreOnlyTheFirst, "a higher epoch opens where the last one ended"),
    (Flaw::EpochsNeverGo, "an epoch that is dropped whole leaves no trace"),
    (Flaw::CutIsIgnored, "a cut drops what stands above it"),
    (Flaw::RemovalKeepsRows, "a room that is removed begins anew above its places"),
    (Flaw::FenceIsIgnored, "nothing above the fence is shown"),
    (Flaw::PageIsOffByOne, "a page lies where it was asked for"),
    (Flaw::StubsAreHidden, "a deleted message keeps its place in pages"),
    (Flaw::ThreadsAreIgnored, "a thread is a history of its own"),
    (Flaw::VoidsAreNotReplayed, "replay continues from every cursor without a hole"),
    (Flaw::ReplayShowsThePosted, "replay shows messages as they are now"),
    (Flaw::NothingIsGone, "replay below what is kept says so"),
    (Flaw::NothingIsRetracted, "replay takes a cursor from beyond back"),
    (Flaw::OldKeysAreForgotten, "a duplicate key is found as long as its record"),
    (Flaw::FirstRowWriteWins, "the last write of a row wins"),
    (Flaw::LoadLeavesOutARow, "load gives every row in order"),
    (Flaw::RestIsNeverOver, "a room that rests is loaded as it is"),
    (Flaw::ScanEndsWithARoom, "a scan finds the rows of one table in all rooms"),
    (Flaw::RoomsAreThoseWithRows, "the list of rooms has every room that was written"),
    (Flaw::RowsOutliveTheirMessage, "rows of a message go with it"),
    (Flaw::TrimTakesOneMore, "a trim keeps what it is told to keep"),
    (Flaw::OneRangeForAll, "changes and messages are trimmed apart"),
    (Flaw::TrimForgetsOrdinals, "a trimmed room goes on"),
    (Flaw::ExpiredIsShown, "an expired message shows nothing"),
    (Flaw::TailIsReversed, "the tail gives every batch once, in order"),
    (Flaw::TailShowsFailures, "the tail leaves out what failed"),
    (Flaw::KindsAreMixed, "rooms that differ in one part share nothing"),
    (Flaw::CountIsSometimesWrong, "random histories are answered as the naive store answers them"),
];

/// Caught by the stores below, or by the naive one, which knows no bounds of bytes.
const CAUGHT_ELSEWHERE: [&str; 4] = [
    "a page of large messages stays within its bytes",
    "replay of large messages stays within its bytes",
    "what completed survives a crash",
    "what was under way in a crash is whole or gone",
];

#[test]
fn every_flaw_is_caught_by_its_check() {
    for (flaw, check) in CATCHES {
        let (report, text) = breaches(&mut Plain::new(|| Twin::new(*flaw)));
        assert!(
            report.breaches.iter().any(|breach| breach.check == *check),
            "{flaw:?} not caught by {check:?}, but\n{text}"
        );
    }
}

#[test]
fn every_check_catches_something() {
    let sound = run(&mut Plain::new(memory));
    let all: BTreeSet<&str> = sound.passed.iter().chain(&sound.not_applicable).copied().collect();
    let caught: BTreeSet<&str> = CATCHES.iter().map(|(_, check)| *check).chain(CAUGHT_ELSEWHERE).collect();
    assert_eq!(all, caught);
}

#[test]
fn answers_without_bounds_are_caught() {
    let (report, text) = breaches(&mut Plain::new(Naive::default));
    for check in &CAUGHT_ELSEWHERE[..2] {
        assert!(report.breaches.iter().any(|breach| breach.check == *check), "not caught by {check:?}, but\n{text}");
    }
}

/// Acks before anything is safe, and loses it.
struct Forgetful(Late);

impl Rig for Forgetful {
    fn open(&mut self) {
        self.0.open();
    }

    fn store(&mut self) -> &mut dyn Store {
        self.0.store()
    }

    fn wait(&mut self) {
        self.0.wait();
    }

    fn crash(&mut self) -> bool {
        self.0.open();
        true
    }
}

#[test]
fn a_store_that_forgets_what_it_acked_is_caught() {
    let (report, text) = breaches(&mut Forgetful(Late::new(1, AckLevel::Local)));
    let checks: Vec<&str> = report.breaches.iter().map(|breach| breach.check).collect();
    assert_eq!(checks, CAUGHT_ELSEWHERE[2..], "{text}");
}

/// Writes the rows of a batch before its events, and crashes between.
struct Torn {
    store: Faulty<Tearing>,
}

struct Tearing {
    inner: rookery_storage::memory::Memory,
    tear: bool,
}

impl Store for Tearing {
    fn reach(&self) -> AckLevel {
        self.inner.reach()
    }

    fn window(&self) -> usize {
        self.inner.window()
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        let batch = if self.tear { Batch { events: vec![], ..batch } } else { batch };
        self.inner.submit(batch, ticket);
    }

    fn ask(&mut self, ask: rookery_storage::Ask, ticket: Ticket) {
        self.inner.ask(ask, ticket);
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        self.inner.poll(out);
    }
}

impl Torn {
    fn new() -> Torn {
        let inner = Tearing { inner: memory(), tear: false };
        Torn { store: Faulty::new(inner, FaultPlan::late(9, AckLevel::Local)) }
    }
}

impl Rig for Torn {
    fn open(&mut self) {
        *self = Torn::new();
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn wait(&mut self) {
        self.store.step();
    }

    fn crash(&mut self) -> bool {
        self.store.inner_mut().tear = true;
        self.store.crash();
        self.store.inner_mut().tear = false;
        true
    }
}

#[test]
fn a_crash_that_tears_batches_is_caught() {
    let (report, text) = breaches(&mut Torn::new());
    let checks: Vec<&str> = report.breaches.iter().map(|breach| breach.check).collect();
    assert_eq!(checks, CAUGHT_ELSEWHERE[3..], "{text}");
}
