//! The probe in front of the same upstreams: every fault of group UT is named at its step, and no message is ever sent.

use std::sync::Arc;
use std::time::Duration;

use tenantry_lab::pki::CertificateSpec;
use tenantry_lab::upstream::{ClientCertificates, Fault as Misbehaviour, Stage, UpstreamSettings};
use tenantry_relay::config::Config;
use tenantry_relay::probe::{
    Envelope, Facts, Fault, Options, Outcome, StepName, TenantReport, UpstreamReport, probe,
};

use super::tls::{Make, ROWS, presenting};
use super::verdicts::VERDICTS;
use super::{one_upstream, with_spare};
use crate::world::{Pki, Plan, TenantPlan, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ut_the_probe_names_every_fault_at_its_step() {
    assert_eq!(ROWS.len(), VERDICTS.len(), "a fault without a verdict");
    for (what, make, keys, _relay) in ROWS {
        let verdict = VERDICTS.iter().find(|verdict| verdict.0 == *what);
        let (_, step, fault, words) = verdict.unwrap_or_else(|| panic!("no verdict for {what}"));
        let plan = one_upstream(|pki| make(pki).with_transcript());
        let plan = plan.timeouts("handshake = \"400ms\"").every_tenant(keys);
        let world = plan.start().await;
        let report = one(&world, envelope()).await;
        let upstream = &report.upstreams[0];
        assert_eq!(upstream.failed_at, Some(*step), "{what}: {report}");
        assert_eq!(upstream.fault, Some(*fault), "{what}: {report}");
        let found = upstream.step(*step).unwrap();
        assert!(found.summary.contains(words), "{what}: {report}");
        assert!(
            found
                .remedy
                .as_ref()
                .is_some_and(|remedy| !remedy.is_empty()),
            "{what}"
        );
        let failed = upstream
            .steps
            .iter()
            .filter(|step| step.outcome == Outcome::Failed);
        assert_eq!(failed.count(), 1, "{what}: {report}");
        assert_eq!(
            (report.outcome, report.used.as_deref()),
            (Outcome::Failed, None),
            "{what}"
        );
        assert_eq!(world.journal(0).totals().mails, 0, "{what}: MAIL came");
        sent_nothing(&world);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_good_upstream_is_described_and_gets_an_envelope_but_never_a_message() {
    let world = one_upstream(|pki| pki.upstream().with_transcript())
        .start()
        .await;
    let report = one(&world, envelope()).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report}");
    let upstream = &report.upstreams[0];
    let names: Vec<&str> = upstream
        .steps
        .iter()
        .map(|step| step.step.as_str())
        .collect();
    let wanted = [
        "dns",
        "tcp",
        "greeting",
        "ehlo",
        "starttls",
        "server-certificate",
        "client-certificate",
        "handshake",
        "ehlo-tls",
        "mail",
        "rcpt",
        "rcpt",
        "rset",
    ];
    assert_eq!(names, wanted);
    let Some(Facts::ServerCertificate(server)) = facts(upstream, StepName::ServerCertificate)
    else {
        panic!("{report}");
    };
    assert_eq!(
        (server.chain_verifies, server.name_matches),
        (Some(true), Some(true))
    );
    assert_eq!(
        (server.chain_length, server.chain[0].names.as_slice()),
        (1, &["localhost".to_owned()][..])
    );
    assert_eq!(server.chain[0].addresses, ["127.0.0.1"]);
    let Some(Facts::ClientCertificate(client)) = facts(upstream, StepName::ClientCertificate)
    else {
        panic!("{report}");
    };
    assert_eq!((client.requested, client.presented), (Some(true), true));
    let Some(Facts::Handshake { version, group, .. }) = facts(upstream, StepName::Handshake) else {
        panic!("{report}");
    };
    assert_eq!((*version, *group), ("TLSv1.3", "X25519MLKEM768"));
    let Some(Facts::Offer(offer)) = facts(upstream, StepName::EhloTls) else {
        panic!("{report}");
    };
    assert_eq!(
        (offer.size, offer.only_before_tls.as_slice()),
        (Some(157_286_400), &["STARTTLS".to_owned()][..])
    );
    assert!(offer.matters.iter().all(|extension| extension.offered));

    closed(&world).await;
    let connection = &world.journal(0).connections()[0];
    assert_eq!(connection.fingerprint(), Some(world.identity("a").as_str()));
    let said = [
        "EHLO relay.test",
        "STARTTLS",
        "EHLO relay.test",
        "MAIL FROM:<u@tenant-a.example>",
        "RCPT TO:<x@internet.example>",
        "RCPT TO:<y@internet.example>",
        "RSET",
        "QUIT",
    ];
    assert_eq!(connection.transcript(), said);
    sent_nothing(&world);
    world.stop().await;
}

#[tokio::test]
async fn without_an_envelope_nothing_is_asked_but_ehlo() {
    let world = one_upstream(|pki| pki.upstream().with_transcript())
        .start()
        .await;
    let report = one(&world, None).await;
    assert!(report.upstreams[0].step(StepName::Mail).is_none());
    closed(&world).await;
    let said = ["EHLO relay.test", "STARTTLS", "EHLO relay.test", "QUIT"];
    assert_eq!(world.journal(0).connections()[0].transcript(), said);
    world.stop().await;
}

#[tokio::test]
async fn implicit_tls_comes_before_the_greeting() {
    let rows: [(Make, Option<StepName>); 3] = [
        (Pki::implicit_upstream, None),
        (|_pki| UpstreamSettings::plain(), Some(StepName::Handshake)),
        (
            |pki| {
                let server = pki.servers.server(&["other.example"]).unwrap();
                UpstreamSettings::implicit(&server, &[&pki.servers])
            },
            Some(StepName::ServerCertificate),
        ),
    ];
    for (make, failed_at) in rows {
        let tenant = TenantPlan::owning("a", 0)
            .keys("upstream_tls = \"implicit\"\nupstream_trust = [\"servers-ca.pem\"]");
        let plan = super::base().upstream(make).tenant(tenant);
        let world = plan.timeouts("handshake = \"400ms\"").start().await;
        let report = one(&world, None).await;
        let upstream = &report.upstreams[0];
        let names: Vec<&str> = upstream
            .steps
            .iter()
            .map(|step| step.step.as_str())
            .collect();
        let wanted = [
            "dns",
            "tcp",
            "server-certificate",
            "client-certificate",
            "handshake",
            "greeting",
            "ehlo-tls",
        ];
        assert_eq!(names, wanted);
        assert_eq!(upstream.failed_at, failed_at, "{report}");
        world.stop().await;
    }
}

#[tokio::test]
async fn refusals_are_explained_as_exchange_online_means_them() {
    let rows: &[(Stage, &str, StepName, Option<&str>, Fault)] = &[
        (
            Stage::Rcpt,
            "550 5.7.64 TenantAttribution; Relay Access Denied [x]\r\n",
            StepName::Rcpt,
            Some("5.7.64"),
            Fault::Tenant,
        ),
        (
            Stage::Rcpt,
            "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more\r\n",
            StepName::Rcpt,
            Some("4.4.62 ATTR35"),
            Fault::Local,
        ),
        (
            Stage::Mail,
            "550 5.7.606 Access denied, banned sending IP [x]\r\n",
            StepName::Mail,
            Some("5.7.606"),
            Fault::Local,
        ),
        (
            Stage::Rcpt,
            "550 5.1.1 nobody\r\n",
            StepName::Rcpt,
            None,
            Fault::Upstream,
        ),
        (
            Stage::Rcpt,
            "421 4.3.2 going\r\n",
            StepName::Rcpt,
            None,
            Fault::Upstream,
        ),
        (
            Stage::Rset,
            "500 5.5.1 what?\r\n",
            StepName::Rset,
            None,
            Fault::Upstream,
        ),
    ];
    for (stage, answer, step, id, fault) in rows {
        let (stage, answer) = (*stage, *answer);
        let make = move |pki: &Pki| {
            pki.upstream()
                .with_transcript()
                .with_fault(Misbehaviour::at(stage).answer(answer).once())
        };
        let world = one_upstream(make).start().await;
        let report = one(&world, envelope()).await;
        let upstream = &report.upstreams[0];
        assert_eq!(
            (upstream.failed_at, upstream.fault),
            (Some(*step), Some(*fault)),
            "{report}"
        );
        if let Some(Facts::Envelope { explanation, .. }) = facts(upstream, *step) {
            assert_eq!(explanation.map(|row| row.id), *id, "{report}");
        }
        // The relay gets as far as MAIL there: it is used.
        assert!(report.used.is_some(), "{report}");
        sent_nothing(&world);
        world.stop().await;
    }
}

#[tokio::test]
async fn what_works_but_deserves_a_look_is_a_warning() {
    let rows: &[(Make, &str, StepName, &str)] = &[
        (
            |pki| pki.upstream().demanding(ClientCertificates::Off),
            "",
            StepName::ClientCertificate,
            "did not ask for our certificate",
        ),
        (
            |pki| presenting(pki, &CertificateSpec::server(&["other.example"])),
            "upstream_verify = \"none-i-accept-the-risk\"",
            StepName::ServerCertificate,
            "not verified, as configured",
        ),
        (
            |_pki| UpstreamSettings::plain(),
            "upstream_tls = \"none-i-accept-the-risk\"",
            StepName::Handshake,
            "clear text",
        ),
        (
            |pki| {
                pki.upstream()
                    .with_fault(Misbehaviour::at(Stage::Banner).answer("220 relay.test ESMTP\r\n"))
            },
            "",
            StepName::Greeting,
            "our own name",
        ),
    ];
    for (make, keys, step, words) in rows {
        let world = one_upstream(*make).every_tenant(keys).start().await;
        let report = one(&world, None).await;
        assert_eq!(report.outcome, Outcome::Warning, "{report}");
        let found = report.upstreams[0].step(*step).unwrap();
        assert_eq!(found.outcome, Outcome::Warning, "{report}");
        assert!(found.summary.contains(words), "{report}");
        world.stop().await;
    }
}

#[tokio::test]
async fn every_upstream_of_a_tenant_is_probed_and_the_one_in_use_is_named() {
    let bad = |pki: &Pki| presenting(pki, &CertificateSpec::server(&["other.example"]));
    let world = with_spare(one_upstream(bad).starttls_upstream()).await;
    let report = one(&world, None).await;
    assert_eq!(report.outcome, Outcome::Failed);
    let spare = format!("localhost:{}", world.upstreams[1].address().port());
    assert_eq!(report.used, Some(spare));
    assert_eq!(report.upstreams[1].outcome, Outcome::Ok, "{report}");
    world.stop().await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_fails_at_tcp_or_dns() {
    let world = one_upstream(Pki::upstream).start().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let here = format!("localhost:{}", world.upstreams[0].address().port());
    for (there, step, fault) in [
        (format!("127.0.0.1:{port}"), StepName::Tcp, Fault::Network),
        (
            String::from("no-such-host.invalid:25"),
            StepName::Dns,
            Fault::Network,
        ),
    ] {
        let config = world.config.replace(&here, &there);
        let report = one_of(&configured(&world, &config), None).await;
        let upstream = &report.upstreams[0];
        assert_eq!(
            (upstream.failed_at, upstream.fault),
            (Some(step), Some(fault)),
            "{report}"
        );
        assert!(
            upstream.steps[2..]
                .iter()
                .all(|step| step.outcome == Outcome::Skipped),
            "{report}"
        );
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tenants_are_probed_at_once_and_reported_in_order() {
    let late = |pki: &Pki| {
        pki.upstream().with_fault(
            Misbehaviour::at(Stage::Banner)
                .delay(Duration::from_millis(200))
                .once(),
        )
    };
    let plan = Plan::empty()
        .listener("plain", "tls = \"off\"")
        .upstream(late);
    let names: Vec<String> = (0..40).map(|number| format!("tenant{number}")).collect();
    let plan = names
        .iter()
        .fold(plan, |plan, name| plan.tenant(TenantPlan::owning(name, 0)));
    let world = plan.start().await;
    let config = Config::load(&world.folder.path().join("relay.toml")).unwrap();
    let mut reported = Vec::new();
    probe(&config, &config.tenants, Options::default(), |report| {
        reported.push(report.tenant)
    })
    .await
    .unwrap();
    assert_eq!(reported, names);
    closed(&world).await;
    for connection in world.journal(0).connections() {
        assert!(
            connection.tenant().is_some(),
            "each with its tenant's own certificate"
        );
    }
    world.stop().await;
}

fn envelope() -> Option<Envelope> {
    let recipients = ["x@internet.example", "y@internet.example"].map(str::to_owned);
    Some(Envelope::parse("u@tenant-a.example", &recipients).unwrap())
}

async fn one(world: &World, envelope: Option<Envelope>) -> TenantReport {
    one_of(&configured(world, &world.config), envelope).await
}

fn configured(world: &World, config: &str) -> Config {
    let path = world.folder.path().join("probed.toml");
    std::fs::write(&path, config).unwrap();
    Config::load(&path).unwrap()
}

async fn one_of(config: &Config, envelope: Option<Envelope>) -> TenantReport {
    let tenants = [Arc::clone(&config.tenants[0])];
    let options = Options {
        envelope,
        longest_wait: Some(crate::client::PATIENCE),
    };
    let mut found = None;
    probe(config, &tenants, options, |report| found = Some(report))
        .await
        .unwrap();
    found.unwrap()
}

fn facts(upstream: &UpstreamReport, step: StepName) -> Option<&Facts> {
    upstream.step(step)?.facts.as_ref()
}

/// Waits until the upstream has read everything that the probe said.
async fn closed(world: &World) {
    let journal = world.journal(0);
    let closed = journal.await_totals("no open connection", crate::client::PATIENCE, |totals| {
        totals.open == 0
    });
    closed.await.unwrap();
}

/// The proof: no command that begins content, and no message.
fn sent_nothing(world: &World) {
    for upstream in &world.upstreams {
        assert_eq!(upstream.journal().totals().delivered, 0);
        assert_eq!(upstream.journal().totals().truncated, 0);
        for connection in upstream.journal().connections() {
            for line in connection.transcript() {
                let verb = line
                    .split(' ')
                    .next()
                    .unwrap_or_default()
                    .to_ascii_uppercase();
                assert!(!["DATA", "BDAT"].contains(&verb.as_str()), "{line}");
            }
        }
    }
}
