//! `docs/reference/metrics.md` is made from the table, and compared.

use super::row::Metric;
use super::table::METRICS;
use std::fmt::Write;
use std::path::Path;

fn page() -> String {
    let mut page = "# Metrics\n\n\
        <!-- Made from the table in `broker/src/metrics/table.rs`; a test compares. To change it, change the table and run\n     \
        `UPDATE_DOCS=1 cargo test -p rookery --lib metrics`. -->\n\n\
        A node shows them at `/metrics`, in the text form of Prometheus, to whoever asks from its own machine; on an address of\n\
        their own (`watch.listen`) to whoever can reach it. No figure names a room, a user, a token or an address. What has the\n\
        label `shard`, and what is counted by shards and shown as their sum, is as old as half a second at most.\n\n\
        Dashboard and alert rules that use them: [watching a node](../how-to/watch.md).\n\n\
        | metric | kind | unit | labels | what |\n| --- | --- | --- | --- | --- |\n"
        .to_owned();
    for Metric { name, kind, unit, labels, help, .. } in METRICS {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(page, "| `{name}` | {kind} | {unit} | {} | {help} |", labels.join(", ")).unwrap();
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
