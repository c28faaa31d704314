//! Reading TOML so that one bad key hides no other. What flags say stands in a second document,
//! which is asked first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::values::{Mistake, kind, quoted, text};

/// A document: the plan's file, or the flags.
pub(super) struct Document<'t> {
    text: &'t str,
    origin: Origin<'t>,
    tree: Spanned<DeTable<'t>>,
    damaged: bool,
}

/// Where a document comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'t> {
    /// A file.
    File(&'t Path),
    /// Flags, by their lines.
    Flags(&'t [(usize, String)]),
}

/// Several documents, the first that has a key counts, and everything that is wrong with them.
pub(super) struct Reader<'t> {
    documents: Vec<Document<'t>>,
    problems: RefCell<Vec<Problem>>,
}

/// A section of all documents.
pub(super) struct Section<'r, 't> {
    reader: &'r Reader<'t>,
    name: String,
    tables: Vec<(&'r Document<'t>, &'r DeTable<'t>)>,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str, origin: Origin<'t>, problems: &mut Vec<Problem>) -> Self {
        let (tree, errors) = DeTable::parse_recoverable(text);
        let document = Self {
            text,
            origin,
            tree,
            damaged: !errors.is_empty(),
        };
        for error in errors {
            problems.push(document.problem(
                &error.span().unwrap_or(0..0),
                String::new(),
                Mistake::new(
                    format!("syntax error: {}", error.message()),
                    "correct it; TOML is described at toml.io",
                ),
            ));
        }
        document
    }

    fn problem(&self, span: &Range<usize>, key: String, mistake: Mistake) -> Problem {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let (source, position) = match self.origin {
            Origin::File(path) => (path.display().to_string(), Some((line, column))),
            Origin::Flags(flags) => {
                let found = flags.iter().rfind(|(from, _)| *from <= line);
                let flag = found.map_or("flags", |(_, flag)| flag.as_str());
                (flag.to_owned(), None)
            }
        };
        Problem {
            source,
            position,
            key,
            what: mistake.what,
            remedy: mistake.remedy,
        }
    }

    /// A path as it is written there, complete.
    fn path(&self, text: &str) -> PathBuf {
        match self.origin {
            Origin::File(file) => file.parent().unwrap_or(Path::new("")).join(text),
            Origin::Flags(_) => PathBuf::from(text),
        }
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(documents: Vec<Document<'t>>, problems: Vec<Problem>) -> Self {
        Self {
            documents,
            problems: RefCell::new(problems),
        }
    }

    /// A section by its name; sections that nobody wrote are empty.
    pub(super) fn section(&self, name: &'static str) -> Section<'_, 't> {
        let mut tables = Vec::new();
        for document in &self.documents {
            let Some(value) = document.tree.get_ref().get(name) else {
                continue;
            };
            if let DeValue::Table(table) = value.get_ref() {
                tables.push((document, table));
            } else {
                let mistake = kind(value.get_ref(), &format!("[{name}] and its keys below"));
                self.push(document.problem(&value.span(), name.to_owned(), mistake));
            }
        }
        Section {
            reader: self,
            name: name.to_owned(),
            tables,
            known: RefCell::default(),
        }
    }

    /// Tables of one kind: `[[tenant]]` again and again.
    pub(super) fn list(&self, name: &'static str) -> Vec<Section<'_, 't>> {
        let mut sections = Vec::new();
        for document in &self.documents {
            let Some(value) = document.tree.get_ref().get(name) else {
                continue;
            };
            let wrong = |value: &Spanned<DeValue<'_>>| {
                let mistake = kind(value.get_ref(), &format!("[[{name}]] and its keys below"));
                self.push(document.problem(&value.span(), name.to_owned(), mistake));
            };
            let DeValue::Array(items) = value.get_ref() else {
                wrong(value);
                continue;
            };
            for (index, item) in items.iter().enumerate() {
                let DeValue::Table(table) = item.get_ref() else {
                    wrong(item);
                    continue;
                };
                sections.push(Section {
                    reader: self,
                    name: format!("{name}[{index}]"),
                    tables: vec![(document, table)],
                    known: RefCell::default(),
                });
            }
        }
        sections
    }

    /// Complains about sections that nobody asked for.
    pub(super) fn only(&self, names: &[&str]) {
        for document in &self.documents {
            for (key, _) in document.tree.get_ref() {
                if !names.contains(&key.get_ref().as_ref()) {
                    let remedy = format!("remove it, or write one of {}", names.join(", "));
                    self.push(document.problem(
                        &key.span(),
                        shown(key.get_ref()),
                        Mistake::new("is unknown", remedy),
                    ));
                }
            }
        }
    }

    /// Everything that is wrong.
    pub(super) fn finish(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }
}

impl<'r, 't> Section<'r, 't> {
    /// Whether a key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The value of a key, if it is there and right.
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<T> {
        self.known.borrow_mut().insert(key);
        let (document, value) = self.find(key)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(mistake) => {
                self.push(document, &value.span(), key, mistake);
                None
            }
        }
    }

    /// Every entry of a list that is right.
    pub(super) fn entries<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Vec<T>> {
        self.known.borrow_mut().insert(key);
        let (document, value) = self.find(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            let mistake = kind(value.get_ref(), "a list in brackets: [...]");
            self.push(document, &value.span(), key, mistake);
            return None;
        };
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            match read(item.get_ref()) {
                Ok(entry) => entries.push(entry),
                Err(mistake) => self.push(document, &item.span(), key, mistake),
            }
        }
        Some(entries)
    }

    /// Every key of a table with what it is, as for weights.
    pub(super) fn map<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Vec<(String, T)>> {
        self.known.borrow_mut().insert(key);
        let (document, value) = self.find(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            let mistake = kind(value.get_ref(), "a table: { name = 1.0 }");
            self.push(document, &value.span(), key, mistake);
            return None;
        };
        let mut entries = Vec::new();
        for (name, item) in table {
            match read(item.get_ref()) {
                Ok(entry) => entries.push((name.get_ref().to_string(), entry)),
                Err(mistake) => self.push(document, &item.span(), key, mistake),
            }
        }
        Some(entries)
    }

    /// A path, complete.
    pub(super) fn path(&self, key: &'static str) -> Option<PathBuf> {
        let written = self.read(key, text)?;
        let (document, _) = self.find(key)?;
        Some(document.path(&written))
    }

    /// Several paths, complete.
    pub(super) fn paths(&self, key: &'static str) -> Option<Vec<PathBuf>> {
        let written = self.entries(key, text)?;
        let (document, _) = self.find(key)?;
        Some(written.iter().map(|text| document.path(text)).collect())
    }

    /// Complains about a key's value, or about the whole section where it is absent.
    pub(super) fn wrong(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let mistake = Mistake::new(what, remedy);
        if let Some((document, value)) = self.find(key) {
            self.push(document, &value.span(), key, mistake);
            return;
        }
        let documents = &self.reader.documents;
        // What seems to be missing may stand where the file cannot be read.
        if documents.iter().any(|document| document.damaged) {
            return;
        }
        if let Some(document) = documents.last() {
            let table = document.tree.get_ref().get_key_value(self.name.as_str());
            let own = self.tables.first().filter(|_| self.name.contains('['));
            let span = match (table, own) {
                (Some((name, _)), _) => name.span(),
                (None, Some((_, table))) => {
                    let first = table
                        .iter()
                        .map(|(key, _)| key.span())
                        .min_by_key(|s| s.start);
                    first.unwrap_or(0..0)
                }
                (None, None) => 0..0,
            };
            self.push(document, &span, key, mistake);
        }
    }

    /// Complains about keys that nobody asked for. Keys of another choice, as `rate` in a closed
    /// loop, are asked for and not needed, so that a plan can be changed by one flag.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for (document, table) in &self.tables {
            for (key, _) in *table {
                if !known.contains(key.get_ref().as_ref()) {
                    let words: Vec<&str> = known.iter().copied().collect();
                    let remedy = format!("remove it, or write one of {}", words.join(", "));
                    let mistake = Mistake::new("is unknown", remedy);
                    self.push(document, &key.span(), &shown(key.get_ref()), mistake);
                }
            }
        }
    }

    fn find(&self, key: &str) -> Option<(&'r Document<'t>, &'r Spanned<DeValue<'t>>)> {
        let mut tables = self.tables.iter();
        tables.find_map(|(document, table)| Some((*document, table.get(key)?)))
    }

    fn push(&self, document: &Document<'_>, span: &Range<usize>, key: &str, mistake: Mistake) {
        let key = format!("{}.{key}", self.name);
        self.reader.push(document.problem(span, key, mistake));
    }
}

/// A key that somebody wrote, as it may stand in a message.
fn shown(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if key.len() <= 60 && key.chars().all(plain) {
        key.to_owned()
    } else {
        quoted(key)
    }
}
