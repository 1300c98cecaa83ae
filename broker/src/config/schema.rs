//! The schema of a configuration file, for editors.

use super::keys::{AUTH, CLASS, HOOK, ROOM, SECTIONS};
use super::table::Section;
use serde_json::{Map, Value, json};

/// What `configs/rookery.schema.json` has to be.
pub fn schema() -> String {
    let mut tables: Map<String, Value> =
        SECTIONS.iter().map(|section| (section.name.to_owned(), table(&[section]))).collect();
    let mut realm = table(&[&AUTH]);
    let classes = json!({
        "type": "object",
        "description": "Classes set rooms apart.",
        "additionalProperties": table(&[&CLASS, &ROOM]),
    });
    if let Some(properties) = realm.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(super::CLASSES.to_owned(), classes);
        properties.insert(HOOK.name.to_owned(), table(&[&HOOK]));
    }
    tables.insert(
        super::REALMS.to_owned(),
        json!({
            "type": "object",
            "description": "Realms keep worlds apart. The realm \"main\" is always there.",
            "additionalProperties": realm,
        }),
    );
    let whole = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rookery",
        "type": "object",
        "properties": tables,
        "additionalProperties": false,
    });
    format!("{whole:#}\n")
}

fn table(sections: &[&Section]) -> Value {
    let rows = sections.iter().flat_map(|section| section.rows);
    let properties: Map<String, Value> = rows
        .map(|row| {
            let mut schema = (row.form)().schema;
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), Value::from(row.sentence));
            }
            (row.name.to_owned(), schema)
        })
        .collect();
    let about = sections.first().map_or("", |section| section.sentence);
    json!({"type": "object", "description": about, "properties": properties, "additionalProperties": false})
}
