//! Prometheus' own programs, as Debian's package `prometheus` brings them. Where they are missing a test says so aloud and
//! ends; with `PROMETHEUS_REQUIRED` set, as CI has it, it fails instead.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a program is.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let said = format!(
            "\n==================================================================\n  \
             METRICS SKIPPED: there is no {name} (apt-get install prometheus)\n  {test} did NOT run.\n\
             ==================================================================\n"
        );
        assert!(std::env::var_os("PROMETHEUS_REQUIRED").is_none(), "{said}");
        // Past what the harness catches of a test that passes.
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    found
}

/// Whether it was content, and all that it said.
pub fn run(program: &Path, arguments: &[&str], folder: &Path, input: &str) -> (bool, String) {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads everything before it says anything.
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
