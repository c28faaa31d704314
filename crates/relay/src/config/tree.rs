//! Reading a TOML tree leniently: one bad key is reported and does not hide the next.
//!
//! serde would stop at the first mistake of a file. An operator who fixes a configuration wants all
//! of them, so the tree (with the place of every value) is walked by hand, driven by the tables that
//! `section!` makes from `file.rs`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Place, Problem, closest, quoted};

/// One file's text, with its lines.
pub(super) struct Source<'t> {
    path: Arc<Path>,
    text: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(super) fn new(path: &Path, text: &'t str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect();
        Self {
            path: Arc::from(path),
            text,
            line_starts,
        }
    }

    /// The place of an offset into the text.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let line = self
            .line_starts
            .partition_point(|start| *start <= span.start);
        let start = self
            .line_starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let before = self.text.get(start..span.start);
        Place {
            file: Arc::clone(&self.path),
            line: Some(line),
            column: Some(before.map_or(0, |before| before.chars().count()) + 1),
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Place,
}

/// What a section is called in problems, and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    pub(super) label: String,
    pub(super) at: Place,
    /// Keys that are there, but with a value that could not be read.
    pub(super) unreadable: Vec<&'static str>,
}

impl Heading {
    pub(super) fn new(label: String, at: Place) -> Self {
        Self {
            label,
            at,
            unreadable: Vec::new(),
        }
    }

    /// A key of this section, as problems name it.
    pub(super) fn key(&self, key: &str) -> String {
        if self.label.is_empty() {
            String::from(key)
        } else {
            format!("{}.{key}", self.label)
        }
    }

    /// The error for a key that has to be there and is not; none for one that could not be read,
    /// which has been reported.
    pub(super) fn missing(&self, key: &str, remedy: impl Into<String>) -> Option<Problem> {
        let unreadable = self.is_unreadable(key);
        (!unreadable).then(|| self.at.error(self.key(key), "is missing", remedy))
    }

    /// Whether a key is there, but with a value that could not be read.
    pub(super) fn is_unreadable(&self, key: &str) -> bool {
        self.unreadable.contains(&key)
    }
}

/// What is wrong with a value, and what to do.
pub(super) struct Mistake {
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// A value that is one TOML value.
pub(super) trait Scalar: Sized {
    fn scalar(value: &DeValue<'_>) -> Result<Self, Mistake>;
}

/// A value of any shape.
pub(super) trait FromToml: Sized {
    /// Reads the value, or reports why not.
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self>;
}

/// A table with a fixed set of keys; `section!` implements it.
pub(super) trait Section: Sized {
    const KEYS: &'static [&'static str];

    fn read(heading: Heading, table: &DeTable<'_>, reader: &mut Reader<'_>) -> Self;
}

/// The walk over one file's tree.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// Reads the value of a known key.
    pub(super) fn setting<T: FromToml>(
        &mut self,
        heading: &Heading,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Setting<T>> {
        let read = T::from_toml(&heading.key(key.get_ref()), value, self)?;
        // A table's place is its header; a value's is its key, which is what one looks for.
        Some(Setting {
            value: read,
            at: self.source.place(&key.span()),
        })
    }

    /// Reports a key that this section does not know.
    pub(super) fn unknown(
        &mut self,
        heading: &Heading,
        key: &Spanned<DeString<'_>>,
        known: &[&str],
    ) {
        let at = self.source.place(&key.span());
        let remedy = match closest(key.get_ref(), known.iter().copied()) {
            Some(word) => format!("did you mean {word}?"),
            None => format!("remove it; the keys here are {}", known.join(", ")),
        };
        let shown = quoted(key.get_ref());
        let name = heading.key(shown.trim_matches('"'));
        self.problems.push(at.error(name, "unknown key", remedy));
    }

    fn wrong(&mut self, key: &str, span: &Range<usize>, mistake: Mistake) {
        let at = self.source.place(span);
        self.problems
            .push(at.error(key, mistake.what, mistake.remedy));
    }
}

impl<T: Scalar> FromToml for T {
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        match T::scalar(value.get_ref()) {
            Ok(read) => Some(read),
            Err(mistake) => {
                reader.wrong(key, &value.span(), mistake);
                None
            }
        }
    }
}

impl<T: Scalar> FromToml for Vec<Setting<T>> {
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            let what = format!("is {}, not an array", kind(value.get_ref()));
            let mistake = Mistake::new(what, "put it in brackets: [...]");
            reader.wrong(key, &value.span(), mistake);
            return None;
        };
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = reader.source.place(&item.span());
            match T::scalar(item.get_ref()) {
                Ok(value) => read.push(Setting { value, at }),
                Err(mistake) => {
                    reader.wrong(&format!("{key}[{}]", index + 1), &item.span(), mistake);
                }
            }
        }
        // A list of nothing but mistakes is not an empty list.
        (!read.is_empty() || items.is_empty()).then_some(read)
    }
}

/// One value or an array of them.
#[derive(Debug)]
pub(super) struct OneOrMore<T>(pub(super) Vec<Setting<T>>);

impl<T: Scalar> FromToml for OneOrMore<T> {
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        if value.get_ref().is_array() {
            return Vec::from_toml(key, value, reader).map(Self);
        }
        let at = reader.source.place(&value.span());
        T::from_toml(key, value, reader).map(|value| Self(vec![Setting { value, at }]))
    }
}

/// A table: `[limits]`.
#[derive(Debug)]
pub(super) struct Table<T>(pub(super) T);

impl<T: Section> FromToml for Table<T> {
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            let what = format!("is {}, not a table", kind(value.get_ref()));
            let mistake = Mistake::new(what, format!("write [{key}] and its keys below"));
            reader.wrong(key, &value.span(), mistake);
            return None;
        };
        let heading = Heading::new(String::from(key), reader.source.place(&value.span()));
        Some(Self(T::read(heading, table, reader)))
    }
}

/// Tables of one kind: `[[tenant]]` again and again.
#[derive(Debug)]
pub(super) struct Tables<T>(pub(super) Vec<T>);

impl<T: Section> FromToml for Tables<T> {
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            let what = format!("is {}, not a list of tables", kind(value.get_ref()));
            let mistake = Mistake::new(what, format!("write [[{key}]] with two brackets"));
            reader.wrong(key, &value.span(), mistake);
            return None;
        };
        let mut sections = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let DeValue::Table(table) = item.get_ref() else {
                let what = format!("is {}, not a table", kind(item.get_ref()));
                let mistake = Mistake::new(what, format!("write [[{key}]] and its keys below"));
                reader.wrong(&format!("{key}[{}]", index + 1), &item.span(), mistake);
                continue;
            };
            let at = reader.source.place(&item.span());
            let heading = Heading::new(label(key, index, table), at);
            sections.push(T::read(heading, table, reader));
        }
        Some(Self(sections))
    }
}

/// `tenant "contoso"` where the table says its name, `tenant[3]` (counted from 1) where not.
fn label(key: &str, index: usize, table: &DeTable<'_>) -> String {
    let name = ["name", "address"]
        .into_iter()
        .find_map(|word| table.get(word).and_then(|value| value.get_ref().as_str()));
    match name {
        Some(name) => format!("{key} {}", quoted(name)),
        None => format!("{key}[{}]", index + 1),
    }
}

/// What a value is, with its article.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// Declares a section of the file: a struct with an optional, placed value per key.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(super) struct $name {
            pub(super) heading: $crate::config::tree::Heading,
            $($(#[$field_meta])* pub(super) $field: Option<$crate::config::tree::Setting<$type>>,)*
        }

        impl $crate::config::tree::Section for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read(
                heading: $crate::config::tree::Heading,
                table: &toml::de::DeTable<'_>,
                reader: &mut $crate::config::tree::Reader<'_>,
            ) -> Self {
                let mut section = Self { heading, $($field: None,)* };
                for (key, value) in table {
                    match key.get_ref().as_ref() {
                        $(stringify!($field) => {
                            section.$field = reader.setting(&section.heading, key, value);
                            if section.$field.is_none() {
                                section.heading.unreadable.push(stringify!($field));
                            }
                        })*
                        _ => reader.unknown(&section.heading, key, Self::KEYS),
                    }
                }
                section
            }
        }
    };
}
pub(super) use section;
