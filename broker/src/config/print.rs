//! From values back to text: the file of defaults, and what is in force.

use super::keys::{CLASS, HOOK, ROOM, SECTIONS};
use super::table::{Change, Default, Row, Section};
use super::{Config, Place};
use std::fmt::Write as _;

const HEAD: &str = "\
#:schema ./rookery.schema.json
# Every key of Rookery with its default. Copy what you change: rookery serve --config FILE
#
# A flag goes before a variable of the environment, that before a file, that before what stands here. As a variable,
# limits.ping is ROOKERY_LIMITS__PING; as a flag, --set limits.ping=10s. `rookery config check --config FILE` says whether a
# file is right, `rookery config print --origin` what is in force, and where it was set. A key with (restart) needs one;
# the others follow a SIGHUP.
";

const REALMS: &str = "
# Realms keep worlds apart: names, identities, secrets. The realm \"main\" is always there. Whatever [auth] has may stand in a realm:
#[realms.main]
#allow_origin = [\"https://chat.example.org\"]
# And whatever [hook] has, in the hook of a realm:
#[realms.main.hook]
#decides = [\"connect\"]

# Classes set rooms apart. Whatever [room] has may stand in a class, beside the names of the rooms it holds for:
#[realms.main.classes.support]
";

/// What `configs/rookery.toml` has to be, and what a node begins with.
pub fn defaults() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        text.push('\n');
        comment(&mut text, section.sentence);
        let _ = writeln!(text, "[{}]", section.name);
        for row in section.rows {
            key(&mut text, row);
        }
    }
    text.push_str(REALMS);
    for row in CLASS.rows {
        key(&mut text, row);
    }
    text.push_str("#access = \"members\"\n");
    text
}

fn key(text: &mut String, row: &Row) {
    let restart = if row.change == Change::Restart { " (restart)" } else { "" };
    comment(text, &format!("{}{restart}", row.sentence));
    let _ = match row.default {
        Default::Is(value) => writeln!(text, "{} = {value}", row.name),
        Default::None { example } => writeln!(text, "#{} = {example}", row.name),
    };
}

/// Lines of at most so many characters.
fn comment(text: &mut String, sentence: &str) {
    const WIDTH: usize = 120;
    let mut line = String::from("#");
    for word in sentence.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

impl Config {
    /// What a table of the file says that is not its default: names and values.
    pub fn differing(&self, table: &str) -> impl Iterator<Item = (&'static str, &str)> {
        let section = SECTIONS.iter().find(|section| section.name == table);
        self.shown.iter().filter(move |shown| shown.table == table && shown.place != Place::Default).filter_map(
            move |shown| {
                let value = shown.value.as_deref()?;
                let default = section.and_then(|section| section.row(shown.name)).map(|row| row.default);
                let is_default = matches!(default, Some(Default::Is(known)) if known == value);
                (!is_default).then_some((shown.name, value))
            },
        )
    }

    /// What is in force, as a file; with `origin`, where each key was set.
    pub fn print(&self, origin: bool) -> String {
        let mut text = String::new();
        let mut table = "";
        for shown in &self.shown {
            if shown.table != table {
                let gap = if table.is_empty() { "" } else { "\n" };
                table = &shown.table;
                let _ = writeln!(text, "{gap}[{table}]");
            }
            // Of realms and classes, what they say themselves: the rest stands above.
            if !shown.own && !SECTIONS.iter().any(|section| section.name == table) {
                continue;
            }
            let line = match &shown.value {
                Some(value) => format!("{} = {value}", shown.name),
                None => format!("#{} is not set", shown.name),
            };
            let _ = match (&shown.place, origin) {
                (Place::Default, _) | (_, false) => writeln!(text, "{line}"),
                (place, true) => writeln!(text, "{line}  # {place}"),
            };
        }
        text
    }
}

/// The reference of all keys.
pub fn reference() -> String {
    let mut text = String::from(
        "# Configuration\n\nMade from the list of keys in `broker/src/config/keys.rs`. A flag goes before a variable of the \
         environment, that before a file\n(`--config FILE`), that before the default. [configs/rookery.toml](../../configs/rookery.toml) has every key with its \
         default.\n\n- As a variable, `limits.ping` is `ROOKERY_LIMITS__PING`; a list has commas between its parts.\n- As a \
         flag, `--set limits.ping=10s`; some keys have a flag of their own.\n- `rookery config check --config FILE` says what \
         is wrong in a file, a line each, with its place and a hint; `rookery config\n  print --origin` shows what is in force, \
         and where it was set.\n- On `SIGHUP` a node reads everything again. What is wrong changes nothing, and is logged; what \
         needs a restart is named in the\n  log. Those keys have *restart* in the table.\n- Times are `\"250ms\"`, `\"10s\"`, \
         `\"5m\"`, `\"12h\"`, `\"30d\"`; sizes `\"64KiB\"`, `\"16MiB\"`.\n",
    );
    for section in SECTIONS {
        table(&mut text, &format!("[{}]", section.name), section);
    }
    text.push_str(
        "\n## [realms.NAME]\n\nA realm has its own names, identities and secret; `main` is always there. Every key of `[auth]` may \
         stand here and holds for this\nrealm then. Names of realms and classes: small letters, digits, `-`, `_`.\n",
    );
    let _ = write!(
        text,
        "\n## [realms.NAME.{name}]\n\nEvery key of `[{name}]`, which then holds for this realm. With a `url` of its own it has its own \
         `secret`, or none.\n",
        name = HOOK.name
    );
    table(&mut text, "[realms.NAME.classes.CLASS]", &CLASS);
    let _ = write!(text, "\nAnd every key of `[{}]`, which then holds for the rooms of this class.\n", ROOM.name);
    text
}

fn table(text: &mut String, title: &str, section: &Section) {
    let _ = write!(
        text,
        "\n## {title}\n\n{}\n\n| key | default | what it is | change |\n| --- | --- | --- | --- |\n",
        section.sentence
    );
    for row in section.rows {
        let default = match row.default {
            Default::Is(value) => format!("`{value}`"),
            Default::None { .. } => "not set".to_owned(),
        };
        let change = match row.change {
            Change::Hot => "SIGHUP",
            Change::Restart => "restart",
        };
        let flag = row.flag.map_or(String::new(), |flag| format!(" Flag: `--{flag}`."));
        let sentence = row.sentence.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | {default} | {sentence}{flag} | {change} |", row.name);
    }
}
