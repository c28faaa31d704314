//! Which tenant of Exchange Online a Send connector is for, as far as two can be told apart.

use tenantry_lab::export::SmartHost;

use super::Sent;
use crate::model::{Model, mx_label};

/// A tenant, or what stands for one that was not exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// An exported tenant.
    Exported(usize),
    /// The tenant with the domain of an MX name, as `contoso-com`.
    Label(String),
    /// The tenant with an initial domain, as `contoso`.
    Initial(String),
}

/// How sure it is that two connectors are for two tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sureness {
    /// The exports say so.
    Known,
    /// Their names do.
    Likely,
}

impl Target {
    pub(super) fn of(sent: &Sent<'_>) -> Option<Self> {
        if !sent.online {
            return None;
        }
        if let Some(tenant) = sent.route.tenant() {
            return Some(Self::Exported(tenant));
        }
        let mut labels = sent
            .connector
            .smart_hosts
            .iter()
            .filter_map(|host| match host {
                SmartHost::Name(name) => mx_label(name.as_str()),
                SmartHost::Address(_) | SmartHost::Unusable(_) => None,
            });
        if let Some(label) = labels.next() {
            return Some(Self::Label(label));
        }
        let spaces = sent.connector.address_spaces.iter();
        let mut initial = spaces.filter_map(|space| {
            let name = space.space.strip_suffix(".onmicrosoft.com")?;
            let name = name.strip_suffix(".mail").unwrap_or(name);
            name.rsplit('.').next().map(str::to_owned)
        });
        initial.next().map(Self::Initial)
    }

    /// Whether two connectors are for different tenants. One tenant may have many domains: only what
    /// the exports say is known.
    pub(super) fn differs(&self, other: &Self) -> Option<Sureness> {
        match (self, other) {
            (Self::Exported(one), Self::Exported(other)) => {
                (one != other).then_some(Sureness::Known)
            }
            // Every domain of an exported tenant is known, and this one is not among them.
            (Self::Exported(_), _) | (_, Self::Exported(_)) => Some(Sureness::Likely),
            (Self::Initial(one), Self::Initial(other)) => {
                (one != other).then_some(Sureness::Likely)
            }
            // contoso-com and contoso-de are likely to be one organisation's.
            (Self::Label(one) | Self::Initial(one), Self::Label(other) | Self::Initial(other)) => {
                (stem(one) != stem(other)).then_some(Sureness::Likely)
            }
        }
    }

    /// As messages call it.
    pub(super) fn shown(&self, model: &Model<'_>) -> String {
        match self {
            Self::Exported(tenant) => format!("tenant {:?}", model.tenant_name(*tenant)),
            Self::Label(label) => format!("the tenant of {label}.mail.protection.outlook.com"),
            Self::Initial(name) => format!("the tenant of {name}.onmicrosoft.com"),
        }
    }
}

fn stem(label: &str) -> &str {
    label.split('-').next().unwrap_or(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_domains_of_one_organisation_are_not_two_tenants() {
        let label = |text: &str| Target::Label(text.to_owned());
        let initial = |text: &str| Target::Initial(text.to_owned());
        for (one, other, differ) in [
            (label("contoso-com"), label("contoso-com"), None),
            (label("contoso-com"), label("contoso-de"), None),
            (label("contoso-com"), initial("contoso"), None),
            (
                label("contoso-com"),
                label("fabrikam-com"),
                Some(Sureness::Likely),
            ),
            (
                initial("contoso"),
                initial("contosode"),
                Some(Sureness::Likely),
            ),
            (Target::Exported(1), Target::Exported(1), None),
            (
                Target::Exported(1),
                Target::Exported(2),
                Some(Sureness::Known),
            ),
            (
                Target::Exported(1),
                label("contoso-com"),
                Some(Sureness::Likely),
            ),
        ] {
            assert_eq!(one.differs(&other), differ, "{one:?} {other:?}");
            assert_eq!(other.differs(&one), differ, "{other:?} {one:?}");
        }
    }
}
