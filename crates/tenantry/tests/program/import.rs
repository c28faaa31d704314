//! `tenantry import` and `tenantry connectors` from outside: files, exit codes, and what is printed
//! where.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::world::{CONFIGURATION, OK, USAGE, tenantry, text};

const DIFFERS: i32 = 1;

/// A healthy world of two tenants as `lab init` makes it, with the exports of both.
struct Exports {
    folder: TempDir,
}

impl Exports {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let exports = Self { folder };
        let (code, _out, error) = exports.run(&["lab", "init", "box", "--tenants", "2"]);
        assert_eq!(code, OK, "{error}");
        exports
    }

    /// Runs the program; words that begin with `box` or `out` are paths in the folder. What is printed
    /// has them as they were given.
    fn run(&self, words: &[&str]) -> (i32, String, String) {
        let place = |word: &&str| match word.starts_with("box") || word.starts_with("out") {
            true => self.path(word).to_str().unwrap().to_owned(),
            false => (*word).to_owned(),
        };
        let words: Vec<String> = words.iter().map(place).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = tenantry(&words);
        let told = |octets: &[u8]| {
            let prefix = format!("{}/", self.folder.path().display());
            text(octets).replace(&prefix, "")
        };
        let code = output.status.code().unwrap();
        (code, told(&output.stdout), told(&output.stderr))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let content = fs::read_to_string(self.path(file)).unwrap();
        assert!(content.contains(from), "{file} has no {from}");
        fs::write(self.path(file), content.replace(from, to)).unwrap();
    }
}

const CONNECTORS: &str = "box/tenants/tenant-0001/InboundConnector.json";
const DOMAINS: &str = "box/tenants/tenant-0002/AcceptedDomain.json";

#[test]
fn an_import_becomes_a_configuration_once_its_questions_are_answered() {
    let exports = Exports::new();
    let certificates = ["--certificates", "box/pki/clients"];
    let words = [
        &["import", "box/tenants"][..],
        &certificates,
        &["--output", "out"],
    ]
    .concat();
    let (code, out, error) = exports.run(&words);
    assert_eq!(code, OK, "{error}");
    assert!(out.contains("2 tenants; 2 things to decide"), "{out}");
    assert!(
        out.contains(
            "the MX name of tenant-0001.example, mail.tenant-0001.example cannot be derived"
        ),
        "{out}"
    );
    // The relay of the same world, with the imported tenants in the place of its own.
    let relay = fs::read_to_string(exports.path("box/relay.toml")).unwrap();
    let above = relay.split("[[tenant]]").next().unwrap();
    let relay = format!("include = [\"../out/*.toml\"]\n{above}");
    fs::write(exports.path("box/imported.toml"), relay).unwrap();
    let check = ["check", "--config", "box/imported.toml"];
    let (code, out, error) = exports.run(&check);
    assert_eq!(code, CONFIGURATION, "{out}");
    assert!(error.contains("out/tenant-0001.toml:"), "{error}");
    assert!(
        error.contains("FILL IN: MX name of tenant-0001.example"),
        "{error}"
    );
    for name in ["tenant-0001", "tenant-0002"] {
        exports.change(
            &format!("out/{name}.toml"),
            &format!("FILL IN: MX name of {name}.example"),
            &format!("{name}.mail.protection.outlook.com:25"),
        );
    }
    let (code, _out, error) = exports.run(&check);
    assert_eq!(code, OK, "{error}");
}

#[test]
fn nothing_is_replaced_unless_forced() {
    let exports = Exports::new();
    let import = ["import", "box/tenants", "--output", "out"];
    assert_eq!(exports.run(&import).0, OK);
    fs::write(exports.path("out/tenant-0002.toml"), "# mine").unwrap();
    fs::remove_file(exports.path("out/tenant-0001.toml")).unwrap();
    let (code, _out, error) = exports.run(&import);
    assert_eq!(code, USAGE);
    assert!(error.contains("out/tenant-0002.toml"), "{error}");
    let mine = || fs::read_to_string(exports.path("out/tenant-0002.toml")).unwrap();
    assert_eq!(mine(), "# mine");
    assert!(
        !exports.path("out/tenant-0001.toml").exists(),
        "half an import"
    );
    assert_eq!(exports.run(&[&import[..], &["--force"]].concat()).0, OK);
    assert!(mine().contains("name = \"tenant-0002\""));
}

#[test]
fn what_cannot_be_read_is_not_imported() {
    let exports = Exports::new();
    exports.change(DOMAINS, "]", "");
    let (code, out, error) = exports.run(&["import", "box/tenants", "--output", "out"]);
    assert_eq!((code, out.as_str()), (CONFIGURATION, ""));
    assert!(error.contains(&format!("{DOMAINS}:")), "{error}");
    assert!(error.contains("nothing was done"), "{error}");
    assert!(!exports.path("out").exists());
    let (code, _out, error) = exports.run(&["import", "box/nowhere", "--stdout"]);
    assert_eq!(code, CONFIGURATION);
    assert!(
        error.contains("box/nowhere: there is no such file or folder"),
        "{error}"
    );
}

#[test]
fn what_has_changed_is_told_and_makes_the_exit_code() {
    let exports = Exports::new();
    let diff = ["import", "box/tenants", "--diff", "box/relay.toml"];
    let (code, out, error) = exports.run(&diff);
    assert_eq!((code, error.as_str()), (OK, ""), "{out}");
    assert_eq!(out, "0 differences, 2 tenants compared\n");
    exports.change(CONNECTORS, "\"Enabled\": true", "\"Enabled\": false");
    exports.change(DOMAINS, "\"tenant-0002.example\"", "\"moved.example\"");
    let (code, out, _error) = exports.run(&diff);
    assert_eq!(code, DIFFERS);
    for line in [
        "inbound connector \"Mail server\" is disabled",
        "domain moved.example is new (sender_domains, recipient_domains)",
        "domain tenant-0002.example is gone (sender_domains, recipient_domains)",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    let (code, out, _error) = exports.run(&[&diff[..], &["--format", "json"]].concat());
    assert_eq!(code, DIFFERS);
    let json: Value = serde_json::from_str(&out).unwrap();
    let differences = json.get("differences").and_then(Value::as_array).unwrap();
    let kinds: Vec<&str> = differences
        .iter()
        .map(|one| one.get("kind").and_then(Value::as_str).unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "certificate-name-gone",
            "identity",
            "domain-new",
            "domain-gone"
        ]
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_not_compared() {
    let exports = Exports::new();
    let relay = fs::read_to_string(exports.path("box/relay.toml")).unwrap();
    let name = "certificate_domains = [\"mail.tenant-0001.example\"]";
    assert!(relay.contains(name));
    for (changed, told) in [
        (
            relay.replace(name, "certificate_domains = [\"mail.*.example\"]"),
            "no domain pattern",
        ),
        (
            relay.replace(name, "certificate_domain = []"),
            "unknown key",
        ),
        (format!("{relay}\nx = ["), "cannot be read as TOML"),
        (
            format!("include = [\"none/tenants.toml\"]\n{relay}"),
            "none/tenants.toml cannot be read",
        ),
    ] {
        fs::write(exports.path("box/changed.toml"), changed).unwrap();
        let words = ["import", "box/tenants", "--diff", "box/changed.toml"];
        let (code, out, error) = exports.run(&words);
        assert_eq!((code, out.as_str()), (CONFIGURATION, ""), "{error}");
        assert!(error.contains("box/changed.toml:"), "{error}");
        assert!(error.contains(told), "{told}: {error}");
        assert!(error.contains("nothing was compared"), "{error}");
    }
    // Whoever compares need not be allowed to read private keys.
    fs::remove_file(exports.path("box/pki/clients/tenant-0001.key")).unwrap();
    let words = ["import", "box/tenants", "--diff", "box/relay.toml"];
    let (code, out, error) = exports.run(&words);
    assert_eq!((code, error.as_str()), (OK, ""), "{out}");
}

#[test]
fn connectors_are_printed_whole_or_as_far_as_they_are_missing() {
    let exports = Exports::new();
    let connectors = ["connectors", "--config", "box/relay.toml"];
    let (code, out, error) = exports.run(&[&connectors[..], &["--tenant", "tenant-0002"]].concat());
    assert_eq!((code, error.as_str()), (OK, ""));
    assert!(!out.contains("tenant-0001"), "{out}");
    assert!(
        out.contains(
            "New-InboundConnector -Name 'Tenantry relay.example' -ConnectorType OnPremises \
             -SenderDomains '*' -TlsSenderCertificateName 'mail.tenant-0002.example'"
        ),
        "{out}"
    );
    let against = [&connectors[..], &["--against", "box/tenants"]].concat();
    assert_eq!(exports.run(&against), (OK, String::new(), String::new()));
    exports.change(CONNECTORS, "\"Enabled\": true", "\"Enabled\": false");
    let (code, out, _error) = exports.run(&against);
    assert_eq!(code, DIFFERS);
    assert!(
        out.contains("Set-InboundConnector -Identity 'Mail server' -Enabled $true"),
        "{out}"
    );
    assert!(!out.contains("tenant-0002"), "{out}");
    let (code, _out, error) = exports.run(&[&connectors[..], &["--tenant", "tenant-3"]].concat());
    assert_eq!(code, USAGE);
    assert!(error.contains("no tenant is called tenant-3"), "{error}");
}
