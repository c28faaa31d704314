//! The messages of the quickstart: one for every branch of the decision, with what should become of it.

/// One message, and what should become of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// What it shows.
    pub(super) title: &'static str,
    /// The certificate that the client presents.
    pub(super) certificate: Certificate,
    /// Where the client connects from.
    pub(super) from: From,
    /// MAIL FROM, without angle brackets.
    pub(super) sender: &'static str,
    /// RCPT TO, without angle brackets.
    pub(super) recipients: &'static [&'static str],
    /// What the decision should be.
    pub(super) verdict: Verdict,
    /// The code of each recipient's reply.
    pub(super) replies: &'static [u16],
}

/// A client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    /// None is presented.
    None,
    /// `mail.contoso.example` by the authority that the relay trusts.
    Contoso,
    /// `mail.contoso.example`, signed by itself.
    SelfSigned,
    /// `mail.contoso.example` and `mail.fabrikam.example` in one.
    TwoTenants,
}

/// Where a client connects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// The network of the peer `application`.
    Peer,
    /// Elsewhere.
    Stranger,
}

/// What the decision should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A tenant, by a basis, perhaps against the sender's tenant.
    Tenant {
        tenant: &'static str,
        basis: &'static str,
        conflict: Option<&'static str>,
    },
    /// Several tenants.
    Ambiguous,
    /// Nobody.
    Unattributed,
}

const fn tenant(tenant: &'static str, basis: &'static str) -> Verdict {
    Verdict::Tenant {
        tenant,
        basis,
        conflict: None,
    }
}

/// All of them, in the order of the table.
pub(super) fn all() -> &'static [Case] {
    &CASES
}

const CASES: [Case; 10] = [
    Case {
        title: "by certificate",
        certificate: Certificate::Contoso,
        from: From::Stranger,
        sender: "anna@elsewhere.example",
        recipients: &["someone@internet.example"],
        verdict: tenant("contoso", "certificate"),
        replies: &[250],
    },
    Case {
        title: "by sender",
        certificate: Certificate::None,
        from: From::Peer,
        sender: "ben@fabrikam.example",
        recipients: &["someone@internet.example"],
        verdict: tenant("fabrikam", "sender"),
        replies: &[250],
    },
    Case {
        title: "by recipient",
        certificate: Certificate::None,
        from: From::Peer,
        sender: "scanner@elsewhere.example",
        recipients: &["carla@northwind.example"],
        verdict: tenant("northwind", "recipient"),
        replies: &[250],
    },
    Case {
        title: "null sender, by certificate",
        certificate: Certificate::Contoso,
        from: From::Stranger,
        sender: "",
        recipients: &["someone@internet.example"],
        verdict: tenant("contoso", "certificate"),
        replies: &[250],
    },
    Case {
        title: "null sender, by recipient",
        certificate: Certificate::None,
        from: From::Peer,
        sender: "",
        recipients: &["ben@fabrikam.example"],
        verdict: tenant("fabrikam", "recipient"),
        replies: &[250],
    },
    Case {
        title: "certificate against sender",
        certificate: Certificate::Contoso,
        from: From::Peer,
        sender: "ben@fabrikam.example",
        recipients: &["someone@internet.example"],
        verdict: Verdict::Tenant {
            tenant: "contoso",
            basis: "certificate",
            conflict: Some("fabrikam"),
        },
        replies: &[250],
    },
    Case {
        title: "mixed recipients",
        certificate: Certificate::None,
        from: From::Peer,
        sender: "scanner@elsewhere.example",
        recipients: &[
            "anna@contoso.example",
            "ben@fabrikam.example",
            "someone@internet.example",
        ],
        verdict: tenant("contoso", "recipient"),
        replies: &[250, 452, 550],
    },
    Case {
        title: "certificate of two tenants",
        certificate: Certificate::TwoTenants,
        from: From::Peer,
        sender: "anna@contoso.example",
        recipients: &["someone@internet.example"],
        verdict: Verdict::Ambiguous,
        replies: &[550],
    },
    Case {
        title: "untrusted certificate",
        certificate: Certificate::SelfSigned,
        from: From::Peer,
        sender: "anna@contoso.example",
        recipients: &["someone@internet.example"],
        verdict: Verdict::Unattributed,
        replies: &[550],
    },
    Case {
        title: "unknown peer",
        certificate: Certificate::None,
        from: From::Stranger,
        sender: "anna@contoso.example",
        recipients: &["someone@internet.example"],
        verdict: Verdict::Unattributed,
        replies: &[550],
    },
];
