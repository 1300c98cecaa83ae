//! Reads the keys of a section out of the layers, and notes what is wrong and what came from where.

use super::given::{Place, Problem, Setting};
use super::table::Section;
use super::value::Value;

/// A key that was read, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where it stands: `limits`, `realms.main`.
    pub table: String,
    pub name: &'static str,
    /// None: not set.
    pub value: Option<String>,
    pub place: Place,
    /// Set in this very table.
    pub own: bool,
}

pub struct Reader<'l> {
    settings: &'l [Setting],
    pub problems: Vec<Problem>,
    pub shown: Vec<Shown>,
}

impl<'l> Reader<'l> {
    pub fn new(settings: &'l [Setting]) -> Reader<'l> {
        Reader { settings, problems: Vec::new(), shown: Vec::new() }
    }

    /// The key under the first path that has it, set by the strongest layer. What is weaker is read, too, so that everything
    /// that is wrong is found in one go. None: nobody has set what must be.
    pub(super) fn value<T: Value>(&mut self, section: &Section, name: &'static str, paths: &[&str]) -> Option<T> {
        let table = paths.first().copied().unwrap_or(section.name);
        let mut shown = Shown { table: table.to_owned(), name, value: None, place: Place::Default, own: false };
        let mut found = None;
        for path in paths {
            for setting in self.settings.iter().filter(|setting| is(&setting.key, path, name)) {
                match T::of(&setting.given) {
                    Ok(value) if found.is_none() => {
                        shown.value = value.show();
                        shown.place = setting.place.clone();
                        shown.own = *path == table;
                        found = Some(value);
                    }
                    Ok(_) => {}
                    Err(what) => self.problem(&setting.key, setting.place.clone(), what),
                }
            }
        }
        let found = found.or_else(T::unset);
        if found.is_none() {
            let what = format!("{name} is missing; it has to be {}", T::form().must_be);
            self.problem(table, self.place_under(table), what);
        }
        self.shown.push(shown);
        found
    }

    pub fn is_set(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| setting.key == key)
    }

    /// A value that was read, and does not fit.
    pub fn wrong(&mut self, key: &str, what: &str) {
        self.problem(key, self.place_of(key), what.to_owned());
    }

    fn place_of(&self, key: &str) -> Place {
        self.settings.iter().find(|setting| setting.key == key).map_or(Place::Default, |setting| setting.place.clone())
    }

    /// Where something of a table was set.
    fn place_under(&self, table: &str) -> Place {
        let under = |key: &str| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
        self.settings.iter().find(|setting| under(&setting.key)).map_or(Place::Default, |setting| setting.place.clone())
    }

    fn problem(&mut self, key: &str, place: Place, what: String) {
        let problem = Problem { place, key: key.to_owned(), what };
        // Several realms and classes may stand on the same wrong value.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

fn is(key: &str, path: &str, name: &str) -> bool {
    key.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')) == Some(name)
}
