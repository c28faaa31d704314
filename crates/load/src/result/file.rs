//! Results as JSON.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{FORMAT, Outcome};

/// Why a result cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// The file is larger than any result.
    #[error("{path} has more than {limit} octets, which is no result of ours", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// It is no result.
    #[error("not a result of tenantry load: {0}")]
    Form(#[from] serde_json::Error),
    /// It is of another version.
    #[error("the result has format {found}; this program reads format {FORMAT}")]
    Format {
        /// Its version.
        found: u64,
    },
    /// A problem with its file's name in front.
    #[error("{path}: {error}", path = path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        error: Box<ReadError>,
    },
}

impl Outcome {
    /// The result as JSON, indented, with a line end.
    ///
    /// # Errors
    ///
    /// Never, as far as it is known: everything in it is text, number or truth.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a result.
    ///
    /// # Errors
    ///
    /// When it is none, or one of another version.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        #[derive(serde::Deserialize)]
        struct Version {
            format: u64,
        }
        // The version first: what else another version has, this one cannot judge.
        let Version { format } = serde_json::from_str(text)?;
        if format != u64::from(FORMAT) {
            return Err(ReadError::Format { found: format });
        }
        Ok(serde_json::from_str(text)?)
    }

    /// Reads a result from a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no result; the message names it.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let failed = |error| ReadError::Read {
            path: path.to_owned(),
            error,
        };
        let mut text = String::new();
        let file = File::open(path).map_err(failed)?;
        file.take(MAX_FILE + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if text.len() as u64 > MAX_FILE {
            return Err(ReadError::TooLarge {
                path: path.to_owned(),
                limit: MAX_FILE,
            });
        }
        Self::from_json(&text).map_err(|error| ReadError::In {
            path: path.to_owned(),
            error: Box::new(error),
        })
    }
}

/// Ten thousand tenants and an hour of points take about a tenth.
const MAX_FILE: u64 = 256 << 20;
