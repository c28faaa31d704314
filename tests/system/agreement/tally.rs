//! What was played, so that nobody has to believe that it was enough.

use std::collections::BTreeMap;
use std::fmt;

use tenantry_lab::world::{Tenant, TlsSenderCertificateName};

use super::judge::Judgement;
use super::lint::Lint;
use super::rule::Rule;

/// Counts of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    scenes: u64,
    healthy_scenes: u64,
    /// Healthy scenes with something in them that could be got wrong.
    features: BTreeMap<&'static str, u64>,
    pub(super) messages: u64,
    forwarded: BTreeMap<&'static str, u64>,
    /// Recipients in healthy scenes; all agreed.
    healthy: u64,
    /// Recipients in the others.
    agreed: u64,
    explained: u64,
    rules: BTreeMap<Rule, u64>,
}

impl Tally {
    /// One more scene.
    pub(super) fn scene(&mut self, lint: &Lint<'_>) {
        self.scenes += 1;
        if lint.is_healthy() {
            self.healthy_scenes += 1;
            for (feature, has) in features(lint) {
                *self.features.entry(feature).or_default() += u64::from(has);
            }
        }
    }

    /// One more message that the relay sent on.
    pub(super) fn forwarded(&mut self, basis: &'static str) {
        *self.forwarded.entry(basis).or_default() += 1;
    }

    /// How many that were.
    pub(super) fn forwarded_messages(&self) -> u64 {
        self.forwarded.values().sum()
    }

    /// One more recipient.
    pub(super) fn judged(&mut self, lint: &Lint<'_>, judgement: &Judgement) {
        match judgement {
            Judgement::Agreed if lint.is_healthy() => self.healthy += 1,
            Judgement::Agreed => self.agreed += 1,
            Judgement::Explained(rules) => {
                self.explained += 1;
                for rule in rules {
                    *self.rules.entry(*rule).or_default() += 1;
                }
            }
            Judgement::Unexplained => panic!("an unexplained difference was not reported"),
        }
    }

    /// Fails unless every part of the proof was really played.
    pub(super) fn is_not_vacuous(&self) {
        let forwarded = self.forwarded_messages();
        assert!(
            forwarded * 2 > self.messages,
            "fewer than half of the messages were forwarded"
        );
        for basis in ["certificate", "sender", "recipient"] {
            let share = self.forwarded.get(basis).copied().unwrap_or_default();
            assert!(
                share * 20 > forwarded,
                "{basis} decided too seldom: {share}"
            );
        }
        assert!(
            self.healthy_scenes * 5 > self.scenes,
            "fewer than a fifth of the worlds are healthy"
        );
        assert!(
            self.healthy * 5 > forwarded,
            "too few recipients in healthy worlds"
        );
        for feature in FEATURES {
            let worlds = self.features.get(feature).copied().unwrap_or_default();
            assert!(
                worlds * 50 > self.healthy_scenes,
                "{feature}: only {worlds} healthy worlds"
            );
        }
        assert!(
            self.agreed * 10 > forwarded,
            "too few agreements in unhealthy worlds"
        );
        assert!(self.explained * 20 > forwarded, "too few differences");
        for rule in Rule::ALL {
            let count = self.rules.get(rule).copied().unwrap_or_default();
            assert!(
                count * 2_000 > self.explained,
                "only {count} differences come from {rule}"
            );
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} worlds, {} of them healthy: {:?}",
            self.scenes, self.healthy_scenes, self.features
        )?;
        writeln!(
            out,
            "{} messages, forwarded by {:?}",
            self.messages, self.forwarded
        )?;
        writeln!(out, "recipients in healthy worlds: {} agreed", self.healthy)?;
        writeln!(
            out,
            "recipients in the others: {} agreed, {} explained",
            self.agreed, self.explained
        )?;
        for (rule, count) in &self.rules {
            writeln!(out, "  {rule} {count}")?;
        }
        Ok(())
    }
}

const FEATURES: [&str; 9] = [
    "several tenants",
    "several regions",
    "nested domains of two tenants",
    "a wildcard connector",
    "a wildcard certificate",
    "MatchSubDomains",
    "a pending domain",
    "a disabled connector",
    "several names in a certificate",
];

fn features(lint: &Lint<'_>) -> [(&'static str, bool); 9] {
    let scene = lint.scene;
    let tenants = &scene.world.tenants;
    let mut regions: Vec<_> = tenants.iter().map(|tenant| &tenant.region).collect();
    regions.sort();
    regions.dedup();
    let connector = |test: &dyn Fn(&TlsSenderCertificateName) -> bool| {
        let mut connectors = tenants.iter().flat_map(|tenant| &tenant.inbound_connectors);
        connectors.any(|connector| {
            connector
                .tls_sender_certificate_name
                .as_ref()
                .is_some_and(test)
        })
    };
    let domain = |test: &dyn Fn(&tenantry_lab::world::AcceptedDomain) -> bool| {
        tenants
            .iter()
            .flat_map(|tenant| &tenant.accepted_domains)
            .any(test)
    };
    let mut identities = scene.routes.iter().map(|route| &route.identity);
    let has = [
        tenants.len() > 1,
        regions.len() > 1,
        tenants.iter().any(|one| {
            tenants
                .iter()
                .any(|another| one.name != another.name && nested(one, another))
        }),
        connector(&|name| matches!(name, TlsSenderCertificateName::Wildcard(_))),
        identities
            .clone()
            .any(|names| names.iter().any(|name| name.starts_with('*'))),
        domain(&|accepted| accepted.match_subdomains),
        domain(&|accepted| accepted.pending),
        tenants
            .iter()
            .flat_map(|tenant| &tenant.inbound_connectors)
            .any(|connector| !connector.enabled),
        identities.any(|names| names.len() > 1),
    ];
    std::array::from_fn(|index| (FEATURES[index], has[index]))
}

fn nested(one: &Tenant, another: &Tenant) -> bool {
    one.accepted_domains.iter().any(|outer| {
        another
            .accepted_domains
            .iter()
            .any(|inner| inner.domain != outer.domain && inner.domain.is_within(&outer.domain))
    })
}
