//! Who may use whom: the table of ARCHITECTURE.md, compared with the manifests and the sources.
//!
//! A new edge is a design decision: it changes the table here and in ARCHITECTURE.md, with a
//! reason in the commit.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends by panicking"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What one crate may depend on. A manifest may use less, never more.
struct Layer {
    folder: &'static str,
    ours: &'static [&'static str],
    outside: &'static [&'static str],
    /// Only under `[dev-dependencies]`.
    tests: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer {
        folder: "settings",
        ours: &[],
        outside: &["ipnet", "memchr", "thiserror", "toml"],
        tests: &[],
    },
    Layer {
        folder: "smtp",
        ours: &[],
        outside: &["bytes", "memchr", "thiserror"],
        tests: &["proptest", "smtp-proto"],
    },
    Layer {
        folder: "attribution",
        ours: &[],
        outside: &["foldhash", "hashbrown", "idna", "ipnet", "thiserror"],
        tests: &["proptest", "serde", "toml"],
    },
    Layer {
        folder: "net",
        ours: &["smtp"],
        outside: &[
            "aws-lc-rs",
            "bytes",
            "rustls",
            "rustls-native-certs",
            "rustls-pki-types",
            "rustls-webpki",
            "socket2",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tokio-util",
            "tracing",
            "x509-parser",
            "zeroize",
        ],
        tests: &["rcgen", "tempfile"],
    },
    Layer {
        folder: "relay",
        ours: &["attribution", "net", "settings", "smtp"],
        outside: &[
            "arc-swap",
            "bytes",
            "fastrand",
            "ipnet",
            "jiff",
            "mail-parser",
            "memchr",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio-util",
            "toml",
            "tracing",
            "tracing-subscriber",
        ],
        tests: &["tempfile", "tenantry-lab"],
    },
    Layer {
        folder: "lab",
        ours: &["net", "settings", "smtp"],
        outside: &[
            "arc-swap",
            "aws-lc-rs",
            "bytes",
            "fastrand",
            "idna",
            "ipnet",
            "jiff",
            "jsonc-parser",
            "memchr",
            "rcgen",
            "roxmltree",
            "serde",
            "serde_json",
            "socket2",
            "thiserror",
            "tokio",
            "tokio-util",
            "toml",
            "tracing",
        ],
        tests: &["proptest", "tempfile"],
    },
    Layer {
        folder: "load",
        ours: &["net", "settings", "smtp"],
        outside: &[
            "base64",
            "bytes",
            "fastrand",
            "hdrhistogram",
            "jiff",
            "rustix",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio-util",
            "toml",
        ],
        tests: &["tempfile", "tenantry-lab"],
    },
    Layer {
        folder: "audit",
        ours: &["attribution", "lab", "net", "relay", "settings"],
        outside: &[
            "ipnet",
            "jiff",
            "serde",
            "serde_json",
            "thiserror",
            "toml",
            "unicode-width",
        ],
        tests: &["jsonschema", "tempfile"],
    },
    Layer {
        folder: "tenantry",
        ours: &[
            "attribution",
            "audit",
            "lab",
            "load",
            "net",
            "relay",
            "settings",
            "smtp",
        ],
        outside: &[
            "anyhow",
            "clap",
            "clap_complete",
            "clap_mangen",
            "crossterm",
            "fastrand",
            "jiff",
            "ratatui",
            "rustix",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio-util",
            "toml",
            "tracing",
            "tracing-subscriber",
        ],
        tests: &["tempfile"],
    },
];

/// Words that a pure crate's sources must not have: I/O, async, clocks, logging, serialisation.
const IMPURE: &[&str] = &[
    "tokio",
    "tracing",
    "serde",
    "async",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "std::fs",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
];

/// Libraries whose types stay inside `net`.
const TLS: &[&str] = &[
    "rustls::",
    "tokio_rustls::",
    "rustls_pki_types::",
    "rustls_native_certs::",
    "webpki::",
    "x509_parser::",
];

/// Lints that every crate must get from the workspace.
const LINTS: &[(&str, &str)] = &[
    ("rust", "unsafe_code"),
    ("clippy", "unwrap_used"),
    ("clippy", "expect_used"),
    ("clippy", "panic"),
    ("clippy", "indexing_slicing"),
    ("clippy", "allow_attributes"),
    ("clippy", "wildcard_enum_match_arm"),
    ("clippy", "print_stdout"),
    ("clippy", "print_stderr"),
];

#[test]
fn every_crate_has_a_place_in_the_table() {
    let found: BTreeSet<String> = fs::read_dir(root().join("crates"))
        .expect("the crates folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .map(|path| file_name(&path))
        .collect();
    let table: BTreeSet<String> = LAYERS.iter().map(|layer| layer.folder.to_owned()).collect();
    assert_eq!(found, table, "crates/ and the table of layers differ");
}

#[test]
fn crates_use_only_what_the_table_allows() {
    let mut problems = String::new();
    for layer in LAYERS {
        let manifest = manifest(layer.folder);
        let ours: BTreeSet<String> = layer
            .ours
            .iter()
            .map(|name| format!("tenantry-{name}"))
            .collect();
        for name in dependencies(&manifest, &["dependencies", "build-dependencies"]) {
            if !ours.contains(&name) && !layer.outside.contains(&name.as_str()) {
                let _ = writeln!(problems, "{} must not use {name}", layer.folder);
            }
        }
        for name in dependencies(&manifest, &["dev-dependencies"]) {
            let allowed = ours.contains(&name)
                || layer.outside.contains(&name.as_str())
                || layer.tests.contains(&name.as_str());
            if !allowed {
                let _ = writeln!(problems, "{}'s tests must not use {name}", layer.folder);
            }
        }
    }
    assert!(
        problems.is_empty(),
        "edges that the table does not have:\n{problems}"
    );
}

#[test]
fn the_lab_shares_no_attribution_code_with_the_relay() {
    let used = dependencies(
        &manifest("lab"),
        &["dependencies", "dev-dependencies", "build-dependencies"],
    );
    for name in ["tenantry-attribution", "tenantry-relay"] {
        assert!(
            !used.contains(name),
            "the lab is the oracle and must not use {name}"
        );
    }
}

#[test]
fn protocol_and_decision_are_pure() {
    let mut found = Vec::new();
    for folder in ["smtp", "attribution"] {
        found.extend(mentions(
            &root().join("crates").join(folder).join("src"),
            IMPURE,
        ));
    }
    assert!(
        found.is_empty(),
        "smtp and attribution know no I/O, async, clock, log or serde:\n{}",
        found.join("\n")
    );
}

#[test]
fn tls_and_certificate_types_stay_in_net() {
    let mut found = Vec::new();
    for layer in LAYERS.iter().filter(|layer| layer.folder != "net") {
        let folder = root().join("crates").join(layer.folder);
        found.extend(mentions(&folder.join("src"), TLS));
    }
    assert!(
        found.is_empty(),
        "TLS and X.509 types never leave net:\n{}",
        found.join("\n")
    );
}

#[test]
fn serde_never_enters_the_network_layer() {
    let found = mentions(&root().join("crates/net/src"), &["serde"]);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_manifest_takes_the_lints_of_the_workspace() {
    let workspace = read_manifest(&root().join("Cargo.toml"));
    let lints = workspace
        .get("workspace")
        .and_then(|table| table.get("lints"))
        .expect("workspace.lints");
    for (tool, lint) in LINTS {
        let level = lints.get(tool).and_then(|table| table.get(lint));
        let level = level
            .and_then(|level| level.get("level").or(Some(level)))
            .and_then(toml::Value::as_str)
            .unwrap_or_else(|| panic!("{tool}::{lint} is not set in the workspace"));
        assert!(
            ["warn", "deny", "forbid"].contains(&level),
            "{tool}::{lint} is {level}"
        );
    }
    let manifests = LAYERS
        .iter()
        .map(|layer| (layer.folder, manifest(layer.folder)));
    for (folder, manifest) in manifests.chain([("the root package", workspace.clone())]) {
        let inherited = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(
            inherited,
            Some(true),
            "{folder} does not say `lints.workspace = true`"
        );
    }
}

#[test]
fn lints_are_silenced_only_by_expect_with_a_reason() {
    let mut found = Vec::new();
    for folder in ["crates", "tests", "benches"] {
        for path in sources(&root().join(folder)) {
            if path.ends_with("tests/layering.rs") {
                continue;
            }
            let text = read(&path);
            for (number, line) in text.lines().enumerate() {
                let line = line.trim_start();
                if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
                    found.push(format!("{}:{}: {line}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(folder: &str) -> toml::Table {
    read_manifest(&root().join("crates").join(folder).join("Cargo.toml"))
}

fn read_manifest(path: &Path) -> toml::Table {
    read(path)
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names under the given kinds of dependencies, also those for one target only.
fn dependencies(manifest: &toml::Table, kinds: &[&str]) -> BTreeSet<String> {
    let targets = manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values())
        .filter_map(toml::Value::as_table);
    let mut names = BTreeSet::new();
    for table in targets.chain([manifest]) {
        for kind in kinds {
            let Some(list) = table.get(*kind).and_then(toml::Value::as_table) else {
                continue;
            };
            for (key, value) in list {
                // `alias = { package = "name" }` must not hide what is really used.
                let package = value.get("package").and_then(toml::Value::as_str);
                names.insert(package.unwrap_or(key).to_owned());
            }
        }
    }
    names
}

/// Where the code (not the comments) below a folder has one of the words.
fn mentions(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(folder) {
        for (number, line) in read(&path).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in words.iter().filter(|word| has_word(code, word)) {
                found.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    found
}

fn has_word(code: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(start, _)| {
        let before = code.get(..start).and_then(|text| text.chars().next_back());
        let after = code
            .get(start + word.len()..)
            .and_then(|text| text.chars().next());
        let open_ended = !word.chars().next_back().is_some_and(is_name);
        before.is_none_or(|c| !is_name(c)) && (open_ended || after.is_none_or(|c| !is_name(c)))
    })
}

/// Every Rust file below a folder, without build output.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() && file_name(&path) != "target" {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[test]
fn words_are_found_as_words() {
    assert!(has_word("use tokio::net;", "tokio"));
    assert!(has_word("let now = Instant::now();", "Instant"));
    assert!(!has_word("InstantReply", "Instant"));
    assert!(!has_word("deserde", "serde"));
    assert!(has_word("use rustls::pki_types;", "rustls::"));
    assert!(!has_word("tokio_rustls::x", "rustls::"));
}
