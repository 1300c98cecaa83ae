//! What keeps a comparison from being one: other scenarios, other machines, runs that did not hold.

use serde::Serialize;
use serde_json::Value;

use super::Run;
use crate::record::verdict::Word;
use crate::report::percentile::{KINDS, name};
use crate::report::text::plain;

/// Others took more of the machine than this: the figures are theirs too.
const STOLEN_MOST: f64 = 0.02;

/// More differences than this are a different thing.
const NAMED_MAX: usize = 4;

pub fn warnings(runs: &[Run]) -> Vec<String> {
    let mut all = Vec::new();
    for run in runs {
        let verdict = &run.record.verdict;
        if verdict.word != Word::Pass {
            let why = verdict.reasons.first().map_or_else(String::new, |reason| format!(": {reason}"));
            all.push(format!("{} is {}{why}", run.name, verdict.word.text()));
        }
        if let Some(stolen) = run.record.cost.stolen_share.filter(|share| *share > STOLEN_MOST) {
            all.push(format!("others took {:.0} % of the machine’s CPU during {}", stolen * 100.0, run.name));
        }
    }
    let Some((base, others)) = runs.split_first() else { return all };
    for other in others {
        let (a, b) = (&base.record, &other.record);
        for (what, differences) in [
            ("scenario", differences(&a.scenario, &b.scenario)),
            ("environment", differences(&a.environment, &b.environment)),
            ("language", differences(&a.languages, &b.languages)),
            ("load generator", differences(&a.loadgen, &b.loadgen)),
        ] {
            if !differences.is_empty() {
                let (named, more) = (&differences[..differences.len().min(NAMED_MAX)], differences.len() > NAMED_MAX);
                let more = if more { format!(", and {} more", differences.len() - NAMED_MAX) } else { String::new() };
                let list = named.join(", ");
                all.push(format!("another {what} in {} than in {}: {list}{more}", other.name, base.name));
            }
        }
        for what in KINDS {
            let has = |run: &Run| run.record.latency.get(&what).is_some_and(|curve| curve.count > 0);
            let (with, without) = if has(base) { (base, other) } else { (other, base) };
            if has(with) && !has(without) {
                let (with, without, kind) = (&with.name, &without.name, name(what));
                all.push(format!("{without} has no latency of the kind `{kind}`, {with} has"));
            }
        }
    }
    all.iter().map(|warning| plain(warning)).collect()
}

/// Each leaf that differs: `posts.rate 1000.0 → 2000.0`. What a scenario calls itself is no difference.
fn differences<T: Serialize>(a: &T, b: &T) -> Vec<String> {
    let mut out = Vec::new();
    let [a, b] = [a, b].map(|value| serde_json::to_value(value).unwrap_or_default());
    walk("", &a, &b, &mut out);
    out
}

fn walk(path: &str, a: &Value, b: &Value, out: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a.iter().filter(|(key, _)| !matches!(key.as_str(), "name" | "about")) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, value, b.get(key).unwrap_or(&Value::Null), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => {
            let space = if path.is_empty() { "" } else { " " };
            out.push(format!("{path}{space}{} → {}", leaf(a), leaf(b)));
        }
    }
}

fn leaf(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::report::sample::calm;

    #[test]
    fn whatever_differs_besides_the_target_is_said() {
        let run = |name: &str| Run {
            name: name.to_owned(),
            file: String::new(),
            record: Record::read(&calm().to_string()).unwrap(),
        };
        let mut other = run("b");
        other.record.scenario.name = "another name".to_owned();
        other.record.targets = vec!["ws://127.0.0.1:9".to_owned()];
        other.record.started_at += 5_000;
        assert!(warnings(&[run("a"), run("b")]).is_empty());
        other.record.scenario.posts.rate = 2_000.0;
        other.record.scenario.members.stay_seconds = None;
        other.record.environment.cores = 4;
        other.record.cost.stolen_share = Some(0.2);
        other.record.verdict.word = Word::Invalid;
        other.record.verdict.reasons = vec!["nothing\nwas measured".to_owned()];
        assert_eq!(
            warnings(&[run("a"), other]),
            [
                "b is INVALID: nothing was measured",
                "others took 20 % of the machine’s CPU during b",
                "another scenario in b than in a: members.stay_seconds [20.0,40.0] → none, posts.rate 1000.0 → 2000.0",
                "another environment in b than in a: cores 8 → 4",
            ]
        );
    }
}
