//! What two configurations make of one message, and in what they differ: for `replay` and for the shadow of `run`.
//!
//! Whose it is, where it goes, as whom, and what becomes of its recipients; that the same tenant is found on another
//! basis is no difference. Tenants of two configurations are the same if they have one name.

use tenantry_attribution::{Attribution, Basis, RecipientOutcome, StepOutcome, TenantId, Verdict};

use crate::config::{Config, Tenant};

/// What a configuration says to a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ruling<'a> {
    /// MAIL is refused: the listener demands a certificate, and there is none.
    CertificateRequired,
    /// A decision.
    Attributed(&'a Attribution),
}

/// A ruling with the configuration that it is by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ruled<'a> {
    pub(crate) config: &'a Config,
    pub(crate) ruling: Ruling<'a>,
}

/// In what two rulings can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Aspect {
    /// Whose it is: the verdict and its tenants.
    Owner,
    /// Where it goes.
    Upstream,
    /// As whom.
    Identity,
    /// Who of its recipients is accepted, refused or deferred.
    Recipients,
}

/// In what two rulings do differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Differences(u8);

/// What became of the recipients of a message, each outcome once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outcomes(u8);

impl<'a> Ruled<'a> {
    /// The stable word: those of verdicts, and `certificate-required`.
    pub(crate) fn verdict(self) -> &'static str {
        match self.ruling {
            Ruling::CertificateRequired => "certificate-required",
            Ruling::Attributed(attribution) => attribution.verdict.as_str(),
        }
    }

    /// The one tenant whose it is.
    pub(crate) fn tenant(self) -> Option<&'a Tenant> {
        let tenant = self.config.tenant(self.tenant_id()?)?;
        Some(tenant)
    }

    /// Its number in this configuration.
    pub(crate) fn tenant_id(self) -> Option<TenantId> {
        let Ruling::Attributed(attribution) = self.ruling else {
            return None;
        };
        match attribution.verdict {
            Verdict::Tenant { id, .. } => Some(id),
            Verdict::Ambiguous { .. } | Verdict::Unattributed => None,
        }
    }

    /// Everybody whose it may be, by name.
    pub(crate) fn owners(self) -> Vec<&'a str> {
        let Ruling::Attributed(attribution) = self.ruling else {
            return Vec::new();
        };
        let directory = &self.config.directory;
        match &attribution.verdict {
            Verdict::Tenant { id, .. } => vec![directory.tenant_name(*id)],
            Verdict::Ambiguous { tenants, .. } => {
                let mut names: Vec<&str> = tenants
                    .iter()
                    .map(|id| directory.tenant_name(*id))
                    .collect();
                names.sort_unstable();
                names
            }
            Verdict::Unattributed => Vec::new(),
        }
    }

    /// What decided.
    pub(crate) fn basis(self) -> Option<Basis> {
        let Ruling::Attributed(attribution) = self.ruling else {
            return None;
        };
        match attribution.verdict {
            Verdict::Tenant { basis, .. } | Verdict::Ambiguous { basis, .. } => Some(basis),
            Verdict::Unattributed => None,
        }
    }

    /// What became of the recipients.
    pub(crate) fn outcomes(self) -> Outcomes {
        self.ruling.outcomes()
    }

    /// Whether recipients that are not known could change anything.
    pub(crate) fn depends_on_recipients(self) -> bool {
        let Ruling::Attributed(attribution) = self.ruling else {
            return false;
        };
        let [_certificate, _sender, recipient] = &attribution.steps;
        recipient.outcome != StepOutcome::Skipped
    }

    /// In what another ruling about the same message differs from this one.
    pub(crate) fn differences(self, other: Ruled<'_>) -> Differences {
        let differences = match (self.tenant(), other.tenant()) {
            (Some(one), Some(two)) => Differences::of_tenants(one, two),
            (None, None) => {
                let same = self.verdict() == other.verdict() && self.owners() == other.owners();
                Differences::default().unless(Aspect::Owner, same)
            }
            (Some(_), None) | (None, Some(_)) => Differences::default()
                .unless(Aspect::Owner, false)
                .unless(Aspect::Upstream, false)
                .unless(Aspect::Identity, false),
        };
        differences.and(self.of_recipients(other))
    }

    /// The same of recipients alone.
    pub(crate) fn of_recipients(self, other: Ruled<'_>) -> Differences {
        Differences::default().unless(Aspect::Recipients, self.treats_recipients_as(other))
    }

    fn treats_recipients_as(self, other: Ruled<'_>) -> bool {
        match (self.ruling, other.ruling) {
            (Ruling::Attributed(one), Ruling::Attributed(two)) => {
                let (one, two) = (&one.recipients, &two.recipients);
                one.len() == two.len()
                    && one
                        .iter()
                        .zip(two)
                        .all(|(one, two)| Outcomes::bit(one) == Outcomes::bit(two))
            }
            (Ruling::CertificateRequired, Ruling::CertificateRequired) => true,
            (Ruling::CertificateRequired, Ruling::Attributed(_))
            | (Ruling::Attributed(_), Ruling::CertificateRequired) => {
                let (one, two) = (self.outcomes(), other.outcomes());
                // Where there was no recipient there is none to be treated differently.
                one == two || one == Outcomes::default() || two == Outcomes::default()
            }
        }
    }
}

impl Ruling<'_> {
    fn outcomes(self) -> Outcomes {
        match self {
            Ruling::CertificateRequired => Outcomes(REFUSED),
            Ruling::Attributed(attribution) => {
                let bits = attribution.recipients.iter().map(Outcomes::bit);
                Outcomes(bits.fold(0, |all, bit| all | bit))
            }
        }
    }
}

impl Aspect {
    /// Every aspect, in the order in which they are told.
    const ALL: [Aspect; 4] = [
        Aspect::Owner,
        Aspect::Upstream,
        Aspect::Identity,
        Aspect::Recipients,
    ];

    /// The stable word.
    fn as_str(self) -> &'static str {
        match self {
            Aspect::Owner => "owner",
            Aspect::Upstream => "upstream",
            Aspect::Identity => "identity",
            Aspect::Recipients => "recipients",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Aspect::Owner => 1,
            Aspect::Upstream => 2,
            Aspect::Identity => 4,
            Aspect::Recipients => 8,
        }
    }
}

impl Differences {
    /// Those of what is one tenant's and what is another's, or the same tenant's in another configuration.
    pub(crate) fn of_tenants(one: &Tenant, two: &Tenant) -> Self {
        let identities = (one.identity.fingerprint(), two.identity.fingerprint());
        Differences::default()
            .unless(Aspect::Owner, one.name == two.name)
            .unless(Aspect::Upstream, one.upstreams == two.upstreams)
            .unless(Aspect::Identity, identities.0 == identities.1)
    }

    /// These and those.
    pub(crate) fn and(self, other: Self) -> Self {
        Differences(self.0 | other.0)
    }

    fn unless(self, aspect: Aspect, same: bool) -> Self {
        if same {
            self
        } else {
            Differences(self.0 | aspect.bit())
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words of those that there are.
    pub(crate) fn words(self) -> Vec<&'static str> {
        let differing = Aspect::ALL
            .into_iter()
            .filter(|aspect| self.0 & aspect.bit() != 0);
        differing.map(Aspect::as_str).collect()
    }
}

impl Outcomes {
    /// The words of those that there are.
    pub(crate) fn words(self) -> Vec<&'static str> {
        [
            (ACCEPTED, "accepted"),
            (REFUSED, "refused"),
            (DEFERRED, "deferred"),
        ]
        .into_iter()
        .filter(|(bit, _word)| self.0 & bit != 0)
        .map(|(_bit, word)| word)
        .collect()
    }

    fn bit(outcome: &RecipientOutcome) -> u8 {
        match outcome {
            RecipientOutcome::Accepted => ACCEPTED,
            RecipientOutcome::Refused(_) => REFUSED,
            RecipientOutcome::Deferred(_) => DEFERRED,
        }
    }
}

const ACCEPTED: u8 = 1;
const REFUSED: u8 = 2;
const DEFERRED: u8 = 4;
