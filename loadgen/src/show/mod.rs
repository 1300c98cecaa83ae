//! What people see while a run goes on: a screen where there is a terminal, one line a second where there is none.

mod bars;
mod draw;
mod help;
mod keys;
mod lines;
mod parts;
#[cfg(test)]
mod samples;
mod screen;
#[cfg(test)]
mod snapshots;
mod text;
mod view;

use std::io::{self, IsTerminal};

use crate::drive::Faults;
use crate::record::{Gaps, Second, Totals};

use lines::Lines;
use screen::Screen;

/// Somebody who watches a run.
pub trait Show {
    /// Shows what is new. May be called as often as one likes.
    fn pulse(&mut self, pulse: &Pulse) -> io::Result<()>;

    /// What was asked for since the last call. Does not wait.
    fn wishes(&mut self) -> io::Result<Vec<Wish>>;
}

impl Show for Screen {
    fn pulse(&mut self, pulse: &Pulse) -> io::Result<()> {
        Screen::pulse(self, pulse)
    }

    fn wishes(&mut self) -> io::Result<Vec<Wish>> {
        Screen::wishes(self)
    }
}

impl<W: io::Write> Show for Lines<W> {
    fn pulse(&mut self, pulse: &Pulse) -> io::Result<()> {
        Lines::pulse(self, pulse)
    }

    fn wishes(&mut self) -> io::Result<Vec<Wish>> {
        Ok(Vec::new())
    }
}

/// Nobody watches.
pub struct Unwatched;

impl Show for Unwatched {
    fn pulse(&mut self, _: &Pulse) -> io::Result<()> {
        Ok(())
    }

    fn wishes(&mut self) -> io::Result<Vec<Wish>> {
        Ok(Vec::new())
    }
}

/// A screen where standard output is a terminal that can show one and `plain` does not forbid it, else lines on standard
/// error: standard output is for what the run found. Dropping it gives the terminal back, so drop it before printing.
pub fn start(scenario: &str, targets: &[String], plain: bool) -> Box<dyn Show> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if !plain && !dumb && io::stdout().is_terminal() {
        // Without a terminal to read keys from there are still lines.
        if let Ok(screen) = Screen::start(scenario, targets) {
            return Box::new(screen);
        }
    }
    Box::new(Lines::new(io::stderr()))
}

/// What a run says of itself, several times a second.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    pub phase: Phase,
    /// Seconds since the phase began, and how long it is to last.
    pub at: f64,
    pub lasts: f64,
    pub connections: u64,
    /// Messages a second that are asked for; None: as fast as answers come.
    pub rate: Option<f64>,
    /// Of the window so far.
    pub totals: Totals,
    /// Of the whole run.
    pub faults: Faults,
    pub gaps: Gaps,
    /// The last full second; None: there is none yet.
    pub second: Option<Second>,
    /// How many deliveries of the window lay in each step of [`crate::record::curve::HEAT_STEPS`].
    pub heat: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Gathering,
    WarmUp,
    Window,
    /// Nothing is posted any more; what is on its way comes in.
    Draining,
    /// Acks are looked up in history.
    Checking,
}

/// What whoever watches wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// This many times the present rate.
    Rate(f64),
    /// This moment is to be marked in the record.
    Mark(String),
    /// The window is to end now; the run is judged as it is.
    Stop,
}
