//! One property in every shape that PowerShell gives it (`exchange-online.md` section 2.4).

use std::collections::HashMap;

use serde_json::Map;

use super::error::{Collected, ExportError, Problem};
use super::node::{Node, Value};
use super::recognise::{Kind, elements};
use crate::world::Place;

/// The properties of one object, taken one after the other; problems are collected.
#[derive(Debug)]
pub(super) struct Properties<'a> {
    kind: Kind,
    place: &'a Place,
    left: HashMap<String, (&'a str, &'a Node)>,
    problems: Collected,
}

impl<'a> Properties<'a> {
    /// The properties of `node`, whatever the case of their names.
    pub(super) fn of(node: &'a Node, kind: Kind) -> Result<Self, Vec<ExportError>> {
        let Value::Object(entries) = &node.value else {
            return Err(vec![ExportError::unexpected(node, "an object")]);
        };
        let mut properties = Self {
            kind,
            place: &node.place,
            left: HashMap::with_capacity(entries.len()),
            problems: Collected::default(),
        };
        for (name, value) in entries {
            let key = name.to_ascii_lowercase();
            if let Some((_, first)) = properties.left.get(&key) {
                properties.problems.add(ExportError {
                    place: value.place.clone(),
                    problem: Problem::Repeated {
                        first: first.place.line,
                    },
                });
            } else {
                properties.left.insert(key, (name, value));
            }
        }
        Ok(properties)
    }

    /// The property, if it is there and not null.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a Node> {
        let (_, node) = self.left.remove(&name.to_ascii_lowercase())?;
        (node.value != Value::Null).then_some(node)
    }

    /// A truth value; `absent` where there is none.
    pub(super) fn boolean(&mut self, name: &str, absent: bool) -> bool {
        let Some(node) = self.take(name) else {
            return absent;
        };
        boolean(node).unwrap_or_else(|| {
            self.refuse(node, "true or false");
            absent
        })
    }

    /// The text that `node` is, or an `expected` problem.
    pub(super) fn text_of<'n>(
        &mut self,
        node: &'n Node,
        expected: &'static str,
    ) -> Option<&'n str> {
        let text = text(node).filter(|text| !is_flattened(text));
        if text.is_none() {
            self.refuse(node, expected);
        }
        text
    }

    /// One of a few words, or of their numbers.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, i64, T)],
        expected: &'static str,
    ) -> Option<T> {
        let node = self.take(name)?;
        let found = word(node, words);
        if found.is_none() {
            self.refuse(node, expected);
        }
        found
    }

    /// Whether the property is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.left
            .get(&name.to_ascii_lowercase())
            .is_some_and(|(_, node)| node.value != Value::Null)
    }

    /// Whether the property is a text with nothing in it.
    pub(super) fn is_empty_text(&self, name: &str) -> bool {
        self.left
            .get(&name.to_ascii_lowercase())
            .and_then(|(_, node)| node.as_text())
            .is_some_and(|text| text.trim().is_empty())
    }

    /// The elements of a multi-valued property: an array, PowerShell's wrapper of one, a single
    /// value, or one text that several were joined to.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<Node>> {
        let (_, node) = self.left.remove(&name.to_ascii_lowercase())?;
        if let Value::String(text) = &node.value
            && !is_flattened(text)
        {
            return Some(split(text, &node.place));
        }
        Some(elements(node).into_iter().cloned().collect())
    }

    /// Reports that `node` is not what is expected in its place.
    pub(super) fn refuse(&mut self, node: &Node, expected: &'static str) {
        let found = node.shown();
        let problem = match &node.value {
            Value::String(text) if is_flattened(text) => Problem::Flattened { expected, found },
            Value::Expression(_) => Problem::Unresolved { expected, found },
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Object(_) => Problem::Unexpected { expected, found },
        };
        self.problems.add(ExportError {
            place: node.place.clone(),
            problem,
        });
    }

    /// Reports that the object lacks `property`.
    pub(super) fn missing(&mut self, property: &'static str) {
        self.problems.add(ExportError {
            place: self.place.clone(),
            problem: Problem::Missing {
                kind: self.kind,
                property,
            },
        });
    }

    /// The properties that nobody took, and the object's place; or the problems, in the order of
    /// the file.
    pub(super) fn finish(
        self,
    ) -> Result<(Map<String, serde_json::Value>, Place), Vec<ExportError>> {
        if !self.problems.is_empty() {
            return Err(self.problems.into_errors());
        }
        let other = self
            .left
            .into_values()
            .map(|(name, node)| (name.to_owned(), node.to_json()))
            .collect();
        Ok((other, self.place.clone()))
    }
}

/// A text, or the one that a rich value carries.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Object(properties) => RICH_TEXTS
            .iter()
            .find_map(|wanted| text_property(properties, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Expression(_) | Value::List(_) => {
            None
        }
    }
}

/// A domain as text, `*.` in front if all below it is meant; a rich value has a flag for that.
pub(super) fn domain_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => (!is_flattened(text)).then(|| text.clone()),
        Value::Object(properties) => {
            let whole = ["ToString", "Address"]
                .iter()
                .find_map(|wanted| text_property(properties, wanted));
            if let Some(whole) = whole {
                return Some(whole.to_owned());
            }
            let inner = ["Domain", "SmtpDomain"]
                .iter()
                .find_map(|wanted| text(node.property(wanted)?))?;
            let below = node
                .property("IncludeSubDomains")
                .and_then(boolean)
                .unwrap_or(false);
            Some(if below && !inner.starts_with('*') {
                format!("*.{inner}")
            } else {
                inner.to_owned()
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Expression(_) | Value::List(_) => {
            None
        }
    }
}

/// The text of a property; others may be called the same but for case, as in
/// `{"value": 2, "Value": "Partner"}`.
fn text_property<'a>(properties: &'a [(String, Node)], wanted: &str) -> Option<&'a str> {
    properties
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .filter_map(|(_, inner)| inner.as_text())
        .find(|text| !is_flattened(text))
}

/// `true`, `"True"`, `"$true"`, `1`, or a rich value of one of these.
pub(super) fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Bool(value) => Some(*value),
        Value::Number(digits) => boolean_word(digits),
        Value::String(text) => boolean_word(text),
        Value::Object(properties) => properties
            .iter()
            .filter(|(name, _)| {
                ["value", "IsPresent", "ToString"]
                    .iter()
                    .any(|word| name.eq_ignore_ascii_case(word))
            })
            .find_map(|(_, inner)| match &inner.value {
                Value::Bool(value) => Some(*value),
                Value::Number(text) | Value::String(text) => boolean_word(text),
                Value::Null | Value::Expression(_) | Value::List(_) | Value::Object(_) => None,
            }),
        Value::Null | Value::Expression(_) | Value::List(_) => None,
    }
}

fn boolean_word(text: &str) -> Option<bool> {
    let word = text.trim();
    let word = word.strip_prefix('$').unwrap_or(word);
    if word.eq_ignore_ascii_case("true") || word == "1" {
        Some(true)
    } else if word.eq_ignore_ascii_case("false") || word == "0" {
        Some(false)
    } else {
        None
    }
}

/// A word, its number, or `{"value": 2, "Value": "Partner"}`, whose word decides.
fn word<T: Copy>(node: &Node, words: &[(&str, i64, T)]) -> Option<T> {
    let by_word = |text: &str| {
        let text = text.trim();
        let known = words
            .iter()
            .find(|(word, _, _)| word.eq_ignore_ascii_case(text));
        known.map(|(_, _, value)| *value)
    };
    let by_number = |digits: &str| {
        let number = digits.trim().parse::<i64>().ok()?;
        let known = words.iter().find(|(_, known, _)| *known == number);
        known.map(|(_, _, value)| *value)
    };
    match &node.value {
        Value::String(text) => by_word(text).or_else(|| by_number(text)),
        Value::Number(digits) => by_number(digits),
        Value::Object(properties) => {
            let parts = || {
                let parts = properties.iter().filter(|(name, _)| is_enum_part(name));
                parts.map(|(_, inner)| inner)
            };
            // A word that is not known must not be overruled by a number that is a guess.
            match parts().find_map(Node::as_text) {
                Some(text) => by_word(text).or_else(|| by_number(text)),
                None => by_number(parts().find_map(Node::as_number)?),
            }
        }
        Value::Null | Value::Bool(_) | Value::Expression(_) | Value::List(_) => None,
    }
}

fn is_enum_part(name: &str) -> bool {
    ["value", "ToString", "Name"]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word))
}

/// The values that PowerShell joined when it made one text of several.
fn split(text: &str, place: &Place) -> Vec<Node> {
    text.split(|separator: char| separator.is_whitespace() || separator == ',')
        .filter(|part| !part.is_empty())
        .map(|part| Node {
            value: Value::String(part.to_owned()),
            place: place.clone(),
        })
        .collect()
}

/// Whether `text` is what a too small `-Depth` leaves of a value: the name of its type, or its
/// properties as `@{Name=value}`.
pub(super) fn is_flattened(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with("@{") && text.ends_with('}') && text.contains('='))
        || FLATTENED.iter().any(|prefix| text.starts_with(prefix))
}

/// Where rich values keep their text, the best place first.
const RICH_TEXTS: [&str; 7] = [
    "ToString",
    "Expression",
    "IPAddressToString",
    "Address",
    "Value",
    "Name",
    "Domain",
];

const FLATTENED: [&str; 5] = [
    "System.Collections.",
    "System.Object",
    "System.String[",
    "Microsoft.Exchange.",
    "Deserialized.",
];
