//! The documents keep their word: links lead somewhere; commands, keys, figures, files and targets that a page names are
//! there; and the pages that tell a story are run from their first command to their last.
// Whatever a page does not expect is its failure.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod links;
mod names;
mod page;
mod stories;

use page::{Page, pages};

/// Says all that is wrong at once.
fn check(what: impl Fn(&Page, &mut Vec<String>)) {
    let pages = pages();
    assert!(pages.len() > 40, "{} pages were found", pages.len());
    let mut faults = Vec::new();
    for page in &pages {
        what(page, &mut faults);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    check(links::check);
}

#[test]
fn every_page_can_be_reached_from_the_index() {
    links::all_reached(&pages());
}

#[test]
fn commands_and_their_flags_are_there() {
    check(names::commands);
}

#[test]
fn configuration_keys_are_there_and_samples_are_right() {
    check(names::keys);
    check(names::samples);
}

#[test]
fn figures_files_and_targets_are_there() {
    check(names::figures);
    check(names::files);
    check(names::targets);
}
