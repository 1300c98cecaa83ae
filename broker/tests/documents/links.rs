//! Where links lead.

use crate::page::{Page, root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, PathBuf};

/// Links of a page to files and anchors here, with their lines. Code is not looked at.
fn links(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in &page.prose {
        let without_code: Vec<&str> = line.split('`').step_by(2).collect();
        // A link's text may hold code; what stands between is then gone, and `](` is still there.
        for rest in without_code.join("").split("](").skip(1) {
            let target = rest.split(')').next().unwrap().split(' ').next().unwrap();
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push((*number, target.to_owned()));
            }
        }
    }
    found
}

/// Without `.` and `..`, from the root. None: it leaves the repository.
fn resolved(page: &Page, target: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in page.path.parent().unwrap().strip_prefix(root()).unwrap().join(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => path.pop().then_some(())?,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

pub fn check(page: &Page, faults: &mut Vec<String>) {
    for (line, link) in links(page) {
        let mut fault = |why: &str| faults.push(format!("{}:{line}: {link}: {why}", page.name));
        let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let anchors = if file.is_empty() {
            page.anchors()
        } else {
            let Some(path) = resolved(page, file) else {
                fault("leads out of the repository");
                continue;
            };
            if !root().join(&path).exists() {
                fault("there is no such file");
                continue;
            }
            match anchor {
                Some(_) if file.ends_with(".md") => Page::read(&root().join(&path)).anchors(),
                _ => continue,
            }
        };
        if let Some(anchor) = anchor
            && !anchors.iter().any(|known| known == anchor)
        {
            fault("there is no such heading");
        }
    }
}

/// Whoever begins at the index finds every page below `docs/`.
pub fn all_reached(pages: &[Page]) {
    let by_name: BTreeMap<&str, &Page> = pages.iter().map(|page| (page.name.as_str(), page)).collect();
    let mut reached = BTreeSet::from(["docs/README.md".to_owned()]);
    let mut todo = vec!["docs/README.md".to_owned()];
    while let Some(name) = todo.pop() {
        let Some(page) = by_name.get(name.as_str()) else { continue };
        for (_, link) in links(page) {
            let Some(path) = resolved(page, link.split('#').next().unwrap()) else { continue };
            let mut name = path.to_str().unwrap().to_owned();
            if root().join(&path).is_dir() {
                name.push_str("/README.md");
            }
            if reached.insert(name.clone()) {
                todo.push(name);
            }
        }
    }
    // Decisions are a row of their own, by number.
    let is_listed = |name: &&str| name.starts_with("docs/") && !name.starts_with("docs/decisions/0");
    let lost: Vec<_> = pages.iter().map(|page| page.name.as_str()).filter(is_listed).collect();
    let lost: Vec<_> = lost.into_iter().filter(|name| !reached.contains(*name)).collect();
    assert!(lost.is_empty(), "no way leads from docs/README.md to {lost:?}");
}
