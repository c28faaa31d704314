//! What findings about exported tenants say alike: the object, the commands, the steps to a certificate.

use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{DomainName, InboundConnector, Place, Wildcard};

use super::words;
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{CertificateFile, Exported};
use crate::model::Model;
use crate::powershell::quoted;
use crate::rule::Rule;

/// An inbound connector that something is said about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'m> {
    pub(super) model: &'m Model<'m>,
    pub(super) at: ConnectorRef,
    pub(super) exported: &'m Exported<InboundConnector>,
}

impl<'m> Subject<'m> {
    pub(super) fn of(model: &'m Model<'m>, at: ConnectorRef) -> Option<Self> {
        Some(Self {
            model,
            at,
            exported: model.connector(at)?,
        })
    }

    pub(super) fn connector(&self) -> &'m InboundConnector {
        &self.exported.value
    }

    pub(super) fn tenant(&self) -> usize {
        self.at.tenant.0
    }

    pub(super) fn tenant_name(&self) -> &'m str {
        self.model.tenant_name(self.tenant())
    }

    /// A finding at one of its properties.
    pub(super) fn finding(&self, rule: &'static Rule, property: &str, message: String) -> Finding {
        let place = self.exported.place(property).clone();
        let object = connector(self.connector());
        finding(rule, Some(self.tenant_name()), object, place, message)
    }

    /// `Set-InboundConnector` with these parameters.
    pub(super) fn set(&self, parameters: &str) -> Remedy {
        let name = quoted(&self.connector().name);
        command(
            self.tenant_name(),
            format!("Set-InboundConnector -Identity {name} {parameters}"),
        )
    }

    /// Itself, as something that takes part in another's finding.
    pub(super) fn related(&self, property: &str, what: String) -> Related {
        Related {
            place: self.exported.place(property).clone(),
            what,
        }
    }

    /// The way to a certificate of the tenant's own, in this connector.
    pub(super) fn certified(&self) -> Vec<Remedy> {
        let own = OwnName::of(self.model, self.tenant());
        let mut steps = own.steps(self.model, self.tenant());
        let name = quoted(&own.name);
        steps.push(self.set(&format!("-TlsSenderCertificateName {name}")));
        steps
    }
}

/// A certificate name that a tenant's connector can have: it has it already, or should get it.
pub(super) struct OwnName<'m> {
    pub(super) name: String,
    /// A certificate with that name that is there already.
    certificate: Option<&'m CertificateFile>,
    accepted: bool,
}

impl<'m> OwnName<'m> {
    /// A name of a certificate that goes to the tenant, else of one that is there; else one below the
    /// tenant's default domain.
    pub(super) fn of(model: &'m Model<'m>, tenant: usize) -> Self {
        let presented = model
            .routes_to(tenant)
            .filter_map(|route| route.certificate);
        let known = presented.chain(held(model, tenant));
        let mut first = None;
        for file in known.filter_map(|file| model.certificate(file)) {
            let names = file.chain.first().map_or(&[][..], |leaf| &leaf.names);
            for (wildcard, name) in names {
                if *wildcard == Wildcard::Yes {
                    continue;
                }
                let accepted = model.covering(tenant, name).is_some();
                let own = Self {
                    name: name.to_string(),
                    certificate: Some(file),
                    accepted,
                };
                if accepted {
                    return own;
                }
                // A foreign name would make matters worse.
                let related = above(model, tenant, name).is_some();
                first = first.or(related.then_some(own));
            }
        }
        first.unwrap_or_else(|| Self::proposed(model, tenant))
    }

    fn proposed(model: &Model<'_>, tenant: usize) -> Self {
        let domains = model
            .tenant(tenant)
            .map_or(&[][..], |described| &described.accepted_domains);
        let custom = || {
            let there = domains.iter().map(|domain| &domain.value);
            there.filter(|domain| !domain.initial && !is_initial(&domain.domain))
        };
        let default = custom().find(|domain| domain.default);
        let domain = default.or_else(|| custom().next());
        let name = domain.map_or_else(
            || String::from("relay.example.com"),
            |domain| format!("relay.{}", domain.domain),
        );
        Self {
            accepted: custom().any(|domain| domain.domain.as_str() == name),
            certificate: None,
            name,
        }
    }

    /// What has to be there before a connector may have the name.
    pub(super) fn steps(&self, model: &Model<'_>, tenant: usize) -> Vec<Remedy> {
        let (name, tenant) = (&self.name, model.tenant_name(tenant));
        let mut steps = Vec::new();
        if self.certificate.is_none() {
            steps.push(Remedy::Words(format!(
                "Order a certificate for {name}, or another name of {tenant} alone, from a public authority, and \
                 present it, with its intermediates, on every connection that carries {tenant}'s mail"
            )));
        }
        if !self.accepted {
            steps.push(verify(tenant, name));
        }
        steps
    }
}

/// Certificates whose names are accepted domains of a tenant.
fn held(model: &Model<'_>, tenant: usize) -> impl Iterator<Item = usize> {
    let described = model.tenant(tenant).into_iter();
    let domains = described.flat_map(|described| &described.accepted_domains);
    domains.flat_map(|domain| model.holders(&domain.value.domain).iter().copied())
}

/// The accepted domain of a tenant that a name is in, whether or not it covers it.
pub(super) fn above(model: &Model<'_>, tenant: usize, name: &DomainName) -> Option<DomainName> {
    let mut names = std::iter::successors(Some(name.clone()), DomainName::parent);
    names.find(|name| accepts(model, tenant, name))
}

/// Whether the tenant has exactly this domain, and it is not pending.
pub(super) fn accepts(model: &Model<'_>, tenant: usize, name: &DomainName) -> bool {
    model.listing(name).iter().any(|(owner, number)| {
        let domains = model.tenant(*owner).map(|owner| &owner.accepted_domains);
        let domain = domains.and_then(|domains| domains.get(*number));
        *owner == tenant && domain.is_some_and(|domain| !domain.value.pending)
    })
}

/// Whether Microsoft gave a tenant this domain.
pub(super) fn is_initial(domain: &DomainName) -> bool {
    domain.as_str().ends_with(".onmicrosoft.com")
}

/// Adding a domain is not Exchange Online's to do.
pub(super) fn verify(tenant: &str, domain: &str) -> Remedy {
    let id = quoted(domain);
    Remedy::Words(format!(
        "Add {domain} to {tenant} as a domain for e-mail and verify it: in the Microsoft 365 admin center, or with \
         New-MgDomain -Id {id} and, once its TXT record is published, Confirm-MgDomain -DomainId {id}"
    ))
}

pub(super) fn command(tenant: &str, command: String) -> Remedy {
    Remedy::ExchangeOnline {
        tenant: tenant.to_owned(),
        command,
    }
}

pub(super) fn finding(
    rule: &'static Rule,
    tenant: Option<&str>,
    object: String,
    place: Place,
    message: String,
) -> Finding {
    Finding {
        rule,
        severity: rule.severity,
        tenant: tenant.map(str::to_owned),
        object,
        place,
        message,
        related: Vec::new(),
        remedy: Vec::new(),
        allowed: None,
    }
}

pub(super) fn connector(connector: &InboundConnector) -> String {
    format!("inbound connector {:?}", connector.name)
}

pub(super) fn accepted_domain(domain: &DomainName) -> String {
    format!("accepted domain \"{domain}\"")
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn some_of(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts.collect();
    words::listed(&texts)
}

/// Many are told by their number, so that a finding stays one.
pub(super) fn bounded(mut related: Vec<Related>) -> Vec<Related> {
    let more = related.len().saturating_sub(SHOWN);
    related.truncate(SHOWN);
    if more > 0
        && let Some(last) = related.last_mut()
    {
        last.what = format!("{} (and {more} more)", last.what);
    }
    related
}

/// How many other places one finding names.
pub(super) const SHOWN: usize = 8;
