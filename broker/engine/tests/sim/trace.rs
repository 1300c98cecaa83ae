//! What happened, in short lines: the last ones for people, a hash of all of them to compare two runs of one seed.

use std::collections::VecDeque;
use std::fmt;

pub struct Trace {
    lines: VecDeque<String>,
    keep: usize,
    loud: bool,
    hash: u64,
    pub steps: u64,
}

impl Trace {
    /// `loud`: print every line as it comes.
    pub fn new(keep: usize, loud: bool) -> Trace {
        Trace { lines: VecDeque::new(), keep, loud, hash: 0xcbf2_9ce4_8422_2325, steps: 0 }
    }

    pub fn line(&mut self, at: u64, what: fmt::Arguments<'_>) {
        let line = format!("{at:>7} {what}");
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.steps += 1;
        if self.loud {
            println!("{line}");
        }
        if self.lines.len() == self.keep {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn last(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}
