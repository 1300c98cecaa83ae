//! What Prometheus' own checks say: of the page, of the rules, and of when each rule fires.

use crate::page::page;
use crate::support::Node;
use crate::tools::{program, root, run};
use crate::traffic::Traffic;

#[test]
fn promtool_finds_nothing_wrong_with_the_page() {
    let Some(promtool) = program("promtool") else { return };
    let node = Node::start_with(2, &["--watch-listen", "127.0.0.1:0"]);
    let _traffic = Traffic::drive(&node);
    let page = page(node.watch_address());
    let check = |page: &str| run(&promtool, &["check", "metrics"], &root(), page);
    assert_eq!(check(&page), (true, String::new()));
    // It does look.
    let (passes, said) = check(&page.replace("rookery_deliveries_total", "rookery_deliveries_count_ms"));
    assert!(!passes && said.contains("rookery_deliveries_count_ms"), "{said}");
}

#[test]
fn the_rules_fire_when_they_should_and_only_then() {
    let Some(promtool) = program("promtool") else { return };
    let folder = root().join("configs/prometheus");
    for arguments in [
        &["check", "rules", "alerts.yml"][..],
        &["check", "config", "prometheus.yml"],
        &["test", "rules", "alerts.test.yml"],
    ] {
        let (passes, said) = run(&promtool, arguments, &folder, "");
        assert!(passes, "{arguments:?}: {said}");
    }
}

/// Each rule has a section that says what to do, and cases for both.
#[test]
fn each_rule_has_cases_and_a_section() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let (rules, cases, guide) = (
        read("configs/prometheus/alerts.yml"),
        read("configs/prometheus/alerts.test.yml"),
        read("docs/how-to/watch.md"),
    );
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() >= 12, "{names:?}");
    for name in &names {
        let of_rule = |case: &&str| case.lines().next() == Some(*name);
        let cases: Vec<&str> = cases.split("alertname: ").filter(of_rule).collect();
        let quiet = |case: &&&str| case.contains("exp_alerts: []");
        assert!(cases.iter().any(|case| quiet(&case)), "{name}: no case in which it does not fire");
        assert!(cases.iter().any(|case| !quiet(&case)), "{name}: no case in which it fires");
        let runbook = format!("runbook: docs/how-to/watch.md#{}", name.to_lowercase());
        assert_eq!(rules.lines().filter(|line| line.trim() == runbook).count(), 1, "{name}: {runbook}");
        assert_eq!(guide.lines().filter(|line| *line == format!("### {name}")).count(), 1, "{name}: no section");
    }
    let sections = guide.lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(sections.collect::<Vec<_>>(), names, "the sections follow the rules");
}
