//! JSON as `ConvertTo-Json` writes it: strictly RFC 8259, and every value with its place.

use std::path::Path;
use std::sync::Arc;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, parse_to_ast};

use super::DEEPEST;
use super::error::{Collected, ExportError, Format, Problem};
use super::node::{Node, Value};
use super::position::{Positions, element_path, property_path};

/// The value in `text`; absent if there is nothing but white space.
pub(super) fn parse(file: &Arc<Path>, text: &str) -> Result<Option<Node>, Vec<ExportError>> {
    let positions = Positions::new(file, text);
    let refused = |offset: usize, problem: Problem| {
        vec![ExportError {
            place: positions.at(offset, ""),
            problem,
        }]
    };
    // Before the parser, which recurses.
    if let Some(offset) = too_deep(text) {
        return Err(refused(offset, Problem::TooDeep { limit: DEEPEST }));
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT).map_err(|error| {
        let start = error.range().start;
        match unterminated(error.kind()) {
            Some(what) => {
                let begun = positions.at(start, "");
                let what = format!(
                    "it ends within the {what} that begins in line {}, column {}",
                    begun.line, begun.column
                );
                refused(text.len(), syntax(what))
            }
            None => refused(start, syntax(uncapitalised(&error.kind().to_string()))),
        }
    })?;
    if let Some((offset, what)) = stray(text) {
        return Err(refused(offset, syntax(what.to_owned())));
    }
    let mut repeated = Collected::default();
    let node = parsed
        .value
        .map(|value| node(&positions, value, "", &mut repeated));
    if repeated.is_empty() {
        Ok(node)
    } else {
        Err(repeated.into_errors())
    }
}

/// What the end of the file cut off.
fn unterminated(kind: &ParseErrorKind) -> Option<&'static str> {
    if let ParseErrorKind::UnterminatedObject = kind {
        Some("object")
    } else if let ParseErrorKind::UnterminatedArray = kind {
        Some("array")
    } else if let ParseErrorKind::String(ParseStringErrorKind::UnterminatedStringLiteral) = kind {
        Some("string")
    } else {
        None
    }
}

fn syntax(what: String) -> Problem {
    Problem::Syntax {
        format: Format::Json,
        what,
    }
}

fn node(
    positions: &Positions<'_>,
    value: ast::Value<'_>,
    path: &str,
    repeated: &mut Collected,
) -> Node {
    let place = positions.at(value.range().start, path);
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::NumberLit(literal) => Value::Number(literal.value.to_owned()),
        ast::Value::StringLit(literal) => Value::String(literal.value.into_owned()),
        ast::Value::Array(array) => Value::List(
            array
                .elements
                .into_iter()
                .enumerate()
                .map(|(index, element)| {
                    node(positions, element, &element_path(path, index), repeated)
                })
                .collect(),
        ),
        ast::Value::Object(object) => Value::Object(properties(positions, object, path, repeated)),
    };
    Node { value, place }
}

/// The properties; names that differ in case only are PowerShell's own, as in
/// `{"value": 2, "Value": "Partner"}`.
fn properties(
    positions: &Positions<'_>,
    object: ast::Object<'_>,
    path: &str,
    repeated: &mut Collected,
) -> Vec<(String, Node)> {
    let mut lines = std::collections::HashMap::new();
    let mut properties = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let name = property.name.into_string();
        let path = property_path(path, &name);
        let place = positions.at(property.range.start, &path);
        let value = node(positions, property.value, &path, repeated);
        if let Some(first) = lines.insert(name.clone(), place.line) {
            let problem = Problem::Repeated { first };
            repeated.add(ExportError { place, problem });
        }
        properties.push((name, value));
    }
    properties
}

/// Where brackets outside of strings are nested more than [`DEEPEST`].
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (offset, octet) in text.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > DEEPEST {
                    return Some(offset);
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// What the parser lets pass and JSON does not: control characters in strings, and white space of
/// other languages between values.
fn stray(text: &str) -> Option<(usize, &'static str)> {
    let (mut in_string, mut escaped) = (false, false);
    for (offset, octet) in text.bytes().enumerate() {
        match octet {
            0..0x20 if in_string => return Some((offset, "control character in a string")),
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'\t' | b'\n' | b'\r' => {}
            0..0x20 | 0x7f.. if !in_string => return Some((offset, "stray character")),
            _ => {}
        }
    }
    None
}

fn uncapitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};
