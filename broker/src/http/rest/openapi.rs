//! The OpenAPI 3.1 document, made of the table of routes and the schemas of the commands: what is not in it cannot be
//! asked, and what is in it can.

use super::routes::{KEY_HEADER, ROUTES, Route, Source};
use rookery_protocol::catalog::{CommandKind, Needs, answers};
use rookery_protocol::errors::{ErrorCode, Retry};
use rookery_protocol::rest::{self, Shape};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const INTRODUCTION: &str = "A request is a command of the native protocol: it is admitted, decided and acknowledged like one that came over a \
WebSocket, and its answer is the command's reply. Numbers above 2^53 are strings. A room of two has the same requests \
below `/v1/direct/{direct}` as an ordinary one below `/v1/rooms/{room}`. Names in paths are percent-encoded, slashes too.";

pub fn document() -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let method = route.method.as_str().to_lowercase();
        paths.entry(route.path.to_owned()).or_default().insert(method.clone(), operation(route, false));
        if let Some(path) = route.direct() {
            paths.entry(path).or_default().insert(method, operation(route, true));
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rookery",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {
                "type": "http", "scheme": "bearer",
                "description": "The same tokens as for WebSockets. Commands of backends need one that says so.",
            }},
            "responses": responses(),
            "headers": {"RequestId": {
                "description": "The request's own id if it brought one, or ours.",
                "schema": {"type": "string"},
            }},
        },
    });
    let schemas = used(&document);
    document["components"]["schemas"] = schemas;
    document
}

/// The second segment of a path.
fn tag(path: &str) -> &str {
    path.split('/').nth(2).unwrap_or_default()
}

fn tags() -> Value {
    let mut seen = BTreeSet::new();
    let all = ROUTES.iter().map(|route| tag(route.path)).chain(["direct"]);
    all.filter(|tag| seen.insert(*tag)).map(|tag| json!({"name": tag})).collect()
}

fn operation(route: &Route, direct: bool) -> Value {
    let row = route.command.row();
    let path = if direct { route.direct().unwrap_or_default() } else { route.path.to_owned() };
    let (fixed, kind) = (route.fixed, row.word);
    let id = match fixed {
        Some((_, "false")) => format!("{kind}_undo"),
        Some(_) | None => kind.to_owned(),
    };
    let needs = if row.needs == Needs::Backend { " Needs a backend's token." } else { "" };
    let mut operation = json!({
        "operationId": if direct { format!("{id}_direct") } else { id },
        "tags": [tag(&path)],
        "summary": route.says,
        "description": format!("The command `{kind}`: {}{needs}", row.sentence),
        "responses": answered(route),
    });
    if !direct {
        operation["x-codeSamples"] = json!([{"lang": "sh", "source": route.curl()}]);
    }
    let parameters = parameters(route, direct);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body(route) {
        operation["requestBody"] = body;
    }
    operation
}

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap_or(Value::Bool(false))
}

fn parameters(route: &Route, direct: bool) -> Vec<Value> {
    let mut parameters = Vec::new();
    for shape in route.fields(Source::Path) {
        if shape.word == "room" {
            // In a path a room is a name; what kind of room it is stands before it.
            let name = if direct { "direct" } else { "room" };
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Name"},
            }));
        } else {
            parameters.push(parameter(&shape, "path"));
        }
    }
    parameters.extend(route.fields(Source::Query).iter().map(|shape| parameter(shape, "query")));
    for _ in route.fields(Source::Header) {
        parameters.push(json!({
            "name": KEY_HEADER, "in": "header", "required": false,
            "description": "The sender's own name for the message: a request with the same key gets the first one's place.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$"},
        }));
    }
    parameters
}

fn parameter(shape: &Shape, place: &str) -> Value {
    let mut parameter = json!({
        "name": shape.word, "in": place, "required": shape.required, "schema": parsed(&shape.schema),
    });
    if place == "query" {
        // A list stands as often as it has items; a place is one text.
        parameter["explode"] = shape.list.into();
    }
    parameter
}

fn body(route: &Route) -> Option<Value> {
    let fields = route.fields(Source::Body);
    if fields.is_empty() {
        return None;
    }
    let mut schema = parsed(&rest::object(&fields, rest::one_of(route.command)));
    if let Ok(example) = serde_json::from_str::<Value>(route.example.body) {
        schema["examples"] = json!([example]);
    }
    let required = fields.iter().any(|shape| shape.required) || !rest::one_of(route.command).is_empty();
    Some(json!({"required": required, "content": {"application/json": {"schema": schema}}}))
}

fn answered(route: &Route) -> Value {
    let replies: Vec<Value> = answers(route.command).iter().map(|kind| parsed(&rest::reply(*kind))).collect();
    let schema = match <[Value; 1]>::try_from(replies) {
        Ok([only]) => only,
        Err(several) => json!({"oneOf": several}),
    };
    let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
    if pages(route.command) {
        headers["link"] = json!({
            "description": "The pages before (`prev`) and after (`next`) this one, where there are any (RFC 8288).",
            "schema": {"type": "string"},
        });
    }
    let done = json!({
        "description": "Done.", "headers": headers, "content": {"application/json": {"schema": schema}},
    });
    let mut all = Map::new();
    if route.makes {
        all.insert("201".to_owned(), done.clone());
    }
    all.insert("200".to_owned(), done);
    for status in statuses().keys() {
        all.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{status}")}));
    }
    Value::Object(all)
}

fn pages(command: CommandKind) -> bool {
    use CommandKind as K;
    matches!(command, K::History | K::Roster | K::ListRooms | K::Users | K::UnreadSummary)
}

/// The statuses of all errors, with the errors.
fn statuses() -> BTreeMap<u16, Vec<ErrorCode>> {
    let mut statuses: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in ErrorCode::ALL {
        statuses.entry(code.status()).or_default().push(*code);
    }
    statuses
}

fn responses() -> Value {
    let response = |(status, codes): (u16, Vec<ErrorCode>)| {
        let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
        if status == 401 {
            headers["www-authenticate"] = json!({"schema": {"type": "string"}});
        }
        if codes.iter().any(|code| code.retry() == Retry::Later) {
            headers["retry-after"] = json!({
                "description": "In seconds; `retry_after_ms` says it more exactly.",
                "schema": {"type": "string", "pattern": "^[0-9]+$"},
            });
        }
        let lines: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.word(), code.sentence())).collect();
        let response = json!({
            "description": lines.join("\n\n"),
            "headers": headers,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        });
        (status.to_string(), response)
    };
    Value::Object(statuses().into_iter().map(response).collect())
}

fn error() -> Value {
    let names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.word()).collect();
    let numbers: Vec<_> = ErrorCode::ALL.iter().map(|code| *code as u16).collect();
    json!({
        "type": "object",
        "required": ["code", "name", "message", "retry_after_ms"],
        "properties": {
            "code": {"type": "integer", "enum": numbers},
            "name": {"type": "string", "enum": names},
            "message": {"type": "string", "description": "What the error means."},
            "detail": {"type": "string", "description": "What exactly, and how to mend it."},
            "field": {"type": "string", "description": "The field that is wrong: of the path, the query, the headers or the body."},
            "retry_after_ms": {"type": "integer", "minimum": 0, "description": "When trying again makes sense; 0: not before something else changed."},
        },
    })
}

/// The schemas that are referred to, and those that these refer to.
fn used(document: &Value) -> Value {
    let known: BTreeMap<&str, Value> = rest::components()
        .into_iter()
        .map(|(name, schema)| (name, parsed(&schema)))
        .chain([("Error", error())])
        .collect();
    let mut schemas = Map::new();
    let mut looked_at = vec![document.clone()];
    while let Some(value) = looked_at.pop() {
        for name in references(&value) {
            if let Some(schema) = known.get(name.as_str())
                && !schemas.contains_key(&name)
            {
                looked_at.push(schema.clone());
                schemas.insert(name, schema.clone());
            }
        }
    }
    Value::Object(schemas)
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(reference) if key == "$ref" => {
                    reference.strip_prefix("#/components/schemas/").map(str::to_owned).into_iter().collect()
                }
                Some(_) | None => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_operations_have_names_of_their_own() {
        let document = document();
        for name in references(&document) {
            assert!(document["components"]["schemas"].get(&name).is_some(), "{name}");
        }
        let mut ids = BTreeSet::new();
        let mut operations = 0;
        for (_, methods) in document["paths"].as_object().unwrap() {
            for (_, operation) in methods.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{operation}");
                operations += 1;
            }
        }
        assert_eq!(operations, ROUTES.len() + ROUTES.iter().filter(|route| route.direct().is_some()).count());
    }

    #[test]
    fn a_field_stands_in_one_place() {
        let document = document();
        let post = &document["paths"]["/v1/rooms/{room}/messages"]["post"];
        let named: Vec<_> =
            post["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(named, ["room", "ack", "idempotency-key"]);
        let body = &post["requestBody"]["content"]["application/json"]["schema"]["properties"];
        assert!(body.get("body").is_some() && body.get("room").is_none() && body.get("ack").is_none());
    }
}
