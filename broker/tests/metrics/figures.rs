//! Each figure says what happened, and nothing says to whom.

use crate::page::{Figure, Should, figures, get, page, shown, sum};
use crate::support::client::{post, room};
use crate::support::{Client, Folder, JSON, Node};
use crate::traffic::{CANARIES, POSTS, Traffic};
use rookery_protocol::command::{Command, HistoryFrom};
use rookery_protocol::ids::AckLevel;
use rookery_protocol::reply::Reply;

#[test]
fn every_figure_says_what_happened() {
    let node = Node::start_with(2, &["--watch-listen", "127.0.0.1:0"]);
    let traffic = Traffic::drive(&node);
    let posts = POSTS as f64;
    let exactly = [
        ("rookery_connections", &[][..], 3.0),
        ("rookery_connections_opened_total", &[], 3.0),
        ("rookery_commands_total", &["command=\"post\"", "outcome=\"done\""], posts),
        ("rookery_commands_total", &["command=\"subscribe\"", "outcome=\"done\""], 1.0),
        ("rookery_commands_total", &["command=\"disconnect\"", "outcome=\"refused\""], 1.0),
        ("rookery_commands_total", &["command=\"authenticate\"", "outcome=\"refused\""], 1.0),
        ("rookery_commands_total", &["command=\"unreadable\"", "outcome=\"refused\""], 1.0),
        ("rookery_commands_total", &["command=\"ping\"", "outcome=\"done\""], 1.0),
        ("rookery_commands_refused_total", &["error=\"bad_token\""], 1.0),
        ("rookery_commands_refused_total", &["error=\"not_allowed\""], 1.0),
        ("rookery_commands_refused_total", &["error=\"unknown_command\""], 1.0),
        ("rookery_calls_received_total", &[], 1.0),
        ("rookery_events_total", &["kind=\"posted\""], posts),
        ("rookery_deliveries_total", &[], posts),
        ("rookery_delivery_seconds_count", &[], posts),
        ("rookery_ack_seconds_count", &["level=\"durable\""], posts),
        ("rookery_ack_seconds_bucket", &["level=\"durable\"", "le=\"+Inf\""], posts),
        ("rookery_tokens_refused_total", &["reason=\"signature\""], 1.0),
        ("rookery_rest_requests_total", &["status=\"200\""], 1.0),
        ("rookery_rest_requests_total", &["status=\"401\""], 1.0),
        ("rookery_outbox_bytes", &[], 0.0),
        ("rookery_journal_up", &[], 1.0),
        ("rookery_settling_up", &[], 1.0),
        ("rookery_ready", &[], 1.0),
        ("rookery_build_info", &[concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"")], 1.0),
        ("rookery_lane_limit_entries", &["lane=\"control\"", "shard=\"1\""], 4096.0),
    ];
    let at_least = [
        // A body is ten bytes, and goes in once and out once.
        ("rookery_received_bytes_total", 200.0),
        ("rookery_sent_bytes_total", 200.0),
        ("rookery_delivery_seconds_sum", 0.000_001),
        ("rookery_turn_seconds_count", posts),
        ("rookery_shard_busy_seconds_total", 0.001),
        ("rookery_rooms", 1.0),
        ("rookery_journal_entries_total", posts),
        ("rookery_journal_sync_seconds_count", 1.0),
        ("rookery_journal_sync_seconds_sum", 0.000_001),
        ("rookery_journal_bytes", 200.0),
        ("rookery_store_read_seconds_count", 1.0),
        ("rookery_data_free_bytes", 1.0),
        ("process_resident_memory_bytes", 1_000_000.0),
        ("process_cpu_seconds_total", 0.001),
        ("process_open_fds", 10.0),
        ("process_start_time_seconds", 1_700_000_000.0),
    ];
    let exactly = exactly.map(|(name, labels, is)| Figure { name, labels, should: Should::Be(is) });
    let at_least = at_least.map(|(name, least)| Figure { name, labels: &[], should: Should::BeAtLeast(least) });
    let page = figures(node.watch_address(), &exactly.into_iter().chain(at_least).collect::<Vec<_>>());
    // What waits for the disk takes longer than what does not.
    let (acks, deliveries) = ("rookery_ack_seconds_sum", "rookery_delivery_seconds_sum");
    assert!(sum(&page, acks, &[]) >= sum(&page, deliveries, &[]) / 2.0, "{page}");
    // Within a turn of a second, and not for ever: the last step but one holds them all.
    assert_eq!(sum(&page, "rookery_ack_seconds_bucket", &["level=\"durable\"", "le=\"10\""]), posts, "{page}");
    drop(traffic);
    let address = node.address;
    shown(address, "the end of all connections", |page| {
        let left = sum(page, "rookery_connections_closed_total", &["reason=\"left\"", "code=\"1000\""]);
        left == 3.0 && sum(page, "rookery_connections", &[]) == 0.0
    });
}

/// Clients of both shards, so that commands and acks cross from one to the other: an ack is counted from its command's
/// reading, and not from when the store had answered.
#[test]
fn an_ack_takes_at_least_as_long_as_the_disk() {
    let node = Node::start(2);
    let rooms = ["a", "b", "c", "d", "e", "f"];
    let mut clients: Vec<Client> =
        (0..rooms.len()).map(|_| Client::enter(node.address, JSON, &node.token("ann"))).collect();
    let mut post_to_all = |times: u64| {
        for _ in 0..times {
            for (client, name) in clients.iter_mut().zip(rooms) {
                client.post(name, "hello");
            }
        }
        times * rooms.len() as u64
    };
    let acked = |page: &str| sum(page, "rookery_ack_seconds_count", &["level=\"durable\""]);
    let first = post_to_all(1) as f64;
    let before = shown(node.address, "the first acks", |page| acked(page) == first);
    let second = post_to_all(10) as f64;
    let after = shown(node.address, "all acks", |page| acked(page) == first + second);
    let grown = |name: &str| sum(&after, name, &[]) - sum(&before, name, &[]);
    // One after another, so each had a sync of its own.
    let (acks, syncs) = (grown("rookery_ack_seconds_sum"), grown("rookery_journal_sync_seconds_sum"));
    assert!(grown("rookery_journal_sync_seconds_count") >= second, "{after}");
    assert!(syncs > 0.0 && acks >= syncs * 0.8, "acks took {acks} s, syncs {syncs} s");
    assert!(acks < syncs + second, "acks took {acks} s, syncs {syncs} s");
}

#[test]
fn nobody_is_named() {
    let node = Node::start_with(1, &["--watch-listen", "127.0.0.1:0"]);
    let mut traffic = Traffic::drive(&node);
    traffic.go_on();
    let all = |page: &str| sum(page, "rookery_events_total", &["kind=\"posted\""]) > POSTS as f64;
    let watch = node.watch_address();
    for page in [shown(watch, "the last post", all), page(node.address)] {
        for canary in CANARIES {
            assert!(!page.contains(canary), "{canary} in {page}");
        }
        let token = node.token(CANARIES[1]);
        assert!(!page.contains(&token[..24]) && !page.contains("127.0.0.1"), "{page}");
    }
    // The canaries do reach the node.
    let ask = Command::History { room: room(CANARIES[0]), from: HistoryFrom::Newest, limit: 1, thread: None };
    let history = format!("{:?}", traffic.speaker.ask(&ask));
    assert!(history.contains(CANARIES[1]), "{history}");
    // Only what operators ask for is at their address.
    for path in ["/", "/v1/ws", "/v1/rooms", "/v1/openapi.json"] {
        assert_eq!(get(watch, path, "").0, 404, "{path}");
    }
}

#[test]
fn a_node_that_keeps_nothing_shows_no_store_and_acks_at_once() {
    let node = Node::start_in(Folder::new(), 1, &["--store", "memory"]);
    let mut client = Client::enter(node.address, JSON, &node.token("ann"));
    for _ in 0..5 {
        assert!(matches!(client.ask(&post("a", "b", None)), Reply::Placed { level: AckLevel::Accepted, .. }));
    }
    let acked = |page: &str| sum(page, "rookery_ack_seconds_count", &["level=\"accepted\""]) == 5.0;
    let page = shown(node.address, "five acks", acked);
    assert!(!page.contains("rookery_journal_up") && !page.contains("rookery_settling"), "{page}");
}
