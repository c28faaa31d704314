//! Reading TOML so that one bad key hides no other: every table is asked for its keys one by one,
//! each answer has its place, and what nobody asked for is unknown.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Mistake, Place, Problem, Report, Source, beside, quoted, values};

/// A text as TOML, as far as it can be read.
pub struct Document<'t> {
    source: Source<'t>,
    tree: Spanned<DeTable<'t>>,
    /// It has syntax errors: what seems to be missing may stand there.
    damaged: bool,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// A table that is being read; of several documents the first that has a key counts.
pub struct Table<'t> {
    report: &'t Report,
    layers: Vec<Layer<'t>>,
    /// One of the documents has syntax errors.
    damaged: bool,
    /// What problems call it; empty for the file itself.
    heading: String,
    place: Place,
    known: RefCell<Vec<&'static str>>,
}

#[derive(Clone, Copy)]
struct Layer<'t> {
    source: &'t Source<'t>,
    entries: &'t DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Reads a text; syntax errors are reported, and what stands between them is kept.
    pub fn parse(file: &Path, text: &'t str, report: &Report) -> Self {
        let source = Source::new(file, text);
        let (tree, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let start = error.span().map_or(0, |span| span.start);
            let Mistake { what, remedy } = Mistake::syntax(error);
            let problem = Problem::error(source.place("", start), what, remedy);
            report.borrow_mut().push(problem);
        }
        Self {
            source,
            tree,
            damaged: !errors.is_empty(),
        }
    }
}

impl<T> Placed<T> {
    /// A path as the file of this value means it.
    pub fn beside(&self, path: &Path) -> PathBuf {
        match &self.place.file {
            Some(file) => beside(file, path),
            None => path.to_path_buf(),
        }
    }
}

impl<'t> Table<'t> {
    /// The top of documents, the one that goes over the others first.
    pub fn new(documents: &'t [Document<'t>], report: &'t Report) -> Self {
        let layers = documents.iter().map(|document| Layer {
            source: &document.source,
            entries: document.tree.get_ref(),
        });
        let last = documents.last();
        Self {
            report,
            layers: layers.collect(),
            damaged: documents.iter().any(|document| document.damaged),
            heading: String::new(),
            place: last.map_or_else(Place::default, |last| {
                last.source.place("", last.tree.span().start)
            }),
            known: RefCell::default(),
        }
    }

    /// The place of the whole table.
    pub fn place(&self) -> Place {
        self.place.clone()
    }

    /// A key as problems name it.
    pub fn key(&self, key: &str) -> String {
        if self.heading.is_empty() {
            String::from(key)
        } else {
            format!("{}.{key}", self.heading)
        }
    }

    /// Whether a key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The value of a key with the file it stands in, and the key counts as known.
    pub fn raw(&self, key: &'static str) -> Option<(&'t Source<'t>, &'t Spanned<DeValue<'t>>)> {
        self.known.borrow_mut().push(key);
        self.find(key)
    }

    fn find(&self, key: &str) -> Option<(&'t Source<'t>, &'t Spanned<DeValue<'t>>)> {
        let mut layers = self.layers.iter();
        layers.find_map(|layer| Some((layer.source, layer.entries.get(key)?)))
    }

    /// The place of a key's value; of the table where the key is absent.
    pub fn place_of(&self, key: &str) -> Place {
        match self.find(key) {
            Some((source, value)) => source.place(self.key(key), value.span().start),
            None => Place {
                path: self.key(key),
                ..self.place()
            },
        }
    }

    /// A value, if it is there and right.
    pub fn value<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<T> {
        self.optional(key, read).map(|placed| placed.value)
    }

    /// A value that may be absent, with its place.
    pub fn optional<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Placed<T>> {
        let (source, value) = self.raw(key)?;
        self.read(source, self.key(key), value, &read)
    }

    /// A value that has to be there.
    pub fn required<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
        remedy: &str,
    ) -> Option<Placed<T>> {
        if !self.has(key) {
            self.wrong(key, "is missing", remedy);
        }
        self.optional(key, read)
    }

    /// A path, relative to where the program stands.
    pub fn path(&self, key: &'static str) -> Option<PathBuf> {
        let written = self.optional(key, values::path)?;
        Some(written.beside(&written.value))
    }

    /// Paths, relative to where the program stands.
    pub fn paths(&self, key: &'static str) -> Option<Vec<PathBuf>> {
        let written = self.list(key, values::path)?;
        let complete = written.iter().map(|path| path.beside(&path.value));
        Some(complete.collect())
    }

    /// A list; entries that cannot be read are reported and left out.
    pub fn list<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Vec<Placed<T>>> {
        let (source, value) = self.raw(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            let remedy = "put it in brackets: [...]";
            let mistake = Mistake::kind(value.get_ref(), "a list", remedy);
            self.complain(self.place_of(key), mistake);
            return None;
        };
        let entries = items.iter().enumerate();
        let read = entries.filter_map(|(index, item)| {
            let key = format!("{}[{index}]", self.key(key));
            self.read(source, key, item, &read)
        });
        Some(read.collect())
    }

    /// A table below this one.
    pub fn table(&self, key: &'static str) -> Option<Self> {
        let (source, value) = self.raw(key)?;
        let layer = self.layer(key, source, value)?;
        let heading = self.key(key);
        let place = source.place(heading.as_str(), value.span().start);
        Some(self.below(heading, place, vec![layer]))
    }

    /// A table below this one, of all documents together; empty if nobody wrote it.
    pub fn section(&self, key: &'static str) -> Self {
        self.known.borrow_mut().push(key);
        let mut place = Place {
            path: String::from(key),
            ..self.place()
        };
        let mut layers = Vec::new();
        for above in &self.layers {
            if let Some(value) = above.entries.get(key)
                && let Some(layer) = self.layer(key, above.source, value)
            {
                place = above.source.place(key, value.span().start);
                layers.push(layer);
            }
        }
        self.below(self.key(key), place, layers)
    }

    fn layer(
        &self,
        key: &str,
        source: &'t Source<'t>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Option<Layer<'t>> {
        if let DeValue::Table(entries) = value.get_ref() {
            return Some(Layer { source, entries });
        }
        let key = self.key(key);
        let remedy = format!("write [{key}] and its keys below");
        let mistake = Mistake::kind(value.get_ref(), "a table", remedy);
        self.complain(source.place(key, value.span().start), mistake);
        None
    }

    /// Tables of one kind: `[[tenant]]` again and again.
    pub fn tables(&self, key: &'static str) -> Vec<Self> {
        let Some((source, value)) = self.raw(key) else {
            return Vec::new();
        };
        let remedy = format!("write [[{key}]] and its keys below");
        let DeValue::Array(items) = value.get_ref() else {
            if !self.damaged {
                let mistake = Mistake::kind(value.get_ref(), "a list of tables", remedy);
                self.complain(self.place_of(key), mistake);
            }
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let start = item.span().start;
            if let DeValue::Table(entries) = item.get_ref() {
                let named = entries.get("name").and_then(|name| name.get_ref().as_str());
                let heading = match named {
                    Some(name) => format!("{} {}", self.key(key), quoted(name)),
                    None => format!("{}[{index}]", self.key(key)),
                };
                let place = source.place(heading.as_str(), start);
                tables.push(self.below(heading, place, vec![Layer { source, entries }]));
            } else {
                let mistake = Mistake::kind(item.get_ref(), "a table", remedy.clone());
                let heading = format!("{}[{index}]", self.key(key));
                self.complain(source.place(heading, start), mistake);
            }
        }
        tables
    }

    /// All values whose keys nobody asked for so far, in the order of their keys; none if one of
    /// them cannot be read.
    pub fn others<T>(
        &self,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Vec<(String, T)>> {
        let mut all = Some(Vec::new());
        for (source, key, value) in self.unknown() {
            let name = key.get_ref().as_ref();
            match (self.read(source, self.key(name), value, &read), &mut all) {
                (Some(read), Some(all)) => all.push((String::from(name), read.value)),
                _ => all = None,
            }
        }
        all
    }

    /// All entries whose keys mean something themselves, as those of `[addresses]`: of each the
    /// key as it was read, and the value.
    pub fn entries<K, T>(
        &self,
        read_key: impl Fn(&str) -> Result<K, Mistake>,
        read: impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Vec<(K, T)> {
        let mut entries = Vec::new();
        for (source, key, value) in self.unknown() {
            let name = key.get_ref().as_ref();
            let value = self.read(source, self.key(name), value, &read);
            match (read_key(name), value) {
                (Ok(key), Some(value)) => entries.push((key, value.value)),
                (Ok(_), None) => {}
                (Err(mistake), _) => {
                    self.complain(self.place_of_key(source, key.span().start, name), mistake);
                }
            }
        }
        entries
    }

    /// What nobody asked for.
    fn unknown(
        &self,
    ) -> impl Iterator<
        Item = (
            &'t Source<'t>,
            &'t Spanned<toml::de::DeString<'t>>,
            &'t Spanned<DeValue<'t>>,
        ),
    > {
        let layers = self.layers.iter();
        let all = layers.flat_map(|layer| {
            let entries = layer.entries.iter();
            entries.map(|(key, value)| (layer.source, key, value))
        });
        all.filter(|(_, key, _)| !self.known.borrow().contains(&key.get_ref().as_ref()))
    }

    /// The place of a key that somebody made up.
    fn place_of_key(&self, source: &Source<'_>, start: usize, name: &str) -> Place {
        let shown = quoted(name);
        source.place(self.key(shown.trim_matches('"')), start)
    }

    fn read<T>(
        &self,
        source: &Source<'_>,
        key: String,
        value: &Spanned<DeValue<'_>>,
        read: &impl Fn(&DeValue<'_>) -> Result<T, Mistake>,
    ) -> Option<Placed<T>> {
        let place = source.place(key, value.span().start);
        match read(value.get_ref()) {
            Ok(value) => Some(Placed { value, place }),
            Err(mistake) => {
                self.complain(place, mistake);
                None
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        let known = self.known.borrow();
        for (source, key, _) in self.unknown() {
            let name = key.get_ref().as_ref();
            let place = self.place_of_key(source, key.span().start, name);
            self.complain(place, Mistake::unknown_key(name, &known));
        }
    }

    /// Complains about the value of a key, or that it is absent, unless a syntax error may have
    /// swallowed it.
    pub fn wrong(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        if self.has(key) || !self.damaged {
            self.complain(self.place_of(key), Mistake::new(what, remedy));
        }
    }

    /// Complains about a place.
    pub fn complain(&self, place: Place, mistake: Mistake) {
        self.report(Problem::error(place, mistake.what, mistake.remedy));
    }

    /// Adds a problem, of another file, too.
    pub fn report(&self, problem: Problem) {
        self.report.borrow_mut().push(problem);
    }

    fn below(&self, heading: String, place: Place, layers: Vec<Layer<'t>>) -> Self {
        Self {
            report: self.report,
            layers,
            damaged: self.damaged,
            heading,
            place,
            known: RefCell::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said about documents, flags first.
    fn told(documents: &[(&str, &str)], ask: impl Fn(&Table<'_>)) -> Vec<String> {
        let report = Report::default();
        {
            let documents: Vec<Document<'_>> = documents
                .iter()
                .map(|(file, text)| Document::parse(Path::new(file), text, &report))
                .collect();
            let table = Table::new(&documents, &report);
            ask(&table);
            table.finish();
        }
        let problems = report.into_inner().into_problems();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_mistake_hides_no_other() {
        let text = "count = 'x'\nlist = [1, 'a', 2, true]\ncuont = 1\n[below]\nstrange = 1\n";
        let told = told(&[("a.toml", text)], |table| {
            assert_eq!(table.value("count", values::count), None);
            let list = table.list("list", values::count).unwrap_or_default();
            let values: Vec<u32> = list.into_iter().map(|entry| entry.value).collect();
            assert_eq!(values, [1, 2]);
            assert!(table.required("name", values::text, "write it").is_none());
            if let Some(below) = table.table("below") {
                assert_eq!(below.value("known", values::flag), None);
                below.finish();
            }
        });
        assert_eq!(
            told,
            [
                "a.toml:1:1: name: is missing; what to do: write it",
                "a.toml:1:9: count: is a string, not a number; what to do: write a whole number \
                 without quotes",
                "a.toml:2:12: list[1]: is a string, not a number; what to do: write a whole \
                 number without quotes",
                "a.toml:2:20: list[3]: is true or false, not a number; what to do: write a whole \
                 number without quotes",
                "a.toml:3:1: cuont: unknown key; what to do: did you mean count?",
                "a.toml:5:1: below.strange: unknown key; what to do: remove it; the keys here \
                 are known",
            ]
        );
    }

    #[test]
    fn tables_are_called_by_their_names() {
        let text = "[[t]]\nname = 'a'\nx = 1\n[[t]]\nx = 1\n";
        let told = told(&[("a.toml", text)], |table| {
            for table in table.tables("t") {
                assert!(table.value("x", values::flag).is_none());
                table.value("name", values::text);
                table.finish();
            }
            assert!(table.tables("u").is_empty());
        });
        let said =
            "is a number, not true or false; what to do: write true or false, without quotes";
        assert_eq!(
            told,
            [
                format!("a.toml:3:5: t \"a\".x: {said}"),
                format!("a.toml:5:5: t[1].x: {said}"),
            ]
        );
    }

    #[test]
    fn what_a_syntax_error_may_have_swallowed_is_not_missing() {
        let told = told(&[("a.toml", "name = \n")], |table| {
            assert!(table.required("region", values::text, "").is_none());
            table.wrong("other", "is missing", "");
            table.raw("name");
        });
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told.iter()
                .all(|one| one.starts_with("a.toml:1:") && one.contains("cannot be read as TOML")),
            "{told:?}"
        );
    }

    #[test]
    fn the_first_document_counts() {
        let documents = [
            ("flags", "[s]\na = 1\npath = 'x'\n"),
            ("f/a.toml", "[s]\na = 2\nb = 3\npaths = ['x', '/y']\n"),
        ];
        let told = told(&documents, |table| {
            let section = table.section("s");
            assert_eq!(section.value("a", values::count), Some(1));
            assert_eq!(section.value("b", values::count), Some(3));
            assert_eq!(section.path("path"), Some(PathBuf::from("x")));
            let paths = ["f/x", "/y"].map(PathBuf::from);
            assert_eq!(section.paths("paths"), Some(Vec::from(paths)));
            section.wrong("c", "is missing", "write it");
            section.finish();
            assert!(!table.section("absent").has("a"));
        });
        assert_eq!(
            told,
            ["f/a.toml:1:1: s.c: is missing; what to do: write it"]
        );
    }

    #[test]
    fn keys_can_be_values() {
        let text = "nonsense = true\n'10.0.0.0/8' = true\n'10.0.0.1/8' = 1\n";
        let told = told(&[("a.toml", text)], |table| {
            let entries = table.entries(values::network, values::flag);
            assert_eq!(entries.len(), 1, "{entries:?}");
            for key in ["nonsense", "10.0.0.0/8", "10.0.0.1/8"] {
                table.raw(key);
            }
        });
        assert_eq!(told.len(), 3, "{told:?}");
    }
}
