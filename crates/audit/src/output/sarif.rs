//! Findings as SARIF 2.1.0 (OASIS Standard, 27 March 2020), which code scanning services read.

mod location;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use serde::Serialize;

use self::location::{Artifacts, Location};
use super::Report;
use super::fingerprint::fingerprints;
use super::text::in_words;
use crate::finding::{Finding, Remedy};
use crate::rule::{Rule, Severity};
use crate::rules;

/// Writes a log with one run.
///
/// # Errors
/// When the output cannot be written.
pub fn sarif<'a>(mut out: &mut dyn Write, report: &Report<'a>) -> io::Result<()> {
    let mut artifacts = Artifacts::of(report);
    let fingerprints = fingerprints(report.findings);
    let indices: HashMap<&str, usize> = rules::all().map(|rule| rule.id).zip(0..).collect();
    let mut result = |(finding, fingerprint): (&'a Finding, String)| {
        let index = indices.get(finding.rule.id).copied();
        ResultObject::of(finding, index, fingerprint, &mut artifacts)
    };
    let findings = report.findings.iter().zip(fingerprints);
    let results = findings.map(&mut result).collect();
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "tenantry",
                    full_name: "Tenantry lint",
                    version: env!("CARGO_PKG_VERSION"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: rules::all().map(ReportingDescriptor::of).collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: true,
                exit_code: report.exit_code,
            }],
            artifacts: artifacts.objects(),
            results,
            column_kind: "unicodeCodePoints",
        }],
    };
    serde_json::to_writer_pretty(&mut out, &log)?;
    writeln!(out)
}

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/// Section 3.13.
#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

/// Section 3.14.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    invocations: [Invocation; 1],
    artifacts: Vec<location::Artifact>,
    results: Vec<ResultObject<'a>>,
    column_kind: &'static str,
}

/// Section 3.18.
#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

/// Section 3.19.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    full_name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<ReportingDescriptor>,
}

/// Section 3.49.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportingDescriptor {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help: Help,
    default_configuration: Configuration,
    properties: BTreeMap<&'static str, &'static str>,
}

/// Section 3.12, with Markdown for those who show it.
#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

/// Section 3.50.
#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

/// Section 3.11.
#[derive(Serialize)]
struct Message {
    text: String,
}

/// Section 3.20.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
}

/// Section 3.27.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject<'a> {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression<'a>>,
    properties: Properties<'a>,
}

/// Section 3.35.
#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
    location: Location,
}

/// What SARIF has no place for.
#[derive(Serialize)]
struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    object: &'a str,
    remedy: Vec<String>,
}

impl ReportingDescriptor {
    fn of(rule: &Rule) -> Self {
        let (remedy, source) = (rule.remedy, rule.source);
        Self {
            id: rule.id,
            short_description: Message::of(rule.title),
            full_description: Message::of(&sentence(rule.why)),
            help: Help {
                text: format!("{} Source: {source}.", sentence(remedy)),
                markdown: format!("{}\n\nSource: {source}", sentence(remedy)),
            },
            default_configuration: Configuration {
                level: level(rule.severity),
            },
            properties: BTreeMap::from([("source", source)]),
        }
    }
}

impl<'a> ResultObject<'a> {
    fn of(
        finding: &'a Finding,
        rule_index: Option<usize>,
        fingerprint: String,
        artifacts: &mut Artifacts,
    ) -> Self {
        let remedy: Vec<String> = finding.remedy.iter().map(step).collect();
        let mut main = Location::of(&finding.place, artifacts);
        main.name(finding);
        let related = finding.related.iter().zip(1..);
        let suppressed = finding.allowed.as_ref();
        Self {
            rule_id: finding.rule.id,
            rule_index,
            level: level(finding.severity),
            message: Message {
                text: format!(
                    "{} {} Remedy: {}",
                    sentence(&finding.message),
                    sentence(finding.rule.why),
                    numbered(&remedy)
                ),
            },
            related_locations: related
                .map(|(related, id)| {
                    let mut location = Location::of(&related.place, artifacts);
                    location.explain(id, &related.what);
                    location
                })
                .collect(),
            locations: [main],
            partial_fingerprints: BTreeMap::from([("tenantryFinding/v1", fingerprint)]),
            suppressions: suppressed
                .map(|allowed| Suppression {
                    kind: "external",
                    status: "accepted",
                    justification: &allowed.reason,
                    location: Location::of(&allowed.place, artifacts),
                })
                .into_iter()
                .collect(),
            properties: Properties {
                tenant: finding.tenant.as_deref(),
                object: &finding.object,
                remedy,
            },
        }
    }
}

impl Message {
    fn of(text: &str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }
}

/// Section 3.27.10.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// The steps one after the other, numbered where there are several.
fn numbered(steps: &[String]) -> String {
    match steps {
        [only] => only.clone(),
        several => {
            let mut text = String::new();
            for (number, step) in (1..).zip(several) {
                let between = match text.chars().last() {
                    None => "",
                    Some(':') => " ",
                    Some(_) => "; ",
                };
                text.push_str(&format!("{between}{number}. {step}"));
            }
            text
        }
    }
}

/// With a capital at the beginning, unless a name or value stands there, and a full stop.
fn sentence(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let word = text.split(' ').next().unwrap_or_default();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if word.chars().all(|letter| letter.is_ascii_lowercase()) => {
            out.extend(first.to_uppercase());
            out.push_str(characters.as_str());
        }
        Some(_) | None => out.push_str(text),
    }
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

/// A step with its lines.
fn step(remedy: &Remedy) -> String {
    match in_words(remedy) {
        (heading, None) => heading,
        (heading, Some(lines)) => format!("{heading} {}", lines.trim_end()),
    }
}
