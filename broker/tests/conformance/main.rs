//! The same scripts over JSON and over binary, over 1, 2 and 4 shards, against the real binary over real sockets.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod backend;
mod membership;
mod messages;
mod realm;
mod resume;
mod sessions;

use support::{BINARY, Client, JSON, Node, Tongue};

/// What a script runs against.
pub struct Stage<'a> {
    pub node: &'a Node,
    pub tongue: Tongue,
    /// Makes names of this run unique on a node that other scripts use too.
    pub tag: String,
}

impl Stage<'_> {
    pub fn enter(&self, user: &str) -> Client {
        Client::enter(self.node.address, self.tongue, &self.node.token(&self.user(user)))
    }

    pub fn enter_backend(&self) -> Client {
        Client::enter(self.node.address, self.tongue, &self.node.token_with(&self.user("backend"), &["--backend"]))
    }

    pub fn user(&self, user: &str) -> String {
        format!("{user}-{}", self.tag)
    }

    pub fn room(&self, name: &str) -> String {
        format!("{name}-{}", self.tag)
    }
}

type Script = fn(&Stage<'_>);

const SCRIPTS: &[(&str, Script)] = &[
    ("sessions::strangers_are_refused", sessions::strangers_are_refused),
    ("sessions::strangers_have_less_room", sessions::strangers_have_less_room),
    ("sessions::in_fragments", sessions::in_fragments),
    ("sessions::pipelined", sessions::pipelined),
    ("sessions::somebody_else", sessions::somebody_else),
    ("sessions::ping", sessions::ping),
    ("messages::everybody_in_order", messages::everybody_in_order),
    ("messages::acks_follow_events", messages::acks_follow_events),
    ("messages::sending_twice", messages::sending_twice),
    ("messages::edits_and_deletions", messages::edits_and_deletions),
    ("messages::reactions_and_pins", messages::reactions_and_pins),
    ("messages::history", messages::history),
    ("messages::expectation", messages::expectation),
    ("messages::signals", messages::signals),
    ("messages::refusals", messages::refusals),
    ("resume::missed", resume::missed),
    ("resume::many_rooms", resume::many_rooms),
    ("resume::changed_meanwhile", resume::changed_meanwhile),
    ("resume::a_place_that_never_was", resume::a_place_that_never_was),
    ("membership::private_room", membership::private_room),
    ("membership::removal_ends_subscriptions", membership::removal_ends_subscriptions),
    ("membership::roles", membership::roles),
    ("membership::life_of_a_room", membership::life_of_a_room),
    ("realm::direct_room", realm::direct_room),
    ("realm::rooms_and_users", realm::rooms_and_users),
    ("realm::unread", realm::unread),
    ("realm::presence", realm::presence),
    ("realm::search_is_not_available", realm::search_is_not_available),
    ("realm::mentions_reach_the_inbox", realm::mentions_reach_the_inbox),
    ("backend::names_and_numbers", backend::names_and_numbers),
    ("backend::broadcast", backend::broadcast),
    ("backend::disconnect_and_revoke", backend::disconnect_and_revoke),
    ("backend::only_for_backends", backend::only_for_backends),
];

fn run(shards: u8, store: &str) {
    let limits = ["--commands-per-second", "0", "--user-commands-per-second", "0"];
    let node = Node::start_with(shards, &[&limits[..], &["--store", store]].concat());
    for (language, tongue) in [("json", JSON), ("binary", BINARY)] {
        for (i, (name, script)) in SCRIPTS.iter().enumerate() {
            eprintln!("{shards} shards, {store}, {language}: {name}");
            script(&Stage { node: &node, tongue, tag: format!("{language}{i}") });
        }
    }
}

#[test]
fn one_shard() {
    run(1, "embedded");
}

#[test]
fn two_shards() {
    run(2, "embedded");
}

#[test]
fn four_shards() {
    run(4, "embedded");
}

#[test]
fn in_memory() {
    run(2, "memory");
}
