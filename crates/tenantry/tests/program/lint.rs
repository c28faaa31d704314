//! `tenantry lint` from outside: options, exit codes, and what is printed where.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::world::{CONFIGURATION, OK, USAGE, program, tenantry, text};

const DENIED: i32 = 1;

/// A scenario as `lab init` makes it.
struct Scenario {
    _folder: TempDir,
    path: String,
}

impl Scenario {
    fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("box").to_str().unwrap().to_owned();
        let made = tenantry(&["lab", "init", &path, "--scenario", name]);
        assert_eq!(made.status.code(), Some(OK), "{}", text(&made.stderr));
        Self {
            _folder: folder,
            path,
        }
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// Exit code, standard output and standard error of lint.
    fn lint(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = tenantry(&[&["lint", &self.path], arguments].concat());
        let (out, error) = (text(&output.stdout), text(&output.stderr));
        (output.status.code(), out, error)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (_code, out, _error) = self.lint(&[&["--format", "json"], arguments].concat());
        serde_json::from_str(&out).unwrap()
    }
}

fn rules(json: &Value) -> Vec<(&str, bool)> {
    let findings = json.get("findings").and_then(Value::as_array).unwrap();
    findings
        .iter()
        .map(|finding| {
            let rule = finding.get("rule").and_then(Value::as_str).unwrap();
            (rule, finding.get("allowed").unwrap().is_object())
        })
        .collect()
}

#[test]
fn the_exit_code_says_whether_something_denied_was_found() {
    let bad = Scenario::new("certificate-domain-not-accepted");
    let (code, out, error) = bad.lint(&[]);
    assert_eq!(code, Some(DENIED), "{error}");
    assert!(out.contains("error[EXO-L01]"), "{out}");
    assert!(error.is_empty(), "{error}");
    assert_eq!(bad.lint(&["--deny", "never"]).0, Some(OK));
    let healthy = Scenario::new("healthy");
    let (code, out, _error) = healthy.lint(&["--deny", "info"]);
    assert_eq!(code, Some(OK), "{out}");
    assert!(out.ends_with("no findings\n"), "{out}");
    let warned = Scenario::new("exact-host-parent-accepted");
    assert_eq!(warned.lint(&[]).0, Some(OK));
    assert_eq!(warned.lint(&["--deny", "warning"]).0, Some(DENIED));
    assert_eq!(warned.lint(&["--deny", "info"]).0, Some(DENIED));
}

#[test]
fn wrong_usage_is_64_and_what_is_not_there_is_78() {
    for arguments in [
        &["lint"][..],
        &["lint", ".", "--format", "markdown"],
        &["lint", ".", "--format", "xml"],
        &["lint", ".", "--deny", "much"],
        &["lint", ".", "--now", "soon"],
        &["lint", ".", "--rule", "EXO-L99"],
        &["lint", "--tenant", "contoso"],
        &["lint", "--tenant", "=."],
        &["lint", "--list", "."],
        &["lint", "--list", "--format", "sarif"],
    ] {
        let output = tenantry(arguments);
        assert_eq!(output.status.code(), Some(USAGE), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    for arguments in [
        &["lint", "not-there"][..],
        &["lint", "--config", "not-there.toml"],
        &["lint", "--tenant", "contoso=not-there"],
        &["lint", "--certificates", "not-there"],
        &["lint", "src", "--trust", "not-there.pem"],
        &["lint", "src", "--allow", "not-there.toml"],
    ] {
        let output = tenantry(arguments);
        assert_eq!(output.status.code(), Some(CONFIGURATION), "{arguments:?}");
        assert!(text(&output.stderr).contains("not-there"), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_read_is_a_finding() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("InboundConnector.json"), "[{").unwrap();
    let output = tenantry(&["lint", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(DENIED));
    assert!(text(&output.stdout).contains("error[TNY-01]"));
}

#[test]
fn what_is_allowed_denies_nothing_and_is_told_with_its_reason() {
    let bad = Scenario::new("certificate-domain-not-accepted");
    let allow = bad.file("accepted");
    let section = "[[lint.allow]]\nrule = \"exo-l01\"\ntenant = \"Contoso\"\nuntil = 2030-01-31\n\
                   reason = \"the domain is being verified\"\n";
    fs::write(&allow, section).unwrap();
    let only = ["--rule", "EXO-L01", "--rule", "TNY-20", "--allow", &allow];
    let (code, out, error) = bad.lint(&only);
    assert_eq!(code, Some(OK), "{out}{error}");
    assert!(
        out.contains("reason: the domain is being verified"),
        "{out}"
    );
    assert!(out.ends_with("no findings; 1 allowed\n"), "{out}");
    assert_eq!(rules(&bad.json(&only)), [("EXO-L01", true)]);
    let later = bad.json(&["--allow", &allow, "--now", "2030-02-01"]);
    let later = rules(&later);
    assert!(later.contains(&("EXO-L01", false)), "{later:?}");
    assert!(later.contains(&("TNY-20", false)), "{later:?}");
    let on_its_day = bad.json(&["--allow", &allow, "--now", "2030-01-31T23:59:59Z"]);
    assert!(rules(&on_its_day).contains(&("EXO-L01", true)));
    fs::write(&allow, "[[lint.allow]]\nrule = 5\n").unwrap();
    let (code, out, error) = bad.lint(&["--allow", &allow]);
    assert_eq!(code, Some(CONFIGURATION), "{out}");
    assert!(error.contains("accepted:2"), "{error}");
}

#[test]
fn allowances_of_the_relays_configuration_count_by_themselves() {
    let bad = Scenario::new("certificate-domain-not-accepted");
    let path = bad.file("relay.toml");
    let config = fs::read_to_string(&path).unwrap();
    let object = "object = \"inbound connector \\\"Nobody's\\\"\"\n";
    let section = "\n[[lint.allow]]\nrule = \"EXO-L01\"\nreason = \"known\"\n";
    fs::write(&path, format!("{config}{section}")).unwrap();
    assert_eq!(bad.lint(&[]).0, Some(OK));
    fs::write(&path, format!("{config}{section}{object}")).unwrap();
    let (code, out, _error) = bad.lint(&[]);
    assert_eq!(code, Some(DENIED));
    assert!(
        out.contains("warning[TNY-20]: allowance of EXO-L01 accepts nothing: EXO-L01 finds nothing with object"),
        "{out}"
    );
    // The relay itself has no use for them, and none against them.
    let checked = tenantry(&["check", "--config", &path]);
    assert_eq!(checked.status.code(), Some(OK), "{}", text(&checked.stderr));
}

#[test]
fn only_the_wanted_rules_are_told() {
    let bad = Scenario::new("shared-ip");
    let all = bad.json(&[]);
    assert!(rules(&all).len() > 1, "{all:#}");
    let one = bad.json(&["--rule", "exo-l02"]);
    assert!(!rules(&one).is_empty());
    assert!(rules(&one).iter().all(|(rule, _)| *rule == "EXO-L02"));
}

#[test]
fn output_goes_to_the_file_and_the_count_to_standard_error() {
    let bad = Scenario::new("certificate-domain-not-accepted");
    let path = bad.file("lint.sarif");
    let only = ["--rule", "EXO-L01", "--format", "sarif", "--output", &path];
    let (code, out, error) = bad.lint(&only);
    assert_eq!((code, out.as_str()), (Some(DENIED), ""));
    assert_eq!(error, "1 finding: 1 error\n");
    let sarif: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(sarif.pointer("/version"), Some(&"2.1.0".into()));
    assert_eq!(
        sarif.pointer("/runs/0/invocations/0/exitCode"),
        Some(&1.into())
    );
    let nowhere = bad.file("no/such/folder/x");
    let (code, _out, error) = bad.lint(&["--output", &nowhere]);
    assert_eq!(code, Some(70));
    assert!(error.contains("cannot write"), "{error}");
}

#[test]
fn the_rules_are_listed_in_every_form() {
    let list = |arguments: &[&str]| {
        let output = tenantry(&[&["lint", "--list"], arguments].concat());
        assert_eq!(output.status.code(), Some(OK));
        text(&output.stdout)
    };
    let table = list(&[]);
    assert!(table.lines().count() >= 60, "{table}");
    assert!(table.starts_with("EXO-L01   error    "), "{table}");
    let json: Value = serde_json::from_str(&list(&["--format", "json"])).unwrap();
    let rules = json.get("rules").and_then(Value::as_array).unwrap();
    assert_eq!(rules.len(), table.lines().count());
    let markdown = list(&["--format", "markdown"]);
    assert_eq!(markdown.lines().count(), rules.len() + 2);
    let details = list(&["--rule", "tny-01"]);
    let labels = ["TNY-01 ", "  why ", "  remedy ", "  source "];
    assert!(
        details
            .lines()
            .zip(labels)
            .all(|(line, label)| line.starts_with(label))
    );
    assert_eq!(details.lines().count(), labels.len());
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let bad = Scenario::new("one-server-many-tenants");
    for form in ["text", "json", "sarif"] {
        let arguments = ["lint", &bad.path, "--format", form, "--deny", "never"];
        let mut child = Command::new(program())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(OK),
            "{form}: {}",
            text(&output.stderr)
        );
        assert!(output.stderr.is_empty(), "{form}: {}", text(&output.stderr));
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    let output = tenantry(&["lint", "--help"]);
    let help = text(&output.stdout);
    assert!(
        help.contains("Examples:\n  tenantry lint exports/"),
        "{help}"
    );
    assert!(help.contains("Exit codes: 0 nothing denied"), "{help}");
}
