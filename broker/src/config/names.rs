//! Which keys and tables there are, and what somebody probably meant who wrote another one.

use super::keys::{AUTH, CLASS, HOOK, ROOM, SECTIONS};
use super::table::{Row, Section};

/// Where realms stand, and where in a realm its classes do.
pub const REALMS: &str = "realms";
pub const CLASSES: &str = "classes";

/// What a place in a file is.
#[derive(Debug)]
pub enum Known {
    Key(&'static Row),
    Table,
    Nothing,
}

pub fn known(path: &[&str]) -> Known {
    let key = |sections: &[&Section], name: &str| {
        sections.iter().find_map(|section| section.row(name)).map_or(Known::Nothing, Known::Key)
    };
    let section = |name: &str| SECTIONS.iter().find(|section| section.name == name);
    match path {
        [REALMS, _, name] if *name == HOOK.name => Known::Table,
        [REALMS, _, table, name] if *table == HOOK.name => key(&[&HOOK], name),
        [] | [REALMS] | [REALMS, _] | [REALMS, _, CLASSES] | [REALMS, _, CLASSES, _] => Known::Table,
        [REALMS, _, name] => key(&[&AUTH], name),
        [REALMS, _, CLASSES, _, name] => key(&[&CLASS, &ROOM], name),
        [name] => section(name).map_or(Known::Nothing, |_| Known::Table),
        [name, row] => section(name).map_or(Known::Nothing, |section| key(&[section], row)),
        _ => Known::Nothing,
    }
}

/// What somebody who wrote this may have meant.
pub fn nearest(path: &[&str]) -> Option<String> {
    let (last, before) = path.split_last()?;
    let here: Vec<&str> = match before {
        [] => SECTIONS.iter().map(|section| section.name).chain([REALMS]).collect(),
        [REALMS, _] => AUTH.rows.iter().map(|row| row.name).chain([CLASSES, HOOK.name]).collect(),
        [REALMS, _, table] if *table == HOOK.name => HOOK.rows.iter().map(|row| row.name).collect(),
        [REALMS, _, CLASSES, _] => CLASS.rows.iter().chain(ROOM.rows).map(|row| row.name).collect(),
        [name] => SECTIONS.iter().filter(|s| s.name == *name).flat_map(|s| s.rows).map(|row| row.name).collect(),
        _ => Vec::new(),
    };
    let full = |name: &str| before.iter().copied().chain([name]).collect::<Vec<_>>().join(".");
    if let Some(name) = close(last, here.into_iter()) {
        return Some(full(name));
    }
    // The right key under the wrong section, or under none.
    let all = SECTIONS.iter().flat_map(|section| section.rows.iter().map(move |row| (section.name, row.name)));
    all.filter(|(_, row)| row == last).map(|(section, row)| format!("{section}.{row}")).next()
}

/// The one that is at most a third away.
fn close<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let distance = |name: &str| strsim::damerau_levenshtein(written, name);
    let near = names.map(|name| (distance(name), name)).min_by_key(|(distance, _)| *distance)?;
    (near.0 <= near.1.len().max(written.len()) / 3).then_some(near.1)
}

/// A realm or class is named in files and in the environment.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}
