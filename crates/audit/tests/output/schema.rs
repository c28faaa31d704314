//! Validation against published schemas.

use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema of `--format json`: docs/lint.schema.json.
pub(crate) fn json() -> Validator {
    part("")
}

/// A part of it.
pub(crate) fn part(pointer: &str) -> Validator {
    validator("docs/lint.schema.json", pointer)
}

/// The schema of SARIF 2.1.0, as OASIS publishes it.
pub(crate) fn sarif() -> Validator {
    validator("tests/data/sarif/sarif-schema-2.1.0.json", "")
}

/// What is wrong with a document; empty if nothing is.
pub(crate) fn problems(schema: &Validator, document: &Value) -> Vec<String> {
    let errors = schema.iter_errors(document);
    errors
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect()
}

fn validator(file: &str, part: &str) -> Validator {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    // SARIF's pattern of languages ends a class that none began. JavaScript takes the bracket for
    // itself; other dialects want it escaped.
    let text = fs::read_to_string(path).unwrap();
    let text = text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}\\\\]?$");
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    if !part.is_empty() {
        let definitions = schema.get_mut("$defs").map(Value::take);
        schema = json!({ "$ref": format!("#{part}"), "$defs": definitions });
    }
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}
