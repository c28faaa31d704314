//! The three forms of the output: what stands in them, whatever stands in the files.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod places;
mod schema;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry_audit::finding::{Allowed, Finding, Related, Remedy};
use tenantry_audit::inventory::{Inventory, ReadOptions, Source};
use tenantry_audit::output::{self, Colours, Report};
use tenantry_audit::rule::{Rule, Severity};
use tenantry_audit::rules;
use tenantry_lab::world::Place;

fn nothing() -> Inventory {
    Inventory::read(
        &[],
        &ReadOptions::at("2026-11-23T00:00:00Z".parse().unwrap()),
    )
}

fn rule() -> &'static Rule {
    rules::named("tny-01").unwrap()
}

fn place(file: &Path, line: u32, column: u32) -> Place {
    Place {
        file: Some(Arc::from(file)),
        path: "[0].Name".to_owned(),
        line,
        column,
    }
}

fn finding(place: Place) -> Finding {
    Finding {
        rule: rule(),
        severity: Severity::Error,
        tenant: Some("contoso".to_owned()),
        object: "inbound connector \"Scanner\"".to_owned(),
        place,
        message: "192.0.2.10 is listed".to_owned(),
        related: Vec::new(),
        remedy: vec![Remedy::Words("Repair it".to_owned())],
        allowed: None,
    }
}

/// One of everything.
fn everything(folder: &Path) -> Vec<Finding> {
    let odd = folder.join(OsStr::from_bytes(b"odd \xff\xe4%#?.json"));
    let steps = vec![
        Remedy::Words("Order a certificate".to_owned()),
        Remedy::ExchangeOnline {
            tenant: "contoso".to_owned(),
            command: "Set-InboundConnector -Identity 'Scanner' -Enabled $true".to_owned(),
        },
        Remedy::ExchangeServer {
            command: "Set-SendConnector -Identity 'Out' -RequireTLS $true".to_owned(),
        },
        Remedy::Toml {
            file: "relay.toml".to_owned(),
            text: "[[tenant]]\nname = \"contoso\"\n".to_owned(),
        },
    ];
    let allowed = Allowed {
        reason: "it ends in June".to_owned(),
        place: place(Path::new("relay.toml"), 7, 1),
    };
    let related = Related {
        place: place(&odd, 9, 1),
        what: "fabrikam lists it, too".to_owned(),
    };
    vec![
        Finding {
            remedy: steps,
            related: vec![related.clone(), related],
            ..finding(place(&odd, 2, 3))
        },
        Finding {
            severity: Severity::Warning,
            tenant: None,
            allowed: Some(allowed),
            ..finding(place(Path::new("a/b.json"), 1, 0))
        },
        Finding {
            severity: Severity::Info,
            ..finding(Place::default())
        },
        finding(Place {
            line: 0,
            ..place(Path::new("b:c.json"), 0, 0)
        }),
    ]
}

fn written(
    form: fn(&mut dyn std::io::Write, &Report<'_>) -> std::io::Result<()>,
    report: &Report<'_>,
) -> Value {
    let mut out = Vec::new();
    form(&mut out, report).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn text(findings: &[Finding], colours: Colours) -> String {
    let mut out = Vec::new();
    output::text(&mut out, &Report::new(&nothing(), findings), colours).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn json_is_as_its_schema_says_whatever_is_found() {
    let folder = TempDir::new().unwrap();
    let mut inventory = nothing();
    inventory.sources.push(Source {
        path: folder.path().join(OsStr::from_bytes(b"\xff")),
        what: "no text".to_owned(),
    });
    let schema = schema::json();
    for findings in [Vec::new(), everything(folder.path())] {
        let json = written(output::json, &Report::new(&inventory, &findings));
        assert_eq!(schema::problems(&schema, &json), [""; 0], "{json:#}");
        assert_eq!(json["findings"].as_array().unwrap().len(), findings.len());
    }
}

#[test]
fn the_rules_as_json_are_as_the_schema_says() {
    let all: Vec<&Rule> = rules::all().collect();
    let mut out = Vec::new();
    output::list_json(&mut out, &all).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    let schema = schema::part("/$defs/list");
    assert_eq!(schema::problems(&schema, &json), [""; 0]);
    assert_ne!(schema::problems(&schema, &json!({ "rules": [] })), [""; 0]);
}

#[test]
fn the_json_schema_refuses_what_is_not_the_form() {
    let schema = schema::json();
    let good = written(
        output::json,
        &Report::new(&nothing(), &everything(Path::new("x"))),
    );
    let spoil = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert_ne!(schema::problems(&schema, &bad), [""; 0], "{pointer}");
    };
    spoil("/format", json!("tenantry-lint/2"));
    spoil("/now", json!("yesterday"));
    spoil("/summary/error", json!(-1));
    spoil("/findings/0/rule", json!("EXO-1"));
    spoil("/findings/0/severity", json!("bad"));
    spoil("/findings/0/place/line", json!(0));
    spoil("/findings/0/remedy", json!([]));
    spoil("/findings/0/remedy/0/kind", json!("magic"));
    spoil("/findings/0/fingerprint", json!("x"));
    spoil("/findings/1/allowed", json!({ "reason": "because" }));
}

#[test]
fn sarif_is_as_the_published_schema_says_whatever_is_found() {
    let folder = TempDir::new().unwrap();
    let mut inventory = nothing();
    inventory.sources.push(Source {
        path: Path::new("a/b.json").to_owned(),
        what: "2 inbound connectors".to_owned(),
    });
    let schema = schema::sarif();
    for findings in [Vec::new(), everything(folder.path())] {
        let sarif = written(output::sarif, &Report::new(&inventory, &findings));
        assert_eq!(schema::problems(&schema, &sarif), [""; 0], "{sarif:#}");
    }
    assert_ne!(
        schema::problems(&schema, &json!({ "version": "2.1.0" })),
        [""; 0]
    );
}

#[test]
fn sarif_has_every_rule_and_of_a_finding_what_scanners_show() {
    let findings = everything(Path::new("x"));
    let inventory = nothing();
    let mut report = Report::new(&inventory, &findings);
    report.exit_code = 1;
    let sarif = written(output::sarif, &report);
    let run = &sarif["runs"][0];
    let ids = run["tool"]["driver"]["rules"].as_array().unwrap().iter();
    let ids: Vec<&str> = ids.map(|rule| rule["id"].as_str().unwrap()).collect();
    let table: Vec<&str> = rules::all().map(|rule| rule.id).collect();
    assert_eq!(ids, table);
    for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
        let help = rule["help"]["text"].as_str().unwrap();
        assert!(help.contains("Source: "), "{rule}");
    }
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(run["invocations"][0]["exitCode"], 1);
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let results = run["results"].as_array().unwrap();
    let levels: Vec<&Value> = results.iter().map(|result| &result["level"]).collect();
    assert_eq!(levels, ["error", "warning", "note", "error"]);
    let first = &results[0];
    let index = usize::try_from(first["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(ids[index], "TNY-01");
    let place = &first["locations"][0]["physicalLocation"];
    assert_eq!(place["region"], json!({ "startLine": 2, "startColumn": 3 }));
    let uri = place["artifactLocation"]["uri"].as_str().unwrap();
    assert_eq!(uri, "x/odd%20%FF%E4%25%23%3F.json");
    let index = usize::try_from(place["artifactLocation"]["index"].as_u64().unwrap()).unwrap();
    assert_eq!(run["artifacts"][index]["location"]["uri"], uri);
    let related = first["relatedLocations"].as_array().unwrap();
    assert_eq!(related.len(), 2);
    assert_eq!(related[1]["id"], 2);
    assert_eq!(related[1]["message"]["text"], "fabrikam lists it, too");
    let suppression = &results[1]["suppressions"][0];
    assert_eq!(suppression["justification"], "it ends in June");
    assert_eq!(suppression["status"], "accepted");
    assert!(results[0].get("suppressions").is_none());
    assert!(results[2]["locations"][0].get("physicalLocation").is_none());
    assert!(
        results[3]["locations"][0]["physicalLocation"]
            .get("region")
            .is_none()
    );
}

#[test]
fn a_fingerprint_stays_when_lines_and_days_go_by_and_tells_faults_apart() {
    let fingerprints = |findings: &[Finding]| -> Vec<String> {
        let json = written(output::json, &Report::new(&nothing(), findings));
        let findings = json["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| finding["fingerprint"].as_str().unwrap().to_owned())
            .collect()
    };
    let one = || finding(place(Path::new("old/In.json"), 3, 5));
    let before = fingerprints(&[one(), one()]);
    let moved = Finding {
        message: "it has 12 days left".to_owned(),
        place: Place {
            path: "[7].Name".to_owned(),
            ..place(Path::new("new/In.json"), 90, 1)
        },
        ..one()
    };
    assert_eq!(fingerprints(&[moved.clone(), moved]), before);
    assert_ne!(before[0], before[1], "two faults of one property");
    let others = [
        Finding {
            tenant: Some("fabrikam".to_owned()),
            ..one()
        },
        Finding {
            object: "inbound connector \"Printer\"".to_owned(),
            ..one()
        },
        Finding {
            rule: rules::named("TNY-02").unwrap(),
            ..one()
        },
    ];
    for other in fingerprints(&others) {
        assert!(!before.contains(&other));
    }
}

#[test]
fn text_shows_the_line_the_steps_and_the_reasons() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("In.json");
    fs::write(
        &file,
        "[\r\n\t{ \"Name\": \"表\", \"X\": \"bad\u{1b}[31m\" } ]\r\n",
    )
    .unwrap();
    let mut findings = everything(folder.path());
    findings.truncate(2);
    findings[0].place = place(&file, 2, 22);
    findings[0].related.truncate(1);
    findings[0].related[0].place = place(Path::new("Other.json"), 9, 1);
    findings[0].message.push_str(" \u{202e}evil\r");
    let text = text(&findings, Colours::None);
    let here = folder.path().to_str().unwrap();
    let (why, source) = (rule().why, rule().source);
    assert_eq!(
        text.replace(&format!("{here}/"), ""),
        format!(
            r#"error[TNY-01]: 192.0.2.10 is listed \u{{202e}}evil\r
 --> In.json:2:22
  |
2 |     {{ "Name": "表", "X": "bad\u{{1b}}[31m" }} ]
  |                          ^^^^^^^^^^^^^^^
  object  inbound connector "Scanner" of contoso, at [0].Name
  why     {why}
  see     Other.json:9:1: fabrikam lists it, too
  remedy  1. Order a certificate
          2. In Exchange Online PowerShell, connected to contoso:
               Set-InboundConnector -Identity 'Scanner' -Enabled $true
          3. In the Exchange Management Shell, on premises:
               Set-SendConnector -Identity 'Out' -RequireTLS $true
          4. In relay.toml:
               [[tenant]]
               name = "contoso"
  source  {source}

allowed:
  warning[TNY-01] a/b.json:1: 192.0.2.10 is listed
    reason: it ends in June (relay.toml:7:1)

nothing was read

looked at nothing
1 finding: 1 error; 1 allowed
"#
        )
    );
}

#[test]
fn colours_are_sequences_around_the_same_text() {
    let findings = everything(Path::new("x"));
    let plain = text(&findings, Colours::None);
    let coloured = text(&findings, Colours::Terminal);
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[1;31merror[TNY-01]\u{1b}[0m"));
    let mut stripped = coloured;
    for sequence in ["[1;31m", "[1;33m", "[1;36m", "[1;34m", "[1m", "[0m"] {
        stripped = stripped.replace(&format!("\u{1b}{sequence}"), "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn a_line_of_megabytes_is_cut_around_what_is_meant() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("In.json");
    let before = "{\"A\":1},".repeat(200_000);
    let after = ",{\"A\":1}".repeat(200_000);
    fs::write(&file, format!("[{before}\"meant\"{after}]")).unwrap();
    let column = u32::try_from(before.len()).unwrap() + 2;
    let text = text(&[finding(place(&file, 1, column))], Colours::None);
    let mut lines = text.lines().skip(3);
    let (line, marks) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(line.len() < 200, "{line}");
    assert!(
        line.starts_with("1 | ...") && line.ends_with("..."),
        "{line}"
    );
    let start = marks.find('^').unwrap();
    assert_eq!(marks.matches('^').count(), "\"meant\"".len());
    assert_eq!(line.get(start..start + 7), Some("\"meant\""));
}
