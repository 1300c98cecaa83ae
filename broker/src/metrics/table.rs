//! The table: every figure that a node shows, once.

use super::row::Kind::{Counter, Gauge, Histogram};
use super::row::Unit::{Bytes, Seconds};
use super::row::{Metric, Sample, Source, by, of_node, of_shard, spread};
use crate::auth::WHY_WORDS;
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::Kind as Event;
use rookery_protocol::ids::AckLevel;
use rookery_protocol::reply::GapReason;
use rookery_storage::journal::State;
use std::sync::atomic::Ordering::Relaxed;

pub const METRICS: &[Metric] = &[
    // Connections.
    of_shard("rookery_connections", Gauge, "Connections that are open.", |c| c.connections),
    of_shard("rookery_connections_opened_total", Counter, "Connections that were opened.", |c| {
        c.shard.edge.counters.opened
    }),
    by(
        "rookery_connections_closed_total",
        &["reason", "code"],
        "Connections that ended, by reason and close code: docs/protocol/errors.md says what each means.",
        || DropReason::ALL.iter().map(|r| format!("reason=\"{}\",code=\"{}\"", r.word(), r.close_code())).collect(),
        |c, index| c.shard.edge.counters.dropped(DropReason::ALL[index]),
    ),
    of_shard("rookery_received_bytes_total", Counter, "Bytes that connections sent, once they spoke WebSocket.", |c| {
        c.received_bytes
    })
    .of(Bytes),
    of_shard(
        "rookery_sent_bytes_total",
        Counter,
        "Bytes that sockets took, WebSocket and the answer to its handshake included.",
        |c| c.shard.edge.counters.sent_bytes,
    )
    .of(Bytes),
    // Commands.
    of_shard("rookery_commands_received_total", Counter, "Commands that clients gave.", |c| {
        c.shard.edge.counters.commands
    }),
    of_shard("rookery_calls_received_total", Counter, "Of the commands those without a connection: over REST.", |c| {
        c.shard.edge.counters.calls
    }),
    by(
        "rookery_commands_total",
        &["command", "outcome"],
        "Answers to commands; one that names several rooms has several. `unreadable` is what was no command.",
        answers,
        answered,
    ),
    by(
        "rookery_commands_refused_total",
        &["error"],
        "Answers that were an error: docs/protocol/errors.md says what each means.",
        || ErrorCode::ALL.iter().map(|code| format!("error=\"{}\"", code.word())).collect(),
        |c, index| c.shard.edge.counters.errors(ErrorCode::ALL[index]),
    ),
    spread(
        "rookery_ack_seconds",
        &["level"],
        "From the reading of a command that places an event to its ack on the socket, by the level that the ack names; \
         a turn's count as its slowest, and a room's first is counted from when the room was loaded.",
        || AckLevel::ALL.iter().map(|level| format!("level=\"{}\"", level.word())).collect(),
        |c, index| c.spent.acks(AckLevel::ALL[index]),
    ),
    // Events.
    by(
        "rookery_events_total",
        &["kind"],
        "Events that got their place in a room.",
        || events().map(|kind| format!("kind=\"{}\"", kind.word())).collect(),
        |c, index| events().nth(index).map_or(0, |kind| c.shard.home.events(kind)),
    ),
    of_shard(
        "rookery_deliveries_total",
        Counter,
        "Events that were queued for a connection, pages of catching up included.",
        |c| c.shard.edge.counters.deliveries,
    ),
    spread(
        "rookery_delivery_seconds",
        &[],
        "From the reading of what caused an event until it was written to those sockets that take bytes; a turn's \
         count as its slowest.",
        || vec![String::new()],
        |c, _| c.spent.deliveries(),
    ),
    // Those who cannot keep up.
    by(
        "rookery_subscriptions_lagged_total",
        &["reason"],
        "Subscriptions that fell behind and catch up from history: their outbox was above its mark, or chunks did not \
         come to their shard or were taken back.",
        || ["outbox", "skipped"].map(|word| format!("reason=\"{word}\"")).to_vec(),
        |c, index| if index == 0 { c.shard.edge.counters.lagged } else { c.shard.edge.counters.skipped },
    ),
    of_shard("rookery_signals_shed_total", Counter, "Signals that were left out for a receiver that is behind.", |c| {
        c.shard.edge.counters.shed
    }),
    by(
        "rookery_gaps_total",
        &["reason"],
        "Gaps that subscribers were told of.",
        || GapReason::ALL.iter().map(|reason| format!("reason=\"{}\"", reason.word())).collect(),
        |c, index| c.shard.edge.counters.gaps(GapReason::ALL[index]),
    ),
    of_shard("rookery_retracts_total", Counter, "Times that a subscriber was told that events were taken back.", |c| {
        c.shard.edge.counters.retracts
    }),
    of_shard("rookery_pages_total", Counter, "Pages of events that were read for those who catch up.", |c| {
        c.shard.edge.counters.pages
    }),
    of_shard("rookery_outbox_bytes", Gauge, "Bytes that wait for the sockets of connections.", |c| {
        c.shard.edge.queued_by_all()
    })
    .of(Bytes),
    of_shard("rookery_chunk_bytes", Gauge, "Bytes of chunks that outboxes and pages keep in memory.", |c| {
        c.shard.home.pinned().bytes() as u64
    })
    .of(Bytes),
    of_shard(
        "rookery_chunk_limit_bytes",
        Gauge,
        "Of a shard's chunks: above it, events are pushed only to those who are nearly up to date.",
        |c| c.shard.limits().pinned_bytes as u64,
    )
    .of(Bytes),
    of_shard(
        "rookery_alone_bytes",
        Gauge,
        "Bytes that belong to single connections: replies that wait, and messages that are not finished.",
        |c| c.shard.edge.held_alone(),
    )
    .of(Bytes),
    of_shard(
        "rookery_alone_limit_bytes",
        Gauge,
        "Of those bytes: above it, the connections that hold most are cut.",
        |c| c.shard.limits().alone_bytes as u64,
    )
    .of(Bytes),
    // Shards.
    of_shard("rookery_rooms", Gauge, "Rooms at hand; one that nobody touched for a minute is let go.", |c| {
        c.shard.home.rooms() as u64
    }),
    of_shard("rookery_shard_busy_seconds_total", Counter, "Time that a shard's loop did not sleep.", |c| c.busy_micros)
        .of(Seconds),
    of_shard(
        "rookery_shard_awake_seconds_total",
        Counter,
        "Of the busy time that in which it only looked for the next message of a lone conversation.",
        |c| c.awake_micros,
    )
    .of(Seconds),
    of_node(
        "rookery_shard_last_turn_seconds",
        Gauge,
        &["shard"],
        "How long ago a shard's loop turned; above a second the node counts as dead.",
        |node| {
            let ages = node.health.ages_ms().enumerate();
            ages.map(|(shard, ms)| Sample { labels: format!("shard=\"{shard}\""), value: ms * 1000 }).collect()
        },
    )
    .of(Seconds),
    spread(
        "rookery_turn_seconds",
        &[],
        "How long a turn took: decisions, chunks and writes to sockets.",
        || vec![String::new()],
        |c, _| c.spent.turns(),
    ),
    of_node("rookery_lane_entries", Gauge, &["shard", "lane"], "What waits in a lane of a shard's mailbox.", |node| {
        node.lanes(|lane| lane.used().entries)
    }),
    of_node("rookery_lane_bytes", Gauge, &["shard", "lane"], "Its bytes.", |node| node.lanes(|lane| lane.used().bytes))
        .of(Bytes),
    of_node("rookery_lane_limit_entries", Gauge, &["shard", "lane"], "How many a lane holds.", |node| {
        node.lanes(|lane| lane.bounds().entries)
    }),
    of_node("rookery_lane_limit_bytes", Gauge, &["shard", "lane"], "How many bytes a lane holds.", |node| {
        node.lanes(|lane| lane.bounds().bytes)
    })
    .of(Bytes),
    of_shard("rookery_held_parcels", Gauge, "Parcels for other shards whose lane was full.", |c| c.held_parcels),
    // The store.
    of_node("rookery_journal_up", Gauge, &[], "1 while the journal is written, 0 while its disk fails.", |node| {
        node.store(|vitals| u64::from(matches!(vitals.journal, State::Writing)))
    }),
    of_node(
        "rookery_journal_queued_bytes",
        Gauge,
        &[],
        "Bytes that wait for the journal or are being written.",
        |node| node.store(|vitals| vitals.counts.queued as u64),
    )
    .of(Bytes),
    of_node("rookery_journal_bytes", Gauge, &[], "Bytes of the journal's files.", |node| {
        node.store(|vitals| vitals.counts.used)
    })
    .of(Bytes),
    of_node("rookery_journal_entries_total", Counter, &[], "Batches that the journal has written.", |node| {
        node.store(|vitals| vitals.counts.entries)
    }),
    of_node("rookery_journal_written_bytes_total", Counter, &[], "Bytes of those.", |node| {
        node.store(|vitals| vitals.counts.bytes)
    })
    .of(Bytes),
    of_node("rookery_journal_failed_total", Counter, &[], "Batches that the journal could not write.", |node| {
        node.store(|vitals| vitals.counts.failed)
    }),
    Metric {
        name: "rookery_journal_sync_seconds",
        kind: Histogram,
        unit: Seconds,
        labels: &[],
        help: "How long a group of batches took to be written and synced.",
        source: Source::NodeSpread(|node| node.syncs.clone()),
    },
    of_node("rookery_settling_up", Gauge, &[], "1 while the settled store takes what is committed, else 0.", |node| {
        node.store(|vitals| u64::from(vitals.is_settling))
    }),
    of_node("rookery_settling_lag_seconds", Gauge, &[], "For how long the oldest batch waits to be settled.", |node| {
        node.store(|vitals| u64::try_from(vitals.unsettled_for.as_micros()).unwrap_or(u64::MAX))
    })
    .of(Seconds),
    of_node("rookery_settling_lag_bytes", Gauge, &[], "What is committed and has not settled.", |node| {
        node.store(|vitals| vitals.unsettled_bytes as u64)
    })
    .of(Bytes),
    of_node("rookery_settling_failed_total", Counter, &[], "Times that the settled store has failed.", |node| {
        node.store(|vitals| vitals.settling_failed)
    }),
    of_node(
        "rookery_damaged_rooms",
        Gauge,
        &[],
        "Rooms whose stored state cannot be read: they take no more.",
        |node| node.store(|vitals| vitals.damaged_rooms as u64),
    ),
    of_shard("rookery_unreadable_total", Counter, "Stored values that could not be read.", |c| c.unreadable),
    spread(
        "rookery_store_read_seconds",
        &[],
        "From a shard's question to the store, for a room or a page, to the answer.",
        || vec![String::new()],
        |c, _| c.reads,
    ),
    of_node(
        "rookery_data_free_bytes",
        Gauge,
        &[],
        "What is left for this node on the disk of its data folder.",
        |node| node.disk(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    )
    .of(Bytes),
    of_node("rookery_data_size_bytes", Gauge, &[], "Size of that disk.", |node| {
        node.disk(|disk| disk.f_blocks.saturating_mul(disk.f_frsize))
    })
    .of(Bytes),
    // Hooks, tokens and REST.
    of_shard("rookery_hook_questions_total", Counter, "Questions that hooks were asked.", |c| {
        c.hook.asked.load(Relaxed)
    }),
    of_shard("rookery_hook_refusals_total", Counter, "Rooms, posts and connections that hooks refused.", |c| {
        c.hook.refused.load(Relaxed)
    }),
    of_shard(
        "rookery_hook_failures_total",
        Counter,
        "Questions to hooks that got no answer that could be used.",
        |c| c.hook.failed.load(Relaxed),
    ),
    of_node(
        "rookery_tokens_refused_total",
        Counter,
        &["reason"],
        "Tokens that were refused; clients are told less than this.",
        |node| {
            let counts = WHY_WORDS.iter().zip(&node.tokens.counters.refused);
            let sample = |(word, count): (&&str, &std::sync::atomic::AtomicU64)| Sample {
                labels: format!("reason=\"{word}\""),
                value: count.load(Relaxed),
            };
            counts.map(sample).collect()
        },
    ),
    of_node(
        "rookery_key_reads_total",
        Counter,
        &[],
        "Readings of key files and key sets that vouch for tokens.",
        |node| Sample::plain(node.tokens.counters.key_reads.load(Relaxed)),
    ),
    of_node(
        "rookery_key_reads_failed_total",
        Counter,
        &[],
        "Of those the ones that failed; the last good keys hold.",
        |node| Sample::plain(node.tokens.counters.key_reads_failed.load(Relaxed)),
    ),
    of_node(
        "rookery_rest_requests_total",
        Counter,
        &["status"],
        "Requests over REST, by the answer's status.",
        |node| node.requests.samples(),
    ),
    // Node and process.
    of_node("rookery_ready", Gauge, &[], "1 while the node should get traffic, as /readyz says; else 0.", |node| {
        Sample::plain(u64::from(node.health.is_ready()))
    }),
    of_node("rookery_build_info", Gauge, &["version"], "Always 1; which version this is.", |_| {
        vec![Sample { labels: format!("version=\"{}\"", env!("CARGO_PKG_VERSION")), value: 1 }]
    }),
    of_node("process_cpu_seconds_total", Counter, &[], "Time that the process has used on all cores.", |node| {
        node.process(|process| process.cpu_micros)
    })
    .of(Seconds),
    of_node("process_resident_memory_bytes", Gauge, &[], "Memory of the process that is in use.", |node| {
        node.process(|process| process.resident_bytes)
    })
    .of(Bytes),
    of_node("process_threads", Gauge, &[], "Its threads.", |node| node.process(|process| process.threads)),
    of_node("process_open_fds", Gauge, &[], "Its files and sockets.", |node| node.process(|process| process.open_fds)),
    of_node("process_max_fds", Gauge, &[], "How many it may have.", |node| node.process(|process| process.max_fds)),
    of_node("process_start_time_seconds", Gauge, &[], "When it began, in seconds since 1970.", |node| {
        Sample::plain(node.started)
    })
    .of(Seconds),
];

/// Signals get no place.
fn events() -> impl Iterator<Item = Event> {
    Event::ALL.into_iter().filter(|kind| (*kind as u8) < Event::Typing as u8)
}

const OUTCOMES: [&str; 2] = ["done", "refused"];

/// For each command done and refused, and at last what was none and can only be refused.
fn answers() -> Vec<String> {
    let words = CommandKind::ALL.iter().map(|command| command.row().word);
    let both = |word: &str| OUTCOMES.map(|outcome| format!("command=\"{word}\",outcome=\"{outcome}\""));
    let mut all: Vec<String> = words.flat_map(both).collect();
    all.push(format!("command=\"unreadable\",outcome=\"{}\"", OUTCOMES[1]));
    all
}

fn answered(counted: &super::Counted<'_>, index: usize) -> u64 {
    let counters = &counted.shard.edge.counters;
    match CommandKind::ALL.get(index / OUTCOMES.len()) {
        Some(command) if index.is_multiple_of(OUTCOMES.len()) => counters.done(*command),
        command => counters.refused(command.copied()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::row::Kind;

    #[test]
    fn names_follow_the_rules_and_no_name_is_there_twice() {
        for (index, Metric { name, kind, unit, labels, help, .. }) in METRICS.iter().enumerate() {
            let ours = name.starts_with("rookery_") || name.starts_with("process_");
            assert!(ours && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            let base = name.trim_end_matches("_total");
            for (word, with) in [("_bytes", Bytes), ("_seconds", Seconds)] {
                assert_eq!(base.ends_with(word), *unit == with, "{name}");
            }
            assert!(help.ends_with('.') && !help.contains(['\n', '\\', '|']) && !help.contains("  "), "{name}");
            assert!(METRICS[..index].iter().all(|other| other.name != *name), "{name}");
            assert!(labels.iter().all(|label| *label != "le" && !label.is_empty()), "{name}");
        }
    }

    #[test]
    fn words_say_just_the_labels_that_their_row_names() {
        let mut seen = 0;
        for Metric { name, labels, source, .. } in METRICS {
            let (Source::Sum(words, _) | Source::Spread(words, _)) = source else { continue };
            let words = words();
            for (index, word) in words.iter().enumerate() {
                let said: Vec<&str> = word.split(',').filter_map(|pair| pair.split_once('=')).map(|(l, _)| l).collect();
                assert_eq!(said, **labels, "{name}");
                assert!(!words[..index].contains(word), "{name}: {word}");
                seen += 1;
            }
        }
        assert!(seen > 100);
    }
}
