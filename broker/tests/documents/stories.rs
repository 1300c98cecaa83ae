//! Pages that tell a story are run as they stand: all their blocks for a shell, in order, in one shell, against the real
//! binary. What a page shows as output right below a block has to come; `…` stands for anything.

use crate::page::{Fence, Page, root};
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Begins the output of a block.
const MARK: &str = "@@@ block ";
/// A story that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(180);

#[test]
fn operations() {
    tell("docs/operations/README.md");
}

#[test]
fn upgrade() {
    tell("docs/operations/upgrade.md");
}

#[test]
fn identity_provider() {
    tell("docs/how-to/identity-provider.md");
}

#[test]
fn limits() {
    tell("docs/how-to/limits.md");
}

#[test]
fn retention() {
    tell("docs/how-to/retention.md");
}

#[test]
fn realms() {
    tell("docs/how-to/realms.md");
}

#[test]
fn ack_levels() {
    tell("docs/how-to/ack-levels.md");
}

#[test]
#[ignore = "needs Node 20; scripts/tutorial.sh looks for it and runs this"]
fn tutorial() {
    tell("docs/tutorial.md");
}

/// A block that is run. One that says `elsewhere` needs what a test has not: a database, another machine, a build.
fn is_run(fence: &Fence) -> bool {
    fence.language() == "sh" && !fence.info.contains("elsewhere")
}

/// A port that nobody has at this moment.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A place as a newcomer has it after a build: the binary where cargo puts it and in the path, the client, the samples.
fn furnish(home: &Path) {
    let binary = env!("CARGO_BIN_EXE_rookery");
    for folder in ["target/release", "bin", "clients"] {
        std::fs::create_dir_all(home.join(folder)).unwrap();
    }
    symlink(binary, home.join("target/release/rookery")).unwrap();
    symlink(binary, home.join("bin/rookery")).unwrap();
    symlink(root().join("clients/javascript"), home.join("clients/javascript")).unwrap();
    symlink(root().join("configs"), home.join("configs")).unwrap();
}

fn tell(name: &str) {
    let page = Page::read(&root().join(name));
    let (node, other) = (port().to_string(), port().to_string());
    // Pages speak of the usual ports; tests share their machine.
    let text = |text: &str| text.replace("8080", &node).replace("9000", &other);
    // Whatever was left in the background ends with the story.
    let mut script = String::from("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n");
    let mut expected = Vec::new();
    for (index, fence) in page.fences.iter().enumerate() {
        if is_run(fence) {
            script += &format!("printf '\\n{MARK}{index}\\n'\n{}", text(&fence.text));
            let shown = page
                .fences
                .get(index + 1)
                .filter(|next| next.language() == "text" && next.line == fence.line + fence.text.lines().count() + 3);
            expected.extend(shown.map(|shown| (index, shown)));
        }
    }
    assert!(script.contains(MARK), "{name} has nothing to run");
    let home = tempfile::tempdir().unwrap();
    furnish(home.path());
    let (out, err) = (home.path().join("story.out"), home.path().join("story.err"));
    let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    let own = std::env::vars_os().map(|(name, _)| name);
    own.filter(|name| name.to_string_lossy().starts_with("ROOKERY_")).for_each(|name| {
        command.env_remove(name);
    });
    command.args(["-c", &script]).current_dir(home.path()).env("PATH", path);
    command.env("ROOKERY_SERVE__LISTEN", format!("127.0.0.1:{node}")).env("HOME", home.path());
    command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let mut child = command.process_group(0).spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if begun.elapsed() > LONGEST => break None,
            // Nothing but how soon it is noticed.
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    // Its whole group, by the id that it was given.
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
    let _ = child.wait();
    let said = std::fs::read_to_string(&out).unwrap();
    let all = || format!("{said}\n--- standard error\n{}", std::fs::read_to_string(&err).unwrap());
    assert!(status.is_some_and(|status| status.success()), "{name}: {status:?}\n{}", all());
    for (index, shown) in expected {
        let (_, from_here) = said.split_once(&format!("{MARK}{index}\n")).unwrap();
        let block = from_here.split(MARK).next().unwrap();
        let mut lines = block.lines();
        for wanted in text(&shown.text).lines().filter(|line| !line.is_empty()) {
            let came = if is_of_a_banner(wanted) {
                from_here.lines().any(|line| fits(line, wanted))
            } else {
                lines.by_ref().any(|line| fits(line, wanted))
            };
            assert!(came, "{name}:{}: {wanted:?} did not come in\n{block}\n=== all\n{}", shown.line, all());
        }
    }
    println!("{name}: {:?}", begun.elapsed());
}

/// A node in the background says these when it is ready, which may be a moment after it has answered somebody.
fn is_of_a_banner(line: &str) -> bool {
    const LABELS: [&str; 7] = ["listening", "rookery", "acks", "limits", "warnings", "try", "tokens"];
    line.get(..11).is_some_and(|label| label.ends_with(' ') && LABELS.contains(&label.trim_end()))
}

/// Whether a line is as shown: `…` stands for anything.
fn fits(line: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

#[test]
fn dots_stand_for_anything() {
    assert!(fits("abc", "abc") && fits("abc", "a…") && fits("abc", "…c") && fits("abcd", "a…c…") && fits("", "…"));
    assert!(!fits("abc", "ab") && !fits("abc", "b…") && !fits("abc", "a…b") && !fits("ac", "a…b…c"));
}
