//! The description that a node serves, and the page that shows it.

use crate::Stage;

#[test]
fn the_description_names_every_request_that_is_answered() {
    let stage = Stage::new();
    let document = stage.http().ask("GET", "/v1/openapi.json", "", "");
    assert_eq!(document.header("content-type"), Some("application/json"));
    let document = document.ok();
    assert_eq!(document["openapi"], "3.1.0");
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            // No token: whatever is there asks for one first.
            let path = path.replace(['{', '}'], "x");
            stage.http().ask(&method.to_uppercase(), &path, "", "").error(401, "not_authenticated");
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let stage = Stage::new();
    let mut http = stage.http();
    let page = http.ask("GET", "/v1/docs", "", "");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    let mut text = String::from_utf8(page.body).unwrap();
    for asset in ["/v1/docs/viewer.js", "/v1/docs/viewer.css"] {
        assert!(text.contains(asset));
        let asset = http.ask("GET", asset, "", "");
        assert_eq!(asset.status, 200);
        text += std::str::from_utf8(&asset.body).unwrap();
    }
    for foreign in ["http://", "https://", "//cdn", "@import", "innerHTML", "url("] {
        assert!(!text.contains(foreign), "{foreign}");
    }
}
