//! Why a line is no question, in the words of its author: the key, what stands there, what to write.

use serde_json::{Map, Value};

use super::question::QuestionError;

/// One key of the batch form.
struct Key {
    name: &'static str,
    required: bool,
    fits: fn(&Value) -> bool,
    remedy: &'static str,
}

const KEYS: &[Key] = &[
    key("id", |_any| true, ""),
    key(
        "certificate_names",
        |value| value.is_null() || is_texts(value),
        "a list of names, as [\"mail.contoso.com\"], or null without a certificate",
    ),
    key(
        "certificate_problem",
        is_optional_text,
        "a word, as \"expired\", \"incomplete-chain\" or \"untrusted\", or null",
    ),
    key("ip", is_optional_text, "an address, as \"192.0.2.10\""),
    key(
        "region",
        is_optional_text,
        "a word, as \"EUR\", or null for no check",
    ),
    key(
        "tls",
        |value| value.is_null() || value.is_boolean(),
        "true or false",
    ),
    required(
        "mail_from",
        Value::is_string,
        "the sender, as \"u@contoso.com\", or \"\" for the null sender",
    ),
    key(
        "header_from",
        is_optional_text,
        "the From header, as \"u@contoso.com\", or null",
    ),
    required(
        "rcpt_to",
        is_texts,
        "a list of addresses, as [\"u@fabrikam.com\"]",
    ),
];

const fn key(name: &'static str, fits: fn(&Value) -> bool, remedy: &'static str) -> Key {
    let required = false;
    Key {
        name,
        required,
        fits,
        remedy,
    }
}

const fn required(name: &'static str, fits: fn(&Value) -> bool, remedy: &'static str) -> Key {
    Key {
        required: true,
        ..key(name, fits, remedy)
    }
}

fn is_texts(value: &Value) -> bool {
    let list = value.as_array();
    list.is_some_and(|list| list.iter().all(Value::is_string))
}

fn is_optional_text(value: &Value) -> bool {
    value.is_null() || value.is_string()
}

/// What is wrong with a line that is not of the form, `error` being what serde says of it.
pub(super) fn complaint(line: &[u8], error: &serde_json::Error) -> QuestionError {
    if line.trim_ascii().is_empty() {
        return QuestionError::Empty;
    }
    if line.contains(&0) || std::str::from_utf8(line).is_err() {
        return QuestionError::NoText;
    }
    match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(object)) => of_object(&object).unwrap_or_else(|| said(error)),
        Ok(_) => QuestionError::Object,
        Err(error) => said(&error),
    }
}

fn of_object(object: &Map<String, Value>) -> Option<QuestionError> {
    let known = || KEYS.iter().map(|key| key.name);
    let unknown = object.keys().find(|name| !known().any(|key| key == *name));
    if let Some(name) = unknown {
        return Some(QuestionError::UnknownKey {
            key: shortened(name),
            known: known().collect::<Vec<_>>().join(", "),
        });
    }
    KEYS.iter().find_map(|key| match object.get(key.name) {
        None if key.required => Some(QuestionError::Missing {
            key: key.name,
            remedy: key.remedy,
        }),
        Some(value) if !(key.fits)(value) => Some(QuestionError::Value {
            found: format!("{} is {}", key.name, shown(value)),
            remedy: key.remedy,
        }),
        None | Some(_) => None,
    })
}

/// serde's words, with the column alone: its line is always the first.
fn said(error: &serde_json::Error) -> QuestionError {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    QuestionError::Json {
        what: String::from(what),
        column: error.column(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("{:?}", shortened(text)),
        Value::Object(_) => String::from("an object"),
        Value::Array(list) => match list.iter().find(|value| !value.is_string()) {
            Some(Value::Array(_)) => String::from("a list of lists"),
            Some(value) => format!("a list with {}", shown(value)),
            None => String::from("a list"),
        },
    }
}

/// At most 60 characters.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
