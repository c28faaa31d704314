//! What a file is, told by its content; its name only helps where the content is ambiguous.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use tenantry_lab::export::{self, Node, Value};
use tenantry_net::{PemContent, pem_sections};

use super::Unreadable;
use super::certificate::{Certificate, Pem};
use super::exports::{self, Item};
use super::files::{Found, unreadable, whole};
use super::toml_file::{self, TomlKind};

/// What a file holds.
#[derive(Debug)]
pub(super) enum Content {
    /// Certificates, and perhaps a key.
    Certificates(Pem),
    /// A private key alone.
    Key,
    /// Objects of an export.
    Export(Vec<Item>),
    /// A world, or a part of one.
    World(Node),
    /// A tenant's `tenant.toml`.
    Tenant(Node),
    /// A relay's configuration: a main file, or one that could be.
    Relay,
    /// A file that only another one's `include` can name.
    RelayPart,
    /// A file of `[[lint.allow]]` alone.
    Allowances,
    /// Nothing that lint reads.
    Nothing(String),
}

/// A file's content, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) content: Content,
    pub(super) unreadable: Vec<Unreadable>,
}

impl Reading {
    fn of(content: Content) -> Self {
        Self {
            content,
            unreadable: Vec::new(),
        }
    }

    /// Nothing of use: a problem if the file was named, else worth a notice.
    fn nothing(found: &Found, what: &str, remedy: &str) -> Self {
        let problem = Unreadable {
            place: whole(&found.path),
            what: String::from(what),
            remedy: String::from(remedy),
            ignored: !found.named,
        };
        Self {
            content: Content::Nothing(String::from(what)),
            unreadable: vec![problem],
        }
    }

    /// What nobody expects lint to read, unless it was named.
    fn passed_over(found: &Found) -> Self {
        let what = "is nothing that lint reads";
        if found.named {
            return Self::nothing(found, what, KNOWN);
        }
        Self::of(Content::Nothing(String::from(super::NOT_LOOKED_AT)))
    }
}

/// Reads a file.
pub(super) fn read(found: &Found) -> Reading {
    let ending = ending(&found.path);
    let start = match start(&found.path) {
        Ok(start) => start,
        Err(error) => {
            return Reading {
                content: Content::Nothing(String::from("cannot be read")),
                unreadable: vec![unreadable(&found.path, &error)],
            };
        }
    };
    match ending.as_str() {
        "toml" => return toml(found),
        "jsonl" | "ndjson" => return Reading::passed_over(found),
        "pfx" | "p12" => {
            let what = "is a PKCS #12 file, which has a password";
            let remedy = "export the certificates alone as PEM";
            return Reading::nothing(found, what, remedy);
        }
        _ => {}
    }
    if is_pem(&start) || is_pem(&narrow(&start)) {
        return pem(found);
    }
    if start.starts_with(DER_SEQUENCE) {
        return der(found);
    }
    if is_export(&found.path) {
        return export(found);
    }
    if looks_like_export(&start) {
        let reading = export(found);
        let known = matches!(&reading.content, Content::Export(items) if items
            .iter()
            .any(|item| !matches!(item, Item::Other(_))));
        if known || found.named {
            return reading;
        }
    }
    Reading::passed_over(found)
}

/// The first part of a file, enough to tell what it is.
fn start(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len().min(START);
    let mut start = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(START).read_to_end(&mut start)?;
    Ok(start)
}

/// All of a file that is not larger than anything of its kind.
fn all(path: &Path, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let mut octets = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut octets));
    match read {
        Ok(length) if u64::try_from(length).is_ok_and(|length| length <= limit) => Ok(octets),
        Ok(_) => Err(Unreadable {
            place: whole(path),
            what: format!("has more than {limit} octets"),
            remedy: String::from("split it, or name the right file"),
            ignored: false,
        }),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn refused(problem: Unreadable) -> Reading {
    Reading {
        content: Content::Nothing(problem.what.clone()),
        unreadable: vec![problem],
    }
}

fn pem(found: &Found) -> Reading {
    let text = match all(&found.path, LARGEST_PEM) {
        Ok(text) if is_pem(&text) => text,
        // Windows PowerShell redirects in UTF-16.
        Ok(text) => narrow(&text),
        Err(problem) => return refused(problem),
    };
    let file: Arc<Path> = found.path.as_path().into();
    let mut pem = Pem::default();
    let mut problems = Vec::new();
    let mut others = Vec::new();
    for section in pem_sections(&text) {
        let mut place = whole(&found.path);
        (place.line, place.column) = (section.line, 1);
        let damaged = match section.content {
            PemContent::PrivateKey => {
                pem.has_key = true;
                continue;
            }
            PemContent::Other(label) => {
                others.push(label);
                continue;
            }
            PemContent::Certificate(der) => match Certificate::read(&file, section.line, der) {
                Some(certificate) => {
                    pem.chain.push(certificate);
                    continue;
                }
                None => "its octets are no certificate",
            },
            PemContent::Damaged(reason) => reason,
        };
        problems.push(Unreadable {
            place,
            what: format!("this certificate cannot be read: {damaged}"),
            remedy: String::from("put the certificate there again, as its authority gave it"),
            ignored: false,
        });
    }
    let content = if !pem.chain.is_empty() {
        Content::Certificates(pem)
    } else if pem.has_key {
        Content::Key
    } else if problems.is_empty() {
        let what = format!("has no certificate, but {}", listed(&others));
        // Revocation lists and parameters are what a folder of certificates has besides.
        let of_certificates = |label: &String| OTHER_CERTIFICATES.contains(&label.as_str());
        if others.iter().any(of_certificates) {
            return refused(Unreadable {
                place: whole(&found.path),
                what,
                remedy: String::from("export the certificates as PEM, each as a CERTIFICATE"),
                ignored: false,
            });
        }
        if !found.named {
            return Reading::of(Content::Nothing(what));
        }
        return Reading::nothing(found, &what, "export the certificate as PEM");
    } else {
        Content::Nothing(String::from("no certificate that can be read"))
    };
    Reading {
        content,
        unreadable: problems,
    }
}

fn listed(labels: &[String]) -> String {
    let shown: Vec<&str> = labels.iter().take(SHOWN).map(String::as_str).collect();
    shown.join(", ")
}

/// A single certificate as Windows saves it unless asked for Base64.
fn der(found: &Found) -> Reading {
    let octets = match all(&found.path, LARGEST_PEM) {
        Ok(octets) => octets,
        Err(problem) => return refused(problem),
    };
    let file: Arc<Path> = found.path.as_path().into();
    match Certificate::read(&file, 0, octets) {
        Some(certificate) => Reading::of(Content::Certificates(Pem {
            chain: vec![certificate],
            has_key: false,
        })),
        None if found.named || CERTIFICATES.contains(&ending(&found.path).as_str()) => {
            let problem = Unreadable {
                place: whole(&found.path),
                what: String::from("is no certificate that can be read"),
                remedy: String::from("export it again as PEM (Base64)"),
                ignored: false,
            };
            refused(problem)
        }
        None => Reading::passed_over(found),
    }
}

fn export(found: &Found) -> Reading {
    let (items, unreadable) = exports::read(&found.path);
    Reading {
        content: Content::Export(items),
        unreadable,
    }
}

fn toml(found: &Found) -> Reading {
    let octets = match all(&found.path, LARGEST_TOML) {
        Ok(octets) => octets,
        Err(problem) => return refused(problem),
    };
    let file: Arc<Path> = found.path.as_path().into();
    let text = match export::decode(&file, &octets) {
        Ok(text) => text,
        Err(error) => {
            let (what, remedy) = error.problem.by_hand();
            return refused(Unreadable {
                place: error.place,
                what,
                remedy: String::from(remedy),
                ignored: false,
            });
        }
    };
    let (tree, syntax) = toml_file::parse(&file, &text);
    let content = match toml_file::kind(&found.path, &tree) {
        // The relay's own reader says what is wrong with its files.
        Some(TomlKind::Relay) => return Reading::of(Content::Relay),
        Some(TomlKind::RelayPart) => return Reading::of(Content::RelayPart),
        Some(TomlKind::Allowances) => return Reading::of(Content::Allowances),
        Some(TomlKind::World) => Content::World(tree),
        Some(TomlKind::Tenant) => Content::Tenant(tree),
        None if syntax.is_empty() => {
            let what = "is neither a relay's configuration nor a world or a tenant of the lab";
            return Reading::nothing(found, what, KNOWN);
        }
        None => Content::Nothing(String::from("no TOML")),
    };
    Reading {
        content,
        unreadable: syntax,
    }
}

/// A BEGIN line, after whatever text stands in front of it.
fn is_pem(start: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    start.windows(BEGIN.len()).enumerate().any(|(at, window)| {
        window == BEGIN
            && at
                .checked_sub(1)
                .and_then(|before| start.get(before))
                .is_none_or(|before| matches!(before, b'\n' | b'\r' | 0xBF))
    })
}

/// Text in UTF-16 with a mark of its order, as ASCII; anything else is nothing.
fn narrow(octets: &[u8]) -> Vec<u8> {
    let high = match octets {
        [0xFF, 0xFE, ..] => 1,
        [0xFE, 0xFF, ..] => 0,
        _ => return Vec::new(),
    };
    let units = octets.chunks_exact(2).skip(1);
    let narrowed = units.map(|unit| match (unit.get(high), unit.get(1 - high)) {
        (Some(0), Some(low)) => *low,
        (Some(_) | None, _) => b'?',
    });
    narrowed.collect()
}

/// JSON, XML, or text in UTF-16, as PowerShell redirects it.
fn looks_like_export(start: &[u8]) -> bool {
    if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
        return true;
    }
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let text = text.trim_ascii_start();
    text.starts_with(b"{")
        || text.starts_with(b"[")
        || text.starts_with(b"<?xml")
        || text.starts_with(b"<Objs")
}

/// Whether a file's name says that it is an export.
pub(super) fn is_export(path: &Path) -> bool {
    ENDINGS.contains(&ending(path).as_str())
}

fn ending(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_ascii_lowercase()
}

/// Whether a table has a key, whatever its value.
pub(super) fn has(node: &Node, key: &str) -> bool {
    matches!(&node.value, Value::Object(entries) if entries.iter().any(|(name, _)| name == key))
}

const ENDINGS: [&str; 6] = ["json", "xml", "clixml", "ps1", "psm1", "psd1"];
const CERTIFICATES: [&str; 5] = ["pem", "crt", "cer", "cert", "der"];
/// Labels of what has certificates, in a form that is not read.
const OTHER_CERTIFICATES: [&str; 4] = ["TRUSTED CERTIFICATE", "PKCS7", "CMS", "X509 CERTIFICATE"];
const DER_SEQUENCE: &[u8] = b"\x30\x82";
const KNOWN: &str = "name a relay's configuration (TOML), exports (JSON, Export-Clixml, \
                     Microsoft365DSC), certificates (PEM), or a folder of them";
const START: u64 = 64 << 10;
const SHOWN: usize = 3;
/// Bundles of all public authorities have half a megabyte.
const LARGEST_PEM: u64 = 16 << 20;
const LARGEST_TOML: u64 = 64 << 20;
