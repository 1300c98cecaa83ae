//! The dashboard's file: what Grafana needs of it, and the expressions in it.

use crate::tools::root;
use serde_json::Value;

/// Of every panel, with its title.
pub fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in panels(&dashboard()) {
        let title = panel["title"].as_str().unwrap().to_owned();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let asked = expression.replace("$__rate_interval", "1m").replace("$instance", ".*");
            assert!(!asked.contains('$'), "{title}: a variable that nobody sets: {expression}");
            found.push((title.clone(), asked));
        }
    }
    found
}

fn dashboard() -> Value {
    let file = std::fs::read_to_string(root().join("configs/grafana/dashboards/rookery.json")).unwrap();
    serde_json::from_str(&file).unwrap()
}

fn panels(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().unwrap().clone()
}

#[test]
fn panels_have_their_own_place_and_say_what_they_show() {
    let dashboard = dashboard();
    let variables: Vec<&str> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "instance"]);
    let (mut ids, mut taken) = (Vec::new(), Vec::new());
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        let id = panel["id"].as_u64().unwrap();
        assert!(!ids.contains(&id), "{title}");
        ids.push(id);
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        let (x, y, w, h) = (at("x"), at("y"), at("w"), at("h"));
        assert!(x + w <= 24 && w > 0 && h > 0, "{title} is wider than the page");
        let overlaps = |other: &(u64, u64, u64, u64)| {
            x < other.0 + other.2 && other.0 < x + w && y < other.1 + other.3 && other.1 < y + h
        };
        assert!(!taken.iter().any(overlaps), "{title} lies over another panel");
        taken.push((x, y, w, h));
        if panel["type"] != "row" {
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{title}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
    assert!(expressions().len() > 40);
}
