//! Why a change cannot be read or made.

/// Why a change cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The text is empty.
    #[error("no kind of change is given; write one of {}", super::change::kinds())]
    Empty,
    /// The kind is none.
    #[error("{0:?} is no kind of change; write one of {kinds}", kinds = super::change::kinds())]
    UnknownKind(String),
    /// A word is no `key=value`.
    #[error("{0:?} is no key=value")]
    NoField(String),
    /// A quoted value does not end.
    #[error("a quote is not closed")]
    OpenQuote,
    /// The kind has no such key.
    #[error("{kind} has no key {key:?}; its keys are {}", .known.join(", "))]
    UnknownField {
        /// The kind.
        kind: &'static str,
        /// The key.
        key: String,
        /// The kind's keys.
        known: Vec<&'static str>,
    },
    /// A key stands twice.
    #[error("{0} is given twice")]
    Repeated(String),
    /// The kind needs this key.
    #[error("{kind} needs {key}")]
    Missing {
        /// The kind.
        kind: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A value is none for its key.
    #[error("{key} is {value:?}: {problem}")]
    Value {
        /// The key.
        key: String,
        /// The value, shortened.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The world has no such tenant.
    #[error("there is no tenant {0:?}")]
    UnknownTenant(String),
    /// The tenant has no such connector.
    #[error("tenant {tenant:?} has no inbound connector {connector:?}; it has {known}")]
    UnknownConnector {
        /// The tenant.
        tenant: String,
        /// The connector.
        connector: String,
        /// What it has.
        known: String,
    },
    /// Nobody, or not this tenant, accepts the domain.
    #[error("{}", unaccepted(.owner.as_deref(), .domain))]
    UnknownDomain {
        /// The tenant that should; absent: any.
        owner: Option<String>,
        /// The domain.
        domain: String,
    },
    /// Several tenants have the domain.
    #[error("{domain} is accepted by several tenants ({tenants}); say from=TENANT")]
    SeveralOwners {
        /// The domain.
        domain: String,
        /// The tenants.
        tenants: String,
    },
    /// The tenant has the domain already.
    #[error("tenant {tenant:?} accepts {domain} already")]
    AlreadyAccepted {
        /// The tenant.
        tenant: String,
        /// The domain.
        domain: String,
    },
    /// The property is none that can be changed.
    #[error("{property:?} cannot be changed; the properties are {}", .known.join(", "))]
    UnknownProperty {
        /// The property.
        property: String,
        /// Those that can.
        known: Vec<&'static str>,
    },
}

fn unaccepted(owner: Option<&str>, domain: &str) -> String {
    match owner {
        Some(owner) => format!("tenant {owner:?} does not accept {domain}"),
        None => format!("no tenant accepts {domain}"),
    }
}
