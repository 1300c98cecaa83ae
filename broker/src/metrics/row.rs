//! What a row of the table of metrics is made of.

use super::board::Counted;
use super::node::Node;
use super::spread::Spread;
use std::fmt::{Display, Formatter};

pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// Those of a histogram's steps left out.
    pub labels: &'static [&'static str],
    pub help: &'static str,
    pub source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Bytes,
    /// Shown as seconds, counted in microseconds.
    Seconds,
}

/// The words that a label may say, as `name="word"`, joined by commas. Empty: no label.
pub type Words = fn() -> Vec<String>;

/// Where a figure comes from. What shards count they write down themselves, now and then; what is the node's is looked up
/// when somebody asks.
#[derive(Clone, Copy)]
pub enum Source {
    /// One figure of each shard, with the label `shard`.
    Shard(fn(&Counted<'_>) -> u64),
    /// The sum over all shards, for each of these words, by its place among them.
    Sum(Words, fn(&Counted<'_>, usize) -> u64),
    /// The same for a histogram.
    Spread(Words, for<'a> fn(&'a Counted<'_>, usize) -> &'a Spread),
    Node(fn(&Node<'_>) -> Vec<Sample>),
    /// None: this node has nothing of the kind.
    NodeSpread(fn(&Node<'_>) -> Option<Spread>),
}

pub struct Sample {
    /// As in [`Words`].
    pub labels: String,
    pub value: u64,
}

impl Sample {
    /// A figure without a label.
    pub fn plain(value: u64) -> Vec<Sample> {
        vec![Sample { labels: String::new(), value }]
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        })
    }
}

impl Display for Unit {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unit::Count => "",
            Unit::Bytes => "bytes",
            Unit::Seconds => "seconds",
        })
    }
}

impl Metric {
    pub const fn of(mut self, unit: Unit) -> Metric {
        self.unit = unit;
        self
    }
}

const SHARD: &[&str] = &["shard"];

/// A figure of each shard.
pub const fn of_shard(name: &'static str, kind: Kind, help: &'static str, of: fn(&Counted<'_>) -> u64) -> Metric {
    Metric { name, kind, unit: Unit::Count, labels: SHARD, help, source: Source::Shard(of) }
}

/// A counter over all shards, by words.
pub const fn by(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    words: Words,
    of: fn(&Counted<'_>, usize) -> u64,
) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, labels, help, source: Source::Sum(words, of) }
}

/// How long something took on any shard.
pub const fn spread(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    words: Words,
    of: for<'a> fn(&'a Counted<'_>, usize) -> &'a Spread,
) -> Metric {
    Metric { name, kind: Kind::Histogram, unit: Unit::Seconds, labels, help, source: Source::Spread(words, of) }
}

/// A figure of the node.
pub const fn of_node(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
    of: fn(&Node<'_>) -> Vec<Sample>,
) -> Metric {
    Metric { name, kind, unit: Unit::Count, labels, help, source: Source::Node(of) }
}
