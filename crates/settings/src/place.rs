//! Where a value stands in a file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A file, the path of a value in it, and its line and column; what is not known is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file; absent for what was made by a program.
    pub file: Option<Arc<Path>>,
    /// The value's path, as `[0].TlsSenderCertificateName`; empty for the whole file.
    pub path: String,
    /// Line from 1; 0 if not known.
    pub line: u32,
    /// Column in characters from 1; 0 if not known.
    pub column: u32,
}

impl Place {
    /// The whole of a file or folder.
    #[must_use]
    pub fn whole(path: &Path) -> Self {
        Self {
            file: Some(path.into()),
            ..Self::default()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(out, "{}", file.display())?,
            None => out.write_str("(no file)")?,
        }
        if self.line > 0 {
            write!(out, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(out, ": {}", self.path)?;
        }
        Ok(())
    }
}

/// A file's text with its lines.
#[derive(Debug)]
pub struct Source<'t> {
    file: Arc<Path>,
    text: &'t str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Finds the lines of a text.
    #[must_use]
    pub fn new(file: impl Into<Arc<Path>>, text: &'t str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        Self {
            file: file.into(),
            text,
            starts: std::iter::once(0).chain(ends.map(|at| at + 1)).collect(),
        }
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// The whole text.
    #[must_use]
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// Line and column, both from 1, the column in characters.
    #[must_use]
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let before = self.text.get(start.unwrap_or(0)..offset);
        (line, before.map_or(0, |before| before.chars().count()) + 1)
    }

    /// The place of the value called `path` that begins at an offset.
    #[must_use]
    pub fn place(&self, path: impl Into<String>, offset: usize) -> Place {
        let (line, column) = self.line_and_column(offset);
        Place {
            file: Some(Arc::clone(&self.file)),
            path: path.into(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::new(Path::new("a.toml"), "a\u{fc}b\r\ncd\n\n\u{1F600}e");
        for (offset, expected) in [
            (0, (1, 1)),
            (3, (1, 3)),
            (6, (2, 1)),
            (10, (4, 1)),
            (14, (4, 2)),
            (99, (4, 1)),
        ] {
            assert_eq!(source.line_and_column(offset), expected, "{offset}");
        }
    }
}
