//! What somebody has set, before anybody asks what it has to be; and where it was set.

use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// From the environment or a flag: all of these have the same form there.
    Word(String),
    Text(String),
    Number(i128),
    Truth(bool),
    List(Vec<Given>),
    /// Something that no key takes.
    Other(&'static str),
}

impl Given {
    pub fn text(&self) -> Option<&str> {
        match self {
            Given::Word(text) | Given::Text(text) => Some(text),
            Given::Number(_) | Given::Truth(_) | Given::List(_) | Given::Other(_) => None,
        }
    }

    pub fn number(&self) -> Option<u64> {
        match self {
            Given::Word(word) => word.parse().ok(),
            Given::Number(number) => u64::try_from(*number).ok(),
            Given::Text(_) | Given::Truth(_) | Given::List(_) | Given::Other(_) => None,
        }
    }

    /// For a sentence about it.
    pub fn said(&self) -> String {
        const LONGEST: usize = 60;
        let all = match self {
            Given::Word(text) | Given::Text(text) => format!("{text:?}"),
            Given::Number(number) => number.to_string(),
            Given::Truth(truth) => truth.to_string(),
            Given::List(_) => "a list".to_owned(),
            Given::Other(what) => (*what).to_owned(),
        };
        if all.chars().count() <= LONGEST { all } else { all.chars().take(LONGEST).chain("…".chars()).collect() }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Default,
    File { path: Arc<str>, line: usize, column: usize },
    Environment(String),
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Default => f.write_str("default"),
            Place::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Place::Environment(name) => f.write_str(name),
            Place::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// What was set for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The full name of the key, its section in front.
    pub key: String,
    pub given: Given,
    pub place: Place,
}

/// One thing that is wrong: a line that says where, what and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    pub key: String,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}
