//! Damaged files of a stopped node: never a wrong message is served, what lies outside the damage is there, what is
//! missing was said, and no file is gone without a word.
// Whatever this story does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod blocks;
mod judge;
mod logs;
mod made;
mod node;
mod wound;

use judge::{Judge, Tally};
use made::Made;
use rookery_storage::dice::Dice;
use std::time::Instant;
use wound::Wound;

/// `make prove` asks for more than `make test`.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |n| n.parse().unwrap())
}

#[test]
fn nothing_wrong_is_served_from_a_damaged_folder() {
    logs::listen();
    let (mutations, nodes) = (number("ROOKERY_MUTATIONS", 250), number("ROOKERY_DAMAGED_NODES", 20));
    let began = Instant::now();
    let seed = number("ROOKERY_SEED", 5);
    let mut dice = Dice::new(seed);
    println!("seed {seed}");
    let folders = made::folders();
    let made_in = began.elapsed();
    let judges: Vec<Judge<'_>> = folders.iter().map(Judge::new).collect();
    let mut tally = Tally::default();
    for n in 0..mutations {
        let at = dice.below(judges.len() as u64) as usize;
        let (judge, made): (&Judge<'_>, &Made) = (&judges[at], &folders[at]);
        let (copy, wound) = Wound::inflict(made, false, &mut dice);
        judge.judge(copy.path(), &wound, &format!("mutation {n} of seed {seed}: {wound}"), &mut tally);
    }
    let mut started = 0;
    for n in 0..nodes {
        let made = &folders[dice.below(folders.len() as u64) as usize];
        let (copy, wound) = Wound::inflict(made, true, &mut dice);
        started += u64::from(node::judge(made, copy, &format!("node {n} of seed {seed}: {wound}")));
    }
    println!(
        "{mutations} mutations: {tally}; {nodes} real nodes, of which {started} started; {:?}, of which {made_in:?} to make \
         the folders",
        began.elapsed()
    );
    assert!(tally.is_telling(), "{tally}");
}
