//! CE: which certificate is evidence, of what, and what a client hears when it is not.
//!
//! The clients come from nobody's network, so that only a certificate can let them in.

use tenantry_lab::pki::{
    Authority, AuthoritySpec, CertificateSpec, Issued, Name, NameConstraints, Purpose, Subtree,
    Validity, self_signed,
};
use tenantry_relay::telemetry::ClosedTransaction;

use crate::client::{Answer, Client, STRANGER, Tls};
use crate::world::{Plan, TenantPlan, World};

/// What a certificate led to.
#[derive(Debug)]
struct Seen {
    /// The verdict with its tenant and basis: `tenant a by certificate`.
    verdict: String,
    /// The reason of the certificate step.
    reason: &'static str,
    answer: Answer,
}

impl World {
    /// Offers one message with this certificate and says what was decided.
    async fn decides(&self, listener: &str, certificate: &Issued) -> Seen {
        self.decides_with(listener, &self.pki.with(certificate))
            .await
    }

    async fn decides_with(&self, listener: &str, tls: &Tls) -> Seen {
        let mut closed = self.transactions();
        let mut client = Client::starttls(STRANGER, self.at(listener), tls).await;
        client.says("MAIL FROM:<u@nowhere.example>", 250).await;
        let answer = client.command("RCPT TO:<r@elsewhere.example>").await;
        client.quit().await;
        let transaction = closed.next().await;
        assert!(!answer.text().contains("tenant-"), "{answer:?}");
        Seen {
            verdict: words(&transaction),
            reason: transaction.reasons[0],
            answer,
        }
    }

    async fn is_a(&self, listener: &str, certificate: &Issued) {
        let seen = self.decides(listener, certificate).await;
        assert_eq!(seen.verdict, "tenant a by certificate", "{seen:?}");
        assert_eq!(seen.answer.code, 250, "{seen:?}");
    }

    /// The certificate is no evidence, for this reason, and the client is refused.
    async fn is_nobody(&self, listener: &str, certificate: &Issued, reason: &str) {
        let seen = self.decides(listener, certificate).await;
        assert_eq!(
            (seen.verdict.as_str(), seen.reason),
            ("unattributed", reason),
            "{seen:?}"
        );
        seen.answer.is("550 5.7.64");
    }

    /// Puts further keys on a listener, as an operator would who edits the file.
    fn set(&mut self, listener: &str, keys: &str) {
        let heading = format!("name = \"{listener}\"\n");
        let config = self.config.replace(&heading, &format!("{heading}{keys}\n"));
        assert_ne!(config, self.config);
        self.reload(&config).unwrap();
    }

    fn signed(&self, spec: &CertificateSpec) -> Issued {
        self.pki.clients.issue(spec).unwrap()
    }
}

fn words(transaction: &ClosedTransaction) -> String {
    match (&transaction.tenant, transaction.basis) {
        (Some(tenant), Some(basis)) => format!("{} {tenant} by {basis}", transaction.verdict),
        _ => transaction.verdict.to_owned(),
    }
}

async fn world() -> World {
    Plan::standard()
        .without_peers()
        .tenant(TenantPlan::new("wild", 2).keys("certificate_domains = [\"*.wild.example\"]"))
        .start()
        .await
}

const A: &str = "tenant-a.example";

/// Thirty-one of them.
const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstu";

#[tokio::test]
async fn ce_01_a_verified_name_decides_on_every_listener_with_tls() {
    let world = world().await;
    let certificate = world.pki.clients.client(&[A]).unwrap();
    world.is_a("starttls", &certificate).await;
    world.is_a("required", &certificate).await;
    let mut client = Client::implicit(
        STRANGER,
        world.at("implicit"),
        &world.pki.with(&certificate),
    )
    .await;
    client.says("MAIL FROM:<u@tenant-b.example>", 250).await;
    client.says("RCPT TO:<r@tenant-c.example>", 250).await;
    client.quit().await;
    world.stop().await;
}

#[tokio::test]
async fn ce_02_to_ce_04_and_ce_17_a_certificate_that_does_not_verify_is_no_evidence() {
    let world = world().await;
    let names = CertificateSpec::client(&[A]);
    let stranger = Authority::new("Authority of Nobody").unwrap();
    // A namesake of the trusted authority, with another key.
    let namesake = Authority::new("Authority of Clients").unwrap();
    let expired = names.clone().with_validity(Validity::Expired);
    let early = names.clone().with_validity(Validity::NotYet);
    let cases = [
        ("CE-02", self_signed(&names).unwrap(), "self-signed"),
        ("CE-03", stranger.client(&[A]).unwrap(), "unknown-issuer"),
        ("CE-04", world.signed(&expired), "expired"),
        ("CE-04", world.signed(&early), "not-yet-valid"),
        (
            "CE-17",
            world.pki.servers.client(&[A]).unwrap(),
            "unknown-issuer",
        ),
    ];
    for (_id, certificate, reason) in &cases {
        world.is_nobody("starttls", certificate, reason).await;
    }
    let seen = world
        .decides("starttls", &namesake.client(&[A]).unwrap())
        .await;
    assert_eq!(seen.verdict, "unattributed", "{seen:?}");
    assert_eq!(world.upstream_connections(), 0);
    world.stop().await;
}

/// I2: whatever was shown once is judged again when the session is resumed.
#[tokio::test]
async fn a_resumed_session_proves_no_more_than_the_first() {
    let world = world().await;
    let good = world.pki.client(&[A]);
    let bad = world
        .pki
        .with(&self_signed(&CertificateSpec::client(&[A])).unwrap());
    for _ in 0..3 {
        assert_eq!(
            world.decides_with("starttls", &good).await.verdict,
            "tenant a by certificate"
        );
        assert_eq!(
            world.decides_with("starttls", &bad).await.verdict,
            "unattributed"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn ce_05_the_usage_of_a_certificate_is_a_setting() {
    let mut world = world().await;
    let server = world.signed(&CertificateSpec::server(&[A]));
    let client = world.signed(&CertificateSpec::client(&[A]));
    let neither = world.signed(&CertificateSpec::client(&[A]).with_purposes([]));
    let mail =
        world.signed(&CertificateSpec::client(&[A]).with_purposes([Purpose::EmailProtection]));
    for certificate in [&server, &client, &neither] {
        world.is_a("starttls", certificate).await;
    }
    world.is_nobody("starttls", &mail, "wrong-usage").await;
    world.set("starttls", "certificate_usage = \"client-auth\"");
    world.is_nobody("starttls", &server, "wrong-usage").await;
    world.is_a("starttls", &client).await;
    world.is_a("starttls", &neither).await;
    world.stop().await;
}

#[tokio::test]
async fn ce_06_and_ce_07_the_common_name_counts_by_the_setting() {
    let mut world = world().await;
    let only = world.signed(&CertificateSpec::common_name_only(A));
    let beside = world.signed(&CertificateSpec::client(&["nobody.example"]).with_common_name(A));
    let unusable = CertificateSpec::common_name_only(A).with_name(Name::Email(format!("u@{A}")));
    let unusable = world.signed(&unusable);
    world.is_a("starttls", &only).await;
    world.is_nobody("starttls", &beside, "no-owner").await;
    // An extension without a host name is an extension all the same.
    world.is_nobody("starttls", &unusable, "no-names").await;
    world.set("starttls", "common_name = \"never\"");
    world.is_nobody("starttls", &only, "no-names").await;
    world.set("required", "common_name = \"always\"");
    world.is_a("required", &beside).await;
    world.stop().await;
}

#[tokio::test]
async fn ce_08_and_ce_16_names_match_whole_labels_and_wildcards_only_wildcards() {
    let world = world().await;
    for name in [
        "*.tenant-a.example",
        "mail.tenant-a.example",
        "example",
        "*.example",
        "tenant-a.example.evil.example",
        "xtenant-a.example",
        "tenant-a.exampl",
        "tenant-a.example.test",
        "tenant-a",
        "xwild.example",
        "wild.example.test",
    ] {
        let certificate = world.pki.clients.client(&[name]).unwrap();
        let seen = world.decides("starttls", &certificate).await;
        assert_eq!(seen.verdict, "unattributed", "{name}: {seen:?}");
        seen.answer.is("550 5.7.64");
    }
    for name in [
        "*.wild.example",
        "wild.example",
        "a.wild.example",
        "a.b.wild.example",
        "*.b.wild.example",
    ] {
        let certificate = world.pki.clients.client(&[name]).unwrap();
        let seen = world.decides("starttls", &certificate).await;
        assert_eq!(
            seen.verdict, "tenant wild by certificate",
            "{name}: {seen:?}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn ce_09_names_of_two_tenants_are_refused_whatever_else_they_are() {
    let world = world().await;
    for names in [
        ["tenant-a.example", "tenant-b.example", "nobody.example"],
        ["nobody.example", "tenant-b.example", "tenant-a.example"],
        ["tenant-b.example", "TENANT-A.example", "x.test"],
    ] {
        let seen = world
            .decides("starttls", &world.pki.clients.client(&names).unwrap())
            .await;
        // Both are named in the log.
        assert_eq!(seen.verdict, "ambiguous a,b by certificate");
        seen.answer.is("550 5.7.64");
    }
    world
        .is_a(
            "starttls",
            &world
                .pki
                .clients
                .client(&["nobody.example", A, "*.nobody.example"])
                .unwrap(),
        )
        .await;
    world.stop().await;
}

#[tokio::test]
async fn ce_10_the_number_of_names_is_bounded() {
    let mut world = world().await;
    // A ticket would hold the whole certificate again, which is more than our own client takes.
    world.set("starttls", "session_tickets = false");
    let many = |count: usize| {
        // Short ones: ten thousand have to fit into a handshake.
        let label = |number: usize| {
            [number / 900, number / 30 % 30, number % 30].map(|digit| LETTERS[digit])
        };
        let mut names: Vec<Name> = (1..count)
            .map(|number| Name::RawDns(label(number).to_vec()))
            .collect();
        names.push(Name::Dns(A.to_owned()));
        let spec = CertificateSpec {
            names,
            ..CertificateSpec::client(&[])
        };
        world.signed(&spec)
    };
    world.is_a("starttls", &many(1000)).await;
    world
        .is_nobody("starttls", &many(1001), "too-many-names")
        .await;
    let begun = std::time::Instant::now();
    world
        .is_nobody("starttls", &many(10_000), "too-many-names")
        .await;
    // The bound is 50 ms; a busy machine and a build without optimisation may take longer.
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    assert_eq!(world.relay.load().panics, 0);
    world.stop().await;
}

#[tokio::test]
async fn ce_11_a_missing_intermediate_is_no_evidence() {
    let world = world().await;
    let intermediate = world.pki.clients.intermediate("Intermediate").unwrap();
    let certificate = intermediate.client(&[A]).unwrap();
    world.is_a("starttls", &certificate).await;
    let seen = world
        .decides("starttls", &certificate.without_intermediates())
        .await;
    assert_eq!(seen.verdict, "unattributed", "{seen:?}");
    seen.answer.is("550 5.7.64");
    world.stop().await;
}

#[tokio::test]
async fn ce_13_upper_case_is_the_same_name_and_a_trailing_dot_is_none() {
    let world = world().await;
    let raw = |name: &[u8]| {
        let spec = CertificateSpec::client(&[]).with_name(Name::RawDns(name.to_vec()));
        world.signed(&spec)
    };
    world.is_a("starttls", &raw(b"Tenant-A.EXAMPLE")).await;
    for name in [
        b"tenant-a.example.".as_slice(),
        b"tenant-a.example\0",
        b"tenant-a.example\0.evil.example",
        b".tenant-a.example",
        b"tenant-a..example",
        b"tenant-a.example ",
        b" tenant-a.example",
        b"tenant-a.example\r\n",
        b"tenant-a.example,DNS:tenant-b.example",
        b"t*.example",
        b"tenant-*.example",
        b"",
        b"tenant-a\xe3\x80\x82example",
    ] {
        let seen = world.decides("starttls", &raw(name)).await;
        assert_eq!(
            seen.verdict,
            "unattributed",
            "{}: {seen:?}",
            name.escape_ascii()
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn ce_14_only_host_names_are_names() {
    let world = world().await;
    for name in [
        Name::Email(format!("user@{A}")),
        Name::Email(A.to_owned()),
        Name::Uri(format!("smtp://{A}")),
        Name::Other(A.to_owned()),
        Name::Directory(A.to_owned()),
        Name::Ip("127.9.9.9".parse().unwrap()),
    ] {
        let certificate = world.signed(&CertificateSpec::client(&[]).with_name(name.clone()));
        let seen = world.decides("starttls", &certificate).await;
        assert_eq!(seen.verdict, "unattributed", "{name:?}: {seen:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn ce_15_name_constraints_of_an_authority_bind() {
    let world = world().await;
    let uri = NameConstraints {
        permitted: vec![Subtree::Uri("tenant-b.example".to_owned())],
        excluded: Vec::new(),
    };
    let wildcard = NameConstraints::permitting("sub.wild.example");
    for (constraints, name) in [
        (NameConstraints::permitting("tenant-b.example"), A),
        (NameConstraints::excluding(A), A),
        (NameConstraints::excluding("example"), A),
        (wildcard, "*.wild.example"),
    ] {
        let spec = AuthoritySpec::named("Constrained").with_constraints(constraints.clone());
        let intermediate = world.pki.clients.intermediate_with(&spec).unwrap();
        let seen = world
            .decides("starttls", &intermediate.client(&[name]).unwrap())
            .await;
        assert_eq!(seen.verdict, "unattributed", "{constraints:?}: {seen:?}");
        assert_eq!(seen.reason, "name-constraint", "{constraints:?}");
    }
    let spec = AuthoritySpec::named("Constrained").with_constraints(uri);
    let certificate = CertificateSpec::client(&[A]).with_name(Name::Uri(format!("smtp://{A}")));
    let intermediate = world.pki.clients.intermediate_with(&spec).unwrap();
    let seen = world
        .decides("starttls", &intermediate.issue(&certificate).unwrap())
        .await;
    assert_eq!(seen.verdict, "unattributed", "{seen:?}");
    // Within its constraints an authority is as good as any.
    let spec = AuthoritySpec::named("Constrained").with_constraints(NameConstraints::permitting(A));
    let intermediate = world.pki.clients.intermediate_with(&spec).unwrap();
    world
        .is_a("starttls", &intermediate.client(&[A]).unwrap())
        .await;
    world.stop().await;
}

#[tokio::test]
async fn ce_18_two_spellings_of_one_name_cannot_belong_to_two_tenants() {
    let mut world = world().await;
    for (one, other) in [
        ("b\u{fc}cher.example", "XN--BCHER-KVA.example."),
        ("same.example", "SAME.Example"),
        ("*.same.example.", "*.same.example"),
    ] {
        let config = world
            .config
            .replace("[\"tenant-a.example\"]", &format!("[\"{one}\"]"))
            .replace("[\"tenant-b.example\"]", &format!("[\"{other}\"]"));
        let error = world.reload(&config).unwrap_err();
        assert!(error.contains("\"a\"") || error.contains('a'), "{error}");
        assert!(
            error.contains("claim") || error.contains("tenant"),
            "{error}"
        );
    }
    world
        .is_a("starttls", &world.pki.clients.client(&[A]).unwrap())
        .await;
    world.stop().await;
}
