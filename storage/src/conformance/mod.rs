//! The promises of [`Store`] as checks. Every engine passes all of them; a test that breaks one promise on purpose sees
//! this suite fail.
//!
//! An engine brings a [`Rig`]; [`run`] gives it a fresh store for each check. [`bench`] carries a check out and watches
//! levels and order meanwhile, [`say`] makes what is written, and one file per subject holds the checks. [`story`] tells
//! random histories to an engine and to [`naive`], and compares every answer.

pub mod bench;
mod crash;
mod epochs;
mod feed;
pub mod naive;
mod pages;
mod replay;
mod retention;
mod rewrites;
mod rows;
pub mod say;
pub mod story;
mod writing;

use crate::store::Store;
use bench::Bench;
use std::fmt;

/// What an engine brings to be judged.
pub trait Rig {
    /// Puts a fresh, empty store in place of the one before.
    fn open(&mut self);

    fn store(&mut self) -> &mut dyn Store;

    /// Lets time pass, so that what is under way gets on. Called between two polls.
    fn wait(&mut self);

    /// Kills the store at once and opens what it left. False: it lives only as long as its process, nothing was done.
    fn crash(&mut self) -> bool;
}

/// What a check found. The error says what was expected and what came.
pub type Verdict<T = ()> = Result<T, String>;

struct Check {
    /// Of the list above [`Store`].
    promise: u8,
    name: &'static str,
    run: fn(&mut Bench<'_>) -> Verdict,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub promise: u8,
    pub check: &'static str,
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "promise {}, {}: {}", self.promise, self.check, self.what)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub passed: Vec<&'static str>,
    pub breaches: Vec<Breach>,
    /// Checks that need a store which outlives its process. Whoever runs the suite says how many it expects.
    pub not_applicable: Vec<&'static str>,
}

/// Runs every check, each on a fresh store.
pub fn run(rig: &mut dyn Rig) -> Report {
    let mut report = Report::default();
    let subjects = [
        writing::CHECKS,
        rows::CHECKS,
        rewrites::CHECKS,
        pages::CHECKS,
        replay::CHECKS,
        epochs::CHECKS,
        retention::CHECKS,
        feed::CHECKS,
        crash::CHECKS,
        story::CHECKS,
    ];
    for check in subjects.into_iter().flatten() {
        rig.open();
        let mut bench = Bench::new(rig);
        match (check.run)(&mut bench) {
            _ if bench.is_not_applicable() => report.not_applicable.push(check.name),
            Ok(()) => report.passed.push(check.name),
            Err(what) => report.breaches.push(Breach { promise: check.promise, check: check.name, what }),
        }
    }
    report
}
