//! Accepted domains become `sender_domains` and `recipient_domains` (`exchange-online.md` section
//! 1.5 b): the same lists, because Exchange Online asks the same list for both.

use tenantry_attribution::Pattern;
use tenantry_lab::world::{AcceptedDomain, DomainType};

use super::draft::{Claim, Decided, Draft, Question, Weight};
use crate::inventory::{Exported, Tenant};

/// Takes a tenant's accepted domains over.
pub(super) fn claim(tenant: &Tenant, draft: &mut Draft) {
    if tenant.accepted_domains.is_empty() {
        let why = "no accepted domain of this tenant was given; add the output of \
                   Get-AcceptedDomain, without which nothing says whose mail this is";
        draft.domains.push(Decided::Open(
            Question::new("accepted domains", why).at(&tenant.place),
        ));
        return;
    }
    let mut seen: Vec<Pattern> = Vec::new();
    for domain in &tenant.accepted_domains {
        let place = domain.place("DomainName").clone();
        let accepted = &domain.value;
        if accepted.pending {
            let what = format!(
                "accepted domain {} is pending (PendingRemoval or PendingCompletion), so it is nobody's \
                 at the moment and left out; import again when it has settled",
                accepted.domain
            );
            draft.note(Weight::Look, &place, what);
            continue;
        }
        let text = match accepted.match_subdomains {
            true => format!("*.{}", accepted.domain),
            false => accepted.domain.to_string(),
        };
        let Ok(pattern) = Pattern::parse(&text) else {
            let what = format!("accepted domain {text} is no name that the relay can have");
            draft.note(Weight::Look, &place, what);
            continue;
        };
        if seen.contains(&pattern) {
            continue;
        }
        seen.push(pattern.clone());
        remarks(domain, draft);
        draft.domains.push(Decided::Known(Claim {
            pattern,
            place,
            origin: origin(accepted),
        }));
    }
}

fn origin(accepted: &AcceptedDomain) -> String {
    let kind = match accepted.domain_type {
        DomainType::Authoritative => "Authoritative",
        DomainType::InternalRelay => "InternalRelay",
        DomainType::ExternalRelay => "ExternalRelay",
    };
    let mut words = vec![kind];
    if accepted.match_subdomains {
        words.push("MatchSubDomains");
    }
    if accepted.initial {
        words.push("InitialDomain");
    }
    words.join(", ")
}

/// What a domain's other properties mean for the mail that the relay hands over.
fn remarks(domain: &Exported<AcceptedDomain>, draft: &mut Draft) {
    let accepted = &domain.value;
    let name = &accepted.domain;
    if accepted.domain_type != DomainType::Authoritative {
        let what = format!(
            "accepted domain {name} is a relay domain: Exchange Online sends what it has no mailbox for on; see \
             that it does not come back here"
        );
        draft.note(Weight::Look, domain.place("DomainType"), what);
    }
    if accepted.match_subdomains && accepted.domain_type == DomainType::Authoritative {
        let what = format!(
            "accepted domain {name} has MatchSubDomains and is Authoritative, which Exchange Online does not \
             allow together; *.{name} is taken over as exported"
        );
        draft.note(Weight::Look, domain.place("MatchSubDomains"), what);
    }
    if accepted.sending_from_disabled {
        let what = format!("mail from {name} is refused by its tenant: SendingFromDomainDisabled");
        draft.note(
            Weight::Look,
            domain.place("SendingFromDomainDisabled"),
            what,
        );
    }
    if accepted.sending_to_disabled {
        let what = format!("mail to {name} is refused by its tenant: SendingToDomainDisabled");
        draft.note(Weight::Look, domain.place("SendingToDomainDisabled"), what);
    }
    let outbound_only = accepted
        .other
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("OutboundOnly"));
    if outbound_only.is_some_and(|(_, value)| value.as_bool() == Some(true)) {
        let what = format!("{name} is OutboundOnly: its tenant sends from it and receives nothing");
        draft.note(Weight::Look, domain.place("OutboundOnly"), what);
    }
}
