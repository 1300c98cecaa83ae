//! What a node shows of itself at `/metrics`: every figure once, with its kind and a sentence. A shard writes its own down
//! now and then, without a lock, and whoever asks reads what was written last. `docs/reference/metrics.md` is made from this
//! table and checked against it.

use crate::auth::TokenCounters;
use crate::shard::cell::ShardCounters;
use rookery_engine::edge::Counters;
use std::fmt::{Display, Formatter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        })
    }
}

/// What a shard has counted.
pub struct Counted<'a> {
    pub cell: &'a ShardCounters,
    pub edge: &'a Counters,
}

pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    of: fn(&Counted<'_>) -> u64,
}

const fn counter(name: &'static str, help: &'static str, of: fn(&Counted<'_>) -> u64) -> Metric {
    Metric { name, kind: Kind::Counter, help, of }
}

const fn gauge(name: &'static str, help: &'static str, of: fn(&Counted<'_>) -> u64) -> Metric {
    Metric { name, kind: Kind::Gauge, help, of }
}

/// Each has the label `shard`.
pub const METRICS: [Metric; 16] = [
    gauge("rookery_connections", "Connections that are open.", |c| c.cell.connections.load(Ordering::Relaxed)),
    counter("rookery_connections_opened_total", "Connections that were opened.", |c| c.edge.opened),
    counter("rookery_commands_total", "Commands that clients gave.", |c| c.edge.commands),
    counter("rookery_calls_total", "Of the commands those without a connection: over REST.", |c| c.edge.calls),
    counter("rookery_commands_refused_total", "Commands that were answered with an error.", |c| c.edge.refused),
    counter("rookery_commands_rate_limited_total", "Of the refused ones those above a rate.", |c| c.edge.rate_limited),
    counter("rookery_replies_total", "Commands that were answered.", |c| c.edge.replies),
    counter(
        "rookery_deliveries_total",
        "Events that were queued for a connection, pages of catching up included.",
        |c| c.edge.deliveries,
    ),
    counter(
        "rookery_sent_bytes_total",
        "Bytes that sockets took, WebSocket and the answer to its handshake included.",
        |c| c.edge.sent_bytes,
    ),
    counter("rookery_subscriptions_lagged_total", "Subscriptions that fell behind, and catch up from history.", |c| {
        c.edge.lagged + c.edge.skipped
    }),
    counter("rookery_signals_shed_total", "Signals that were left out for a receiver that is behind.", |c| c.edge.shed),
    counter("rookery_gaps_total", "Gaps that subscribers were told of.", |c| c.edge.gaps),
    counter("rookery_hook_questions_total", "Questions that hooks were asked.", |c| {
        c.cell.hook.asked.load(Ordering::Relaxed)
    }),
    counter("rookery_hook_refusals_total", "Rooms, posts and connections that hooks refused.", |c| {
        c.cell.hook.refused.load(Ordering::Relaxed)
    }),
    counter("rookery_hook_failures_total", "Questions to hooks that got no answer that could be used.", |c| {
        c.cell.hook.failed.load(Ordering::Relaxed)
    }),
    counter("rookery_turns_total", "Turns of a shard's loop.", |c| c.cell.turns.load(Ordering::Relaxed)),
];

/// A figure of the node as a whole.
pub struct NodeMetric {
    pub name: &'static str,
    pub help: &'static str,
    of: fn(&TokenCounters) -> &AtomicU64,
}

/// Counters without a label.
pub const NODE_METRICS: [NodeMetric; 2] = [
    NodeMetric {
        name: "rookery_key_reads_total",
        help: "Readings of key files and key sets that vouch for tokens.",
        of: |tokens| &tokens.key_reads,
    },
    NodeMetric {
        name: "rookery_key_reads_failed_total",
        help: "Of those the ones that failed; the last good keys hold.",
        of: |tokens| &tokens.key_reads_failed,
    },
];

/// The figures of one shard, as they stood a moment ago.
#[derive(Debug, Default)]
pub struct Board([AtomicU64; METRICS.len()]);

impl Board {
    /// Only its shard calls it.
    pub fn write(&self, counted: &Counted<'_>) {
        for (place, metric) in self.0.iter().zip(&METRICS) {
            place.store((metric.of)(counted), Ordering::Relaxed);
        }
    }
}

/// The text form of Prometheus.
pub fn text(shards: &[Arc<ShardCounters>], tokens: &TokenCounters) -> String {
    let mut out = String::new();
    for NodeMetric { name, help, of } in &NODE_METRICS {
        let value = of(tokens).load(Ordering::Relaxed);
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
    }
    for (index, metric) in METRICS.iter().enumerate() {
        let Metric { name, kind, help, .. } = metric;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (shard, counters) in shards.iter().enumerate() {
            let value = counters.board.0[index].load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}{{shard=\"{shard}\"}} {value}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn page() -> String {
        let mut page = "# Metrics\n\n<!-- Made from the table in `broker/src/metrics.rs`; a test compares. To change it, change \
                        the table and run\n     `UPDATE_DOCS=1 cargo test -p rookery --lib metrics`. -->\n\n\
                        A node shows them at `/metrics`, in the text form of Prometheus, to whoever asks from its own machine. Each \
                        has\nthe label `shard`, and is as old as half a second at most; those of keys are the whole node's.\n\n\
                        | metric | kind | what |\n| --- | --- | --- |\n"
            .to_owned();
        for Metric { name, kind, help, .. } in &METRICS {
            writeln!(page, "| `{name}` | {kind} | {help} |").unwrap();
        }
        for NodeMetric { name, help, .. } in &NODE_METRICS {
            writeln!(page, "| `{name}` | counter | {help} |").unwrap();
        }
        page
    }

    #[test]
    fn the_page_is_made_from_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page(), "UPDATE_DOCS=1 writes it anew");
    }

    #[test]
    fn names_follow_the_rules_and_no_name_is_there_twice() {
        for (index, metric) in METRICS.iter().enumerate() {
            let name = metric.name;
            assert!(
                name.starts_with("rookery_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{name}");
            assert!(METRICS[..index].iter().all(|other| other.name != name), "{name}");
        }
    }

    #[test]
    fn each_shard_has_its_line() {
        let shards: Vec<Arc<ShardCounters>> = (0..2).map(|_| Arc::default()).collect();
        let mut edge = Counters::default();
        edge.deliveries = 7;
        shards[1].board.write(&Counted { cell: &shards[1], edge: &edge });
        let text = text(&shards, &TokenCounters::default());
        let expected = "# TYPE rookery_deliveries_total counter\n\
                        rookery_deliveries_total{shard=\"0\"} 0\nrookery_deliveries_total{shard=\"1\"} 7\n";
        assert!(text.contains(expected), "{text}");
        assert_eq!(text.lines().count(), METRICS.len() * 4 + NODE_METRICS.len() * 3);
    }
}
