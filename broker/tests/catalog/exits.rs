//! Every status that the binary ends with, seen.

use crate::support::{Folder, Node};
use crate::{Proof, is_there};
use rookery::exit::Exit;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

type Row = (Exit, Result<fn(&Path) -> Option<i32>, Proof<Exit>>);

/// Each in an empty folder of its own.
const ROWS: &[Row] = &[
    (Exit::Done, Ok(stopped)),
    (Exit::Found, Ok(|_| said(rookery(&["token", "explain", "a.b.c"]), "would refuse"))),
    (Exit::Arguments, Ok(|_| said(rookery(&["--nonsense"]), "--nonsense"))),
    (Exit::Usage, Ok(|folder| asked(folder, Some("{\"failed\":{\"status\":64,\"why\":\"not understood\"}}")))),
    (Exit::Data, Ok(import_of_nonsense)),
    (Exit::Input, Ok(|_| said(rookery(&["store", "import", "missing.jsonl"]), "missing.jsonl"))),
    (Exit::Unavailable, Ok(move_without_a_node)),
    (
        Exit::Fault,
        Err(Proof::Elsewhere {
            // No command and no input brings a node down; if one did, it would be mended instead of listed.
            file: "broker/src/stop.rs",
            test: "a_node_at_fault_tells_everybody_so_and_ends_with_the_status_of_a_fault",
            says: "Exit::Fault",
        }),
    ),
    (Exit::System, Ok(store_that_is_no_folder)),
    (Exit::Output, Ok(backup_over_something)),
    (Exit::Disk, Ok(export_to_a_full_disk)),
    (Exit::Later, Ok(|folder| asked(folder, None))),
    (Exit::Config, Ok(|_| said(rookery(&["serve", "--listen", "nowhere"]), "--listen"))),
];

#[test]
fn every_exit_code_is_seen() {
    let without: Vec<_> = Exit::ALL.iter().filter(|exit| ROWS.iter().all(|(known, _)| known != *exit)).collect();
    assert!(without.is_empty(), "nothing shows {without:?}: add a row");
    for (exit, proof) in ROWS {
        eprintln!("{exit:?}");
        match proof {
            Ok(script) => {
                let folder = tempfile::tempdir().unwrap();
                assert_eq!(script(folder.path()), Some(*exit as i32), "{exit:?}");
            }
            Err(Proof::Elsewhere { file, test, says }) => is_there(file, test, says),
            Err(Proof::Script(_) | Proof::Once(_)) => unreachable!("exit codes need no stage"),
        }
    }
}

fn rookery(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rookery"));
    command.args(arguments).env("ROOKERY_AUTH__SECRET", crate::support::node::SECRET).stdin(Stdio::null());
    command
}

/// The status; what was said has this in it, and is one line of the binary's own or of its reader of arguments.
fn said(mut command: Command, wanted: &str) -> Option<i32> {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(wanted) && (said.starts_with("rookery: ") || said.starts_with("error: ")), "{said}");
    output.status.code()
}

fn stopped(_: &Path) -> Option<i32> {
    let mut node = Node::start(1);
    node.signal("-TERM");
    node.wait(Duration::from_secs(20)).code()
}

fn import_of_nonsense(folder: &Path) -> Option<i32> {
    let file = folder.join("rooms.jsonl");
    std::fs::write(&file, "no export\n").unwrap();
    let data = folder.join("data");
    let arguments = ["store", "import", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    said(rookery(&arguments), "rooms.jsonl:1")
}

/// A folder that a node has left.
fn left_behind(folder: &Path) -> String {
    let data = Folder::at(&folder.join("data"));
    let node = Node::start_in(data, 1, &[]);
    node.signal("-TERM");
    node.over().path().to_str().unwrap().to_owned()
}

fn move_without_a_node(folder: &Path) -> Option<i32> {
    let data = left_behind(folder);
    said(rookery(&["store", "move", "--data", &data, "--scylla-nodes", "127.0.0.1:1"]), "no node runs")
}

fn store_that_is_no_folder(folder: &Path) -> Option<i32> {
    let data = left_behind(folder);
    std::fs::remove_dir_all(Path::new(&data).join("store")).unwrap();
    std::fs::write(Path::new(&data).join("store"), "in the way").unwrap();
    said(rookery(&["serve", "--listen", "127.0.0.1:0", "--data", &data]), &data)
}

fn backup_over_something(folder: &Path) -> Option<i32> {
    let data = left_behind(folder);
    let target = folder.join("target");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("mine"), "do not touch").unwrap();
    said(rookery(&["store", "backup", "--data", &data, target.to_str().unwrap()]), "target")
}

fn export_to_a_full_disk(folder: &Path) -> Option<i32> {
    let data = left_behind(folder);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = rookery(&["store", "export", "--data", &data]);
    // Only what went wrong is captured.
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot be written"));
    output.status.code()
}

/// A tool asks the process that has the folder, which says this; None: which does not answer.
fn asked(folder: &Path, answer: Option<&str>) -> Option<i32> {
    let data = left_behind(folder);
    let data = Path::new(&data);
    let lock = std::fs::File::create(data.join("lock")).unwrap();
    lock.lock().unwrap();
    let answering = answer.map(|answer| {
        let listener = UnixListener::bind(data.join("control")).unwrap();
        let answer = answer.to_owned();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut question = String::new();
            BufReader::new(&stream).read_line(&mut question).unwrap();
            assert!(question.contains("compact"), "{question}");
            writeln!(&stream, "{answer}").unwrap();
        })
    });
    let wanted = if answer.is_some() { "not understood" } else { "does not answer" };
    let status = said(rookery(&["store", "compact", "--data", data.to_str().unwrap()]), wanted);
    if let Some(thread) = answering {
        thread.join().unwrap();
    }
    status
}
