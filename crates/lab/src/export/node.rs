//! A value of any notation, and where it stands.

use serde_json::Map;

use crate::world::Place;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// What a value is, the same for every notation.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `$null`, `<Nil/>`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, in decimal as it was written.
    Number(String),
    /// A text.
    String(String),
    /// A PowerShell expression whose value is not in the file, as `$Credential`.
    Expression(String),
    /// Values in order.
    List(Vec<Node>),
    /// Properties in order.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The first property called `name`, whatever the case of its letters.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Self> {
        let Value::Object(properties) = &self.value else {
            return None;
        };
        properties
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Value::String(text) = &self.value {
            Some(text)
        } else {
            None
        }
    }

    /// The digits of a number.
    pub(super) fn as_number(&self) -> Option<&str> {
        if let Value::Number(digits) = &self.value {
            Some(digits)
        } else {
            None
        }
    }

    /// The same value without its place.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => serde_json::Value::Bool(*value),
            Value::Number(digits) => digits
                .parse::<serde_json::Number>()
                .map_or_else(|_| digits.as_str().into(), serde_json::Value::Number),
            Value::String(text) | Value::Expression(text) => text.as_str().into(),
            Value::List(nodes) => nodes.iter().map(Self::to_json).collect(),
            Value::Object(properties) => properties
                .iter()
                .map(|(name, node)| (name.clone(), node.to_json()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// The value for a message: escaped, and shortened.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(digits) => shortened(digits),
            Value::String(text) => format!("{:?}", shortened(text)),
            Value::Expression(text) => format!("the expression {}", shortened(text).escape_debug()),
            Value::List(nodes) if nodes.is_empty() => "an empty list".to_owned(),
            Value::List(nodes) => format!("a list of {}", nodes.len()),
            Value::Object(properties) if properties.is_empty() => "an empty object".to_owned(),
            Value::Object(properties) => {
                let names: Vec<String> = properties
                    .iter()
                    .take(SHOWN_NAMES)
                    .map(|(name, _)| shortened(name).escape_debug().to_string())
                    .collect();
                let more = if properties.len() > SHOWN_NAMES {
                    ", ..."
                } else {
                    ""
                };
                format!("an object with {}{more}", names.join(", "))
            }
        }
    }
}

/// At most 60 characters of `text`.
pub(super) fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(SHOWN).collect();
    if chars.next().is_some() {
        short.push_str("...");
    }
    short
}

const SHOWN: usize = 60;
const SHOWN_NAMES: usize = 4;
