//! A way to the database that fails: what passes is tried again, what does not becomes a fault, and nothing is doubled.

use crate::cassandra::shared;
use crate::server::{keyspace, runtime};
use crate::told::{Listener, Step, questions};
use rookery_storage::conformance::say::room;
use rookery_storage::scylla::{Scylla, ScyllaOptions};
use rookery_storage::{Entry, Fault, Settled, Store, Ticket};
use scylla_proxy::{
    Condition, Node, Proxy, Reaction, RequestOpcode, RequestReaction, RequestRule, ResponseOpcode, ResponseReaction,
    ResponseRule, RunningProxy, ShardAwareness, example_db_errors,
};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Enough to have a bit of everything.
const ENTRIES: usize = 24;

/// A proxy before the database, and options that lead through it.
fn through_proxy(seconds: u64) -> (RunningProxy, ScyllaOptions) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::new([Node::new(shared(), free, ShardAwareness::Unaware, None, None)]);
    let proxy = runtime().block_on(proxy.run()).unwrap();
    let options = ScyllaOptions {
        contact_points: vec![free.to_string()],
        timeout: Duration::from_millis(1500),
        patience: Duration::from_secs(seconds),
        ..keyspace()
    };
    (proxy, options)
}

/// Some of the requests that carry statements of ours.
fn some_requests(chance: f64) -> Condition {
    let ours = Condition::RequestOpcode(RequestOpcode::Execute).or(Condition::RequestOpcode(RequestOpcode::Batch));
    let ours = ours.and(Condition::not(Condition::ConnectionRegisteredAnyEvent));
    ours.and(Condition::RandomWithProbability(chance))
}

fn entries(heard: &Listener) -> Vec<Entry> {
    let entries = heard.steps.iter().filter_map(|step| match step {
        Step::Write(entry) => Some(entry.clone()),
        Step::Trim(_) => None,
    });
    entries.collect()
}

/// A random history up to its first trim, which is no entry; one that is long enough.
fn history() -> Listener {
    for seed in 77.. {
        let told = Listener::hear(seed, &[room("a"), room("b")], 160);
        let writes: Vec<_> = told.steps.iter().take_while(|step| matches!(step, Step::Write(_))).collect();
        if writes.len() < ENTRIES {
            continue;
        }
        let mut heard = Listener::new();
        for step in writes.into_iter().take(ENTRIES) {
            if let Step::Write(entry) = step {
                heard.submit(entry.batch.clone(), Ticket(0));
            }
        }
        return heard;
    }
    unreachable!("some history has no trim for so long")
}

fn compare(settled: &Scylla, heard: &mut Listener) {
    for key in [room("a"), room("b")] {
        for ask in questions(heard, &key, 5000).into_iter().step_by(9) {
            assert_eq!(settled.answer(&ask).unwrap(), heard.ask(ask.clone()), "{ask:?}");
        }
    }
}

// No proxy here is asked to finish: asked while its workers still wait for each other, it may
// panic. It ends with the process.

#[test]
fn what_passes_is_tried_again_and_nothing_is_doubled() {
    let (mut proxy, options) = through_proxy(30);
    let settled = Scylla::open(&options, runtime()).unwrap();
    let mut heard = history();
    let forge = RequestReaction::forge_with_error;
    let request = vec![
        RequestRule(some_requests(0.05), forge(example_db_errors::overloaded())),
        RequestRule(some_requests(0.05), forge(example_db_errors::write_timeout())),
        RequestRule(some_requests(0.05), forge(example_db_errors::unavailable())),
        RequestRule(some_requests(0.02), RequestReaction::drop_frame()),
        RequestRule(some_requests(0.01), RequestReaction::drop_connection()),
    ];
    // Carried out, but nobody is told.
    let unheard = Condition::ResponseOpcode(ResponseOpcode::Result).and(Condition::RandomWithProbability(0.02));
    let unheard = unheard.and(Condition::not(Condition::ConnectionRegisteredAnyEvent));
    proxy.running_nodes[0].change_request_rules(Some(request));
    proxy.running_nodes[0].change_response_rules(Some(vec![ResponseRule(unheard, ResponseReaction::drop_frame())]));
    for some in entries(&heard).chunks(3) {
        settled.apply(some.to_vec()).unwrap();
    }
    let counters = settled.counters();
    assert!(counters.retries.get() > 5 && counters.timeouts.get() > 0, "{counters:?}");
    proxy.turn_off_rules();
    compare(&settled, &mut heard);
    drop(settled);
}

#[test]
fn what_does_not_pass_is_a_fault_and_is_handed_over_again() {
    let (mut proxy, options) = through_proxy(4);
    let settled = Scylla::open(&options, runtime()).unwrap();
    let mut heard = history();
    let all = entries(&heard);
    let (first, rest) = all.split_at(all.len() / 2);
    settled.apply(first.to_vec()).unwrap();
    for (reaction, what) in [
        (RequestReaction::drop_frame(), "no answer"),
        (RequestReaction::forge_with_error(example_db_errors::unavailable()), "no quorum"),
        (RequestReaction::drop_connection(), "cut connections"),
    ] {
        proxy.turn_off_rules();
        let settled = Scylla::open(&options, runtime()).unwrap();
        // From the third request on, so that something is written before.
        let ours = some_requests(1.0);
        let rules = vec![
            RequestRule(ours.clone().and(Condition::TrueForLimitedTimes(2)), RequestReaction::noop()),
            RequestRule(ours, reaction),
        ];
        proxy.running_nodes[0].change_request_rules(Some(rules));
        let since = Instant::now();
        let fault = settled.apply(rest.to_vec()).unwrap_err();
        assert!(matches!(fault, Fault::Io(_)), "{what}: {fault}");
        assert!(since.elapsed() < Duration::from_secs(30), "{what}: given up after {:?}", since.elapsed());
        // Whether it was carried out is not known, so nothing more is promised.
        assert!(matches!(settled.apply(rest.to_vec()), Err(Fault::Poisoned(_))), "{what}");
    }
    proxy.turn_off_rules();
    let settled = Scylla::open(&options, runtime()).unwrap();
    settled.apply(rest.to_vec()).unwrap();
    compare(&settled, &mut heard);
    drop(settled);
}
