//! The commands `report` and `compare`, as people start them on records of runs.
#![allow(clippy::unwrap_used)]

#[path = "common/sample.rs"]
mod sample;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with the records `stall.json`, `calm.json` and `slower.json`.
fn records() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, record) in [("stall", sample::stall()), ("calm", sample::calm()), ("slower", sample::slower())] {
        fs::write(folder.path().join(format!("{name}.json")), record.to_string()).unwrap();
    }
    folder
}

fn loadgen(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen")).current_dir(folder).args(args).output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// One file of a size for a mail, that asks nobody for anything.
fn stands_alone(page: &str) {
    assert!(page.len() <= 300_000, "{} bytes", page.len());
    for word in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(word), "asks for something: {word}");
    }
}

#[test]
fn a_report_is_a_sentence_a_page_and_percentiles() {
    let folder = records();
    let args = ["report", "stall.json", "--html", "stall.html", "--hgrm", "stall.hgrm"];
    let output = loadgen(folder.path(), &args);
    let (out, err) = said(&output);
    assert!(output.status.success() && err.is_empty(), "{err}");
    assert!(out.starts_with("FAIL  101 connections") && out.lines().count() == 1, "{out}");
    let page = fs::read_to_string(folder.path().join("stall.html")).unwrap();
    stands_alone(&page);
    assert!(page.starts_with("<!doctype html>") && page.contains("FAIL") && page.contains("<svg"));
    let hgrm = fs::read_to_string(folder.path().join("stall.hgrm")).unwrap();
    assert!(hgrm.contains("1/(1-Percentile)") && hgrm.contains("#[Mean") && hgrm.lines().count() > 60, "{hgrm}");

    let output = loadgen(folder.path(), &["report", "stall.json", "--hgrm", "ack.hgrm", "--of", "ack"]);
    assert!(output.status.success());
    assert_ne!(fs::read_to_string(folder.path().join("ack.hgrm")).unwrap(), hgrm);
}

#[test]
fn a_comparison_is_a_table_a_page_json_and_an_exit_status() {
    let folder = records();
    let output = loadgen(folder.path(), &["compare", "calm.json", "slower.json", "--html", "both.html"]);
    let (out, _) = said(&output);
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.starts_with("WORSE  slower against calm, tolerance 5 %: "), "{out}");
    let page = fs::read_to_string(folder.path().join("both.html")).unwrap();
    stands_alone(&page);
    assert!(page.contains("WORSE") && page.contains("too few") && page.matches("<svg").count() == 5);

    let output = loadgen(folder.path(), &["compare", "slower.json", "calm.json", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let comparison: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&comparison["worse"], &comparison["runs"][1]["name"]), (&json!(false), &json!("calm")));
    let p99 = comparison["rows"].as_array().unwrap().iter().find(|row| row["figure"] == "p99").unwrap();
    assert_eq!((&p99["group"], &p99["cells"][1]["ruling"]), (&json!("delivery"), &json!("better")));

    let output = loadgen(folder.path(), &["compare", "calm.json", "stall.json", "calm.json"]);
    let (out, _) = said(&output);
    assert_eq!(output.status.code(), Some(0), "the last counts: {out}");
    assert!(out.contains("warning: stall is FAIL: 3 lost") && out.contains("calm#2"), "{out}");

    let output = loadgen(folder.path(), &["compare", "calm.json", "slower.json", "--tolerance", "70%"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output).0);
}

#[test]
fn what_cannot_be_used_is_named_in_one_line() {
    let folder = records();
    let mut other = sample::calm();
    other["form"] = json!("loadgen.record.v9");
    let mut wrong = sample::calm();
    wrong["totals"]["posts"] = json!("many");
    let mut bare = sample::calm();
    bare["latency"] = json!({});
    let files = [("other", other.to_string()), ("wrong", wrong.to_string()), ("bare", bare.to_string())];
    for (name, text) in files.into_iter().chain([("text", "no\njson".to_owned()), ("list", "[1]".to_owned())]) {
        fs::write(folder.path().join(format!("{name}.json")), text).unwrap();
    }
    fs::write(folder.path().join("bytes.json"), [0xff, 0xfe, 0x00]).unwrap();
    for (args, words) in [
        (&["report", "nobody.json"][..], "nobody.json: No such file"),
        (&["report", "text.json"], "text.json: no JSON"),
        (&["report", "bytes.json"], "bytes.json: "),
        (&["report", "list.json"], "list.json: no record of a run: it has no `form`"),
        (&["report", "wrong.json"], "wrong.json: no record of a run: invalid type: string \"many\""),
        (&["report", "bare.json", "--hgrm", "x.hgrm"], "bare.json: no latency was measured"),
        (&["report", "bare.json", "--hgrm", "x.hgrm", "--of", "ack"], "bare.json: no latency of the kind `ack`"),
        (&["report", "calm.json", "--html", "no/where.html"], "no/where.html: No such file"),
        (&["compare", "calm.json", "other.json"], "other.json: a record of the form `loadgen.record.v9`"),
        (&["compare", "nobody.json", "calm.json"], "nobody.json: No such file"),
    ] {
        let output = loadgen(folder.path(), args);
        let (_, err) = said(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.starts_with(&format!("loadgen: {words}")) && err.lines().count() == 1, "{args:?}: {err}");
    }
    for args in
        [&["compare", "calm.json"][..], &["compare", "calm.json", "calm.json", "--tolerance", "-1"], &["report"]]
    {
        assert_eq!(loadgen(folder.path(), args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_help_says_what_the_exit_status_means() {
    let (out, _) = said(&loadgen(Path::new("."), &["compare", "--help"]));
    assert!(out.contains("Exit status: 0, or 1 if the last run is worse than the first"), "{out}");
    assert!(out.contains("too few"), "{out}");
}
