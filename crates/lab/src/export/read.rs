//! From a file to the objects in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::error::{ExportError, Problem};
use super::node::Node;
use super::recognise::{Document, Object, into_elements};
use super::{clixml, dsc, json, text};
use crate::world::Place;

/// The largest file that is read: 256 MiB.
pub const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// All objects of a file, typed.
///
/// # Errors
/// All problems of the file.
pub fn read_objects(path: &Path) -> Result<Vec<Object>, Vec<ExportError>> {
    let mut objects = Vec::new();
    let mut problems = Vec::new();
    for document in read_file(path)? {
        match document.object() {
            Ok(object) => objects.push(object),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(objects)
    } else {
        Err(problems)
    }
}

/// The objects of a file in any notation; none of an empty file, an empty array or `null`.
///
/// # Errors
/// When the file cannot be read, is too large, or is in none of the notations.
pub fn read_file(path: &Path) -> Result<Vec<Document>, Vec<ExportError>> {
    let octets = octets(path).map_err(|problem| {
        vec![ExportError {
            place: Place {
                file: Some(path.into()),
                ..Place::default()
            },
            problem,
        }]
    })?;
    parse(path, &octets, || beside(path))
}

/// The same for the content of a file; `file` is for messages, and its extension tells a
/// PowerShell script from JSON.
///
/// # Errors
/// As of [`read_file`].
pub fn read_bytes(file: &Path, octets: &[u8]) -> Result<Vec<Document>, Vec<ExportError>> {
    parse(file, octets, || None)
}

/// `organization` finds the value of `$OrganizationName` in a Microsoft365DSC configuration.
fn parse(
    file: &Path,
    octets: &[u8],
    organization: impl FnOnce() -> Option<String>,
) -> Result<Vec<Document>, Vec<ExportError>> {
    let file: Arc<Path> = file.into();
    let text = text::decode(&file, octets).map_err(|error| vec![error])?;
    match notation(&file, &text) {
        Notation::Json => Ok(json::parse(&file, &text)?
            .map(documents)
            .unwrap_or_default()),
        Notation::Clixml => clixml::parse(&file, &text)
            .map(documents)
            .map_err(|error| vec![error]),
        Notation::Dsc => dsc::parse(&file, &text, organization()).map_err(|error| vec![error]),
    }
}

/// The value of a JSON file as it stands; absent if there is none.
///
/// # Errors
/// When it is no text, or no JSON.
pub fn read_json(file: &Path, octets: &[u8]) -> Result<Option<Node>, Vec<ExportError>> {
    let file: Arc<Path> = file.into();
    let text = text::decode(&file, octets).map_err(|error| vec![error])?;
    json::parse(&file, &text)
}

enum Notation {
    Json,
    Clixml,
    Dsc,
}

/// By content; where that is ambiguous, by extension.
fn notation(file: &Path, text: &str) -> Notation {
    let text = text.trim_start();
    let extension = file
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if text.starts_with("<?xml") || text.starts_with("<Objs") {
        return Notation::Clixml;
    }
    match extension.as_str() {
        "ps1" | "psm1" | "psd1" => Notation::Dsc,
        "json" => Notation::Json,
        "xml" | "clixml" if !text.is_empty() => Notation::Clixml,
        _ => match text.chars().next() {
            Some('#') => Notation::Dsc,
            Some('<') if text.starts_with("<#") => Notation::Dsc,
            Some('<') => Notation::Clixml,
            Some(letter) if letter.is_ascii_alphabetic() => Notation::Dsc,
            _ => Notation::Json,
        },
    }
}

fn documents(node: Node) -> Vec<Document> {
    into_elements(node)
        .into_iter()
        .map(|node| Document { node, kind: None })
        .collect()
}

/// What the configuration data that an export puts beside its script calls the organisation. That
/// file is of no use otherwise, so nothing is wrong when it is missing or odd: then an expression
/// that needs it is refused in its place.
fn beside(script: &Path) -> Option<String> {
    let path = script.with_file_name("ConfigurationData.psd1");
    let octets = octets(&path).ok()?;
    let text = text::decode(&path.into(), &octets).ok()?.into_owned();
    dsc::organization_name(&text)
}

/// The content of the file, unless there is too much of it.
fn octets(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut octets = Vec::new();
    // Before opening it, which would wait for the other end of a pipe.
    let metadata = std::fs::metadata(path).map_err(Problem::Unreadable)?;
    if !metadata.is_file() {
        let error = io::Error::other("it is no regular file");
        return Err(Problem::Unreadable(error));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(Problem::TooLarge {
            limit: LARGEST_FILE,
        });
    }
    let file = File::open(path).map_err(Problem::Unreadable)?;
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut octets)
        .map_err(Problem::Unreadable)?;
    if u64::try_from(octets.len()).is_ok_and(|read| read <= LARGEST_FILE) {
        Ok(octets)
    } else {
        Err(Problem::TooLarge {
            limit: LARGEST_FILE,
        })
    }
}
