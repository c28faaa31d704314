//! Reading a TOML tree leniently: one bad key is reported and does not hide the next.
//!
//! serde would stop at the first mistake of a file. An operator who fixes a configuration wants all
//! of them, so the tree (with the place of every value) is walked by hand, driven by the tables that
//! `section!` makes from `file.rs`.

use std::ops::Range;
use tenantry_settings::{Mistake, Source, quoted};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Place, Problem};

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
            at: self.place(&key.span()),
        })
    }

    /// Reports a key that this section does not know.
    pub(super) fn unknown(
        &mut self,
        heading: &Heading,
        key: &Spanned<DeString<'_>>,
        known: &[&str],
    ) {
        let shown = quoted(key.get_ref());
        let name = heading.key(shown.trim_matches('"'));
        let mistake = Mistake::unknown_key(key.get_ref(), known);
        self.wrong(&name, &key.span(), mistake);
    }

    fn place(&self, span: &Range<usize>) -> Place {
        Place::of(self.source, span.start)
    }

    fn wrong(&mut self, key: &str, span: &Range<usize>, mistake: Mistake) {
        let at = self.place(span);
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
            let mistake = Mistake::kind(value.get_ref(), "a list", "put it in brackets: [...]");
            reader.wrong(key, &value.span(), mistake);
            return None;
        };
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = reader.place(&item.span());
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
        let at = reader.place(&value.span());
        T::from_toml(key, value, reader).map(|value| Self(vec![Setting { value, at }]))
    }
}

/// A table: `[limits]`.
#[derive(Debug)]
pub(super) struct Table<T>(pub(super) T);

impl<T: Section> FromToml for Table<T> {
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            let remedy = format!("write [{key}] and its keys below");
            let mistake = Mistake::kind(value.get_ref(), "a table", remedy);
            reader.wrong(key, &value.span(), mistake);
            return None;
        };
        let heading = Heading::new(String::from(key), reader.place(&value.span()));
        Some(Self(T::read(heading, table, reader)))
    }
}

/// Tables of one kind: `[[tenant]]` again and again.
#[derive(Debug)]
pub(super) struct Tables<T>(pub(super) Vec<T>);

impl<T: Section> FromToml for Tables<T> {
    fn from_toml(key: &str, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            let remedy = format!("write [[{key}]] with two brackets");
            let mistake = Mistake::kind(value.get_ref(), "a list of tables", remedy);
            reader.wrong(key, &value.span(), mistake);
            return None;
        };
        let mut sections = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let DeValue::Table(table) = item.get_ref() else {
                let remedy = format!("write [[{key}]] and its keys below");
                let mistake = Mistake::kind(item.get_ref(), "a table", remedy);
                reader.wrong(&format!("{key}[{}]", index + 1), &item.span(), mistake);
                continue;
            };
            let at = reader.place(&item.span());
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
