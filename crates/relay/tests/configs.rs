//! Mistakes in configurations: `tests/data/configs/NAME` has the files an operator wrote and, in
//! `expected.txt`, exactly what they must be told.
//!
//! Certificates are made at run time; the files they are written to stand in `certificates`. With
//! `TENANTRY_BLESS=1` the texts are written instead of compared: read the difference before
//! committing it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenantry_lab::pki::{Authority, CertificateSpec, CrlSpec, Validity};
use tenantry_relay::config::{Config, known_keys};

#[test]
fn operators_are_told_everything_that_is_wrong() {
    let certificates = certificates();
    let mut names: Vec<PathBuf> = fs::read_dir(data())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 40, "{} configurations", names.len());
    let wrong: Vec<String> = names
        .iter()
        .filter_map(|folder| difference(folder, certificates.path()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn secrets_are_never_told() {
    let certificates = certificates();
    let key = fs::read_to_string(certificates.path().join("contoso.key")).unwrap();
    let secrets: Vec<&str> = key.lines().filter(|line| line.len() > 20).collect();
    for key_value in [
        format!("\"\"\"{key}\"\"\""),
        format!("'''\n{key}'''"),
        key.replace('\n', " "),
    ] {
        let world = world(&data().join("smallest"), certificates.path());
        let path = world.path().join("relay.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"tls/contoso.key\"", &key_value)).unwrap();
        let told = told(world.path());
        assert!(!told.is_empty());
        for secret in secrets.iter().copied().chain(["PRIVATE KEY"]) {
            assert!(!told.contains(secret), "{told}");
        }
    }
    let world = world(&data().join("smallest"), certificates.path());
    let config = format!(
        "{:?}",
        Config::load(&world.path().join("relay.toml")).unwrap()
    );
    for secret in secrets.iter().copied().chain(["PRIVATE KEY"]) {
        assert!(!config.contains(secret));
    }
}

#[test]
fn the_smallest_configuration_that_is_shipped_loads() {
    let world = shipped("relay.toml");
    let config = Config::load(&world.path().join("relay.toml"));
    let warnings: Vec<String> = config
        .unwrap()
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn the_reference_has_every_key_and_no_other() {
    let world = shipped("relay.reference.toml");
    let config = Config::load(&world.path().join("relay.reference.toml"));
    assert!(config.is_ok(), "{}", config.err().unwrap());
    let text = fs::read_to_string(world.path().join("relay.reference.toml")).unwrap();
    let written = reference_keys(&text);
    for (section, keys) in known_keys() {
        for key in keys {
            let is_table = match section {
                "" => [
                    "listener", "peer", "tenant", "limits", "timeouts", "log", "lint",
                ]
                .contains(key),
                "lint" => *key == "allow",
                _ => false,
            };
            let found = written
                .iter()
                .any(|(at, name, _)| at == section && name == key);
            assert!(
                found || is_table,
                "[{section}] {key} is not in the reference"
            );
        }
    }
}

#[test]
fn every_default_that_the_reference_states_is_the_default() {
    let world = shipped("relay.reference.toml");
    let path = world.path().join("relay.reference.toml");
    let text = fs::read_to_string(&path).unwrap();
    let stated = Config::load(&path).unwrap().effective();
    let keys = reference_keys(&text);
    let defaults: Vec<usize> = keys
        .iter()
        .filter(|(.., line)| line_of(&text, *line).ends_with("# default"))
        .map(|(.., line)| *line)
        .collect();
    assert!(defaults.len() > 50, "{} defaults", defaults.len());
    for line in defaults {
        let without: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|(number, _)| *number != line)
            .map(|(_, line)| line)
            .collect();
        fs::write(&path, without.join("\n")).unwrap();
        let effective = Config::load(&path).unwrap().effective();
        assert_eq!(effective, stated, "{}", line_of(&text, line));
    }
    for (.., line) in keys {
        let line = line_of(&text, line);
        let marked = ["# default", "# required", "# example"]
            .iter()
            .any(|mark| line.contains(mark));
        assert!(marked, "{line}");
    }
}

#[test]
fn what_the_reference_calls_required_is_required() {
    let world = shipped("relay.reference.toml");
    let path = world.path().join("relay.reference.toml");
    let text = fs::read_to_string(&path).unwrap();
    for (_, key, line) in reference_keys(&text) {
        if !line_of(&text, line).ends_with("# required") {
            continue;
        }
        let kept = text
            .lines()
            .enumerate()
            .filter(|(number, _)| *number != line);
        let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
        fs::write(&path, kept.join("\n")).unwrap();
        let told = Config::load(&path).unwrap_err().to_string();
        assert!(
            told.contains(&format!("{key}: is missing")),
            "{key}: {told}"
        );
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/configs")
}

/// What is wrong with what the operator is told; `None` if nothing.
fn difference(folder: &Path, certificates: &Path) -> Option<String> {
    let world = world(folder, certificates);
    let told = told(world.path());
    let expected = folder.join("expected.txt");
    if std::env::var_os("TENANTRY_BLESS").is_some() {
        fs::write(&expected, &told).unwrap();
    }
    let expected = fs::read_to_string(expected).unwrap_or_default();
    let name = folder.file_name().unwrap().to_string_lossy();
    (told != expected).then(|| format!("{name}\n-- expected\n{expected}-- told\n{told}"))
}

/// All problems of a configuration, warnings of a good one included, without what differs by run.
fn told(folder: &Path) -> String {
    let problems = match Config::load(&folder.join("relay.toml")) {
        Ok(config) => config.warnings,
        Err(problems) => problems.iter().cloned().collect(),
    };
    let place = format!("{}/", folder.display());
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .map(|line| undated(&line.replace(&place, "")))
        .collect()
}

/// Days depend on when the certificates were made.
fn undated(line: &str) -> String {
    let is_day = |word: &str| {
        let parts: Vec<&str> = word.split('-').collect();
        matches!(parts.as_slice(), [year, month, day] if [year.len(), month.len(), day.len()] == [4, 2, 2])
            && word
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_digit())
    };
    let words = line.split(' ').map(|word| {
        let bare = word.trim_end_matches([';', ',']);
        if is_day(bare) {
            word.replace(bare, "DAY")
        } else {
            String::from(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Section, key and line (from 0) of every key that the reference sets.
fn reference_keys(text: &str) -> Vec<(String, String, usize)> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            section = String::from(line.trim_matches(['[', ']']));
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.push((section.clone(), String::from(key), number));
        }
    }
    keys
}

fn line_of(text: &str, number: usize) -> &str {
    text.lines().nth(number).unwrap()
}

/// A copy of a folder, with certificates in `tls`.
fn world(folder: &Path, certificates: &Path) -> TempDir {
    let world = TempDir::new().unwrap();
    copy(folder, world.path());
    copy_tree(certificates, &world.path().join("tls"));
    world
}

fn shipped(file: &str) -> TempDir {
    let certificates = certificates();
    let world = TempDir::new().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(file);
    fs::copy(&source, world.path().join(file)).unwrap();
    // What the reference names as its shadow.
    let smallest = source.with_file_name("relay.toml");
    fs::copy(smallest, world.path().join("next.toml")).unwrap();
    copy_tree(certificates.path(), &world.path().join("tls"));
    world
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Copies with permissions and links.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_symlink() {
            symlink(fs::read_link(&path).unwrap(), &target).unwrap();
        } else if path.is_dir() {
            copy_tree(&path, &target);
            fs::set_permissions(&target, fs::metadata(&path).unwrap().permissions()).unwrap();
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Good and bad certificates and keys, as the configurations name them.
fn certificates() -> TempDir {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let authority = Authority::new("Clients").unwrap();
    for name in ["clients-ca.pem", "upstream-ca.pem"] {
        fs::write(at.join(name), authority.certificate_pem()).unwrap();
    }
    fs::write(
        at.join("clients.crl"),
        authority.crl(&CrlSpec::default()).unwrap(),
    )
    .unwrap();
    authority
        .server(&["relay.corp.example"])
        .unwrap()
        .write(at, "relay")
        .unwrap();
    for tenant in ["contoso", "fabrikam"] {
        authority
            .client(&[&format!("mail.{tenant}.com")])
            .unwrap()
            .write(at, tenant)
            .unwrap();
    }
    let valid = [
        ("expired", Validity::Expired),
        ("not-yet", Validity::NotYet),
        ("days-5", Validity::days(5)),
        ("days-12", Validity::days(12)),
        ("days-25", Validity::days(25)),
        ("days-45", Validity::days(45)),
    ];
    for (name, validity) in valid {
        let spec = CertificateSpec::client(&["mail.contoso.com"]).with_validity(validity);
        authority.issue(&spec).unwrap().write(at, name).unwrap();
    }
    bad_keys(at);
    folder
}

fn bad_keys(at: &Path) {
    let key = fs::read_to_string(at.join("contoso.key")).unwrap();
    let other = fs::read_to_string(at.join("fabrikam.key")).unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(at.join(name), text).unwrap();
        fs::set_permissions(at.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("world.key", &key, 0o644);
    write("group.key", &key, 0o640);
    write("two.key", &format!("{key}{other}"), 0o600);
    write("empty.key", "", 0o600);
    write("garbage.key", "not a key at all\n", 0o600);
    write(
        "encrypted.key",
        &key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        0o600,
    );
    write("empty.pem", "", 0o644);
    write("garbage.pem", "not a certificate at all\n", 0o644);
    let open = at.join("open");
    fs::create_dir(&open).unwrap();
    write("open/contoso.key", &key, 0o600);
    symlink("open/contoso.key", at.join("linked.key")).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
}
