//! What cannot be read, and what `tenantry check` would say.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tenantry_relay::config::{Problem, Severity as Standing};

use super::table;
use crate::finding::{Finding, Remedy};
use crate::inventory::{Inventory, Relay};
use crate::rule::Severity;

/// Inputs that nothing could be made of. Files of no known kind beside others are no findings.
pub(super) fn unreadable(inventory: &Inventory, findings: &mut Vec<Finding>) {
    for input in inventory.unreadable.iter().filter(|input| !input.ignored) {
        let file = input.place.file.as_ref();
        let object = file.map_or_else(
            || String::from("input"),
            |file| format!("file \"{}\"", file.display()),
        );
        findings.push(Finding {
            rule: &table::UNREADABLE,
            severity: table::UNREADABLE.severity,
            tenant: None,
            object,
            place: input.place.clone(),
            message: fault(&input.place.path, &input.what),
            related: Vec::new(),
            remedy: vec![Remedy::Words(capital(&input.remedy))],
            allowed: None,
        });
    }
}

/// What is said of a file, or of something in it.
fn fault(path: &str, what: &str) -> String {
    let first = what.split(' ').next().unwrap_or_default();
    match path {
        "" if ["is", "has", "belongs", "cannot"].contains(&first) => what.to_owned(),
        "" => format!("has a fault: {what}"),
        path => format!("has a fault at {path}: {what}"),
    }
}

/// A step as the rules write theirs: with a capital, unless it begins with the name of a setting.
fn capital(step: &str) -> String {
    let word = step.split(' ').next().unwrap_or_default();
    let mut characters = step.chars();
    match characters.next() {
        Some(first) if word.bytes().all(|octet| octet.is_ascii_lowercase()) => {
            first.to_uppercase().chain(characters).collect()
        }
        Some(_) | None => step.to_owned(),
    }
}

/// Where something stands; findings and problems agree on it.
type Spot = (Arc<Path>, u32, u32);

/// What `tenantry check` says, but for places where a finding says it already.
pub(super) fn problems(relay: &Relay, findings: &mut Vec<Finding>) {
    let said = said(findings);
    let problems: Vec<&Problem> = match &relay.config {
        Ok(config) => config.warnings.iter().collect(),
        Err(problems) => problems.iter().collect(),
    };
    for problem in problems {
        let severity = match problem.severity {
            Standing::Error => Severity::Error,
            Standing::Warning => Severity::Warning,
        };
        // A warning is said by any finding at its place; an error only by one that is as bad.
        let known = said.get(&spot(problem));
        // What nothing can be decided by, TNY-18 tells for all tenants at once.
        let derived = severity < Severity::Error && problem.what.starts_with("can never decide");
        let enough =
            derived || known.is_some_and(|known| severity < Severity::Error || *known >= severity);
        if !enough {
            findings.push(finding(problem, severity));
        }
    }
}

/// The worst finding of each place, those that take part in it among them.
fn said(findings: &[Finding]) -> HashMap<Spot, Severity> {
    let mut said = HashMap::new();
    for finding in findings {
        let related = finding.related.iter().map(|related| &related.place);
        for place in std::iter::once(&finding.place).chain(related) {
            if let Some(file) = &place.file {
                let worst = said
                    .entry((Arc::clone(file), place.line, place.column))
                    .or_insert(finding.severity);
                *worst = (*worst).max(finding.severity);
            }
        }
    }
    said
}

fn spot(problem: &Problem) -> Spot {
    let number = |number: Option<usize>| number.and_then(|number| u32::try_from(number).ok());
    let (line, column) = (number(problem.line), number(problem.column));
    (
        Arc::clone(&problem.file),
        line.unwrap_or_default(),
        column.unwrap_or_default(),
    )
}

fn finding(problem: &Problem, severity: Severity) -> Finding {
    let rule = match severity {
        Severity::Error => &table::REFUSED,
        Severity::Warning | Severity::Info => &table::WARNED,
    };
    let (file, line, column) = spot(problem);
    let object = object(&problem.key);
    Finding {
        rule,
        severity,
        tenant: tenant(&object),
        place: tenantry_lab::world::Place {
            path: problem.key.clone(),
            file: Some(file),
            line,
            column,
        },
        message: refusal(severity, &object, &problem.key, &problem.what),
        object,
        related: Vec::new(),
        remedy: vec![Remedy::Words(capital(&problem.remedy))],
        allowed: None,
    }
}

/// What `check` says of a key, as something that is said of its section.
fn refusal(severity: Severity, object: &str, key: &str, what: &str) -> String {
    let refused = match severity {
        Severity::Error => "is refused",
        Severity::Warning | Severity::Info => "is accepted with a warning",
    };
    match last(key) {
        "" => format!("{refused}: {what}"),
        key if key == object => format!("{refused}: {what}"),
        key => format!("{refused} because of {key}: {what}"),
    }
}

/// The section of a key, as `tenant "contoso"`, or the configuration as a whole.
fn object(key: &str) -> String {
    match key.rsplit_once("\".") {
        Some((section, _)) => format!("{section}\""),
        None if key.ends_with('"') => key.to_owned(),
        None => String::from("configuration"),
    }
}

fn tenant(object: &str) -> Option<String> {
    let name = object.strip_prefix("tenant \"")?.strip_suffix('"')?;
    Some(name.to_owned())
}

/// The key itself, without its section.
fn last(key: &str) -> &str {
    let section = key.rsplit_once("\".").or_else(|| key.rsplit_once("]."));
    section.map_or(key, |(_, last)| last)
}
