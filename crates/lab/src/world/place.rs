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
