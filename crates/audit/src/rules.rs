//! The rules, in groups by what they look at. Each group has its rows of the table and one function
//! that looks at everything once.

mod chain;
mod connector;
mod domain;
mod organization;
mod overlap;
mod relay;
mod route;
mod send;
mod wording;
mod words;

use crate::allow;
use crate::finding::Finding;
use crate::inventory::Inventory;
use crate::model::Model;
use crate::rule::Rule;

/// One group: its rows of the table, and what finds them.
struct Group {
    rules: &'static [Rule],
    check: fn(&Model<'_>, &mut Vec<Finding>),
}

/// In the order of looking: what the relay's group finds must not be said before.
const GROUPS: &[Group] = &[
    connector::GROUP,
    overlap::GROUP,
    domain::GROUP,
    organization::GROUP,
    route::GROUP,
    send::GROUP,
    chain::GROUP,
    relay::GROUP,
];

/// Every rule, in the order of their ids.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let mut all: Vec<&Rule> = unsorted().collect();
    all.sort_by_key(|rule| rule.id);
    all.into_iter()
}

/// The rule of that id, whatever the case of its letters.
#[must_use]
pub fn named(id: &str) -> Option<&'static Rule> {
    unsorted().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// The groups' rules, and those about allowances, which are looked at last.
fn unsorted() -> impl Iterator<Item = &'static Rule> {
    let groups = GROUPS.iter().flat_map(|group| group.rules);
    groups.chain(allow::RULES)
}

/// Everything that the rules find, in the order of files and lines.
#[must_use]
pub fn check(inventory: &Inventory) -> Vec<Finding> {
    let model = Model::of(inventory);
    let mut findings = Vec::new();
    for group in GROUPS {
        (group.check)(&model, &mut findings);
    }
    for finding in &mut findings {
        finding.whole();
    }
    sort(&mut findings);
    findings
}

/// Into the order of files and lines.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|left, right| {
        let place = |finding: &Finding| {
            let place = &finding.place;
            (place.file.clone(), place.line, place.column)
        };
        place(left)
            .cmp(&place(right))
            .then_with(|| left.rule.id.cmp(right.rule.id))
    });
}
