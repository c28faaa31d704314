//! What is wrong with a file, where, and what to do.

use std::fmt;
use std::io;

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

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Json => "JSON",
            Self::Clixml => "output of Export-Clixml",
            Self::Dsc => "Microsoft365DSC configuration",
        })
    }
}
