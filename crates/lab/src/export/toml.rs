//! The tables of a hand-written world, as if they had been exported.

use tenantry_settings::Source;
use toml::Spanned;
use toml::de::DeValue;

use super::DEEPEST;
use super::node::{Node, Value};
use super::position::{element_path, property_path};

/// A TOML value with the places of all that is in it: `value` was parsed from the text of `source`,
/// and stands there at `path` (as `tenant[0].inbound_connectors[1]`).
#[must_use]
pub fn from_toml(source: &Source<'_>, value: &Spanned<DeValue<'_>>, path: &str) -> Node {
    node(source, value, path, 0)
}

fn node(source: &Source<'_>, spanned: &Spanned<DeValue<'_>>, path: &str, depth: usize) -> Node {
    let place = source.place(path, spanned.span().start);
    if depth > DEEPEST {
        // The TOML parser's own bound is lower: this is for a parser without one.
        let value = Value::Expression("nested too deeply".to_owned());
        return Node { value, place };
    }
    let value = match spanned.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => Value::Number(
            i128::from_str_radix(integer.as_str(), integer.radix())
                .map_or_else(|_| integer.to_string(), |number| number.to_string()),
        ),
        DeValue::Float(float) => Value::Number(float.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(elements) => Value::List(
            elements
                .iter()
                .enumerate()
                .map(|(index, element)| {
                    node(source, element, &element_path(path, index), depth + 1)
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Object(properties(source, table, path, depth)),
    };
    Node { value, place }
}

fn properties(
    source: &Source<'_>,
    table: &toml::de::DeTable<'_>,
    path: &str,
    depth: usize,
) -> Vec<(String, Node)> {
    let mut entries: Vec<_> = table.iter().collect();
    // Tables are sorted by key; the order of the file is the one to report in.
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
        .into_iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let value = node(source, value, &property_path(path, &name), depth + 1);
            (name, value)
        })
        .collect()
}
