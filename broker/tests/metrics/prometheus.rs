//! A real Prometheus scrapes a real node and is asked every expression of the dashboard and of the rules.

use crate::dashboard::expressions;
use crate::page::get;
use crate::support::Node;
use crate::tools::{program, root};
use crate::traffic::Traffic;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

struct Prometheus {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Prometheus {
    /// With the shipped configuration and rules, but for where the node is and how often it is asked.
    fn start(program: &Path, node: SocketAddr) -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        let shipped = root().join("configs/prometheus");
        let mut config = std::fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
        for (from, to) in [
            ("targets: [\"127.0.0.1:9464\"]", format!("targets: [\"{node}\"]")),
            ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
            ("evaluation_interval: 15s", "evaluation_interval: 1s".to_owned()),
        ] {
            assert!(config.contains(from), "{from} is not in {config}");
            config = config.replace(from, &to);
        }
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        std::fs::copy(shipped.join("alerts.yml"), folder.path().join("alerts.yml")).unwrap();
        // Free a moment ago; if somebody takes it before Prometheus does, Prometheus ends and the test says so.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut prometheus = Prometheus { child, address, folder };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() || get(address, "/-/ready", "").0 != 200 {
            let over = prometheus.child.try_wait().unwrap();
            assert!(over.is_none() && Instant::now() < until, "{over:?}: {}", prometheus.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        prometheus
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn ask(&self, path: &str) -> Value {
        let (_, body) = get(self.address, path, "");
        let answer: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}"));
        assert_eq!(answer["status"], "success", "{path}: {body}");
        answer["data"].clone()
    }

    /// How many series an expression has now.
    fn series(&self, expression: &str) -> usize {
        let data = self.ask(&format!("/api/v1/query?query={}", encoded(expression)));
        match data["resultType"].as_str().unwrap() {
            "vector" => data["result"].as_array().unwrap().len(),
            "scalar" => 1,
            other => panic!("{expression}: {other}"),
        }
    }

    fn value(&self, expression: &str) -> f64 {
        let data = self.ask(&format!("/api/v1/query?query={}", encoded(expression)));
        data["result"][0]["value"][1].as_str().map_or(f64::NAN, |value| value.parse().unwrap())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoded(text: &str) -> String {
    let byte = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}

/// The names of figures in an expression.
fn names(expression: &str) -> Vec<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found: Vec<String> = expression.split(|c| !word(c)).map(str::to_owned).collect();
    found.retain(|name| name.starts_with("rookery_") || name.starts_with("process_") || name == "up");
    found.dedup();
    found
}

#[test]
fn every_expression_of_dashboard_and_rules_finds_its_figures() {
    let Some(program) = program("prometheus") else { return };
    let node = Node::start_with(2, &["--watch-listen", "127.0.0.1:0"]);
    let mut traffic = Traffic::drive(&node);
    let prometheus = Prometheus::start(&program, node.watch_address());
    // A rate is between two scrapes that saw something happen.
    let until = Instant::now() + PATIENCE;
    while !(prometheus.value("count_over_time(rookery_ready[1m])") >= 3.0
        && prometheus.value("sum(rate(rookery_deliveries_total[1m]))") > 0.0)
    {
        assert!(Instant::now() < until, "nothing scraped: {}", prometheus.log());
        traffic.go_on();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(prometheus.series("rookery_no_such_figure"), 0);
    for (title, expression) in expressions() {
        assert!(prometheus.series(&expression) > 0, "{title}: nothing comes of {expression}");
    }
    // Where something has happened, it shows.
    for expression in [
        "histogram_quantile(0.99, sum by (le) (rate(rookery_ack_seconds_bucket[1m])))",
        "histogram_quantile(0.99, sum by (le) (rate(rookery_delivery_seconds_bucket[1m])))",
        "sum(rate(rookery_shard_busy_seconds_total[1m]))",
    ] {
        let value = prometheus.value(expression);
        assert!(value > 0.0 && value < 10.0, "{expression}: {value}");
    }
    let rules = loop {
        let rules = prometheus.ask("/api/v1/rules")["groups"][0]["rules"].as_array().unwrap().clone();
        if rules.iter().all(|rule| rule["health"] != "unknown") {
            break rules;
        }
        assert!(Instant::now() < until + PATIENCE, "the rules were never looked at: {rules:?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(rules.len() >= 12, "{rules:?}");
    for rule in rules {
        let (name, expression) = (rule["name"].as_str().unwrap(), rule["query"].as_str().unwrap());
        assert_eq!(rule["health"], "ok", "{name}: {}", rule["lastError"]);
        assert_ne!(rule["state"], "firing", "{name} fires for a node that is well: {rule}");
        let names = names(expression);
        assert!(!names.is_empty(), "{name}: {expression}");
        for figure in names {
            assert!(prometheus.series(&figure) > 0, "{name}: there is no {figure}");
        }
    }
}
