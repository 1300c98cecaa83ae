//! REST is for backends and the pages of health for operators: neither asks where a browser's page is from, because no
//! page ever gets to read what they say. A browser hands it over only with the leave of `Access-Control-Allow-*`, which
//! nothing here gives, and without a token, which no browser sends by itself, nothing is done.

use super::Stage;
use super::http::{Answer, Http};
use crate::support::origins::{ORIGINS, line};

const MESSAGES: &str = "/v1/rooms/general/messages";

fn grants(answer: &Answer) -> bool {
    answer.headers.iter().any(|(name, _)| name.starts_with("access-control-"))
}

#[test]
fn no_page_may_read_what_rest_and_operators_are_told() {
    let stage = Stage::with(&["--set=watch.listen=127.0.0.1:0", "--allow-origin=*"]);
    let watch = stage.node.watch_address();
    stage.posted("general", "the first");
    // What is asked how, and the status, whatever `Origin` says.
    let backend = stage.backend.as_str();
    let preflight = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n";
    // A form of another page: a browser sends it without asking first.
    let form = "Content-Type: text/plain\r\n";
    let rows = [
        (stage.node.address, "GET", MESSAGES, backend, "", "", 200),
        (stage.node.address, "GET", MESSAGES, "", "", "", 401),
        (stage.node.address, "POST", MESSAGES, "", r#"{"body":"forged"}"#, form, 401),
        (stage.node.address, "OPTIONS", MESSAGES, "", "", preflight, 405),
        (stage.node.address, "GET", "/v1/openapi.json", "", "", "", 200),
        (stage.node.address, "GET", "/v1/docs", "", "", "", 200),
        (stage.node.address, "GET", "/", "", "", "", 200),
        (watch, "GET", "/metrics", "", "", "", 200),
        (watch, "OPTIONS", "/metrics", "", "", preflight, 405),
        (watch, "GET", "/livez", "", "", "", 200),
        (watch, "GET", "/health?verbose", "", "", "", 200),
    ];
    for (address, method, path, token, body, headers, status) in rows {
        let mut http = Http::open(address);
        for origin in ORIGINS {
            let answer = http.ask_with(method, path, token, body, &format!("{headers}{}", line(origin)));
            assert_eq!(answer.status, status, "{method} {path} of {origin:?}: {answer:?}");
            assert!(!grants(&answer), "{method} {path} of {origin:?}: {answer:?}");
        }
        let twice = format!("{headers}{}{}", line(ORIGINS[1]), line(ORIGINS[3]));
        let answer = http.ask_with(method, path, token, body, &twice);
        assert_eq!((answer.status, grants(&answer)), (status, false), "{method} {path} of two: {answer:?}");
    }
    let page = stage.ask("GET", MESSAGES, "").ok();
    assert_eq!(page["messages"].as_array().unwrap().len(), 1, "what was forged is there: {page}");
}
