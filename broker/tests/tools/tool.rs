//! Runs a tool to its end.

use crate::support::node::SECRET;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub fn command(verb: &str, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rookery"));
    command.args(["store", verb]).arg("--data").arg(data).env("ROOKERY_AUTH__SECRET", SECRET).stdin(Stdio::null());
    command
}

pub struct Said {
    pub status: i32,
    pub out: String,
    pub error: String,
}

pub fn run(verb: &str, data: &Path, more: &[&str]) -> Said {
    let Output { status, stdout, stderr } = command(verb, data).args(more).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { status: status.code().unwrap_or(-1), out: text(stdout), error: text(stderr) }
}

/// What it says, when it must succeed.
pub fn done(verb: &str, data: &Path, more: &[&str]) -> String {
    let said = run(verb, data, more);
    assert_eq!(said.status, 0, "{verb}: {} {}", said.out, said.error);
    said.out
}

/// What it says, when it must fail so: one line.
pub fn fails(verb: &str, data: &Path, more: &[&str], status: i32) -> String {
    let said = run(verb, data, more);
    assert_eq!(said.status, status, "{verb}: {} {}", said.out, said.error);
    assert_eq!(said.error.lines().count(), 1, "{}", said.error);
    assert!(said.error.starts_with("rookery: "), "{}", said.error);
    said.error
}

/// Every file below a folder with its bytes, in order; sockets and logs left out.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() && path.file_name().unwrap() != "log" {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A copy of a folder, with holes where nothing stands.
pub fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        std::fs::write(&target, &bytes[..used]).unwrap();
        std::fs::File::options().write(true).open(&target).unwrap().set_len(bytes.len() as u64).unwrap();
    }
}
