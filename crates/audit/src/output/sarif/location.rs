//! Places as SARIF has them: an artifact, a region in it, and the name of the object.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tenantry_lab::world::Place;

use super::{Message, Report};
use crate::finding::Finding;

/// The files of a run, each once.
pub(super) struct Artifacts {
    uris: Vec<String>,
    known: HashMap<PathBuf, usize>,
}

/// Section 3.24.
#[derive(Serialize)]
pub(super) struct Artifact {
    location: Uri,
}

/// Section 3.4.
#[derive(Serialize)]
struct Uri {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

/// Section 3.28.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

/// Section 3.29.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Uri,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

/// Section 3.30.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
}

/// Section 3.33.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

impl Artifacts {
    pub(super) fn of(report: &Report<'_>) -> Self {
        let mut artifacts = Self {
            uris: Vec::new(),
            known: HashMap::new(),
        };
        for source in &report.inventory.sources {
            artifacts.index(&source.path);
        }
        artifacts
    }

    pub(super) fn objects(self) -> Vec<Artifact> {
        let uris = self.uris.into_iter();
        uris.map(|uri| Artifact {
            location: Uri { uri, index: None },
        })
        .collect()
    }

    fn index(&mut self, path: &Path) -> usize {
        if let Some(index) = self.known.get(path) {
            return *index;
        }
        let index = self.uris.len();
        self.uris.push(uri(path));
        self.known.insert(path.to_owned(), index);
        index
    }

    fn location(&mut self, path: &Path) -> Uri {
        Uri {
            uri: uri(path),
            index: Some(self.index(path)),
        }
    }
}

impl Location {
    pub(super) fn of(place: &Place, artifacts: &mut Artifacts) -> Self {
        let physical = place.file.as_deref().map(|file| Physical {
            artifact_location: artifacts.location(file),
            region: (place.line > 0).then_some(Region {
                start_line: place.line,
                start_column: (place.column > 0).then_some(place.column),
            }),
        });
        Self {
            id: None,
            physical_location: physical,
            logical_locations: Vec::new(),
            message: None,
        }
    }

    /// Whose place it is.
    pub(super) fn name(&mut self, finding: &Finding) {
        let parts = [
            finding.tenant.as_deref(),
            Some(finding.object.as_str()),
            Some(finding.place.path.as_str()),
        ];
        let named = parts.into_iter().flatten().filter(|part| !part.is_empty());
        self.logical_locations.push(Logical {
            name: finding.object.clone(),
            fully_qualified_name: named.collect::<Vec<_>>().join("/"),
            kind: "object",
        });
    }

    /// What stands there.
    pub(super) fn explain(&mut self, id: usize, what: &str) {
        self.id = Some(id);
        self.message = Some(Message::of(what));
    }
}

/// A path as a URI (RFC 3986, RFC 8089): relative ones stay relative, and octets that are no text
/// are kept.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    let octets = path.as_os_str().as_bytes();
    let octets = octets.strip_prefix(b"./").unwrap_or(octets);
    for octet in octets {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(*octet));
            }
            other => {
                // Writing to a string cannot fail.
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn any_path_is_a_uri() {
        assert_eq!(uri(Path::new("a/b c.json")), "a/b%20c.json");
        assert_eq!(uri(Path::new("./a:b")), "a%3Ab");
        assert_eq!(uri(Path::new("/etc/x.toml")), "file:///etc/x.toml");
        let odd = OsStr::from_bytes(b"\xff\xe4/%#?");
        assert_eq!(uri(Path::new(odd)), "%FF%E4/%25%23%3F");
    }
}
