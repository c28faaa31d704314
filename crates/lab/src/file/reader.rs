//! Reading TOML so that one bad key hides no other: every table is asked for its keys one by one,
//! each answer has its place, and what nobody asked for is unknown.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Collected, Problem, closest, quoted};
use crate::world::Place;

/// Where problems are collected.
pub(super) type Report = RefCell<Collected>;

/// One file's text, as far as places need it.
pub(super) struct Source<'r> {
    path: Arc<Path>,
    text: &'r str,
    lines: Vec<usize>,
    report: &'r Report,
    /// It has syntax errors: what seems to be missing may stand there.
    damaged: bool,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// What is wrong with a value, and what to do.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) what: String,
    pub(super) remedy: String,
}

/// A table that is being read.
pub(super) struct Table<'t> {
    pub(super) source: &'t Source<'t>,
    entries: &'t DeTable<'t>,
    /// What problems call it; empty for the file itself.
    heading: String,
    place: Place,
    known: Vec<&'static str>,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl<'r> Source<'r> {
    /// Reads a file's tree; syntax errors are reported, and what stands between them is kept.
    pub(super) fn parse(
        path: &Path,
        text: &'r str,
        report: &'r Report,
    ) -> (Self, Spanned<DeTable<'r>>) {
        let newlines = text
            .bytes()
            .enumerate()
            .filter(|(_, octet)| *octet == b'\n');
        let lines = std::iter::once(0)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect();
        let mut source = Self {
            path: Arc::from(path),
            text,
            lines,
            report,
            damaged: false,
        };
        let (tree, errors) = DeTable::parse_recoverable(text);
        source.damaged = !errors.is_empty();
        for error in errors {
            let place = source.place("", &error.span().unwrap_or(0..0));
            let what = format!("syntax error: {}", error.message());
            source.complain(Problem::error(
                place,
                what,
                "correct it; TOML is described at toml.io",
            ));
        }
        (source, tree)
    }

    pub(super) fn complain(&self, problem: Problem) {
        self.report.borrow_mut().push(problem);
    }

    pub(super) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    pub(super) fn text(&self) -> &'r str {
        self.text
    }

    pub(super) fn place(&self, key: &str, span: &Range<usize>) -> Place {
        let line = self.lines.partition_point(|start| *start <= span.start);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..span.start).unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Place {
            file: Some(Arc::clone(&self.path)),
            path: String::from(key),
            line: number(line),
            column: number(before.chars().count() + 1),
        }
    }
}

impl<'t> Table<'t> {
    pub(super) fn new(source: &'t Source<'t>, entries: &'t Spanned<DeTable<'t>>) -> Self {
        Self {
            source,
            place: source.place("", &entries.span()),
            entries: entries.get_ref(),
            heading: String::new(),
            known: Vec::new(),
        }
    }

    /// The place of the whole table.
    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// A key as problems name it.
    pub(super) fn key(&self, key: &str) -> String {
        if self.heading.is_empty() {
            String::from(key)
        } else {
            format!("{}.{key}", self.heading)
        }
    }

    /// Whether a key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The value of a key with its own place, and the key counts as known.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.entries.get(key)
    }

    /// The place of a key's value; of the table where the key is absent.
    pub(super) fn place_of(&self, key: &str) -> Place {
        let mut place = match self.entries.get(key) {
            Some(value) => self.source.place("", &value.span()),
            None => self.place(),
        };
        place.path = self.key(key);
        place
    }

    /// A value that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Placed<T>> {
        let value = self.raw(key)?;
        self.read(self.key(key), value, &read)
    }

    /// A value that has to be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
        remedy: &str,
    ) -> Option<Placed<T>> {
        match self.raw(key) {
            Some(value) => self.read(self.key(key), value, &read),
            None => {
                self.missing(key, remedy);
                None
            }
        }
    }

    /// Says that a key is missing, unless a syntax error may have swallowed it.
    pub(super) fn missing(&self, key: &str, remedy: &str) {
        if !self.source.damaged {
            self.wrong(self.place_of(key), Mistake::new("is missing", remedy));
        }
    }

    /// A list; entries that cannot be read are reported and left out.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Vec<Placed<T>>> {
        let value = self.raw(key)?;
        let items = self.items(key, value)?;
        let entries = items.iter().enumerate();
        let read = entries.filter_map(|(index, item)| {
            self.read(format!("{}[{index}]", self.key(key)), item, &read)
        });
        Some(read.collect())
    }

    /// The entries of a list.
    pub(super) fn items(
        &self,
        key: &str,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Option<&'t [Spanned<DeValue<'t>>]> {
        if let DeValue::Array(items) = value.get_ref() {
            return Some(items);
        }
        let what = format!("is {}, not a list", kind(value.get_ref()));
        self.wrong(
            self.place_of(key),
            Mistake::new(what, "put it in brackets: [...]"),
        );
        None
    }

    /// A table below this one.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Self> {
        let value = self.raw(key)?;
        if let DeValue::Table(entries) = value.get_ref() {
            return Some(self.below(self.key(key), entries, &value.span()));
        }
        let what = format!("is {}, not a table", kind(value.get_ref()));
        let remedy = format!("write [{}] and its keys below", self.key(key));
        self.wrong(self.place_of(key), Mistake::new(what, remedy));
        None
    }

    /// Tables of one kind: `[[tenant]]` again and again.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.raw(key) else {
            return Vec::new();
        };
        let remedy = format!("write [[{key}]] and its keys below");
        let DeValue::Array(items) = value.get_ref() else {
            if !self.source.damaged {
                let what = format!("is {}, not a list of tables", kind(value.get_ref()));
                self.wrong(self.place_of(key), Mistake::new(what, remedy));
            }
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let heading = format!("{}[{index}]", self.key(key));
            if let DeValue::Table(entries) = item.get_ref() {
                let named = entries.get("name").and_then(|name| name.get_ref().as_str());
                let heading = match named {
                    Some(name) => format!("{} {}", self.key(key), quoted(name)),
                    None => heading,
                };
                tables.push(self.below(heading, entries, &item.span()));
            } else {
                let what = format!("is {}, not a table", kind(item.get_ref()));
                let place = self.source.place(&heading, &item.span());
                self.wrong(place, Mistake::new(what, remedy.clone()));
            }
        }
        tables
    }

    /// All entries whose keys are not fixed, as `[addresses]` has them.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (&'t str, &'t Spanned<DeValue<'t>>, Place)> {
        self.entries.iter().map(|(key, value)| {
            let name = key.get_ref().as_ref();
            let place = self.source.place(&self.key(name), &key.span());
            (name, value, place)
        })
    }

    /// All values whose keys nobody asked for so far, in the order of their keys; none if one of
    /// them cannot be read.
    pub(super) fn others<T>(
        &self,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Vec<(String, T)>> {
        let mut all = Some(Vec::new());
        for (key, value) in self.entries {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            match (self.read(self.key(name), value, &read), &mut all) {
                (Some(read), Some(all)) => all.push((String::from(name), read.value)),
                _ => all = None,
            }
        }
        all
    }

    /// Reads one value, or reports why not.
    pub(super) fn read<T>(
        &self,
        key: String,
        value: &Spanned<DeValue<'_>>,
        read: &impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Placed<T>> {
        let mut place = self.source.place("", &value.span());
        place.path = key;
        match read(value.get_ref()) {
            Ok(value) => Some(Placed { value, place }),
            Err(mistake) => {
                self.wrong(place, mistake);
                None
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.entries {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let shown = quoted(name);
            let place = self
                .source
                .place(&self.key(shown.trim_matches('"')), &key.span());
            let remedy = match closest(name, self.known.iter().copied()) {
                Some(word) => format!("did you mean {word}?"),
                None => format!("remove it; the keys here are {}", self.known.join(", ")),
            };
            self.wrong(place, Mistake::new("unknown key", remedy));
        }
    }

    pub(super) fn wrong(&self, place: Place, mistake: Mistake) {
        self.source
            .complain(Problem::error(place, mistake.what, mistake.remedy));
    }

    fn below(&self, heading: String, entries: &'t DeTable<'t>, span: &Range<usize>) -> Self {
        Self {
            source: self.source,
            place: self.source.place(&heading, span),
            entries,
            heading,
            known: Vec::new(),
        }
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
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
