//! What pages name: commands, keys, figures, files, targets.

use crate::page::{Page, root};
use clap::CommandFactory;
use rookery::cli::Cli;
use rookery::config::{Config, Overrides, SECTIONS};
use std::collections::BTreeSet;

/// Lines that somebody could type: of spans, and of blocks for a shell.
fn typed(page: &Page) -> Vec<(usize, String)> {
    let spans = page.spans().map(|(line, span)| (line, span.to_owned()));
    let mut lines: Vec<(usize, String)> = spans.collect();
    for fence in page.blocks(&["sh", "yaml", "ini", "dockerfile"]) {
        let joined = fence.text.replace("\\\n", " ");
        lines.extend(joined.lines().map(|line| (fence.line, line.to_owned())));
    }
    lines
}

/// Calls of the binary in a line: what follows its name, up to what the shell takes for itself.
fn calls(line: &str) -> Vec<Vec<String>> {
    let code = line.split(" #").next().unwrap();
    let spaced = code.replace("$(", " ; ").replace('`', " ; ");
    let parts = spaced.split([';', '|', '&']);
    let calls = parts.filter_map(|part| {
        let mut words = part.split_whitespace().map(|word| word.trim_matches(['"', '\'', ')', '(']));
        let mut first = words.next()?;
        // Somebody else's words in front: variables, and programs that start others.
        while first.contains('=') || ["sudo", "exec", "timeout", "then", "!", "-", "while", "until"].contains(&first) {
            first = words.next()?;
        }
        let is_ours = ["rookery", "target/release/rookery", "./rookery", "$ROOKERY"].contains(&first);
        is_ours.then(|| words.map(str::to_owned).take_while(|word| !word.starts_with(['>', '<'])).collect())
    });
    calls.collect()
}

pub fn commands(page: &Page, faults: &mut Vec<String>) {
    for (line, text) in typed(page) {
        for words in calls(&text) {
            if let Err(why) = known(&words) {
                faults.push(format!("{}:{line}: `rookery {}`: {why}", page.name, words.join(" ")));
            }
        }
    }
}

fn known(words: &[String]) -> Result<(), String> {
    let mut command = Cli::command();
    command.build();
    let mut at = &command;
    for word in words {
        if let Some(flag) = word.strip_prefix("--") {
            let name = flag.split('=').next().unwrap();
            let known = at.get_arguments().any(|argument| argument.get_long() == Some(name));
            // `rookery` alone is `rookery serve`.
            if !known && !["help", "version"].contains(&name) {
                return Err(format!("there is no --{name}"));
            }
        } else if let Some(sub) = at.find_subcommand(word) {
            at = sub;
        } else if at.has_subcommands() && at.get_positionals().next().is_none() {
            // A value of the flag before it is no word of a command.
            let is_value =
                words.iter().position(|w| w == word).is_some_and(|i| i > 0 && words[i - 1].starts_with("--"));
            let is_placeholder = word.starts_with('…') || word.chars().all(|c| c.is_uppercase());
            if !is_value && !is_placeholder {
                return Err(format!("there is no {word:?}"));
            }
        }
    }
    Ok(())
}

/// Words of code, without what stands around them.
fn words(page: &Page) -> Vec<(usize, String)> {
    let is_part = |c: char| c.is_alphanumeric() || "._".contains(c);
    let mut found = Vec::new();
    let blocks = page.fences.iter().map(|fence| (fence.line, fence.text.as_str()));
    for (line, text) in page.spans().chain(blocks) {
        found.extend(text.split(|c| !is_part(c)).filter(|w| !w.is_empty()).map(|word| (line, word.to_owned())));
    }
    found
}

/// Keys as `section.key`, and as variables of the environment. The client's page speaks of a client's own `room.cursor`.
pub fn keys(page: &Page, faults: &mut Vec<String>) {
    let row = |section: &str, key: &str| SECTIONS.iter().find(|s| s.name == section).map(|s| s.row(key).is_some());
    let mut fault = |line: usize, word: &str| faults.push(format!("{}:{line}: there is no key {word}", page.name));
    for (line, word) in words(page) {
        if let Some(variable) = word.strip_prefix("ROOKERY_")
            && let Some((section, key)) = variable.split_once("__")
        {
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            let is_example = section == "section" || section == "realms";
            if !is_example && row(&section, &key) != Some(true) {
                fault(line, &word);
            }
        }
    }
    if page.name.starts_with("docs/clients/") {
        return;
    }
    for (line, span) in page.spans() {
        let is_file = [".rs", ".md", ".toml", ".tmp", ".sh", ".js", ".json"].iter().any(|end| span.ends_with(end));
        if let Some((section, key)) = span.split_once('.')
            && !is_file
            && !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && row(section, key) == Some(false)
        {
            fault(line, span);
        }
    }
}

/// Pieces of configuration files are what a node would take.
pub fn samples(page: &Page, faults: &mut Vec<String>) {
    // The load tool has files of its own.
    if page.name.starts_with("docs/loadgen/") || page.name.starts_with("docs/decisions/") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for fence in page.blocks(&["toml"]) {
        let file = folder.path().join("rookery.toml");
        std::fs::write(&file, &fence.text).unwrap();
        if let Err(problems) = Config::load(&Overrides { file: Some(file), set: Vec::new() }) {
            faults.push(format!("{}:{}: {problems}", page.name, fence.line));
        }
    }
}

/// Names of figures are those of their reference.
pub fn figures(page: &Page, faults: &mut Vec<String>) {
    let reference = Page::read(&root().join("docs/reference/metrics.md"));
    let rows = reference.prose.iter().filter_map(|(_, line)| line.strip_prefix("| `rookery_")?.split('`').next());
    let known: BTreeSet<String> = rows.map(|rest| format!("rookery_{rest}")).collect();
    assert!(known.len() > 10, "{known:?}");
    // Crates have such names, too.
    let crates = ["rookery_engine", "rookery_protocol", "rookery_storage", "rookery_benches"];
    for (line, word) in words(page) {
        let name = word.trim_matches('.');
        let plain = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        if name.starts_with("rookery_") && !known.contains(name) && !known.contains(plain) && !crates.contains(&name) {
            faults.push(format!("{}:{line}: there is no figure {name}", page.name));
        }
    }
}

/// Files of this repository that are named by their path.
pub fn files(page: &Page, faults: &mut Vec<String>) {
    const FOLDERS: [&str; 9] =
        ["broker/", "protocol/", "storage/", "loadgen/", "benches/", "clients/", "configs/", "docs/", "scripts/"];
    for (line, span) in page.spans() {
        let is_path = FOLDERS.iter().any(|folder| span.starts_with(folder))
            && span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        if is_path && !root().join(span).exists() {
            faults.push(format!("{}:{line}: there is no file {span}", page.name));
        }
    }
}

/// What `make` is told to do.
pub fn targets(page: &Page, faults: &mut Vec<String>) {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let is_target = |name: &str| makefile.lines().any(|line| line.starts_with(&format!("{name}:")));
    for (line, text) in typed(page) {
        let Some(name) = text.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next()) else { continue };
        if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !is_target(name) {
            faults.push(format!("{}:{line}: `make {name}` does nothing", page.name));
        }
    }
}
