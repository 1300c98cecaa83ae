//! What a person sees when a node has started: six lines, the first of which programs may read.

use crate::auth::Tokens;
use crate::config::{Limits, value::StoreEngine};
use crate::ports::Clock;
use std::net::SocketAddr;
use std::path::Path;

pub struct Facts<'a> {
    pub address: SocketAddr,
    pub shards: u8,
    pub cores: &'a [core_affinity::CoreId],
    pub data: &'a Path,
    pub store: StoreEngine,
    pub development: bool,
    pub tokens: &'a Tokens,
    pub clock: Clock,
    pub limits: &'a Limits,
}

/// Lines go out at once even into a pipe, because a starting script waits for the first.
pub fn print(facts: &Facts<'_>) {
    let Facts { address, shards, cores, data, store, .. } = facts;
    println!("listening  {address}");
    println!("connect    ws://{address}/v1/ws  (subprotocols rookery.v1.json, rookery.v1.binary)");
    let pinned: Vec<String> = cores.iter().take(usize::from(*shards)).map(|core| core.id.to_string()).collect();
    let pinned = if pinned.is_empty() { "not pinned".to_owned() } else { format!("cores {}", pinned.join(", ")) };
    println!("rookery    {}  {shards} shards on {pinned}", env!("CARGO_PKG_VERSION"));
    let history = match store {
        StoreEngine::Embedded => "in the data folder; acks reach `durable`",
        StoreEngine::Scylla => "in ScyllaDB; acks reach `local`, then `durable`",
        StoreEngine::Memory => "kept while this process runs; acks reach `accepted`",
    };
    println!("history    {history}; data folder {}", data.display());
    if facts.development {
        let token = facts.tokens.token_for("alice", false, facts.clock.now().wall, 24 * 3600);
        println!(
            "try        http://{address}/ in a browser; token of alice, for a day: {}",
            token.unwrap_or_else(|why| why)
        );
        println!("warning    development secret; set ROOKERY_AUTH__SECRET. Other users: rookery token NAME");
    } else {
        println!("tokens     HS256 with ROOKERY_AUTH__SECRET; rookery token NAME makes one");
    }
    if facts.limits.commands_per_second == 0 || facts.limits.user_commands_per_second == 0 {
        println!("warning    command rates are not limited");
    }
}
