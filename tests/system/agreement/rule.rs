//! The anti-patterns of `exchange-online.md` section 5 that concern attribution, by their ids.

use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident,)*) => {
        /// An anti-pattern.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All of them.
            pub(super) const ALL: &[Self] = &[$(Self::$rule,)*];
        }
    };
}

rules! {
    /// The certificate domain is not an accepted domain of the tenant.
    L01,
    /// A source address is shared by tenants.
    L02,
    /// One certificate authenticates several tenants.
    L03,
    /// Identified by address, not by certificate.
    L04,
    /// A wildcard captures another tenant's name.
    L05,
    /// Of an exact host only the parent is accepted.
    L06,
    /// The certificate name is none.
    L07,
    /// All but one path is locked, and the certificate is not proven to match.
    L11,
    /// A route relies on a disabled connector.
    L12,
    /// A connector with neither address nor certificate.
    L13,
    /// An address that is none, or is nobody's.
    L14,
    /// MatchSubDomains on an authoritative domain.
    L16,
    /// The sender's domain is below an accepted one without MatchSubDomains.
    L17,
    /// Neither the sender's domain nor the certificate's is accepted.
    L18,
    /// The null sender, and only an address to go by.
    L19,
    /// Two tenants list one accepted domain.
    L20,
    /// Two routes to different tenants with the same certificate.
    L28,
    /// Another region's endpoint.
    L30,
    /// The chain lacks intermediates.
    L31,
    /// Self-signed, or of an authority that Exchange Online does not trust.
    L32,
    /// Gateway and Exchange are both under one wildcard.
    L33,
    /// Mail in the tenant's own name is rejected, and its source has no connector.
    L35,
    /// A connector for other organisations, whose other criteria are ignored.
    L36,
    /// After a renewal the certificate's names are not the connector's.
    L37,
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "EXO-{self:?}")
    }
}
