//! What a node says when it has started, at the real binary: six lines that fit, without colours, and the same in its log
//! without a secret or a token.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

struct Said {
    lines: Vec<String>,
    /// The event of the log that says the same.
    logged: serde_json::Value,
    log: String,
}

/// Starts a node in a folder of its own, reads six lines, stops it, and reads what else there is.
fn start(more: &[&str], environment: &[(&str, &str)]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rookery"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--shards", "2", "--data", "./data"]).args(more);
    command.env_remove("ROOKERY_AUTH__SECRET").envs(environment.iter().copied());
    let mut child: Child = command.current_dir(&folder).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = vec![String::new(); 6];
    lines.iter_mut().for_each(|line| assert!(output.read_line(line).unwrap() > 0, "six lines"));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "and no more");
    assert!(child.wait().unwrap().success());
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let started = log.lines().filter(|line| line.contains("\"event\":\"started\"")).collect::<Vec<_>>();
    assert_eq!(started.len(), 1, "one event: {log}");
    let logged = serde_json::from_str(started[0]).unwrap();
    for line in &mut lines {
        assert_eq!(line.pop(), Some('\n'));
        assert!(line.chars().count() <= 80 || line.starts_with("try"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
    Said { lines, logged, log }
}

#[test]
fn a_node_for_trying_says_so_and_gives_a_token_that_is_in_no_log() {
    for environment in [&[][..], &[("NO_COLOR", "1")], &[("TERM", "xterm-256color"), ("COLUMNS", "40")]] {
        let Said { lines, logged, log } = start(&[], environment);
        let address = lines[0].split_whitespace().nth(1).unwrap();
        assert_eq!(lines[0], format!("listening  {address}  http://{address}/  ws://{address}/v1/ws"));
        assert!(lines[1].contains(", 2 shards"), "{}", lines[1]);
        assert_eq!(lines[2], "acks       up to durable (embedded); data folder ./data");
        assert_eq!(lines[3], "limits     as by default");
        assert_eq!(lines[4], "warnings   development secret");
        let token = lines[5].strip_prefix("try        rookery token NAME makes tokens; alice's for a day: ").unwrap();
        assert_eq!(token.split('.').count(), 3);
        assert!(!log.contains(token) && !log.contains(token.rsplit('.').next().unwrap()));
        assert_eq!(logged["address"], address);
        assert_eq!(logged["shards"], 2);
        assert_eq!(logged["data"], "./data");
        assert!(logged["warnings"].as_str().unwrap().contains("auth.secret"), "{logged}");
    }
}

#[test]
fn what_differs_and_what_is_risky_is_named_in_both() {
    let secret = ("ROOKERY_AUTH__SECRET", "a canary of more than thirty-two bytes");
    let more = ["--store", "memory", "--commands-per-second", "0", "--set", "limits.slow=5s", "--allow-origin", "*"];
    let Said { lines, logged, log } = start(&more, &[secret]);
    assert_eq!(lines[2], "acks       accepted (memory); data folder ./data");
    assert_eq!(lines[3], "limits     commands_per_second = 0, slow = \"5s\"");
    assert_eq!(lines[4], "warnings   any web page may connect; 2 more in the log");
    assert_eq!(lines[5], "tokens     rookery token NAME makes one, with the secret of auth.secret");
    assert_eq!(logged["limits"], "commands_per_second = 0, slow = \"5s\"");
    let warnings = logged["warnings"].as_str().unwrap();
    for part in ["all web pages", "limits.commands_per_second", "after a restart"] {
        assert!(warnings.contains(part), "{warnings}");
    }
    assert!(!log.contains("canary"));
}
