//! The rear of a report: what a search tried, what both sides cost, where and how it was run.

use super::page::shown;
use super::text::{bytes, command, escape, escape_long, percent, rate, short};
use crate::record::verdict::{HEADROOM_LEAST, grouped, time};
use crate::record::{Record, Side};

/// More steps than this are not read.
const STEPS_MAX: usize = 40;

/// The rates in the order in which they were tried.
pub fn search(record: &Record) -> String {
    if record.search.is_empty() {
        return String::new();
    }
    let (steps, more) = shown(&record.search, STEPS_MAX);
    let best = record.search.iter().filter(|step| step.held).map(|step| step.rate).fold(0.0, f64::max);
    let found =
        if best > 0.0 { format!("The highest rate that held: {}.", rate(best)) } else { "No rate held.".to_owned() };
    let mut out = format!(
        "<h2>Search</h2>\n<p class=note>{found}</p>\n<div class=wide><table>\n<thead><tr>\
         <th scope=col>Rate</th><th scope=col>p99</th>\
         <th scope=col class=left>Held</th><th scope=col class=left>Why not</th></tr></thead>\n<tbody>\n"
    );
    for step in steps {
        let (class, word) = if step.held { ("word-good", "✓ held") } else { ("word-bad", "✕ not held") };
        let (tried, p99) = (rate(step.rate), time(step.p99_us));
        let why = escape(step.why.as_deref().unwrap_or(""));
        out += &format!(
            "<tr><th scope=row>{tried}</th><td class=value>{p99}</td><td class=\"left {class}\">{word}</td>\
             <td class=text>{why}</td></tr>\n"
        );
    }
    out += "</tbody></table></div>\n";
    out + &more.map_or_else(String::new, |more| format!("<p class=note>{more}</p>\n"))
}

pub fn cost(record: &Record) -> String {
    let cost = &record.cost;
    let sides = [("load generator", Some(&cost.driver)), ("server", cost.server.as_ref())];
    let row = |(name, side): (&str, Option<&Side>)| {
        let Some(side) = side else {
            return format!("<tr><th scope=row>{name}</th><td class=\"text zero\" colspan=4>not measured</td></tr>\n");
        };
        format!(
            "<tr><th scope=row>{name}</th><td class=value>{}</td><td>{} s</td><td>{} s</td><td>{}</td></tr>\n",
            percent(side.share),
            two(side.user_seconds),
            two(side.system_seconds),
            bytes(side.memory_bytes as f64)
        )
    };
    let mut facts =
        vec![("Headroom of the generator", format!("{} ×, {HEADROOM_LEAST} × are asked", two(cost.headroom)))];
    let micros = |us: f64| format!("{} µs", two(us));
    facts.extend(cost.server_us_per_delivery.map(|us| ("Server per delivery", micros(us))));
    facts.extend(cost.shard_us_per_delivery.map(|us| ("Its shards alone", micros(us))));
    facts.extend(cost.server_bytes_per_connection.map(|each| ("Server per connection", bytes(each))));
    facts.extend(cost.stolen_share.map(|share| ("Taken by others", percent(share))));
    facts.push(("Read from the target", bytes(record.totals.bytes_in as f64)));
    facts.push(("Written to the target", bytes(record.totals.bytes_out as f64)));
    facts.push(("Off the kernel's own count of bytes", percent(record.carried.difference())));
    format!(
        "<h2>Cost</h2>\n<div class=two>\n<div class=wide><table>\n<thead><tr>\
         <th scope=col>Side</th><th scope=col>CPU</th>\
         <th scope=col>user</th><th scope=col>system</th><th scope=col>memory</th></tr></thead>\n\
         <tbody>\n{}</tbody></table></div>\n{}</div>\n",
        sides.into_iter().map(row).collect::<String>(),
        facts_table(&facts)
    )
}

/// Environment, command, scenario, and which program wrote it.
pub fn run(record: &Record) -> String {
    let environment = &record.environment;
    let cores: Vec<String> = environment.driver_cores.iter().take(64).map(u32::to_string).collect();
    let facts = [
        ("Processor", environment.cpu.clone()),
        ("Cores", environment.cores.to_string()),
        ("Cores of the generator", if cores.is_empty() { "any".to_owned() } else { cores.join(", ") }),
        ("Memory", bytes(environment.memory_bytes as f64)),
        ("Kernel", environment.kernel.clone()),
        ("Target", record.targets.join(", ")),
        ("Language", record.languages.join(", ")),
        ("Connections", grouped(record.totals.connections as f64)),
    ];
    let scenario = toml::to_string(&record.scenario).unwrap_or_else(|error| error.to_string());
    format!(
        "<h2>How it was run</h2>\n<pre class=command><code>{}</code></pre>\n<div class=two>\n{}\
         <pre aria-label=\"Scenario\"><code>{}</code></pre>\n</div>\n\
         <footer>{}, written by loadgen {}</footer>\n",
        escape_long(&command(&record.command)),
        facts_table(&facts),
        toml_lines(&scenario),
        escape(&record.form),
        escape(&record.loadgen)
    )
}

fn facts_table(facts: &[(&str, String)]) -> String {
    let row = |(name, value): &(&str, String)| {
        format!("<tr><th scope=row>{name}</th><td class=text>{}</td></tr>\n", escape(value))
    };
    format!("<div class=wide><table><tbody>\n{}</tbody></table></div>\n", facts.iter().map(row).collect::<String>())
}

/// Each line by itself, so that a long one is cut and not the scenario.
fn toml_lines(text: &str) -> String {
    text.trim().lines().map(|line| escape(line) + "\n").collect()
}

fn two(value: f64) -> String {
    short((value * 100.0).round() / 100.0)
}
