//! What is configured, at the real binary: what is wrong is said in a line with its place and a way out; what is right
//! is in force, and follows a `SIGHUP`.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery::config::SECTIONS;
use rookery_protocol::command::Command as Asked;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Reply;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use support::client::post;
use support::{Client, JSON, Node};
use tempfile::TempDir;

/// By hand: what a file says, and what is said about it. `FILE` is the file's name.
const BROKEN: &[(&str, &str)] = &[
    ("[serve", "FILE:1:"),
    ("serve]\n", "FILE:1:"),
    ("[serve]\nlisten = \n", "FILE:2:"),
    ("[serve]\nlisten = \"127.0.0.1:8080\n", "FILE:2:"),
    ("[serve]\nshards = 1\nshards = 2\n", "FILE:3:1"),
    ("[serve]\n[serve]\n", "FILE:2:"),
    ("[serve]\n\u{0}\n", "FILE:2:"),
    ("listen = \"127.0.0.1:1\"\n", "FILE:1:1: listen: unknown key - did you mean serve.listen?"),
    ("[server]\nlisten = \"127.0.0.1:1\"\n", "FILE:1:2: server: unknown key - did you mean serve?"),
    ("serve = 1\n", "FILE:1:1: serve: it has to be a table"),
    ("[[serve]]\nlisten = \"127.0.0.1:1\"\n", "FILE:1:3: serve: it has to be a table"),
    ("[limits]\nsilence = \"10s\"\n", "limits.ping: it has to be less than half of limits.silence"),
    ("[limits]\nping = 0\n", "FILE:2:1: limits.ping: it has to be longer than 0"),
    ("[limits]\nslow = \"0s\"\n", "FILE:2:1: limits.slow: it has to be longer than 0"),
    ("[limits]\nauth_deadline = 0\n", "FILE:2:1: limits.auth_deadline: it has to be longer than 0"),
    ("[limits]\nrooms_per_connection = 0\n", "FILE:2:1: limits.rooms_per_connection: it has to be at least 1"),
    ("[limits]\nping = \"5 s\"\n", "FILE:2:1: limits.ping: \"5 s\" has to be a length of time"),
    ("[limits]\nping = \"99999999999999999999d\"\n", "FILE:2:1: limits.ping: "),
    ("[limits]\nping = \"s\"\n", "FILE:2:1: limits.ping: \"s\" has to be a length of time"),
    ("[limits]\nsend_buffer = \"4 KB\"\n", "FILE:2:1: limits.send_buffer: \"4 KB\" has to be a number of bytes"),
    ("[limits]\ncommands_per_second = -1\n", "FILE:2:1: limits.commands_per_second: -1 has to be a whole number"),
    ("[limits]\ncommands_per_second = 4294967296\n", "FILE:2:1: limits.commands_per_second: 4294967296 has to be"),
    ("[limits]\ncommands_per_second = 1.5\n", "a number with a point has to be a whole number"),
    ("[limits]\ncommands_per_second = 2020-01-01\n", "a date has to be a whole number"),
    ("[serve]\nshards = 65\n", "FILE:2:1: serve.shards: 65 has to be a number from 0 to 64"),
    ("[serve]\ndata = \"\"\n", "FILE:2:1: serve.data: \"\" has to be a path"),
    (
        "[serve]\nlisten = \"localhost:8080\"\n",
        "FILE:2:1: serve.listen: \"localhost:8080\" has to be an address and a port",
    ),
    ("[serve]\nio_uring = \"true\"\n", "FILE:2:1: serve.io_uring: \"true\" has to be true or false"),
    ("[store]\nengine = \"scylla\"\n", "FILE:2:1: store.engine: scylla.nodes is missing"),
    ("[store]\nengine = \"Embedded\"\n", "FILE:2:1: store.engine: \"Embedded\" has to be one of these"),
    (
        "[store]\nengine = \"scylla\"\n[scylla]\nnodes = [\"127.0.0.1:1\"]\nuser = \"ann\"\n",
        "FILE:5:1: scylla.user: scylla.password is missing - set ROOKERY_SCYLLA__PASSWORD",
    ),
    ("[auth]\nsecret = \"short\"\n", "FILE:2:1: auth.secret: it has 5 bytes and needs at least 32"),
    ("[auth]\nallow_origin = [\"chat.example.org\"]\n", "\"chat.example.org\" has to be an origin"),
    ("[auth]\nallow_origin = [\"https://chat.example.org/\"]\n", "\"https://chat.example.org/\" has to be an origin"),
    ("[auth]\nallow_origin = [1]\n", "FILE:2:1: auth.allow_origin: 1 has to be an origin"),
    ("[log]\nlevel = \"loud=very\"\n", "FILE:2:1: log.level: \"loud=very\" has to be error, warn"),
    ("[log]\nlevel = \"\"\n", "FILE:2:1: log.level: "),
    ("[realm.main]\n", "FILE:1:2: realm: unknown key - did you mean realms?"),
    ("[realms]\nmain = 1\n", "FILE:2:1: realms.main: it has to be a table"),
    ("[realms.Main]\n", "FILE:1:9: realms.Main: the name of a realm or class has small letters"),
    ("[realms.\"a b\"]\n", "the name of a realm or class has small letters"),
    ("[realms.\"\"]\n", "the name of a realm or class has small letters"),
    (
        "[realms.main]\nlisten = \"127.0.0.1:1\"\n",
        "FILE:2:1: realms.main.listen: unknown key - did you mean serve.listen?",
    ),
    ("[realms.main]\nsecret = \"short\"\n", "FILE:2:1: realms.main.secret: it has 5 bytes"),
    ("[realms.main.classes.a]\n", "realms.main.classes.a: pattern is missing"),
    ("[realms.main.classes.a]\naccess = \"open\"\n", "FILE:2:1: realms.main.classes.a: pattern is missing"),
    (
        "[realms.main.classes.a]\npattern = \"\"\n",
        "FILE:2:1: realms.main.classes.a.pattern: it has to be a room's name",
    ),
    ("[realms.main.classes.a]\npattern = \"a*b\"\n", "FILE:2:1: realms.main.classes.a.pattern: it has to be"),
    ("[realms.main.classes.a]\npattern = \"**\"\n", "FILE:2:1: realms.main.classes.a.pattern: it has to be"),
    (
        "[realms.main.classes.a]\npattern = \"x\"\n[realms.main.classes.b]\npattern = \"x\"\n",
        "FILE:4:1: realms.main.classes.b.pattern: class a has the same pattern",
    ),
    ("[realms.main.classes.a]\npatern = \"x\"\n", "did you mean realms.main.classes.a.pattern?"),
    ("[realms.main.classes.a]\npattern = \"x\"\nkeep = 5\n", "FILE:3:1: realms.main.classes.a.keep: 5 has to be"),
    ("[realms.main.class.a]\npattern = \"x\"\n", "realms.main.class: unknown key - did you mean realms.main.classes?"),
];

/// A command that should end.
const PATIENCE: Duration = Duration::from_secs(10);

fn rookery(arguments: &[&str], environment: &[(&str, &str)]) -> (Output, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rookery"));
    let own = std::env::vars_os().map(|(name, _)| name);
    own.filter(|name| name.to_string_lossy().starts_with("ROOKERY_")).for_each(|name| {
        command.env_remove(name);
    });
    let begun = Instant::now();
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // What it says fits into a pipe.
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("{arguments:?} {environment:?} is still running: {output:?}");
        }
        std::thread::yield_now();
    }
    let took = begun.elapsed();
    (child.wait_with_output().unwrap(), took)
}

/// It says this in one line, soon, and has begun nothing.
fn refused(arguments: &[&str], environment: &[(&str, &str)], wanted: &str) {
    let (output, took) = rookery(arguments, environment);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{arguments:?} {environment:?}: {said}");
    assert!(said.lines().any(|line| line.contains(wanted)), "{wanted}\nis not in\n{said}");
    assert!(said.starts_with("rookery: ") && output.stdout.is_empty(), "{said}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

fn file(folder: &TempDir, text: &str) -> String {
    let path = folder.path().join("rookery.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_hundred_broken_files_are_each_refused_in_a_line_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut cases: Vec<(String, String)> =
        BROKEN.iter().map(|(text, wanted)| ((*text).to_owned(), (*wanted).to_owned())).collect();
    // Every key there is, misspelt and with a value that none of them takes.
    for section in SECTIONS {
        for row in section.rows {
            let (table, key) = (section.name, row.name);
            let misspelt = format!("{}x{}", &key[..key.len() / 2], &key[key.len() / 2..]);
            let hint = format!("FILE:2:1: {table}.{misspelt}: unknown key - did you mean {table}.{key}?");
            cases.push((format!("[{table}]\n{misspelt} = 1\n"), hint));
            cases.push((format!("[{table}]\n{key} = 1979-05-27\n"), format!("FILE:2:1: {table}.{key}: ")));
        }
    }
    assert!(cases.len() >= 100, "{}", cases.len());
    for (text, wanted) in cases {
        let path = file(&folder, &text);
        let wanted = wanted.replace("FILE", &path);
        refused(&["serve", "--config", &path, "--data", data.to_str().unwrap()], &[], &wanted);
    }
    assert!(!data.exists(), "nothing was begun");
}

#[test]
fn what_is_no_file_and_what_others_say_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    let missing = missing.to_str().unwrap();
    refused(&["serve", "--config", missing], &[], missing);
    refused(&["config", "check"], &[("ROOKERY_CONFIG", missing)], missing);
    refused(&["serve", "--config", folder.path().to_str().unwrap()], &[], "directory");
    let binary = folder.path().join("binary.toml");
    std::fs::write(&binary, [0xff, 0xfe, b'\n']).unwrap();
    refused(&["serve", "--config", binary.to_str().unwrap()], &[], "UTF-8");
    let wrong = "ROOKERY_LIMITS__PNIG: limits.pnig: unknown key - did you mean ROOKERY_LIMITS__PING?";
    refused(&["serve"], &[("ROOKERY_LIMITS__PNIG", "1s")], wrong);
    refused(
        &["serve"],
        &[("ROOKERY_SERVE__SHARDS", "many")],
        "ROOKERY_SERVE__SHARDS: serve.shards: \"many\" has to be",
    );
    refused(&["serve"], &[("ROOKERY_AUTH__SECRET", "short")], "ROOKERY_AUTH__SECRET: auth.secret: it has 5 bytes");
    refused(&["serve", "--set", "limits.pong=1s"], &[], "--set: limits.pong: unknown key - did you mean limits.ping?");
    refused(&["serve", "--shards", "x"], &[], "--shards: serve.shards: \"x\" has to be");
    let (output, _) = rookery(&["serve", "--set", "limits.ping"], &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("KEY=VALUE"), "{output:?}");
}

#[test]
fn a_right_one_is_said_to_be_and_shown_with_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/rookery.toml");
    let (output, _) = rookery(&["config", "check", "--config", shipped.to_str().unwrap()], &[]);
    assert!(output.status.success(), "{output:?}");
    let path = file(&folder, "[limits]\nslow = \"5s\"\n[auth]\nsecret = \"a canary of more than thirty-two bytes\"\n");
    let environment = [("ROOKERY_SERVE__SHARDS", "3")];
    let (output, _) = rookery(&["config", "print", "--origin", "--config", &path, "--store", "memory"], &environment);
    let shown = String::from_utf8(output.stdout).unwrap();
    for line in [
        format!("slow = \"5s\"  # {path}:2:1"),
        "shards = 3  # ROOKERY_SERVE__SHARDS".to_owned(),
        "engine = \"memory\"  # --store".to_owned(),
        "ping = \"25s\"".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
    }
    assert!(!shown.contains("canary"), "{shown}");
    // What is printed is a file itself.
    let (output, _) = rookery(&["config", "print", "--config", &path], &[]);
    let again = file(&folder, &String::from_utf8(output.stdout).unwrap().replace("secret = \"(hidden)\"", ""));
    let (output, _) = rookery(&["config", "check", "--config", &again], &[]);
    assert!(output.status.success(), "{output:?}");
}

/// Whether it is told to slow down within so many commands.
fn is_limited(client: &mut Client) -> bool {
    let asked = (0..40).map(|_| client.ask(&Asked::Ping));
    let refused =
        asked.filter(|reply| matches!(reply, Reply::Refused(refusal) if refusal.code == ErrorCode::RateLimited));
    refused.count() > 0
}

/// Whether the room takes a message.
fn refuses(client: &mut Client) -> bool {
    let asked = client.ask(&post("room", "hello", None));
    matches!(asked, Reply::Refused(refusal) if refusal.code == ErrorCode::RateLimited)
}

/// The first line of the log behind `from` that has this, waited for; and where the log goes on.
fn logged(node: &Node, from: &mut usize, what: &str) -> String {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let log = node.log();
        let fresh = log.get(*from..).unwrap_or("");
        if let Some(at) = fresh.find(what) {
            let start = fresh[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let end = fresh[at..].find('\n').map_or(fresh.len(), |newline| at + newline);
            let line = fresh[start..end].to_owned();
            *from += end;
            return line;
        }
        assert!(Instant::now() < until, "{what} is not in {fresh}");
        std::thread::yield_now();
    }
}

#[test]
fn a_node_follows_a_signal_with_what_is_right_and_keeps_what_it_has_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let before = "[limits]\ncommands_per_second = 1000\n[log]\nlevel = \"info\"\n";
    let path = file(&folder, before);
    let node = Node::start_with(1, &["--config", &path]);
    let token = node.token("alice");
    let mut client = Client::enter(node.address, JSON, &token);
    assert!(!is_limited(&mut client));
    // A room that is at hand when the classes change.
    let mut other = Client::enter(node.address, JSON, &node.token("bob"));
    other.subscribe("room", None);
    assert!((0..4).all(|_| !refuses(&mut other)));

    let mut read = node.log().len();
    file(&folder, "[limits]\ncommands_per_second = \"few\"\nslwo = 1\n");
    node.signal("-HUP");
    let said = logged(&node, &mut read, "config_refused");
    assert!(said.contains("limits.commands_per_second"), "{said}");
    assert!(logged(&node, &mut read, "limits.slwo").contains("did you mean limits.slow?"));
    assert!(!is_limited(&mut client), "nothing has changed");

    let after = "[serve]\nio_uring = false\n[limits]\ncommands_per_second = 1\ncommands_burst = 5\n\
                 [room]\nevents_per_second = 1\nevents_burst = 1\n[auth]\nallow_origin = [\"https://chat.example\"]\n[realms.new]\n";
    file(&folder, after);
    node.signal("-HUP");
    let said = logged(&node, &mut read, "config_needs_restart");
    assert!(said.contains("serve.io_uring") && said.contains("realms.new"), "{said}");
    let said = logged(&node, &mut read, "config_reloaded");
    for key in ["limits.commands_per_second", "limits.commands_burst", "auth.allow_origin", "room.events_per_second"] {
        assert!(said.contains(key), "{said}");
    }
    assert!(is_limited(&mut client), "a connection that was there before follows, too");
    assert!((0..4).any(|_| refuses(&mut other)), "and so does a room");
}
