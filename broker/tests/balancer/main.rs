//! The samples for HAProxy and nginx, driven: a message through each entrance, a request, a node that is taken out, what
//! sticks, what operators alone see. Needs both programs: `scripts/ship.sh` runs it, and says where they are missing.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod balancer;
#[path = "../support/mod.rs"]
mod support;

use balancer::{ALL, Balancer, PATIENCE, Product, attempt, backend, changed, checked, node, request, sample};
use rookery_protocol::limits;
use std::net::SocketAddr;
use std::time::Instant;
use support::{BINARY, Client, JSON, Node, PATIENT, deaf};

const JSON_TYPE: &str = "Content-Type: application/json";

/// Posts by REST at one node what tells that it is this one.
fn mark(node: &Node, body: &str) {
    let text = format!(r#"{{"body":"{body}"}}"#);
    let answer = request(node.address, "POST /v1/rooms/who/messages", &[&backend(node), JSON_TYPE], &text);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// Which node answers a request there; none if it is cut or refused, as in the moment when a node stops.
fn who(address: SocketAddr, token: &str) -> Option<String> {
    let answer = attempt(address, "GET /v1/rooms/who/messages", &[token], "").ok()?;
    ["first", "second"].into_iter().find(|name| answer.body.contains(name)).map(str::to_owned)
}

#[test]
#[ignore = "needs haproxy and nginx: scripts/ship.sh"]
fn each_product_accepts_its_sample_without_a_warning() {
    for product in ALL {
        let output = checked(product);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap().to_lowercase();
        assert!(output.status.success() && !said.contains("warn"), "{product:?}: {said}");
    }
}

#[test]
#[ignore = "needs haproxy and nginx: scripts/ship.sh"]
fn messages_and_requests_pass_each_entrance() {
    let (first, second) = (node(&[]), node(&[]));
    let token = first.token("alice");
    for product in ALL {
        let balancer = Balancer::start(product, [first.address, second.address], |text| text);
        for (number, address) in [balancer.native, balancer.http].into_iter().enumerate() {
            for tongue in [JSON, BINARY] {
                let room = format!("{product:?}-{number}-{}", tongue.subprotocol);
                let mut here = Client::enter(address, tongue, &token);
                let mut there = Client::enter(address, tongue, &token);
                here.subscribe(&room, None);
                there.post(&room, "through the balancer");
                assert_eq!(here.body(), "through the balancer");
                // What is larger than any of its buffers.
                let large = "x".repeat(limits::BODY_BYTES as usize);
                there.post(&room, &large);
                assert_eq!(here.body(), large);
            }
            let line = format!("POST /v1/rooms/{product:?}-{number}/messages");
            let answer = request(address, &line, &[&backend(&first), JSON_TYPE], r#"{"body":"by REST"}"#);
            assert_eq!(answer.status, 201, "{}", answer.body);
            let answer = request(address, &line.replace("POST", "GET"), &[&backend(&first)], "");
            assert!(answer.status == 200 && answer.body.contains("by REST"), "{}", answer.body);
        }
    }
}

#[test]
#[ignore = "needs haproxy and nginx: scripts/ship.sh"]
fn a_node_that_is_told_to_stop_gets_nobody_new_and_the_other_one_answers() {
    for product in ALL {
        // It takes its time, because somebody is there who does not go.
        let mut first = node(&PATIENT);
        let second = node(&[]);
        mark(&first, "first");
        mark(&second, "second");
        let token = backend(&first);
        let balancer = Balancer::start(product, [first.address, second.address], |text| text);
        let entrances = [balancer.native, balancer.http];
        for address in entrances {
            assert_eq!(who(address, &token).as_deref(), Some("first"), "{product:?}");
        }
        let guest = deaf(&first);
        first.signal("-TERM");
        for address in entrances {
            let until = Instant::now() + PATIENCE;
            while who(address, &token).as_deref() != Some("second") {
                assert!(Instant::now() < until, "{product:?}: the other one answers");
            }
            // From then on nobody meets the one that stops.
            for _ in 0..20 {
                assert_eq!(who(address, &token).as_deref(), Some("second"), "{product:?}");
            }
            let mut client = Client::enter(address, JSON, &second.token("alice"));
            client.subscribe("who", None);
            client.post("who", "second, too");
        }
        assert!(first.is_running(), "it has not stopped yet, and gets nobody new");
        drop(guest);
        first.signal("-TERM");
        assert!(first.wait(PATIENCE).success());
    }
}

#[test]
#[ignore = "needs haproxy and nginx: scripts/ship.sh"]
fn a_conversation_stays_with_its_node_as_long_as_that_is_there() {
    let nodes = [node(&[]), node(&[])];
    let as_cluster = |text: String| changed(&text, " backup\n", "\n");
    let addresses = [nodes[0].address, nodes[1].address];
    let balancer = Balancer::start(Product::HAProxy, addresses, as_cluster);
    let ask = |headers: &[&str]| request(balancer.http, "GET /socket.io/?EIO=4", headers, "");
    let given = |answer: &balancer::Answer| {
        let cookie = answer
            .head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("set-cookie: ").map(str::to_owned));
        cookie.map(|cookie| cookie.split(';').next().unwrap().replace("rookery_node=", ""))
    };
    // Who keeps no cookie is known by the address.
    let first = given(&ask(&[])).expect("a cookie");
    for _ in 0..10 {
        assert_eq!(given(&ask(&[])).as_ref(), Some(&first));
    }
    let other = if first == "node1" { "node2" } else { "node1" };
    let cookie = format!("Cookie: ROOKERY_NODE={other}");
    for _ in 0..10 {
        // Nothing new is given: the one that the cookie names has answered.
        assert_eq!(given(&ask(&[&cookie])), None);
    }
    let [one, two] = nodes;
    let (mut gone, _stays) = if other == "node1" { (one, two) } else { (two, one) };
    gone.signal("-TERM");
    assert!(gone.wait(PATIENCE).success());
    assert_eq!(given(&ask(&[&cookie])), Some(first), "it is not there any more");
}

#[test]
#[ignore = "needs haproxy and nginx: scripts/ship.sh"]
fn what_operators_see_is_not_shown_through_a_balancer() {
    let node = node(&[]);
    // On the machine itself it is.
    assert_eq!(request(node.address, "GET /metrics", &[], "").status, 200);
    for product in ALL {
        let balancer = Balancer::start(product, [node.address; 2], |text| text);
        for path in ["/metrics", "/livez", "/readyz", "/health", "/health?verbose"] {
            let answer = request(balancer.http, &format!("GET {path}"), &[], "");
            assert_eq!(answer.status, 404, "{product:?} {path}");
        }
    }
}

/// Seconds of a time as both products write it.
fn seconds(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let times = match unit {
        "s" => 1,
        "m" => 60,
        other => panic!("{other:?} in {text:?}"),
    };
    number.parse::<u64>().unwrap() * times
}

#[test]
fn no_balancer_is_less_patient_than_a_node() {
    let names: [(Product, &[&str]); 2] = [
        (Product::HAProxy, &["timeout client ", "timeout server ", "timeout tunnel "]),
        (Product::Nginx, &["proxy_timeout ", "proxy_read_timeout ", "proxy_send_timeout "]),
    ];
    for (product, names) in names {
        let text = sample(product);
        for name in names {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
            let time = seconds(line.unwrap_or_else(|| panic!("{product:?} has {name}")).trim_end_matches(';'));
            assert!(time * 1000 > limits::SILENCE_MS, "{product:?}: {name}{time} s");
        }
    }
}
