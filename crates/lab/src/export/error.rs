//! What is wrong with a file, where, and what to do.

use std::fmt;
use std::io;

use super::MOST_PROBLEMS;
use super::node::Node;
use super::recognise::Kind;
use crate::world::Place;

/// One problem of a file.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ExportError {
    /// Where; with an empty path, the file as a whole.
    pub place: Place,
    /// What, and what to do.
    pub problem: Problem,
}

/// A notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `ConvertTo-Json`.
    Json,
    /// `Export-Clixml`.
    Clixml,
    /// A Microsoft365DSC configuration.
    Dsc,
}

/// What is wrong, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The file is larger than anything that was exported.
    #[error("has more than {limit} octets; export fewer objects into one file")]
    TooLarge {
        /// The largest file that is read.
        limit: u64,
    },
    /// The octets are not the text they should be.
    #[error(
        "is no {encoding} text from here on: cut off, or saved in another encoding; \
         export it again with `... | Out-File -Encoding utf8`"
    )]
    Encoding {
        /// What the first octets promised.
        encoding: &'static str,
    },
    /// The text is not in its notation.
    #[error("is no {format}: {what}; the file may be cut off or edited by hand, export it again")]
    Syntax {
        /// The notation.
        format: Format,
        /// What is wrong.
        what: String,
    },
    /// Values within values within values.
    #[error("values are nested more than {limit} deep; export with `-Depth 6`")]
    TooDeep {
        /// The most that is followed.
        limit: usize,
    },
    /// A property stands twice in one object.
    #[error("property stands twice in its object, the first time in line {first}; remove one")]
    Repeated {
        /// The line of the first.
        first: u32,
    },
    /// `ConvertTo-Json` replaced the value by the name of its type.
    #[error(
        "expected {expected}, found {found}, which stands for a value that was cut off; \
         export again with `ConvertTo-Json -Depth 6`"
    )]
    Flattened {
        /// What should stand here.
        expected: &'static str,
        /// What does, escaped and shortened.
        found: String,
    },
    /// A PowerShell expression whose value is not in the file.
    #[error(
        "expected {expected}, found {found}, whose value is not in this file; \
         write the value in its place"
    )]
    Unresolved {
        /// What should stand here.
        expected: &'static str,
        /// What does, escaped and shortened.
        found: String,
    },
    /// A value of the wrong type, or one that the property does not have.
    #[error("expected {expected}, found {found}; correct it, or export again with `-Depth 6`")]
    Unexpected {
        /// What should stand here.
        expected: &'static str,
        /// What does, escaped and shortened.
        found: String,
    },
    /// An object without a property that makes it what it is.
    #[error(
        "this looks like {kind} but has no {property}; add it, or export with all properties: \
         `{} | ConvertTo-Json -Depth 6`",
        .kind.cmdlet()
    )]
    Missing {
        /// What the object seems to be.
        kind: Kind,
        /// The property.
        property: &'static str,
    },
    /// There are more than are told.
    #[error("and {count} more; correct those above first")]
    More {
        /// How many.
        count: usize,
    },
}

impl Problem {
    /// The same of what was never exported: what is wrong, and what its author can do.
    #[must_use]
    pub fn by_hand(&self) -> (String, &'static str) {
        match self {
            Self::Unexpected { expected, found }
            | Self::Flattened { expected, found }
            | Self::Unresolved { expected, found } => {
                (format!("expected {expected}, found {found}"), "correct it")
            }
            Self::Missing { kind, property } => (format!("{kind} has no {property}"), "add it"),
            Self::Repeated { first } => (
                format!("property stands twice in its table, the first time in line {first}"),
                "remove one",
            ),
            Self::Encoding { encoding } => (
                format!("is no {encoding} text from here on"),
                "save it as UTF-8",
            ),
            Self::Unreadable(_)
            | Self::TooLarge { .. }
            | Self::Syntax { .. }
            | Self::TooDeep { .. }
            | Self::More { .. } => (self.to_string(), ""),
        }
    }
}

impl ExportError {
    /// `node` is not what is expected in its place.
    pub(super) fn unexpected(node: &Node, expected: &'static str) -> Self {
        Self {
            place: node.place.clone(),
            problem: Problem::Unexpected {
                expected,
                found: node.shown(),
            },
        }
    }
}

/// The first problems of a file, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Collected {
    first: Vec<ExportError>,
    more: usize,
    last: Option<Place>,
}

impl Collected {
    pub(super) fn add(&mut self, error: ExportError) {
        if self.first.len() < MOST_PROBLEMS {
            self.first.push(error);
        } else {
            self.more += 1;
            self.last = Some(error.place);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// In the order of the file.
    pub(super) fn into_errors(self) -> Vec<ExportError> {
        let mut errors = self.first;
        errors.sort_by_key(|error| (error.place.line, error.place.column));
        let more = self.last.map(|place| ExportError {
            place,
            problem: Problem::More { count: self.more },
        });
        errors.extend(more);
        errors
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Json => "JSON",
            Self::Clixml => "output of Export-Clixml",
            Self::Dsc => "Microsoft365DSC configuration",
        })
    }
}
