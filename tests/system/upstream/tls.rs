//! UT: without trustworthy TLS nothing is sent, and the client is told to try again (I8).

use std::time::Duration;

use tenantry_lab::pki::{Authority, CertificateSpec, Name, Purpose, Validity, self_signed};
use tenantry_lab::upstream::{
    ClientCertificates, Fault, Stage, TLS10_SERVER_HELLO, UpstreamSettings,
};

use super::{At, FROM_A, SMALL, attempt, one_upstream, with_spare};
use crate::client::PEER;
use crate::world::{Pki, TenantPlan};

pub(super) type Make = fn(&Pki) -> UpstreamSettings;

/// What is wrong, the upstream, further keys of the tenant, and the answer.
pub(super) type Row = (&'static str, Make, &'static str, &'static str);

pub(super) const ROWS: &[Row] = &[
    (
        "UT-01 no STARTTLS in EHLO",
        |pki| {
            let answer = "250-upstream.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
            pki.upstream()
                .with_fault(Fault::at(Stage::Ehlo).answer(answer))
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-01 a server in clear text",
        |_pki| UpstreamSettings::plain(),
        "",
        "451 4.7.5",
    ),
    (
        "UT-01 EHLO is unknown, HELO is not tried",
        |pki| {
            pki.upstream()
                .with_fault(Fault::at(Stage::Ehlo).answer("421 4.3.2 later\r\n"))
        },
        "",
        "451 4.3.2",
    ),
    (
        "UT-02 454 to STARTTLS",
        |pki| {
            let fault = Fault::at(Stage::Starttls).answer("454 4.7.0 TLS not available\r\n");
            pki.upstream().with_fault(fault)
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-02 502 to STARTTLS",
        |pki| {
            let fault = Fault::at(Stage::Starttls).answer("502 5.5.1 what?\r\n");
            pki.upstream().with_fault(fault)
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-02 closes at STARTTLS",
        |pki| {
            pki.upstream()
                .with_fault(Fault::at(Stage::Starttls).silent().close())
        },
        "",
        "451 4.4.2",
    ),
    (
        "UT-02 closes instead of a handshake",
        |pki| {
            pki.upstream()
                .with_fault(Fault::at(Stage::Handshake).silent().close())
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-02 garbage instead of ServerHello",
        |pki| {
            let garbage = "220 I do not speak TLS at all\r\n";
            pki.upstream()
                .with_fault(Fault::at(Stage::Handshake).answer(garbage))
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-02 never answers ClientHello",
        |pki| {
            let late = Fault::at(Stage::Handshake).delay(Duration::from_secs(1));
            pki.upstream().with_fault(late.silent().close())
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-03 another name",
        |pki| presenting(pki, &CertificateSpec::server(&["other.example"])),
        "",
        "451 4.7.5",
    ),
    (
        "UT-03 an unknown authority",
        |pki| {
            let other = Authority::new("Authority of Servers").unwrap();
            UpstreamSettings::starttls(&other.server(&["localhost"]).unwrap(), &[&pki.servers])
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-03 the authority of clients, which is none for servers",
        |pki| {
            let server = pki.clients.server(&["localhost"]).unwrap();
            UpstreamSettings::starttls(&server, &[&pki.servers])
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-03 expired",
        |pki| {
            let spec = CertificateSpec::server(&["localhost"]).with_validity(Validity::Expired);
            presenting(pki, &spec)
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-03 not yet valid",
        |pki| {
            let spec = CertificateSpec::server(&["localhost"]).with_validity(Validity::NotYet);
            presenting(pki, &spec)
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-03 self-signed",
        |pki| {
            let server = self_signed(&CertificateSpec::server(&["localhost"])).unwrap();
            UpstreamSettings::starttls(&server, &[&pki.servers])
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-03 for clients only",
        |pki| {
            let spec = CertificateSpec::server(&["localhost"]).with_purposes([Purpose::ClientAuth]);
            presenting(pki, &spec)
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-04 does not ask for a client certificate",
        |pki| pki.upstream().demanding(ClientCertificates::Off),
        "require_certificate_request = true",
        "451 4.7.5",
    ),
    (
        "UT-05 TLS 1.0 only",
        |pki| {
            pki.upstream()
                .with_fault(Fault::at(Stage::Handshake).answer(TLS10_SERVER_HELLO))
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-06 a reply injected behind STARTTLS",
        |pki| {
            let fault = Fault::at(Stage::Starttls).inject("250 injected\r\n");
            pki.upstream().with_fault(fault)
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-06 half a reply injected behind STARTTLS",
        |pki| {
            pki.upstream()
                .with_fault(Fault::at(Stage::Starttls).inject("2"))
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-06 a whole EHLO reply injected behind STARTTLS",
        |pki| {
            let injected = "250-upstream.example\r\n250 PIPELINING\r\n";
            pki.upstream()
                .with_fault(Fault::at(Stage::Starttls).inject(injected))
        },
        "",
        "451 4.7.5",
    ),
    (
        "UT-06 an EHLO reply before EHLO",
        |pki| {
            let injected = "250-upstream.example\r\n250 STARTTLS\r\n";
            pki.upstream()
                .with_fault(Fault::at(Stage::Banner).inject(injected))
        },
        "",
        "451 4.5.0",
    ),
    (
        "UT-07 a wildcard covers one label",
        |pki| presenting(pki, &CertificateSpec::server(&["*.mail.example"])),
        "upstream_name = \"a.b.mail.example\"",
        "451 4.7.5",
    ),
    (
        "UT-07 a wildcard does not cover its own domain",
        |pki| presenting(pki, &CertificateSpec::server(&["*.mail.example"])),
        "upstream_name = \"mail.example\"",
        "451 4.7.5",
    ),
    (
        "UT-07 a common name alone",
        |pki| presenting(pki, &CertificateSpec::common_name_only("localhost")),
        "",
        "451 4.7.5",
    ),
    (
        "UT-07 an address when configured by name",
        |pki| presenting(pki, &CertificateSpec::server(&["127.0.0.1"])),
        "",
        "451 4.7.5",
    ),
    (
        "UT-07 the name in another kind of name",
        |pki| {
            let spec = CertificateSpec::server(&["other.example"])
                .with_name(Name::Email("x@localhost".to_owned()))
                .with_name(Name::Uri("smtp://localhost".to_owned()));
            presenting(pki, &spec)
        },
        "",
        "451 4.7.5",
    ),
];

pub(super) fn presenting(pki: &Pki, spec: &CertificateSpec) -> UpstreamSettings {
    let server = pki.servers.issue(spec).unwrap();
    UpstreamSettings::starttls(&server, &[&pki.servers])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ut_an_upstream_without_trustworthy_tls_gets_nothing() {
    for (what, make, keys, wanted) in ROWS {
        let plan = one_upstream(*make).timeouts("handshake = \"400ms\"");
        let world = plan.every_tenant(keys).start().await;
        let mut client = world.plain(PEER).await;
        // Twice: nothing that is kept from the first attempt may help the second.
        for _attempt in 0..2 {
            let (at, answer) = attempt(&mut client, FROM_A, SMALL).await;
            assert_eq!(at, At::Rcpt, "{what}: {answer:?}");
            let enhanced = answer.enhanced().unwrap_or_default();
            assert_eq!(
                format!("{} {enhanced}", answer.code),
                *wanted,
                "{what}: {answer:?}"
            );
            let inside = ["localhost", "mail.example", "tenant-a", "127.0.0.1"];
            assert!(
                !inside.iter().any(|name| answer.text().contains(name)),
                "{what}: the answer tells too much: {answer:?}"
            );
        }
        client.quit().await;
        assert_eq!(world.journal(0).totals().mails, 0, "{what}");
        assert_eq!(world.relay.load().idle_upstream_connections, 0, "{what}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ut_the_next_upstream_of_the_same_tenant_is_tried() {
    for (what, make, keys, _wanted) in ROWS.iter().filter(|row| row.2.is_empty()) {
        let plan = one_upstream(*make)
            .timeouts("handshake = \"400ms\"")
            .every_tenant(keys)
            .starttls_upstream();
        let world = with_spare(plan).await;
        let mut client = world.plain(PEER).await;
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{what}: {answer:?}");
        client.quit().await;
        let record = &world.messages(1, 1).await[0];
        assert_eq!(
            record.fingerprint(),
            Some(world.identity("a").as_str()),
            "{what}"
        );
        assert_eq!(world.journal(0).totals().mails, 0, "{what}");
        world.stop().await;
    }
}

#[tokio::test]
async fn ut_07_a_wildcard_for_the_very_label_and_an_address_by_address_are_good() {
    let good: [(Make, &str); 2] = [
        (
            |pki| presenting(pki, &CertificateSpec::server(&["*.mail.example"])),
            "upstream_name = \"b.mail.example\"",
        ),
        (
            |pki| presenting(pki, &CertificateSpec::server(&["127.0.0.1"])),
            "upstream_name = \"127.0.0.1\"",
        ),
    ];
    for (make, keys) in good {
        let world = one_upstream(make).every_tenant(keys).start().await;
        world.is_alive().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn ut_04_an_upstream_that_asks_for_a_certificate_is_used_and_resumed_when_one_is_required() {
    let plan = one_upstream(Pki::upstream);
    let world = plan
        .every_tenant("require_certificate_request = true\nmessages_per_connection = 1")
        .start()
        .await;
    for _message in 0..4 {
        world.is_alive().await;
    }
    let totals = world.journal(0).totals();
    assert_eq!(totals.connections, 4);
    assert!(totals.resumed > 0, "{totals:?}");
    for record in world.messages(0, 4).await {
        assert_eq!(record.fingerprint(), Some(world.identity("a").as_str()));
    }
    world.stop().await;
}

#[tokio::test]
async fn ut_implicit_tls_is_verified_as_well() {
    let rows: [(Make, u16); 3] = [
        (Pki::implicit_upstream, 250),
        (
            |pki| {
                let server = pki.servers.server(&["other.example"]).unwrap();
                UpstreamSettings::implicit(&server, &[&pki.servers])
            },
            451,
        ),
        (|_pki| UpstreamSettings::plain(), 451),
    ];
    for (make, wanted) in rows {
        let tenant = TenantPlan::owning("a", 0)
            .keys("upstream_tls = \"implicit\"\nupstream_trust = [\"servers-ca.pem\"]");
        let world = super::base()
            .timeouts("handshake = \"400ms\"")
            .upstream(make)
            .tenant(tenant)
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, wanted, "{answer:?}");
        client.quit().await;
        world.stop().await;
    }
}
