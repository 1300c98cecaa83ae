//! The page around a report: one file that asks nobody for anything.

use super::text::{escape, escape_long};
use crate::record::verdict::Word;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("point.js");

/// The policy makes browsers hold what the page promises.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// `body` is HTML.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=Content-Security-Policy content=\"{POLICY}\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(title)
    )
}

/// The colours of a verdict, always beside its word.
#[derive(Clone, Copy)]
pub enum Tone {
    Good,
    Bad,
    Unsure,
}

impl Tone {
    pub fn of(word: Word) -> Tone {
        match word {
            Word::Pass => Tone::Good,
            Word::Fail => Tone::Bad,
            Word::Invalid => Tone::Unsure,
        }
    }

    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Unsure => "unsure",
        }
    }
}

/// The first thing on every page.
pub fn verdict(tone: Tone, word: &str, sentence: &str, reasons: &[String]) -> String {
    let mut out = format!(
        "<header class=\"verdict {}\">\n<h1><span class=word>{}</span> <span class=sentence>{}</span></h1>\n",
        tone.class(),
        escape(word),
        escape_long(sentence)
    );
    if !reasons.is_empty() {
        let items: String = reasons.iter().map(|reason| format!("<li>{}</li>", escape(reason))).collect();
        out += &format!("<ul class=reasons>{items}</ul>\n");
    }
    out + "</header>\n"
}

/// Lists are cut where nobody would read on.
pub fn shown<T>(all: &[T], most: usize) -> (&[T], Option<String>) {
    let shown = &all[..all.len().min(most)];
    let more = all.len() - shown.len();
    (shown, (more > 0).then(|| format!("and {more} more in the record")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a custom property in the part of the style that follows `from`.
    fn colour(from: usize, name: &str) -> [f64; 3] {
        let rest = &STYLE[from..];
        let at = rest.find(&format!("--{name}:")).unwrap_or_else(|| panic!("no colour {name}"));
        let hex = &rest[at..].split('#').nth(1).unwrap()[..6];
        [0, 2, 4].map(|n| f64::from(u8::from_str_radix(&hex[n..n + 2], 16).unwrap()) / 255.0)
    }

    /// As the accessibility guidelines define it.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let light = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_and_every_line_can_be_told_from_its_ground_in_both_schemes() {
        let dark = STYLE.find("prefers-color-scheme: dark").unwrap();
        for from in [0, dark] {
            for (ink, ground, least) in [
                ("ink", "ground", 12.0),
                ("ink", "card", 12.0),
                ("soft", "ground", 4.5),
                ("soft", "card", 4.5),
                ("good", "good-ground", 4.5),
                ("bad", "bad-ground", 4.5),
                ("unsure", "unsure-ground", 4.5),
                ("good", "card", 4.5),
                ("bad", "card", 4.5),
                ("unsure", "card", 4.5),
                ("ink", "good-ground", 7.0),
                ("ink", "bad-ground", 7.0),
                ("ink", "unsure-ground", 7.0),
                ("c1", "card", 4.5),
                ("c2", "card", 4.5),
                ("c3", "card", 4.5),
                ("c4", "card", 4.5),
                ("c5", "card", 4.5),
                ("c6", "card", 4.5),
                ("h8", "card", 7.0),
            ] {
                let seen = contrast(colour(from, ink), colour(from, ground));
                assert!(seen >= least, "{ink} on {ground} from {from}: {seen:.2}, {least} is asked");
            }
            let strengths: Vec<f64> =
                (1..=8).map(|n| contrast(colour(from, &format!("h{n}")), colour(from, "card"))).collect();
            assert!(strengths.is_sorted_by(|a, b| *b > a * 1.1), "{strengths:?}");
        }
    }
}
