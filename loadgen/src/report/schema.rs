//! Proof that `docs/loadgen/record.schema.json` and the record agree: neither has a field that the other has not.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::sample::{Sample, calm, record, stall};
use crate::adapter::Language;
use crate::record::verdict::Word;
use crate::record::{Record, What};
use crate::scenario::{Back, Leave};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/loadgen/record.schema.json")).unwrap()
}

/// What the code writes for a sample that came in as JSON.
fn written(sample: &Value) -> Value {
    serde_json::to_value(Record::read(&sample.to_string()).unwrap()).unwrap()
}

/// Holds a value against a schema, as far as this schema goes; whatever it does not understand is a complaint too.
struct Checker {
    schema: Value,
    /// The value is known to have every field: one that is in the schema alone is a complaint.
    full: bool,
    complaints: Vec<String>,
}

fn complaints(schema: Value, value: &Value, full: bool) -> Vec<String> {
    let mut checker = Checker { schema: schema.clone(), full, complaints: Vec::new() };
    checker.check(&schema, value, "record");
    checker.complaints
}

impl Checker {
    fn complain(&mut self, path: &str, what: &str) {
        self.complaints.push(format!("{path}: {what}"));
    }

    fn check(&mut self, schema: &Value, value: &Value, path: &str) {
        let Value::Object(keywords) = schema else { return self.complain(path, "not in the schema") };
        for (keyword, asked) in keywords {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" | "unit" => {}
                "$ref" => {
                    let name = asked.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    match self.schema["$defs"].get(name).cloned() {
                        Some(found) => self.check(&found, value, path),
                        None => self.complain(path, &format!("no definition of {name}")),
                    }
                }
                "anyOf" => {
                    // One of them is null; which one is meant shows in the value.
                    let null = json!({ "type": "null" });
                    let others: Vec<Value> =
                        asked.as_array().unwrap().iter().filter(|one| **one != null).cloned().collect();
                    let meant = if value.is_null() && others.len() < asked.as_array().unwrap().len() {
                        &null
                    } else {
                        &others[0]
                    };
                    self.check(meant, value, path);
                }
                "type" => self.check_type(asked, value, path),
                "enum" if asked.as_array().unwrap().contains(value) => {}
                "const" if asked == value => {}
                "enum" | "const" => self.complain(path, &format!("{value} is not {asked}")),
                "minimum" if value.is_null() || value.as_f64() >= asked.as_f64() => {}
                "maximum" if value.is_null() || value.as_f64() <= asked.as_f64() => {}
                "minItems" if value.is_null() || value.as_array().map(|all| all.len() as u64) >= asked.as_u64() => {}
                "minimum" | "maximum" | "minItems" => self.complain(path, &format!("{value} breaks {keyword} {asked}")),
                "properties" | "required" | "additionalProperties" => {}
                "items" | "prefixItems" | "examples" => {}
                other => self.complain(path, &format!("the checker does not know {other}")),
            }
        }
        match value {
            Value::Object(fields) => self.check_fields(keywords, fields, path),
            Value::Array(items) => self.check_items(keywords, items, path),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn check_type(&mut self, asked: &Value, value: &Value, path: &str) {
        let seen = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            // What the code holds as a whole number is written as one.
            Value::Number(number) if number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let one = [asked.clone()];
        if !asked.as_array().map_or(&one[..], Vec::as_slice).iter().any(|asked| asked == seen) {
            self.complain(path, &format!("is {seen}, the schema says {asked}"));
        }
    }

    fn check_fields(&mut self, keywords: &Map<String, Value>, fields: &Map<String, Value>, path: &str) {
        let Some(Value::Object(properties)) = keywords.get("properties") else { return };
        if keywords.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.complain(path, "open to fields that nobody described");
        }
        for (name, value) in fields {
            let property = properties.get(name).cloned().unwrap_or_default();
            self.check(&property, value, &format!("{path}.{name}"));
        }
        let required = keywords.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for name in properties.keys().filter(|name| !fields.contains_key(*name)) {
            if self.full || required.contains(&json!(name)) {
                self.complain(&format!("{path}.{name}"), "only in the schema");
            }
        }
        for name in required.iter().filter(|name| !properties.contains_key(name.as_str().unwrap_or_default())) {
            self.complain(path, &format!("{name} is required and not described"));
        }
    }

    fn check_items(&mut self, keywords: &Map<String, Value>, items: &[Value], path: &str) {
        let places = keywords.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
        for (n, item) in items.iter().enumerate() {
            let asked = places.get(n).or(keywords.get("items")).cloned().unwrap_or_default();
            self.check(&asked, item, &format!("{path}[{n}]"));
        }
        // The first of several speaks for all.
        if self.full && items.is_empty() && !path.replace("[0]", "").contains('[') {
            self.complain(path, "empty: nothing shows what is in it");
        }
    }
}

#[test]
fn every_field_of_a_full_record_is_in_the_schema_and_the_other_way_round() {
    let full = written(&stall());
    let step = full["search"].as_array().unwrap().iter().position(|step| !step["why"].is_null());
    assert!(step.is_some() && !full["first_refusal"].is_null(), "the sample has everything");
    let seen = complaints(schema(), &full, true);
    assert!(seen.is_empty(), "{seen:#?}");
}

#[test]
fn records_without_what_may_be_missing_are_described_too() {
    let mut bare = Record::read(&calm().to_string()).unwrap();
    bare.scenario.members.stay_seconds = None;
    bare.first_refusal = None;
    bare.cost = Default::default();
    bare.expectations[0].found = None;
    bare.latency.remove(&What::Ack);
    bare.marks.clear();
    for second in &mut bare.seconds {
        (second.server_share, second.server_memory_bytes) = (None, None);
    }
    let nothing = record(Sample { seconds: 0, stall: false, slower: 0 });
    for value in [serde_json::to_value(&bare).unwrap(), written(&nothing)] {
        let seen = complaints(schema(), &value, false);
        assert!(seen.is_empty(), "{seen:#?}");
    }
}

#[test]
fn a_field_too_many_too_few_or_of_another_type_is_noticed() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 9] = [
        (|record| record["new"] = json!(1), "record.new: not in the schema"),
        (|record| record["cost"]["server"]["new"] = json!(1), "record.cost.server.new: not in the schema"),
        (|record| remove(&mut record["totals"], "posts"), "record.totals.posts: only in the schema"),
        (|record| remove(&mut record["seconds"][3], "heat"), "record.seconds[3].heat: only in the schema"),
        (|record| record["gaps"]["told"] = json!(1.5), "record.gaps.told: is number, the schema says \"integer\""),
        (
            |record| record["cost"]["headroom"] = Value::Null,
            "record.cost.headroom: is null, the schema says \"number\"",
        ),
        (|record| record["verdict"]["word"] = json!("MAYBE"), "record.verdict.word: \"MAYBE\" is not"),
        (
            |record| record["seconds"][0]["heat"][0] = json!([3, 4, 5]),
            "record.seconds[0].heat[0][2]: not in the schema",
        ),
        (
            |record| record["seconds"][0]["heat"][0] = json!([40, 4]),
            "record.seconds[0].heat[0][0]: 40 breaks maximum 39",
        ),
    ];
    for (change, complaint) in changes {
        let mut value = written(&stall());
        change(&mut value);
        let seen = complaints(schema(), &value, false);
        assert!(seen.len() == 1 && seen[0].starts_with(complaint), "{seen:#?} for {complaint}");
    }
    let mut wider = schema();
    wider["$defs"]["mark"]["properties"]["author"] = json!({ "type": "string" });
    let seen = complaints(wider, &written(&stall()), true);
    assert_eq!(seen, ["record.marks[0].author: only in the schema", "record.marks[1].author: only in the schema"]);
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap();
}

#[test]
fn words_of_the_schema_are_those_of_the_code() {
    fn names<T: Serialize>(all: &[T]) -> Value {
        serde_json::to_value(all).unwrap()
    }
    let schema = schema();
    let scenario = &schema["$defs"]["scenario"]["properties"];
    assert_eq!(
        schema["$defs"]["verdict"]["properties"]["word"]["enum"],
        names(&[Word::Pass, Word::Fail, Word::Invalid])
    );
    assert_eq!(schema["properties"]["languages"]["items"]["examples"], names(&Language::names()));
    assert_eq!(scenario["members"]["properties"]["leave"]["enum"], names(&[Leave::Politely, Leave::Cut]));
    assert_eq!(scenario["members"]["properties"]["back"]["enum"], names(&[Back::Anew, Back::Resuming]));
    assert_eq!(schema["properties"]["form"]["const"], crate::record::FORM);
}

#[test]
fn everything_has_a_description_and_every_number_a_unit() {
    fn walk(schema: &Value, path: &str, out: &mut Vec<String>) {
        let has = |keyword: &str| schema[keyword].as_str().is_some_and(|text| !text.is_empty());
        if !has("description") && schema.get("$ref").is_none() {
            out.push(format!("{path} has no description"));
        }
        let is = |name: &str| {
            schema["type"] == name || schema["type"].as_array().is_some_and(|all| all.contains(&json!(name)))
        };
        if (is("number") || is("integer")) != has("unit") {
            out.push(format!("{path} has a number and no unit, or the other way round"));
        }
        let properties = schema["properties"].as_object().into_iter().flatten();
        let definitions = schema["$defs"].as_object().into_iter().flatten();
        properties.chain(definitions).for_each(|(name, value)| walk(value, &format!("{path}.{name}"), out));
        let items = [&schema["items"]].into_iter().filter(|items| items.is_object());
        items
            .chain(schema["prefixItems"].as_array().into_iter().flatten())
            .for_each(|value| walk(value, &format!("{path}[]"), out));
    }
    let mut out = Vec::new();
    walk(&schema(), "record", &mut out);
    assert!(out.is_empty(), "{out:#?}");
}
