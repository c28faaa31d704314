//! The stable words of explanations.

/// Whether Microsoft says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It follows from what Microsoft documents.
    Documented,
    /// Microsoft is silent: a decision of the lab.
    LabDecision,
}

/// Defines the reasons and their table in one place.
macro_rules! reasons {
    ($($reason:ident $word:literal $standing:ident $meaning:literal $sentence:literal,)*) => {
        /// Why a candidate was chosen or lost, or what else there is to know.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = $meaning] $reason,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$reason,)*];

            /// Its stable word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$reason => $word,)* }
            }

            /// What it means, in general.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$reason => $meaning,)* }
            }

            /// Its sentence, with places for the values.
            pub(super) const fn sentence(self) -> &'static str {
                match self { $(Self::$reason => $sentence,)* }
            }

            /// Whether Microsoft says so.
            #[must_use]
            pub const fn standing(self) -> Standing {
                match self { $(Self::$reason => Standing::$standing,)* }
            }
        }
    };
}

reasons! {
    NoCertificate "no-certificate" Documented
        "The client presented no certificate."
        "the client presented no certificate",
    CertificateUntrusted "certificate-untrusted" Documented
        "The certificate does not count, for the reason given; its names are ignored."
        "the certificate{against} counts as none: {value}",
    CertificateWithoutTls "certificate-without-tls" LabDecision
        "A certificate is given although there is no TLS, which cannot be; it counts as it is given."
        "a certificate cannot be shown without TLS, so this message cannot be as described; the certificate is taken as it is given",
    NameInvalid "name-invalid" LabDecision
        "A name of the certificate is no host name as it stands, and is ignored."
        "the certificate name {value} is no host name as it stands, and is ignored",
    NoName "no-usable-name" Documented
        "The certificate brings no usable name."
        "the certificate brings no usable name",
    NameMatchesNothing "name-matches-nothing" Documented
        "No enabled OnPremises connector of any tenant matches this name of the certificate."
        "the certificate name {value} matches no enabled OnPremises connector of any tenant",
    CertificateDomainAccepted "certificate-domain-accepted" Documented
        "The connector matches the certificate, and its certificate domain is accepted by its tenant."
        "{connector} ({pattern}) matches the certificate name {value}, and {tenant} accepts {against}",
    CertificateDomainNotAccepted "certificate-domain-not-accepted" Documented
        "The connector matches the certificate, but its certificate domain is not accepted by its tenant."
        "{connector} ({pattern}) matches the certificate name {value}, but {tenant} does not accept that domain",
    ShorterAcceptedDomain "shorter-accepted-domain" Documented
        "The winner's tenant has the longer accepted domain for the presented name."
        "{connector} ({pattern}) matches the certificate name {value}, but {rival} has the longer accepted domain for it",
    ExactBeforeWildcard "exact-before-wildcard" LabDecision
        "The winner names the certificate exactly, this one by a wildcard."
        "{connector} ({pattern}) matches the certificate name {value}, but {rival} names the certificate exactly",
    ShorterPattern "shorter-pattern" LabDecision
        "The winner's certificate name is longer."
        "{connector} ({pattern}) matches the certificate name {value}, but the certificate name of {rival} is longer",
    LaterByName "later-by-name" LabDecision
        "Equally good as the winner, of the same tenant, and later by name."
        "{connector} is as good as {rival}, which is of the same tenant and first by name",
    Tie "tie" LabDecision
        "Several tenants are equally good."
        "{connector} matches {value} as well as any, and so does a connector of another tenant",
    TieRefused "tie-refused" LabDecision
        "The tie is refused (profile ambiguous_policy: reject-and-report)."
        "{count} tenants are equally good, so the message is nobody's and is refused",
    TieNextStage "tie-next-stage" LabDecision
        "The tie decides nothing, and the next stage is asked (profile ambiguous_policy: next-stage)."
        "{count} tenants are equally good, so this stage decides nothing",
    ConnectorDisabled "connector-disabled" Documented
        "The connector would match, but is disabled."
        "{connector} would match {value}, but is disabled",
    TrustedOrganizationsOnly "trusted-organizations-only" Documented
        "The connector would match, but TrustedOrganizations puts all its other settings out of use."
        "{connector} would match {value}, but its TrustedOrganizations put all its other settings out of use",
    UnusableValue "unusable-value" Documented
        "The connector would match, were its value one that Exchange Online takes."
        "{connector} would match {value}, were its {against} a value that Exchange Online takes",
    ApexExcluded "apex-excluded" LabDecision
        "A wildcard does not match its own domain (profile wildcard_matches_apex: false)."
        "{connector} ({pattern}) does not match {value} itself, as the profile has wildcard_matches_apex off",
    WildcardNameIsNoHost "wildcard-name-is-no-host" LabDecision
        "A wildcard name of a certificate does not match a connector that names one host."
        "{connector} names the host {pattern}, which the certificate name {value} does not match",
    PartnerAttributesNothing "partner-attributes-nothing" Documented
        "A Partner connector matches, but takes part only in mail to its own tenant."
        "{connector} matches {value}, but is a Partner connector: it takes part only in mail to {tenant}",
    CertificateBeforeAddress "certificate-before-address" Documented
        "The connector lists the address, but the certificate decides first."
        "{connector} lists the address {value}, but {rival} matches the certificate, which comes first",
    SenderOfAnotherTenant "sender-of-another-tenant" Documented
        "MAIL FROM belongs to another tenant than the certificate; the certificate wins."
        "MAIL FROM is in {value}, which {tenant} accepts; the certificate wins",
    CertificateIsNoCandidate "certificate-is-no-candidate" LabDecision
        "A certificate without accepted domain does not reach the sender stage (profile cert_unaccepted_falls_to_sender: false)."
        "{connector} matches {value}, but does not reach the sender stage without accepted domain, as the profile has cert_unaccepted_falls_to_sender off",
    AddressMatchesNothing "address-matches-nothing" Documented
        "No enabled OnPremises connector of any tenant lists the connecting address."
        "no enabled OnPremises connector of any tenant lists the address {value}",
    NullSender "null-sender" Documented
        "MAIL FROM is <>: there is no sender domain to go by."
        "MAIL FROM is <>, so there is no sender domain to go by",
    SenderWithoutDomain "sender-without-domain" LabDecision
        "MAIL FROM has no usable domain."
        "MAIL FROM {value} gives no sender domain: {against}",
    SenderUnowned "sender-unowned" Documented
        "No tenant accepts the domain of MAIL FROM."
        "no tenant accepts the sender domain {value}",
    SenderAccepted "sender-accepted" Documented
        "The connector's tenant accepts the domain of MAIL FROM."
        "{connector} matches {against}, and {tenant} accepts the sender domain {value}",
    SenderNotAccepted "sender-not-accepted" Documented
        "The connector's tenant does not accept the domain of MAIL FROM."
        "{connector} matches {against}, but {tenant} does not accept the sender domain {value}",
    NoSenderDomain "no-sender-domain" Documented
        "The connector is a candidate, but there is no sender domain to choose it by."
        "{connector} matches {against}, but there is no sender domain to choose it by",
    OwnerWithoutConnector "owner-without-connector" Documented
        "The owner of the sender domain has no enabled OnPremises connector that matches certificate or address."
        "{tenant} accepts the sender domain {value}, but none of its enabled OnPremises connectors matches certificate or address",
    OwnerHasNoConnector "owner-has-no-connector" Documented
        "The owner of the sender domain has no OnPremises connector in use."
        "{tenant} accepts the sender domain {value}, but has no OnPremises connector in use",
    OwnerKeptOut "owner-kept-out" LabDecision
        "A connector of the owner of the sender domain matches the certificate, which does not reach the sender stage (profile cert_unaccepted_falls_to_sender: false)."
        "{tenant} accepts the sender domain {value}, but the certificate that its connectors match does not reach the sender stage, as the profile has cert_unaccepted_falls_to_sender off",
    ConnectorExpects "connector-expects" Documented
        "The connector expects another certificate or address than the one that came."
        "{connector} expects {value}, but {against}",
    ConnectorWithoutCriterion "connector-without-criterion" Documented
        "The connector has neither certificate name nor addresses, and matches nothing."
        "{connector} has neither certificate name nor addresses, so it matches nothing",
    HeaderFromCounts "header-from-counts" LabDecision
        "The From header is asked as well (profile p2_from)."
        "the domain {value} of the From header is asked as well, as the profile has p2_from on",
    SeveralOwners "several-owners" LabDecision
        "Several tenants list the same accepted domain, which the service makes impossible."
        "{count} tenants accept {value}: {against}",
    DomainPending "domain-pending" LabDecision
        "The domain is pending in the tenant, and not accepted meanwhile."
        "{tenant} lists {value}, but it is pending there, and not accepted meanwhile",
    WithoutMatchSubDomains "without-match-subdomains" Documented
        "A parent is accepted, but without MatchSubDomains."
        "{tenant} accepts {against}, but without MatchSubDomains, so {value} is not its own",
    MatchSubDomainsEnded "match-subdomains-ended" LabDecision
        "A parent is accepted with MatchSubDomains, but a longer accepted domain of another tenant ends its reach."
        "{tenant} accepts {against} with MatchSubDomains, but {value} is at or below a longer accepted domain of another tenant",
    SendingFromDisabled "sending-from-disabled" LabDecision
        "SendingFromDomainDisabled is set; the lab only says so."
        "{tenant} has SendingFromDomainDisabled for {value}; the lab does not refuse for it",
    SendingToDisabled "sending-to-disabled" LabDecision
        "SendingToDomainDisabled is set; the lab only says so."
        "{tenant} has SendingToDomainDisabled for {value}; the lab does not refuse for it",
    RecipientWithoutDomain "recipient-without-domain" LabDecision
        "RCPT TO is no proper address, and counts as external."
        "RCPT TO {value} is no proper address ({against}), and counts as external",
    RecipientUnowned "recipient-unowned" Documented
        "No tenant accepts the domain of RCPT TO."
        "no tenant accepts the recipient domain {value}",
    RecipientAccepted "recipient-accepted" Documented
        "The tenant accepts the domain of RCPT TO."
        "{tenant} accepts the recipient domain {value}",
    RelayAllowed "relay-allowed" Documented
        "The recipient is external; an originating message may go there."
        "the recipient is external to {tenant}, and an originating message may go there",
    RoutedOn "routed-on" Documented
        "The recipient is another tenant's: received by the attributed tenant first, then routed by MX."
        "the recipient domain {value} is of {tenant}: {against} receives the message first, and then routes it by MX",
    OnPremisesCredited "onpremises-credited" LabDecision
        "An OnPremises connector of the recipient's tenant matches, and is credited (profile rcpt_uses_onprem)."
        "{connector} matches {value}, and is credited, as the profile has rcpt_uses_onprem on",
    OnPremisesNotCredited "onpremises-not-credited" LabDecision
        "An OnPremises connector of the recipient's tenant matches, but is not credited (profile rcpt_uses_onprem: false)."
        "{connector} matches {value}, but is not credited, as the profile has rcpt_uses_onprem off",
    PartnersNotConsulted "partners-not-consulted" LabDecision
        "An OnPremises connector is credited, so the Partner connectors are not asked."
        "{connector} is credited, so the Partner connectors of {tenant} are not asked",
    PartnerMatched "partner-matched" Documented
        "The Partner connector matches by certificate or address."
        "{connector} matches {value}",
    PartnerBySender "partner-by-sender" LabDecision
        "The Partner connector has neither certificate nor address, and matches by SenderDomains alone."
        "{connector} has neither certificate nor address, and matches by its SenderDomains alone",
    PartnerOverridden "partner-overridden" LabDecision
        "The Partner connector matches, but another one restricts the way and is not satisfied."
        "{connector} matches {value}, but that does not override {rival}, which restricts the way",
    PartnerCoversAnySender "partner-covers-any-sender" LabDecision
        "SenderDomains * covers a message without sender domain."
        "the SenderDomains * of {connector} cover a message without sender domain",
    PartnerSenderDomains "partner-sender-domains" Documented
        "The Partner connector's SenderDomains do not cover MAIL FROM."
        "the SenderDomains of {connector} do not cover {value}",
    PartnerAssociatedDomains "partner-associated-domains" Documented
        "The Partner connector's AssociatedAcceptedDomains do not cover the recipient."
        "the AssociatedAcceptedDomains of {connector} do not cover the recipient domain {value}",
    PartnerNoMatch "partner-no-match" Documented
        "The Partner connector matches neither certificate nor address."
        "{connector} matches neither certificate nor address: it expects {value}, but {against}",
    PartnerUnsatisfied "partner-unsatisfied" Documented
        "The Partner connector restricts its senders to a certificate or addresses, and this message does not come that way."
        "{connector} restricts its senders to {value}, but {against}",
    PartnerLaterByName "partner-later-by-name" LabDecision
        "The Partner connector matches too, but is later by name."
        "{connector} matches {value} too, but {rival} is first by name",
    PartnerAfterOthers "partner-after-others" LabDecision
        "A Partner connector without certificate and address comes after those that have one."
        "{connector} matches by its SenderDomains alone, and comes after {rival}",
    DefaultConnector "default-connector" Documented
        "No connector of the tenant matches: the default connector takes the message."
        "no connector of {tenant} matches, so the default connector takes the message",
    PartnerRestriction "partner-restriction" Documented
        "A Partner connector restricts the way, and none is satisfied (5.7.51)."
        "{connector} restricts the way to {value}, but {against}; no restricting connector of {tenant} is satisfied",
    RestrictionSatisfied "restriction-satisfied" LabDecision
        "One satisfied Partner connector is enough, although another one restricts the way."
        "{connector} restricts the way and is not satisfied, but {rival} is, and one is enough",
    TlsRequired "tls-required" LabDecision
        "The Partner connector requires TLS, and there is none. The refusal is documented, the text of its reply is not."
        "{connector} has RequireTls, and the session is not encrypted; the refusal is documented, the text of its reply is not",
    DirectSend "direct-send" Documented
        "RejectDirectSend: anonymous mail in the name of the recipient's own tenant (5.7.68)."
        "{tenant} has RejectDirectSend, none of its connectors matches by certificate or address, and it accepts the sender domain {value}",
    DirectSendBySender "direct-send-by-sender" LabDecision
        "RejectDirectSend: a connector that matches by SenderDomains alone does not exempt (5.7.68)."
        "{tenant} has RejectDirectSend and accepts the sender domain {value}; none of its connectors matches by certificate or address: {connector} matches by SenderDomains only, which does not exempt",
    DirectSendExcluded "direct-send-excluded" LabDecision
        "RejectDirectSend: a connector whose SenderDomains or AssociatedAcceptedDomains leave the message out does not exempt (5.7.68)."
        "{tenant} has RejectDirectSend and accepts the sender domain {value}; {connector} would match by certificate or address, but its SenderDomains or AssociatedAcceptedDomains leave this message out",
    DirectSendConnector "direct-send-connector" Documented
        "RejectDirectSend does not apply: a connector of the tenant matches."
        "{tenant} has RejectDirectSend, but {connector} matches",
    DirectSendNullSender "direct-send-null-sender" LabDecision
        "RejectDirectSend does not apply: there is no sender domain."
        "{tenant} has RejectDirectSend, but without sender domain it does not apply",
    RelayDenied "relay-denied" Documented
        "The message is attributed to no tenant (5.7.64)."
        "the message is attributed to no tenant, so it may not be relayed",
    ConnectorBlocked "connector-blocked" Documented
        "The connector is blocked for spam (5.7.711)."
        "{connector} is blocked for spam",
    TenantThreshold "tenant-threshold" Documented
        "The tenant has exceeded its threshold (5.7.705)."
        "{tenant} has exceeded its threshold, so nothing it originates is taken",
    NoMailSubscription "no-mail-subscription" LabDecision
        "The recipient's tenant has no subscription with mail (ATTR5). The refusal is documented, its place after 5.4.1 is not."
        "{tenant} has no subscription with mail; the refusal is documented, its place after that of unknown recipients is not",
    RecipientUnknown "recipient-unknown" Documented
        "The domain is Authoritative and the tenant has no such recipient (5.4.1)."
        "{tenant} has no recipient {value}, and {against} is Authoritative",
    MultipleRegions "multiple-regions" Documented
        "An accepted recipient of this transaction is in another region (4.5.3)."
        "the recipient is in region {value}, an earlier one in {against}",
    WrongRegion "wrong-region" Documented
        "The recipient's region is not the endpoint's (4.4.62)."
        "the recipient is in region {value}, the endpoint in {against}",
    InRegionRoutingOff "in-region-routing-off" Documented
        "The endpoint's region is among the allowed regions of the recipient's tenant, but InRegionRoutingEnabled is off."
        "the allowed regions of {tenant} name the endpoint's region {value}, but its InRegionRoutingEnabled is off",
    RegionNotAllowed "region-not-allowed" Documented
        "InRegionRoutingEnabled is on, but the allowed regions of the recipient's tenant lack the endpoint's."
        "{tenant} has InRegionRoutingEnabled on, but its allowed regions do not name the endpoint's region {value}",
    RefusedDoesNotBind "refused-does-not-bind" LabDecision
        "An earlier recipient in another region was refused, so it does not count for 4.5.3."
        "an earlier recipient in region {value} was refused, so it does not bind the transaction to that region",
    WouldFollow "would-follow" LabDecision
        "Another refusal that would be given, were it not for the one before it."
        "{value} would follow: {against}; the order is not documented",
    RegionNotChecked "region-not-checked" LabDecision
        "The recipient's region is not the endpoint's, which is looked at for incoming mail only."
        "the recipient's {tenant} is in region {value}, the endpoint in {against}, which is looked at for incoming mail only",
    AllowedRegion "allowed-region" Documented
        "In-Region Routing allows the endpoint's region for the recipient's tenant."
        "the recipient is in region {value}, and In-Region Routing of {tenant} allows the endpoint's region {against}",
    MailFlowRegionOff "mail-flow-region-off" LabDecision
        "MailFlowRegion of the recipient's domain does not count, as InRegionRoutingEnabled is off."
        "the MailFlowRegion {value} of {against} does not count, as {tenant} has InRegionRoutingEnabled off",
    MailFlowRegion "mail-flow-region" LabDecision
        "MailFlowRegion of the recipient's domain stands for the tenant's region."
        "the recipient is in region {value} by the MailFlowRegion of {against}",
    More "more" Documented
        "Further candidates that are not listed."
        "{count} more are not listed",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reason;

    #[test]
    fn every_reason_has_its_own_word_and_meaning() {
        let words: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.word()).collect();
        let meanings: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.meaning()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        assert_eq!(meanings.len(), Reason::ALL.len());
    }

    #[test]
    fn a_word_is_lower_case_with_hyphens() {
        for reason in Reason::ALL {
            let word = reason.word();
            let plain = |octet: u8| octet.is_ascii_lowercase() || octet == b'-';
            assert!(word.bytes().all(plain), "{word}");
        }
    }
}
