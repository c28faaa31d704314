//! The messages of the quickstart: one for every branch of the decision, and two of Microsoft's anti-patterns without
//! and with Tenantry, each with what should become of it.

/// One message, and what should become of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// What it shows.
    pub(super) title: &'static str,
    /// Where it is sent, and what should be decided there.
    pub(super) route: Route,
    /// The certificate that the client presents.
    pub(super) certificate: Certificate,
    /// Where the client connects from.
    pub(super) from: From,
    /// MAIL FROM, without angle brackets.
    pub(super) sender: &'static str,
    /// RCPT TO, without angle brackets.
    pub(super) recipients: &'static [&'static str],
    /// The code of each reply: one for each recipient, and the last word if the message was sent.
    pub(super) replies: &'static [u16],
}

/// What goes wrong without Tenantry, and not with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AntiPattern {
    /// What it is, in a sentence or two.
    pub(super) text: &'static str,
    /// The same message straight to Exchange Online, and through Tenantry.
    pub(super) cases: &'static [Case],
}

/// Where a message is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Route {
    /// To Tenantry, which should decide so.
    Tenantry(Verdict),
    /// Straight to Exchange Online as it is simulated, which should attribute so.
    Straight(Attributed),
}

/// A client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    /// None is presented.
    None,
    /// `app.contoso.example`: one of contoso's own servers.
    Application,
    /// The very certificate that belongs in contoso's connector, `mail.contoso.example`.
    Contoso,
    /// `ex01.corp.example`: the Exchange server that everybody's mail comes from.
    Exchange,
    /// `mail.contoso.example`, signed by itself.
    SelfSigned,
    /// `mail.contoso.example` and `mail.fabrikam.example` in one.
    TwoTenants,
}

/// Where a client connects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// A peer of the relay.
    Peer,
    /// The mail server: a peer too, and Exchange Online sees it as 192.0.2.10.
    MailServer,
    /// Elsewhere.
    Stranger,
}

/// What Tenantry's decision should be.
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

/// What Exchange Online should make of a message that comes straight to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attributed {
    /// Sent by a tenant, by a basis.
    To {
        tenant: &'static str,
        basis: &'static str,
    },
    /// Nobody's.
    ToNobody,
}

const fn tenant(tenant: &'static str, basis: &'static str) -> Verdict {
    Verdict::Tenant {
        tenant,
        basis,
        conflict: None,
    }
}

/// One for every branch of the decision.
pub(super) fn branches() -> &'static [Case] {
    &BRANCHES
}

/// What goes wrong without Tenantry.
pub(super) fn anti_patterns() -> &'static [AntiPattern] {
    &ANTI_PATTERNS
}

const BRANCHES: [Case; 10] = [
    Case {
        title: "by certificate",
        route: Route::Tenantry(tenant("contoso", "certificate")),
        certificate: Certificate::Application,
        from: From::Stranger,
        sender: "anna@elsewhere.example",
        recipients: &["someone@internet.example"],
        replies: &[250, 250],
    },
    Case {
        title: "by sender",
        route: Route::Tenantry(tenant("fabrikam", "sender")),
        certificate: Certificate::None,
        from: From::Peer,
        sender: "ben@fabrikam.example",
        recipients: &["someone@internet.example"],
        replies: &[250, 250],
    },
    Case {
        title: "by recipient",
        route: Route::Tenantry(tenant("northwind", "recipient")),
        certificate: Certificate::None,
        from: From::Peer,
        sender: "scanner@elsewhere.example",
        recipients: &["carla@northwind.example"],
        replies: &[250, 250],
    },
    Case {
        title: "null sender, by certificate",
        route: Route::Tenantry(tenant("contoso", "certificate")),
        certificate: Certificate::Application,
        from: From::Stranger,
        sender: "",
        recipients: &["someone@internet.example"],
        replies: &[250, 250],
    },
    Case {
        title: "null sender, by recipient",
        route: Route::Tenantry(tenant("fabrikam", "recipient")),
        certificate: Certificate::None,
        from: From::Peer,
        sender: "",
        recipients: &["ben@fabrikam.example"],
        replies: &[250, 250],
    },
    Case {
        title: "certificate against sender",
        route: Route::Tenantry(Verdict::Tenant {
            tenant: "contoso",
            basis: "certificate",
            conflict: Some("fabrikam"),
        }),
        certificate: Certificate::Application,
        from: From::Peer,
        sender: "ben@fabrikam.example",
        recipients: &["someone@internet.example"],
        replies: &[250, 250],
    },
    Case {
        title: "mixed recipients",
        route: Route::Tenantry(tenant("contoso", "recipient")),
        certificate: Certificate::None,
        from: From::Peer,
        sender: "scanner@elsewhere.example",
        recipients: &[
            "anna@contoso.example",
            "ben@fabrikam.example",
            "someone@internet.example",
        ],
        replies: &[250, 452, 550, 250],
    },
    Case {
        title: "certificate of two tenants",
        route: Route::Tenantry(Verdict::Ambiguous),
        certificate: Certificate::TwoTenants,
        from: From::Peer,
        sender: "anna@contoso.example",
        recipients: &["someone@internet.example"],
        replies: &[550],
    },
    Case {
        title: "untrusted certificate",
        route: Route::Tenantry(Verdict::Unattributed),
        certificate: Certificate::SelfSigned,
        from: From::Peer,
        sender: "anna@contoso.example",
        recipients: &["someone@internet.example"],
        replies: &[550],
    },
    Case {
        title: "unknown peer",
        route: Route::Tenantry(Verdict::Unattributed),
        certificate: Certificate::None,
        from: From::Stranger,
        sender: "anna@contoso.example",
        recipients: &["someone@internet.example"],
        replies: &[550],
    },
];

const ANTI_PATTERNS: [AntiPattern; 2] = [
    AntiPattern {
        text: "one Exchange server for many tenants.\n\
               It chooses a Send connector by the recipient, so all mail to the internet leaves with one certificate,\n\
               contoso's, and is contoso's mail to Exchange Online, whoever sent it.",
        cases: &[
            Case {
                title: "without: the wrong tenant",
                route: Route::Straight(Attributed::To {
                    tenant: "contoso",
                    basis: "certificate",
                }),
                certificate: Certificate::Contoso,
                from: From::MailServer,
                sender: "ben@fabrikam.example",
                recipients: &["someone@internet.example"],
                replies: &[250, 250],
            },
            Case {
                title: "with: the sender's tenant",
                route: Route::Tenantry(tenant("fabrikam", "sender")),
                certificate: Certificate::Exchange,
                from: From::MailServer,
                sender: "ben@fabrikam.example",
                recipients: &["someone@internet.example"],
                replies: &[250, 250],
            },
        ],
    },
    AntiPattern {
        text: "a connector that knows the mail server by its address.\n\
               An address counts only together with a sender, and an automatic reply has none.",
        cases: &[
            Case {
                title: "without: refused",
                route: Route::Straight(Attributed::ToNobody),
                certificate: Certificate::Application,
                from: From::MailServer,
                sender: "",
                recipients: &["someone@internet.example"],
                replies: &[250, 550],
            },
            Case {
                title: "with: relayed",
                route: Route::Tenantry(tenant("contoso", "certificate")),
                certificate: Certificate::Application,
                from: From::MailServer,
                sender: "",
                recipients: &["someone@internet.example"],
                replies: &[250, 250],
            },
        ],
    },
];
