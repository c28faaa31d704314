//! Allowances: findings that somebody accepts, and why.
//!
//! A `[[lint.allow]]` names a rule and, if it is not meant for all of its findings, a tenant or an
//! object as findings name them; it may end with a day. Allowances never hide anything: what they
//! accept is still told, with the reason. One that cannot count, has ended or accepts nothing any
//! more is a finding itself, so that none is left behind.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tenantry_lab::world::Place;
use tenantry_relay::config;
use tenantry_relay::config::written::Allowance;

use crate::finding::{Allowed, Finding, Remedy};
use crate::inventory::Inventory;
use crate::model::place;
use crate::rule::{Rule, Severity};
use crate::rules;

/// Everything that the rules find, with what the relay's configuration and `further` accept.
#[must_use]
pub fn lint(inventory: &Inventory, further: &[Allowance]) -> Vec<Finding> {
    let mut findings = rules::check(inventory);
    let configured = inventory.relay.iter();
    let configured = configured.flat_map(|relay| &relay.written.allowances);
    let mut allowances: Vec<Counting<'_>> = configured
        .chain(further)
        .map(|allowance| Counting::of(allowance, inventory))
        .collect();
    apply(&mut findings, &mut allowances);
    // Allowances of what is wrong with allowances are looked at when that is known.
    let (mut late, early): (Vec<_>, Vec<_>) = allowances.into_iter().partition(Counting::is_late);
    let mut left: Vec<Finding> = early.iter().filter_map(Counting::finding).collect();
    apply(&mut left, &mut late);
    left.extend(late.iter().filter_map(Counting::finding));
    for finding in &mut left {
        finding.whole();
    }
    if !left.is_empty() {
        findings.extend(left);
        rules::sort(&mut findings);
    }
    findings
}

/// The rows of the table for what is wrong with allowances.
pub(crate) const RULES: &[Rule] = &[VOID, OVER];

const VOID: Rule = Rule {
    id: "TNY-19",
    severity: Severity::Warning,
    title: "an allowance of a rule that there is not",
    why: "it accepts nothing, so that the findings that it was written for fail the pipeline all the same",
    remedy: "name a rule that `tenantry lint --list` has",
    source: "docs/lint.md, section Allowances",
};

const OVER: Rule = Rule {
    id: "TNY-20",
    severity: Severity::Warning,
    title: "an allowance that has ended or accepts nothing",
    why: "left behind, it accepts the same fault when that comes back, and nobody has decided so",
    remedy: "remove it, or give it a day to come or the object that it is meant for",
    source: "docs/lint.md, section Allowances",
};

/// An allowance, and whether it was of use.
struct Counting<'a> {
    allowance: &'a Allowance,
    state: State,
    used: usize,
}

/// Whether an allowance counts.
enum State {
    /// For the findings of this rule.
    Counts(&'static Rule),
    /// It lacks its rule or its reason, for which whoever read it refused it already.
    Refused,
    /// It names this rule, which there is not.
    Unknown(String),
    /// Its last day is gone.
    Ended(Date),
}

fn apply(findings: &mut [Finding], allowances: &mut [Counting<'_>]) {
    for finding in findings {
        for allowance in &mut *allowances {
            if allowance.accepts(finding) {
                allowance.used += 1;
                let allowed = || allowance.allowed();
                finding.allowed.get_or_insert_with(allowed);
            }
        }
    }
}

impl<'a> Counting<'a> {
    fn of(allowance: &'a Allowance, inventory: &Inventory) -> Self {
        let today = inventory.now.to_zoned(TimeZone::UTC).date();
        Self {
            allowance,
            state: State::of(allowance, today),
            used: 0,
        }
    }

    fn is_late(&self) -> bool {
        matches!(self.state, State::Counts(rule) if [VOID.id, OVER.id].contains(&rule.id))
    }

    fn accepts(&self, finding: &Finding) -> bool {
        let State::Counts(rule) = self.state else {
            return false;
        };
        let is = |wanted: &Option<config::Setting<String>>, found: &str| {
            let wanted = wanted.as_ref();
            wanted.is_none_or(|wanted| wanted.value.trim().eq_ignore_ascii_case(found))
        };
        rule.id == finding.rule.id
            && is(
                &self.allowance.tenant,
                finding.tenant.as_deref().unwrap_or_default(),
            )
            && is(&self.allowance.object, &finding.object)
    }

    fn allowed(&self) -> Allowed {
        let reason = self.allowance.reason.as_ref();
        Allowed {
            reason: reason.map_or_else(String::new, |reason| reason.value.trim().to_owned()),
            place: place(&self.allowance.at),
        }
    }

    /// What is wrong with it.
    fn finding(&self) -> Option<Finding> {
        let given = self.allowance;
        let (rule, at, message) = match &self.state {
            State::Unknown(name) => {
                let named = given.rule.as_ref().map_or(&given.at, |rule| &rule.at);
                (
                    &VOID,
                    named,
                    format!("is for no rule: none is called {name:?}"),
                )
            }
            State::Ended(last) => {
                let until = given.until.as_ref().map_or(&given.at, |until| &until.at);
                (&OVER, until, format!("ended with {last}"))
            }
            State::Counts(rule) if self.used == 0 => (&OVER, &given.at, self.unused(rule)),
            State::Counts(_) | State::Refused => return None,
        };
        Some(Finding {
            rule,
            severity: rule.severity,
            tenant: None,
            object: self.object(),
            place: place(at),
            message,
            related: Vec::new(),
            remedy: vec![self.remedy(&place(at))],
            allowed: None,
        })
    }

    fn object(&self) -> String {
        match &self.allowance.rule {
            Some(rule) => format!("allowance of {}", rule.value),
            None => "allowance".to_owned(),
        }
    }

    /// That it accepts nothing, in words.
    fn unused(&self, rule: &Rule) -> String {
        let narrower = [
            ("tenant", &self.allowance.tenant),
            ("object", &self.allowance.object),
        ];
        let given = narrower.iter().filter_map(|(key, setting)| {
            let value = &setting.as_ref()?.value;
            Some(format!("{key} {value:?}"))
        });
        let given: Vec<String> = given.collect();
        match given.is_empty() {
            true => format!("accepts nothing: {} finds nothing", rule.id),
            false => format!(
                "accepts nothing: {} finds nothing with {}",
                rule.id,
                given.join(" and ")
            ),
        }
    }

    fn remedy(&self, place: &Place) -> Remedy {
        let file = place.file.as_deref();
        let file = file.map_or_else(String::new, |file| file.to_string_lossy().into_owned());
        let line = self.allowance.at.line.unwrap_or_default();
        match &self.state {
            State::Unknown(_) => Remedy::Words(format!(
                "Name a rule that `tenantry lint --list` has, or remove the section in line \
                 {line} of {file}"
            )),
            State::Ended(_) => Remedy::Words(format!(
                "Repair what it accepted, then remove the section in line {line} of {file}; \
                 or give `until` a day to come"
            )),
            State::Counts(_) | State::Refused => {
                Remedy::Words(format!("Remove the section in line {line} of {file}"))
            }
        }
    }
}

impl State {
    fn of(allowance: &Allowance, today: Date) -> Self {
        let (Some(rule), Some(_)) = (&allowance.rule, &allowance.reason) else {
            return Self::Refused;
        };
        let Some(known) = rules::named(rule.value.trim()) else {
            return Self::Unknown(rule.value.clone());
        };
        match &allowance.until {
            Some(until) if until.value < today => Self::Ended(until.value),
            Some(_) | None => Self::Counts(known),
        }
    }
}
