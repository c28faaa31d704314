//! Every answer of the simulated service, with Microsoft's exact text.
//!
//! `exchange-online.md` section 3.1 is the source. The suffix with server, time and session that
//! the service adds over SMTP is the front end's: a text here is what `lab explain` prints.

use std::fmt;

/// An answer to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// `250 2.1.5 Recipient OK`.
    Accepted,
    /// A refusal.
    Refused(Refusal),
}

/// Why the service refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No OnPremises connector attributed the relay attempt.
    RelayDenied,
    /// Neither the sender's domain nor the certificate's is accepted.
    RelayDeniedAttr36,
    /// A Partner connector restricts the recipient's tenant to another path.
    PartnerRestriction,
    /// The same, in the short form.
    PartnerRestrictionShort,
    /// A Partner connector wants TLS.
    TlsRequired,
    /// Anonymous mail in the recipient's own name (RejectDirectSend).
    DirectSend,
    /// The recipient's tenant is in another region.
    WrongRegion,
    /// The recipients are in several regions.
    MultipleRegions,
    /// More recipients of one domain than a message may have.
    TooManyRecipients,
    /// The recipient's tenant has no subscription with mail.
    NoMailSubscription,
    /// The same, as a permanent refusal.
    NoMailSubscriptionPermanent,
    /// Attribution failed for the moment (ATTR5).
    TemporaryAttr5,
    /// Attribution failed for the moment (ATTR55).
    TemporaryAttr55,
    /// Attribution failed for the moment (ATTR55.1).
    TemporaryAttr551,
    /// Too many hops, in the service.
    HopCountAttr34,
    /// Too many hops, on-premises.
    HopCount,
    /// The tenant has no such recipient (directory-based blocking).
    RecipientUnknown,
    /// The connector is blocked for spam.
    BadConnector,
    /// Too much mail with unregistered sender domains.
    UnregisteredDomains,
    /// The tenant has exceeded its threshold.
    TenantThreshold,
    /// No traffic is taken from the address.
    AddressNotAccepted,
    /// A trial tenant's limit of external recipients.
    TrialExternalRecipients,
    /// The tenant's limit of external recipients.
    ExternalRecipients,
    /// The limit of senders in onmicrosoft.com domains.
    InitialDomainSender,
    /// The on-premises Exchange is out of date: throttled.
    ExchangeThrottled,
    /// The on-premises Exchange is out of date: blocked.
    ExchangeBlocked,
    /// The source is throttled.
    ServerBusy,
    /// The source is throttled, with the other text.
    TryAgainLater,
    /// The address is banned.
    BannedAddress,
}

impl Refusal {
    /// All of them, in the order of section 3.1.
    pub const ALL: &[Self] = &[
        Self::RelayDenied,
        Self::RelayDeniedAttr36,
        Self::PartnerRestriction,
        Self::PartnerRestrictionShort,
        Self::TlsRequired,
        Self::DirectSend,
        Self::WrongRegion,
        Self::MultipleRegions,
        Self::TooManyRecipients,
        Self::NoMailSubscription,
        Self::NoMailSubscriptionPermanent,
        Self::TemporaryAttr5,
        Self::TemporaryAttr55,
        Self::TemporaryAttr551,
        Self::HopCountAttr34,
        Self::HopCount,
        Self::RecipientUnknown,
        Self::BadConnector,
        Self::UnregisteredDomains,
        Self::TenantThreshold,
        Self::AddressNotAccepted,
        Self::TrialExternalRecipients,
        Self::ExternalRecipients,
        Self::InitialDomainSender,
        Self::ExchangeThrottled,
        Self::ExchangeBlocked,
        Self::ServerBusy,
        Self::TryAgainLater,
        Self::BannedAddress,
    ];

    /// Its stable word, as in fault settings and in explanations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.row().0
    }

    /// The reply: code, enhanced code and text. `[ip]` stands for the connecting address.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.row().1
    }

    /// Whether a client may try again.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self.text().as_bytes(), [b'4', ..])
    }

    /// The refusal with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|refusal| refusal.word() == word)
    }

    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::RelayDenied => (
                "relay-denied",
                "550 5.7.64 TenantAttribution; Relay Access Denied",
            ),
            Self::RelayDeniedAttr36 => (
                "relay-denied-attr36",
                "550 5.7.64 Relay Access Denied ATTR36. For more details please refer to: https://support.microsoft.com/kb/3169958",
            ),
            Self::PartnerRestriction => (
                "partner-restriction",
                "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set",
            ),
            Self::PartnerRestrictionShort => (
                "partner-restriction-short",
                "550 5.7.51 TenantInboundAttribution; Rejecting",
            ),
            Self::TlsRequired => (
                "tls-required",
                "550 5.7.51 TenantInboundAttribution; Rejecting, TLS is required",
            ),
            Self::DirectSend => (
                "direct-send",
                "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
            ),
            Self::WrongRegion => (
                "wrong-region",
                "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to https://go.microsoft.com/fwlink/?linkid=865268",
            ),
            Self::MultipleRegions => (
                "multiple-regions",
                "452 4.5.3 Recipients belong to multiple regions ATTR38",
            ),
            Self::TooManyRecipients => ("too-many-recipients", "452 4.5.3 Too many recipients"),
            Self::NoMailSubscription => (
                "no-mail-subscription",
                "451 4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5",
            ),
            Self::NoMailSubscriptionPermanent => (
                "no-mail-subscription-permanent",
                "550 4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5",
            ),
            Self::TemporaryAttr5 => (
                "temporary-attr5",
                "451 4.4.4 Temporary server error. Please try again later ATTR5",
            ),
            Self::TemporaryAttr55 => (
                "temporary-attr55",
                "451 4.3.2 Temporary server error. Please try again later ATTR55",
            ),
            Self::TemporaryAttr551 => (
                "temporary-attr55.1",
                "451 4.4.3 Temporary server error. Please try again later ATTR55.1",
            ),
            Self::HopCountAttr34 => (
                "hop-count-attr34",
                "554 5.4.14 Hop count exceeded - possible mail loop ATTR34",
            ),
            Self::HopCount => (
                "hop-count",
                "554 5.4.6 Hop count exceeded - possible mail loop",
            ),
            Self::RecipientUnknown => (
                "recipient-unknown",
                "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
            ),
            Self::BadConnector => (
                "bad-connector",
                "550 5.7.711 Access denied, bad inbound connector. AS(2204)",
            ),
            Self::UnregisteredDomains => (
                "unregistered-domains",
                "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains",
            ),
            Self::TenantThreshold => (
                "tenant-threshold",
                "550 5.7.705 Access denied, tenant has exceeded threshold",
            ),
            Self::AddressNotAccepted => (
                "address-not-accepted",
                "550 5.7.708 Access denied, traffic not accepted from this IP",
            ),
            Self::TrialExternalRecipients => (
                "trial-external-recipients",
                "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
            ),
            Self::ExternalRecipients => (
                "external-recipients",
                "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
            ),
            Self::InitialDomainSender => (
                "initial-domain-sender",
                "550 5.7.236 Your message can't be sent because the daily limit was exceeded for sending email to external recipients from your tenant's onmicrosoft.com domains",
            ),
            Self::ExchangeThrottled => (
                "exchange-throttled",
                "450 4.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online throttled for 10 mins/hr.",
            ),
            Self::ExchangeBlocked => (
                "exchange-blocked",
                "550 5.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online blocked for 10 mins/hr.",
            ),
            Self::ServerBusy => (
                "server-busy",
                "451 4.7.500 Server busy. Please try again later from [ip]. (S77714)",
            ),
            Self::TryAgainLater => (
                "try-again-later",
                "451 4.7.500 Access denied, please try again later",
            ),
            Self::BannedAddress => (
                "banned-address",
                "550 5.7.606 Access denied, banned sending IP [ip]",
            ),
        }
    }
}

impl Answer {
    /// Code, enhanced code and text.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Accepted => "250 2.1.5 Recipient OK",
            Self::Refused(refusal) => refusal.text(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_found_by_its_word() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::named(refusal.word()), Some(*refusal));
        }
    }

    #[test]
    fn the_code_of_a_refusal_says_whether_to_try_again() {
        for refusal in Refusal::ALL {
            let code = refusal.text().get(..3);
            let transient = code.is_some_and(|code| code.starts_with('4'));
            assert!(code.is_some_and(|code| code.bytes().all(|digit| digit.is_ascii_digit())));
            assert_eq!(refusal.is_transient(), transient, "{}", refusal.text());
        }
    }
}
