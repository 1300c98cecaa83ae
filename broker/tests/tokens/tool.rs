//! `rookery token`: what it makes a node accepts, and what it says about others is what a node does.

use super::forge::{HEADER, now, of, token};
use super::support::node::SECRET;
use super::support::{Client, JSON, Node};
use rookery_protocol::command::Command;
use rookery_protocol::reply::Reply;
use std::io::Write;
use std::path::Path;
use std::process::{Command as Process, Output, Stdio};

fn run(data: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Process::new(env!("CARGO_BIN_EXE_rookery"))
        .arg("token")
        .args(args)
        .arg("--data")
        .arg(data)
        .env("ROOKERY_AUTH__SECRET", SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn what_it_explains_is_what_the_node_does() {
    let node = Node::start(1);
    let data = node.data.path();
    let made = |args: &[&str]| said(&run(data, args, "")).trim().to_owned();
    let cases = [
        (made(&["new", "ann"]), true, "user       ann"),
        (made(&["ann", "--hours", "1"]), true, "in 59 min"),
        (made(&["new", "ann", "--backend", "--room", "team-*"]), true, r#""rooms":["team-*"]"#),
        (made(&["new", "ann", "--realm", "attic"]), false, r#"this node has no realm "attic""#),
        (of("ann", r#","exp":1000"#), false, "it ended (`exp`) at 1000"),
        (of("ann", &format!(r#","nbf":{}"#, now() / 1000 + 600)), false, "it begins later: its `nbf`"),
        (of("ann", r#","exp":"soon""#), false, "its claim `exp` is not a time"),
        (of("ann", r#","sub":"bob""#), false, r#"its claims says "sub" more than once"#),
        (token(r#"{"alg":"none"}"#, r#"{"sub":"ann"}"#), false, "nobody vouches for it"),
        (token(HEADER, "{}"), false, "it has no claim `sub`"),
        ("a.b".to_owned(), false, "it is not three parts"),
        ("💥".to_owned(), false, "it is not three parts"),
    ];
    for (token, good, part) in &cases {
        for output in [run(data, &["explain", token], ""), run(data, &["explain"], &format!("{token}\n"))] {
            assert_eq!(output.status.code(), Some(i32::from(!good)), "{token}: {output:?}");
            assert!(said(&output).contains(part), "{part} is not in {}", said(&output));
        }
        let answer = Client::open(node.address, JSON).ask(&Command::Authenticate { token: token.clone() });
        assert_eq!(matches!(answer, Reply::Welcome(_)), *good, "{token}: {answer:?}");
    }
}

#[test]
fn what_cannot_be_made_is_refused_with_the_way_out() {
    let data = tempfile::tempdir().unwrap();
    for (args, part) in [
        (&["new", "a\nb"][..], "user \"a\\nb\""),
        (&["new", "ann", "--can", "fly"], "\"fly\" is no verb"),
        (&["new", "ann", "--can", "read:@attic"], "names no rooms"),
        (&["new", "ann", "--can", "read:"], "names no rooms"),
        (&["new", "ann", "--room", "@inbox"], "only together with --can"),
        (&["new", "ann", "--realm", ""], "--realm \"\""),
    ] {
        let output = run(data.path(), args, "");
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{args:?}: {output:?}");
        assert!(why.contains(part) && why.lines().count() == 1, "{args:?}: {why}");
    }
    // Before anything is looked at, by whoever reads the command line.
    for args in [&["new"][..], &["new", "ann", "--hours", "0"], &["explain", "a", "b"]] {
        assert_eq!(run(data.path(), args, "").status.code(), Some(2), "{args:?}");
    }
}
