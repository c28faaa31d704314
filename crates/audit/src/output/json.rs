//! Findings as JSON: the form that `docs/lint.schema.json` describes.

use std::io::{self, Write};

use serde::Serialize;
use tenantry_lab::world::Place;

use super::Report;
use super::fingerprint::fingerprints;
use crate::finding::{Finding, Remedy};

/// The form's name; another number means that what reads it has to change.
pub const FORMAT: &str = "tenantry-lint/1";

/// Writes one JSON object.
///
/// # Errors
/// When the output cannot be written.
pub fn json(mut out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let counts = report.counts();
    let fingerprints = fingerprints(report.findings);
    let findings = report.findings.iter().zip(&fingerprints);
    let sources = report.inventory.sources.iter();
    let document = DocumentJson {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        now: report.inventory.now.to_string(),
        summary: SummaryJson {
            error: counts.errors,
            warning: counts.warnings,
            info: counts.infos,
            allowed: counts.allowed,
        },
        read: sources
            .map(|source| SourceJson {
                file: source.path.to_string_lossy().into_owned(),
                what: &source.what,
            })
            .collect(),
        findings: findings
            .map(|(finding, fingerprint)| FindingJson::of(finding, fingerprint))
            .collect(),
    };
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct DocumentJson<'a> {
    format: &'static str,
    version: &'static str,
    now: String,
    summary: SummaryJson,
    read: Vec<SourceJson<'a>>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct SummaryJson {
    error: usize,
    warning: usize,
    info: usize,
    allowed: usize,
}

#[derive(Serialize)]
struct SourceJson<'a> {
    file: String,
    what: &'a str,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    rule: &'static str,
    severity: &'static str,
    tenant: Option<&'a str>,
    object: &'a str,
    place: PlaceJson<'a>,
    title: &'static str,
    message: &'a str,
    why: &'static str,
    remedy: Vec<RemedyJson<'a>>,
    related: Vec<RelatedJson<'a>>,
    source: &'static str,
    fingerprint: &'a str,
    allowed: Option<AllowedJson<'a>>,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    path: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum RemedyJson<'a> {
    Words { text: &'a str },
    ExchangeOnline { tenant: &'a str, command: &'a str },
    ExchangeServer { command: &'a str },
    Toml { file: &'a str, text: &'a str },
}

#[derive(Serialize)]
struct RelatedJson<'a> {
    what: &'a str,
    place: PlaceJson<'a>,
}

#[derive(Serialize)]
struct AllowedJson<'a> {
    reason: &'a str,
    place: PlaceJson<'a>,
}

impl<'a> FindingJson<'a> {
    fn of(finding: &'a Finding, fingerprint: &'a str) -> Self {
        let allowed = finding.allowed.as_ref();
        let related = finding.related.iter();
        Self {
            rule: finding.rule.id,
            severity: finding.severity.as_str(),
            tenant: finding.tenant.as_deref(),
            object: &finding.object,
            place: PlaceJson::of(&finding.place),
            title: finding.rule.title,
            message: &finding.message,
            why: finding.rule.why,
            remedy: finding.remedy.iter().map(RemedyJson::of).collect(),
            related: related
                .map(|related| RelatedJson {
                    what: &related.what,
                    place: PlaceJson::of(&related.place),
                })
                .collect(),
            source: finding.rule.source,
            fingerprint,
            allowed: allowed.map(|allowed| AllowedJson {
                reason: &allowed.reason,
                place: PlaceJson::of(&allowed.place),
            }),
        }
    }
}

impl<'a> PlaceJson<'a> {
    fn of(place: &'a Place) -> Self {
        let file = place.file.as_deref();
        Self {
            file: file.map(|file| file.to_string_lossy().into_owned()),
            line: (place.line > 0).then_some(place.line),
            column: (place.line > 0 && place.column > 0).then_some(place.column),
            path: (!place.path.is_empty()).then_some(place.path.as_str()),
        }
    }
}

impl<'a> RemedyJson<'a> {
    fn of(remedy: &'a Remedy) -> Self {
        match remedy {
            Remedy::Words(text) => Self::Words { text },
            Remedy::ExchangeOnline { tenant, command } => Self::ExchangeOnline { tenant, command },
            Remedy::ExchangeServer { command } => Self::ExchangeServer { command },
            Remedy::Toml { file, text } => Self::Toml { file, text },
        }
    }
}
