//! The tables as documents: pages of `docs/` that are made from the rows they describe, so neither can drift.
//! A test compares them; `UPDATE_DOCS=1 cargo test -p rookery-protocol --test documents` writes them anew.

mod fields;
mod forms;
mod pages;

/// Every generated page: its path from the repository's root, and its text.
pub fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("docs/protocol/commands.md", pages::commands()),
        ("docs/protocol/replies.md", pages::replies()),
        ("docs/protocol/events.md", pages::events()),
        ("docs/protocol/words.md", pages::words()),
        ("docs/protocol/errors.md", pages::errors()),
        ("docs/reference/limits.md", pages::limits()),
    ]
}
