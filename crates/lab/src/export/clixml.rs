//! `Export-Clixml`: PowerShell's own serialisation, as the values that JSON would have.
//!
//! An `<Obj>` is a list, a set of properties, or an enum or other rich value that carries its text
//! in `<ToString>`; `<Ref>` repeats an earlier one. Positions are those of the elements.

mod crowded;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use roxmltree::{Document, ParsingOptions};

use self::crowded::crowded;
use super::DEEPEST;
use super::error::{ExportError, Format, Problem};
use super::node::{Node, Value, shortened};
use super::position::{Positions, element_path, property_path};
use crate::world::Place;

/// The objects in `text`.
pub(super) fn parse(file: &Arc<Path>, text: &str) -> Result<Node, ExportError> {
    let positions = Positions::new(file, text);
    let refused = |offset: usize, what: String| ExportError {
        place: positions.at(offset, ""),
        problem: Problem::Syntax {
            format: Format::Clixml,
            what,
        },
    };
    if let Some(offset) = crowded(text) {
        return Err(refused(
            offset,
            "more attributes or namespaces than any export has".to_owned(),
        ));
    }
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| refused_xml(&positions, text, &error))?;
    let root = document.root_element();
    if root.tag_name().name() != "Objs" {
        let name = shortened(root.tag_name().name());
        return Err(refused(
            root.range().start,
            format!("its root element is {name:?} instead of \"Objs\""),
        ));
    }
    let mut reader = Reader {
        positions: &positions,
        earlier: HashMap::new(),
        open: HashSet::new(),
        repeated: 0,
        referred: None,
    };
    let mut objects = Vec::new();
    for (index, element) in root.children().filter(is_element).enumerate() {
        objects.push(reader.value(element, &element_path("", index), 0)?);
    }
    Ok(Node {
        value: Value::List(objects),
        place: positions.at(root.range().start, ""),
    })
}

type Element<'a, 'i> = roxmltree::Node<'a, 'i>;

struct Reader<'a, 'i, 'p> {
    positions: &'p Positions<'p>,
    /// The objects that a `<Ref>` can mean.
    earlier: HashMap<&'a str, Element<'a, 'i>>,
    /// Those that are being read: a reference to one of them is a circle.
    open: HashSet<&'a str>,
    /// How much was repeated by references.
    repeated: usize,
    /// Where the outermost reference stands that is being followed.
    referred: Option<usize>,
}

impl<'a, 'i> Reader<'a, 'i, '_> {
    fn value(
        &mut self,
        element: Element<'a, 'i>,
        path: &str,
        depth: usize,
    ) -> Result<Node, ExportError> {
        let place = self.place(element, path);
        if depth > DEEPEST {
            let problem = Problem::TooDeep { limit: DEEPEST };
            return Err(ExportError { place, problem });
        }
        let value = match element.tag_name().name() {
            "Obj" => self.object(element, path, depth)?,
            "Ref" => self.reference(element, path, depth)?,
            "Nil" => Value::Null,
            "B" => match text_of(element).trim() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                other => Value::String(other.to_owned()),
            },
            "By" | "SB" | "I16" | "U16" | "I32" | "U32" | "I64" | "U64" | "Sg" | "Db" | "D" => {
                Value::Number(text_of(element).trim().to_owned())
            }
            _ => Value::String(unescaped(text_of(element))),
        };
        Ok(Node { value, place })
    }

    fn object(
        &mut self,
        element: Element<'a, 'i>,
        path: &str,
        depth: usize,
    ) -> Result<Value, ExportError> {
        let id = element.attribute("RefId");
        if let Some(id) = id {
            self.earlier.insert(id, element);
            self.open.insert(id);
        }
        let value = self.content(element, path, depth);
        if let Some(id) = id {
            self.open.remove(id);
        }
        value
    }

    /// What an `<Obj>` amounts to: its properties, its elements, or its text.
    fn content(
        &mut self,
        element: Element<'a, 'i>,
        path: &str,
        depth: usize,
    ) -> Result<Value, ExportError> {
        let mut properties = Vec::new();
        let mut elements = None;
        let mut text = None;
        let mut bare = None;
        let mut known = HashSet::new();
        for part in element.children().filter(is_element) {
            match part.tag_name().name() {
                "TN" | "TNRef" => {}
                "ToString" => {
                    text = Some(Node {
                        value: Value::String(unescaped(text_of(part))),
                        place: self.place(part, path),
                    });
                }
                "Props" | "MS" => {
                    self.properties(part, path, depth, &mut properties, &mut known)?;
                }
                "LST" | "IE" | "QUE" | "STK" => elements = Some(self.list(part, path, depth)?),
                "DCT" => self.dictionary(part, path, depth, &mut properties)?,
                _ => bare = Some(self.value(part, path, depth + 1)?),
            }
        }
        Ok(match (elements, bare, text) {
            (Some(elements), _, _) => Value::List(elements),
            // An enum is its number, with its word as text.
            (None, Some(bare), Some(text)) if matches!(bare.value, Value::Number(_)) => {
                Value::Object(vec![("value".to_owned(), bare), ("Value".to_owned(), text)])
            }
            (None, Some(bare), _) => bare.value,
            (None, None, Some(text)) if properties.is_empty() => text.value,
            (None, None, Some(text)) if depth > 0 => {
                properties.push(("ToString".to_owned(), text));
                Value::Object(properties)
            }
            (None, None, _) => Value::Object(properties),
        })
    }

    fn properties(
        &mut self,
        part: Element<'a, 'i>,
        path: &str,
        depth: usize,
        properties: &mut Vec<(String, Node)>,
        known: &mut HashSet<String>,
    ) -> Result<(), ExportError> {
        for element in part.children().filter(is_element) {
            let name = unescaped(element.attribute("N").unwrap_or_default());
            let value = self.value(element, &property_path(path, &name), depth + 1)?;
            // Note properties repeat what the object's own properties say.
            if known.insert(name.to_ascii_lowercase()) {
                properties.push((name, value));
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        part: Element<'a, 'i>,
        path: &str,
        depth: usize,
    ) -> Result<Vec<Node>, ExportError> {
        part.children()
            .filter(is_element)
            .enumerate()
            .map(|(index, element)| self.value(element, &element_path(path, index), depth + 1))
            .collect()
    }

    /// A hash table: entries of a key and a value.
    fn dictionary(
        &mut self,
        part: Element<'a, 'i>,
        path: &str,
        depth: usize,
        properties: &mut Vec<(String, Node)>,
    ) -> Result<(), ExportError> {
        for entry in part.children().filter(is_element) {
            let half = |wanted| {
                entry
                    .children()
                    .find(|half| half.attribute("N") == Some(wanted))
            };
            if let (Some(key), Some(value)) = (half("Key"), half("Value")) {
                let name = unescaped(text_of(key));
                let value = self.value(value, &property_path(path, &name), depth + 1)?;
                properties.push((name, value));
            }
        }
        Ok(())
    }

    /// An earlier object once more; nothing for one that contains the reference.
    fn reference(
        &mut self,
        element: Element<'a, 'i>,
        path: &str,
        depth: usize,
    ) -> Result<Value, ExportError> {
        let id = element.attribute("RefId").unwrap_or_default();
        if self.open.contains(id) {
            return Ok(Value::Null);
        }
        let Some(earlier) = self.earlier.get(id).copied() else {
            return Err(self.refused(element, path, "a reference to nothing before it"));
        };
        self.repeated += earlier.descendants().count();
        if self.repeated > MOST_REPEATED {
            return Err(self.refused(element, path, "references repeat too much"));
        }
        // All that is in there stands where the reference stands.
        let outer = self.referred.replace(match self.referred {
            Some(outermost) => outermost,
            None => element.range().start,
        });
        let value = self.object(earlier, path, depth + 1);
        self.referred = outer;
        value
    }

    fn place(&self, element: Element<'a, 'i>, path: &str) -> Place {
        let offset = self.referred.unwrap_or(element.range().start);
        self.positions.at(offset, path)
    }

    fn refused(&self, element: Element<'a, 'i>, path: &str, what: &str) -> ExportError {
        ExportError {
            place: self.place(element, path),
            problem: Problem::Syntax {
                format: Format::Clixml,
                what: what.to_owned(),
            },
        }
    }
}

/// An error of the XML parser, whose own text repeats the place.
fn refused_xml(positions: &Positions<'_>, text: &str, error: &roxmltree::Error) -> ExportError {
    let mut place = positions.at(text.len(), "");
    let what = if let roxmltree::Error::UnclosedRootNode
    | roxmltree::Error::UnexpectedEndOfStream
    | roxmltree::Error::NoRootNode = error
    {
        "it ends before its last element is closed".to_owned()
    } else {
        let at = error.pos();
        (place.line, place.column) = (at.row.max(1), at.col.max(1));
        let what = error.to_string();
        let what = what.rsplit_once(" at ").map_or(&*what, |(what, _)| what);
        what.escape_debug().to_string()
    };
    ExportError {
        place,
        problem: Problem::Syntax {
            format: Format::Clixml,
            what,
        },
    }
}

fn is_element(node: &Element<'_, '_>) -> bool {
    node.is_element()
}

fn text_of<'a>(element: Element<'a, '_>) -> &'a str {
    element.text().unwrap_or_default()
}

/// `_x000A_` is a line feed: what XML cannot hold is written as UTF-16 units.
fn unescaped(text: &str) -> String {
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("_x") {
        let (before, escape) = rest.split_at(start);
        units.extend(before.encode_utf16());
        let hex = escape
            .get(2..6)
            .filter(|_| escape.get(6..7) == Some("_"))
            .filter(|hex| hex.bytes().all(|octet| octet.is_ascii_hexdigit()))
            .and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let passed = match hex {
            Some(unit) => {
                units.push(unit);
                7
            }
            None => {
                units.extend("_x".encode_utf16());
                2
            }
        };
        rest = escape.get(passed..).unwrap_or_default();
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}

/// More than the largest file that is read can hold in earnest.
const MOST_NODES: u32 = 32 * 1024 * 1024;
const MOST_REPEATED: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_utf16_units_become_characters() {
        for (escaped, plain) in [
            ("a_x000A_b", "a\nb"),
            ("_xD83D__xDE00_", "\u{1F600}"),
            ("_x005F_x000A_", "_x000A_"),
            ("_x_xyz_x12", "_x_xyz_x12"),
            ("_x12\u{fc}_", "_x12\u{fc}_"),
        ] {
            assert_eq!(unescaped(escaped), plain, "{escaped}");
        }
    }
}
