//! What two tenants claim: equal names are for `tenantry check` to refuse, and where a name lies within
//! another's, Exchange Online is asked whether it decides as the relay would.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use tenantry_attribution::Pattern;
use tenantry_lab::attribution::{Basis, Certificate, Forest, Submission};

use super::draft::{Claim, Decided, Draft, Question, Weight};
use crate::model::Model;

/// Compares all tenants' claims.
pub(super) fn compare(model: &Model<'_>, drafts: &mut [Draft]) {
    let domains = Claims::of(drafts, |draft| &draft.domains);
    for (first, second) in domains.equal() {
        domains.report_equal(first, second, "accepted domain", drafts);
    }
    for (inner, outer) in domains.nested() {
        domains.report_nested(inner, outer, drafts);
    }
    let certificates = Claims::of(drafts, |draft| &draft.certificate_domains);
    for (first, second) in certificates.equal() {
        certificates.report_equal(first, second, "certificate name", drafts);
    }
    let nested = certificates.nested();
    for (inner, outer) in &nested {
        certificates.report_nested(*inner, *outer, drafts);
    }
    if !nested.is_empty() {
        certificates.ask_exchange_online(model, &nested, drafts);
    }
}

/// A claim by its draft and its place in the draft's list.
type At = (usize, usize);

/// All claims of one kind.
struct Claims {
    all: BTreeMap<At, Claim>,
    by_domain: HashMap<String, Vec<At>>,
}

impl Claims {
    fn of(drafts: &[Draft], list: impl Fn(&Draft) -> &Vec<Decided<Claim>>) -> Self {
        let mut claims = Self {
            all: BTreeMap::new(),
            by_domain: HashMap::new(),
        };
        for (number, draft) in drafts.iter().enumerate() {
            for (index, entry) in list(draft).iter().enumerate() {
                let Decided::Known(claim) = entry else {
                    continue;
                };
                let domain = claim.pattern.domain().as_str().to_owned();
                claims
                    .by_domain
                    .entry(domain)
                    .or_default()
                    .push((number, index));
                claims.all.insert((number, index), claim.clone());
            }
        }
        claims
    }

    fn get(&self, at: At) -> Option<&Claim> {
        self.all.get(&at)
    }

    /// Pairs of tenants with the same pattern, each pair once.
    fn equal(&self) -> Vec<(At, At)> {
        let mut pairs = Vec::new();
        for (at, claim) in &self.all {
            let same = self.by_domain.get(claim.pattern.domain().as_str());
            let others = same.into_iter().flatten().filter(|other| {
                other.0 > at.0
                    && self
                        .get(**other)
                        .is_some_and(|found| found.pattern == claim.pattern)
            });
            pairs.extend(others.map(|other| (*at, *other)));
        }
        pairs
    }

    /// Claims within another tenant's wildcard: the closest wildcard only.
    fn nested(&self) -> Vec<(At, At)> {
        let mut pairs = Vec::new();
        for (at, claim) in &self.all {
            let mut above = Some(claim.pattern.domain().as_str());
            while let Some(name) = above {
                let outer = self
                    .by_domain
                    .get(name)
                    .into_iter()
                    .flatten()
                    .find(|other| {
                        other.0 != at.0
                            && self.get(**other).is_some_and(|outer| {
                                matches!(outer.pattern, Pattern::Subtree(_))
                                    && outer.pattern != claim.pattern
                            })
                    });
                if let Some(outer) = outer {
                    pairs.push((*at, *outer));
                    break;
                }
                above = name.split_once('.').map(|(_, rest)| rest);
            }
        }
        pairs
    }

    fn report_equal(&self, first: At, second: At, what: &str, drafts: &mut [Draft]) {
        for (own, other) in [(first, second), (second, first)] {
            let (Some(claim), Some(rival)) = (self.get(own), self.get(other)) else {
                continue;
            };
            let whose = name_of(drafts, other);
            let text = format!(
                "{what} {} is {whose}'s, too, at {}; a name can belong to one tenant only: one of the exports is old, \
                 or a connector is wrong. Remove it from one of the two files",
                claim.pattern, rival.place
            );
            if let Some(draft) = drafts.get_mut(own.0) {
                draft.note(Weight::Decide, &claim.place, text);
            }
        }
    }

    fn report_nested(&self, inner: At, outer: At, drafts: &mut [Draft]) {
        let (Some(claim), Some(wider)) = (self.get(inner), self.get(outer)) else {
            return;
        };
        let whose = name_of(drafts, outer);
        let text = format!(
            "{} lies within {whose}'s {} at {}; the narrower name decides",
            claim.pattern, wider.pattern, wider.place
        );
        if let Some(draft) = drafts.get_mut(inner.0) {
            draft.note(Weight::Look, &claim.place, text);
        }
    }

    /// For names where the relay would choose another tenant than Exchange Online does, the claim
    /// that the relay would follow becomes a question.
    fn ask_exchange_online(&self, model: &Model<'_>, nested: &[(At, At)], drafts: &mut [Draft]) {
        for at in nested.iter().flat_map(|(inner, outer)| [*inner, *outer]) {
            let Some(claim) = self.get(at) else { continue };
            for name in probes(&claim.pattern) {
                let relay = self.narrowest(&name);
                if relay.is_none_or(|found| found != at) {
                    continue;
                }
                let service = attributed(model.forest(), &name);
                if service == Some(at.0) {
                    continue;
                }
                let whose = service.and_then(|tenant| drafts.get(tenant)).map_or_else(
                    || "to nobody".to_owned(),
                    |draft| format!("to {:?}", draft.name),
                );
                let why = format!(
                    "the relay would take a certificate {name} for this tenant's by {} ({}), and Exchange Online gives \
                     it {whose}; write the names that are this tenant's, and no wildcard above others'",
                    claim.pattern, claim.origin
                );
                let question =
                    Question::new(format!("not {}", claim.pattern), why).at(&claim.place);
                if let Some(entry) = drafts
                    .get_mut(at.0)
                    .and_then(|draft| draft.certificate_domains.get_mut(at.1))
                {
                    *entry = Decided::Open(question);
                }
                break;
            }
        }
    }

    /// The claim that the relay would follow: the longest, and a name before a wildcard; none where two
    /// tenants have the same.
    fn narrowest(&self, name: &str) -> Option<At> {
        let (wildcard, host) = match name.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, name),
        };
        let mut above = Some(host);
        while let Some(domain) = above {
            let at = self.by_domain.get(domain).map_or(&[][..], Vec::as_slice);
            let of = |exact: bool| {
                at.iter().copied().filter(move |at| {
                    self.get(*at)
                        .is_some_and(|claim| matches!(claim.pattern, Pattern::Exact(_)) == exact)
                })
            };
            let exact: Vec<At> = match domain == host && !wildcard {
                true => of(true).collect(),
                false => Vec::new(),
            };
            let found = if exact.is_empty() {
                of(false).collect()
            } else {
                exact
            };
            match found.as_slice() {
                [] => {}
                [only] => return Some(*only),
                _ => return None,
            }
            above = domain.split_once('.').map(|(_, rest)| rest);
        }
        None
    }
}

fn name_of(drafts: &[Draft], at: At) -> String {
    drafts
        .get(at.0)
        .map_or_else(String::new, |draft| format!("{:?}", draft.name))
}

/// Names that a pattern takes: its own, and below a wildcard one that nobody has.
fn probes(pattern: &Pattern) -> Vec<String> {
    let domain = pattern.domain();
    match pattern {
        Pattern::Exact(_) => vec![domain.to_string()],
        Pattern::Subtree(_) => vec![
            domain.to_string(),
            format!("*.{domain}"),
            format!("tenantry-probe.{domain}"),
        ],
    }
}

/// Whose a certificate with this name is at Exchange Online.
fn attributed(forest: &Forest, name: &str) -> Option<usize> {
    let names = [name.to_owned()];
    let mut transaction = forest.begin(&Submission {
        certificate: Certificate::Trusted { names: &names },
        ip: NOBODY,
        tls: true,
        region: None,
        mail_from: "",
        header_from: None,
    });
    let found = transaction.recipient(forest, OUTSIDE);
    match found.basis {
        Basis::Certificate => found.tenant.map(|tenant| tenant.0),
        Basis::Sender | Basis::Recipient | Basis::None => None,
    }
}

/// Documentation's own address (RFC 5737): no connector has it.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 254));
/// No tenant accepts it (RFC 6761).
const OUTSIDE: &str = "postmaster@tenantry-probe.invalid";
