//! Every example of the reference page, as it stands there, run by a shell: one story from the first to the last.

use crate::{Stage, place};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn examples() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/reference/rest.md");
    let text = std::fs::read_to_string(page).unwrap();
    let blocks = text.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.map(str::to_owned).collect()
}

#[test]
fn every_example_works_as_it_stands() {
    let stage = Stage::new();
    let examples = examples();
    assert!(examples.len() > 30, "{}", examples.len());
    let mut posted = String::new();
    for example in examples {
        let output = Command::new("sh")
            .args(["-euc", &example])
            .env("ROOKERY", format!("http://{}", stage.node.address))
            .env("TOKEN", &stage.backend)
            .env("PLACE", &posted)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{example}\n{said}{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{example}: {said}"));
        if example.contains("Idempotency-Key: swallow") {
            posted = place(&answer["place"]);
        }
    }
}
