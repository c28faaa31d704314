//! What a certificate shall contain, right or wrong.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

/// What an end entity's certificate shall contain.
#[derive(Debug, Clone, Default)]
pub struct CertificateSpec {
    /// The subject's common name; `None` leaves the subject empty.
    pub common_name: Option<String>,
    /// The subject alternative names in order; empty leaves the extension out.
    pub names: Vec<Name>,
    /// The extended key usages; empty leaves the extension out.
    pub purposes: Vec<Purpose>,
    /// From when until when it is valid.
    pub validity: Validity,
    /// The kind of key.
    pub key: KeyKind,
}

impl CertificateSpec {
    /// A server certificate for host names and IP addresses, the first of them also the common name.
    #[must_use]
    pub fn server(names: &[&str]) -> Self {
        Self {
            purposes: vec![Purpose::ServerAuth],
            ..Self::of(names)
        }
    }

    /// A client certificate for host names, the first of them also the common name.
    #[must_use]
    pub fn client(names: &[&str]) -> Self {
        Self {
            purposes: vec![Purpose::ClientAuth],
            ..Self::of(names)
        }
    }

    /// A certificate with a common name and nothing else that names it (RFC 6125 section 6.4.4).
    #[must_use]
    pub fn common_name_only(name: &str) -> Self {
        Self {
            common_name: Some(name.to_owned()),
            purposes: vec![Purpose::ServerAuth, Purpose::ClientAuth],
            ..Self::default()
        }
    }

    /// The same with another common name.
    #[must_use]
    pub fn with_common_name(mut self, name: impl Into<String>) -> Self {
        self.common_name = Some(name.into());
        self
    }

    /// The same with one more alternative name.
    #[must_use]
    pub fn with_name(mut self, name: Name) -> Self {
        self.names.push(name);
        self
    }

    /// The same with other extended key usages.
    #[must_use]
    pub fn with_purposes(mut self, purposes: impl Into<Vec<Purpose>>) -> Self {
        self.purposes = purposes.into();
        self
    }

    /// The same with another validity.
    #[must_use]
    pub fn with_validity(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// The same with another kind of key.
    #[must_use]
    pub fn with_key(mut self, key: KeyKind) -> Self {
        self.key = key;
        self
    }

    fn of(names: &[&str]) -> Self {
        Self {
            common_name: names.first().map(|name| (*name).to_owned()),
            names: names.iter().map(|name| Name::host(name)).collect(),
            ..Self::default()
        }
    }
}

/// One subject alternative name (RFC 5280 section 4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A dNSName.
    Dns(String),
    /// A dNSName of exactly these octets, whatever they are.
    RawDns(Vec<u8>),
    /// An iPAddress.
    Ip(IpAddr),
    /// An rfc822Name.
    Email(String),
    /// A uniformResourceIdentifier.
    Uri(String),
    /// An otherName (the UPN type) with a UTF-8 value.
    Other(String),
    /// A directoryName with this common name.
    Directory(String),
}

impl Name {
    /// An iPAddress when the text is one, else a dNSName.
    #[must_use]
    pub fn host(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Dns(text.to_owned()), Self::Ip)
    }
}

/// An extended key usage (RFC 5280 section 4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// id-kp-serverAuth.
    ServerAuth,
    /// id-kp-clientAuth.
    ClientAuth,
    /// id-kp-emailProtection: a certificate that is not for TLS.
    EmailProtection,
    /// id-kp-codeSigning: a certificate that is not for TLS.
    CodeSigning,
    /// anyExtendedKeyUsage.
    Any,
}

/// From when until when a certificate or a revocation list is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validity {
    /// Since yesterday, for a year.
    #[default]
    Current,
    /// For a month that ended yesterday.
    Expired,
    /// For a month that begins tomorrow.
    NotYet,
    /// Between two times.
    Between(SystemTime, SystemTime),
}

impl Validity {
    /// Since yesterday, for this many days from now.
    #[must_use]
    pub fn days(days: u32) -> Self {
        let now = SystemTime::now();
        Self::Between(before(now, DAY), after(now, DAY.saturating_mul(days)))
    }

    pub(super) fn bounds(self) -> (SystemTime, SystemTime) {
        let now = SystemTime::now();
        match self {
            Self::Current => (before(now, DAY), after(now, DAY.saturating_mul(365))),
            Self::Expired => (before(now, DAY.saturating_mul(31)), before(now, DAY)),
            Self::NotYet => (after(now, DAY), after(now, DAY.saturating_mul(31))),
            Self::Between(start, end) => (start, end),
        }
    }
}

/// The kind of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// ECDSA on P-256: the fastest to make.
    #[default]
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
    /// RSA with 2,048 bits: what most mail servers have, and some hundred times slower to make.
    Rsa2048,
}

/// What an authority's own certificate shall contain.
#[derive(Debug, Clone, Default)]
pub struct AuthoritySpec {
    /// The common name.
    pub name: String,
    /// From when until when it is valid.
    pub validity: Validity,
    /// What names it may sign.
    pub constraints: NameConstraints,
    /// How many further intermediates may stand below it; `None` for any number.
    pub path_length: Option<u8>,
    /// The kind of key.
    pub key: KeyKind,
}

impl AuthoritySpec {
    /// A valid authority without constraints.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The same with name constraints.
    #[must_use]
    pub fn with_constraints(mut self, constraints: NameConstraints) -> Self {
        self.constraints = constraints;
        self
    }

    /// The same with another validity.
    #[must_use]
    pub fn with_validity(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }
}

/// Which names an authority may sign (RFC 5280 section 4.2.1.10).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameConstraints {
    /// Only names below these; empty for no such limit.
    pub permitted: Vec<Subtree>,
    /// No names below these.
    pub excluded: Vec<Subtree>,
}

impl NameConstraints {
    /// Only names at or below one domain.
    #[must_use]
    pub fn permitting(domain: &str) -> Self {
        Self {
            permitted: vec![Subtree::Dns(domain.to_owned())],
            excluded: Vec::new(),
        }
    }

    /// No names at or below one domain.
    #[must_use]
    pub fn excluding(domain: &str) -> Self {
        Self {
            permitted: Vec::new(),
            excluded: vec![Subtree::Dns(domain.to_owned())],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }
}

/// One subtree of a name constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subtree {
    /// Domain names at or below.
    Dns(String),
    /// Hosts of URIs.
    Uri(String),
    /// Mailboxes of a host or below a domain.
    Email(String),
    /// Addresses with a mask of the same family.
    Ip(IpAddr, IpAddr),
}

fn before(time: SystemTime, by: Duration) -> SystemTime {
    time.checked_sub(by).unwrap_or(time)
}

fn after(time: SystemTime, by: Duration) -> SystemTime {
    time.checked_add(by).unwrap_or(time)
}
