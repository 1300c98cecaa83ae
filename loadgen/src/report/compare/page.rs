//! A comparison as one HTML file: the sentence, the curves over each other, the table.

use super::Run;
use super::judge::{Cell, Comparison, Row, Ruling};
use super::table::{ruled, sentence, signed, value, word};
use crate::record::verdict::Word;
use crate::report::curves::{Drawn, plot};
use crate::report::page::{Tone, page, shown, verdict};
use crate::report::percentile::{KINDS, meaning, name};
use crate::report::text::{date, escape, escape_long};

/// Colours that can be told apart; more runs than that begin again.
const COLOURS: usize = 5;

/// More curves than this are a tangle, and the table has them all.
const CURVES_MAX: usize = 12;

pub fn html(runs: &[Run], comparison: &Comparison) -> String {
    let tone = match word(comparison) {
        "WORSE" => Tone::Bad,
        "UNCLEAR" => Tone::Unsure,
        _ => Tone::Good,
    };
    let (warnings, more) = shown(&comparison.warnings, 20);
    let warnings: Vec<String> = warnings.iter().cloned().chain(more).collect();
    let mut body = verdict(tone, word(comparison), &sentence(comparison), &warnings);
    body += &what_runs(runs);
    body += "<h2>Latency by percentile</h2>\n";
    let mut any = false;
    for what in KINDS {
        let curves: Vec<Drawn<'_>> = runs
            .iter()
            .take(CURVES_MAX)
            .enumerate()
            .filter_map(|(n, run)| {
                Some(Drawn { colour: n % COLOURS + 1, name: run.name.clone(), curve: run.record.latency.get(&what)? })
            })
            .collect();
        if let Some(plot) = plot(&format!("Latency: {}", name(what)), &capital(meaning(what)), &curves) {
            body += &plot.html(name(what));
            any = true;
        }
    }
    body += if any {
        "<p class=note>Both axes are logarithmic. Where a line is dotted, fewer than ten samples lie above.</p>\n"
    } else {
        "<p class=note>No latency was measured.</p>\n"
    };
    body += &table(comparison);
    body += &format!("<footer>{} runs, written by loadgen {}</footer>\n", runs.len(), env!("CARGO_PKG_VERSION"));
    let names: Vec<&str> = comparison.runs.iter().map(|run| run.name.as_str()).collect();
    page(&format!("{} · {}", word(comparison), names.join(" / ")), &body)
}

/// `from …` as a sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// Each run by its own verdict.
fn what_runs(runs: &[Run]) -> String {
    let item = |(n, run): (usize, &Run)| {
        let verdict = &run.record.verdict;
        let sentence = verdict.sentence.strip_prefix(verdict.word.text()).unwrap_or(&verdict.sentence).trim();
        format!(
            "<li><p><i class=\"key c{}\"></i><b>{}</b> <span class={}>{}</span> <span class=note>{}</span></p>\
             <p>{}</p></li>\n",
            n % COLOURS + 1,
            escape(&run.name),
            word_class(verdict.word),
            verdict.word.text(),
            date(run.record.started_at),
            escape_long(sentence)
        )
    };
    format!("<h2>The runs</h2>\n<ul class=runs>\n{}</ul>\n", runs.iter().enumerate().map(item).collect::<String>())
}

fn word_class(word: Word) -> &'static str {
    match word {
        Word::Pass => "word-good",
        Word::Fail => "word-bad",
        Word::Invalid => "word-unsure",
    }
}

fn table(comparison: &Comparison) -> String {
    let heads = comparison.runs.iter().enumerate().map(|(n, run)| {
        let span = if n == 0 { "" } else { " colspan=3 class=apart" };
        let role = if n == 0 { "base" } else { "against it" };
        format!("<th scope=col{span}>{}<br>{role}</th>", escape(&run.name))
    });
    let columns = comparison.runs.len() * 3 - 1;
    let mut out = format!(
        "<h2>Figures</h2>\n<p class=note>{}</p>\n<div class=wide><table>\n<thead><tr>\
         <th scope=col>Figure</th>{}</tr></thead>\n<tbody>\n",
        "Better and worse need a change beyond the tolerance and beyond what chance explains; too few: \
         fewer than ten samples lie above, or chance can have made the change.",
        heads.collect::<String>()
    );
    let mut group = "";
    for row in &comparison.rows {
        if row.group != group {
            group = row.group;
            out += &format!("<tr class=group><th scope=colgroup colspan={columns}>{group}</th></tr>\n");
        }
        out += &format!("<tr><th scope=row>{}</th>{}</tr>\n", row.figure, cells(row));
    }
    out + "</tbody></table></div>\n"
}

fn cells(row: &Row) -> String {
    let cell = |(n, cell): (usize, &Cell)| {
        let apart = if n == 0 { "value" } else { "\"value apart\"" };
        let figure = format!("<td class={apart}>{}</td>", value(cell, row.unit));
        if n == 0 {
            return figure;
        }
        let class = match cell.ruling {
            Some(Ruling::Better) => "word-good",
            Some(Ruling::Worse) => "word-bad",
            Some(Ruling::Same | Ruling::TooFew) | None => "word-same",
        };
        let change = cell.change.map_or_else(String::new, signed);
        format!("{figure}<td>{change}</td><td class=\"left {class}\">{}</td>", ruled(cell.ruling))
    };
    row.cells.iter().enumerate().map(cell).collect()
}
