//! AT-08: nobody who is no peer and has no certificate of a tenant gets anything relayed, whatever the address looks
//! like; no upstream even hears of it.

use std::net::SocketAddr;

use tenantry_lab::pki::{CertificateSpec, self_signed};

use crate::client::{Client, PEER, STRANGER, Tls};
use crate::world::{Plan, TenantPlan};

/// Recipients as abusers write them; `tenant-a.example` is a tenant's, `victim.example` is not.
const RECIPIENTS: &[&str] = &[
    "<user@victim.example>",
    "<user@tenant-a.example>",
    "<user@TENANT-A.example>",
    "<user@tenant-a.example.>",
    "<user@sub.tenant-a.example>",
    "<user@victim.example.>",
    "<user%victim.example@tenant-a.example>",
    "<user%victim.example@relay.test>",
    "<user%victim.example@localhost>",
    "<user%victim.example@[127.0.0.1]>",
    "<user%victim.example>",
    "<user%victim.example%relay.test@tenant-a.example>",
    "<user@victim.example%relay.test>",
    "<victim.example!user>",
    "<victim.example!user@tenant-a.example>",
    "<victim.example!user@relay.test>",
    "<relay.test!victim.example!user>",
    "<@relay.test:user@victim.example>",
    "<@tenant-a.example:user@victim.example>",
    "<@relay.test,@tenant-a.example:user@victim.example>",
    "<@[127.0.0.1]:user@victim.example>",
    "<@victim.example:user@tenant-a.example>",
    "<\"user@victim.example\">",
    "<\"user@victim.example\"@tenant-a.example>",
    "<\"user@victim.example\"@relay.test>",
    "<\"user%victim.example\"@tenant-a.example>",
    "<\"user\\@victim.example\"@tenant-a.example>",
    "<\"\"@tenant-a.example>",
    "<user@[127.0.0.1]>",
    "<user@[192.0.2.1]>",
    "<user@[IPv6:::1]>",
    "<user@[tenant-a.example]>",
    "<user@127.0.0.1>",
    "<user@2130706433>",
    "<user@localhost>",
    "<user@localhost.>",
    "<user@relay.test>",
    "<user@relay.test.>",
    "<user>",
    "<postmaster>",
    "<POSTMASTER>",
    "<postmaster@relay.test>",
    "<postmaster@tenant-a.example>",
    "<abuse@relay.test>",
    "<user@victim.example@tenant-a.example>",
    "<user@tenant-a.example@victim.example>",
    "<user@tenant-a.example.victim.example>",
    "<user@xtenant-a.example>",
    "<user@tenant-a..example>",
    "<user@.tenant-a.example>",
    "<@tenant-a.example>",
    "<user@>",
    "user@tenant-a.example",
    "<<user@tenant-a.example>>",
    "<user@tenant-a.example> <user@victim.example>",
    "<user@tenant-a.example,user@victim.example>",
    "<user@tenant-a.example;user@victim.example>",
    "<user@xn--tenant-a.example>",
    "<user@tenant-a\u{3002}example>",
    "<user@tenant-a.example> NOTIFY=NEVER",
    "<user+tag@tenant-a.example>",
    "<user@tenant-a.example> ORCPT=rfc822;user@victim.example",
];

/// Senders who pretend.
const SENDERS: &[&str] = &[
    "<u@tenant-a.example>",
    "<>",
    "<u@tenant-a.example.>",
    "<u@TENANT-A.EXAMPLE>",
    "<u@sub.tenant-a.example>",
    "<u@relay.test>",
    "<u@localhost>",
    "<u@[127.0.0.1]>",
    "<@tenant-a.example:u@victim.example>",
    "<\"u@victim.example\"@tenant-a.example>",
    "<u%tenant-a.example@victim.example>",
    "<u@victim.example>",
    "<u@identity-of-a.example>",
    "<u@tenant-a.example> XOORG=tenant-a.example",
    "<u@tenant-a.example> AUTH=<u@tenant-a.example>",
    "<u@tenant-a.example> SMTPUTF8",
];

#[tokio::test]
async fn at_08_a_stranger_in_clear_text_relays_nothing() {
    probe("plain", |_| None, STRANGER).await;
}

#[tokio::test]
async fn at_08_a_stranger_inside_tls_relays_nothing() {
    probe("starttls", |pki| Some(pki.anonymous()), STRANGER).await;
}

/// AT-06: verified, but nobody's.
#[tokio::test]
async fn at_08_a_stranger_with_a_certificate_that_no_tenant_claims_relays_nothing() {
    probe(
        "starttls",
        |pki| Some(pki.client(&["nobody.example", "*.tenant-a.example"])),
        STRANGER,
    )
    .await;
}

#[tokio::test]
async fn at_08_an_untrusted_certificate_opens_nothing_even_from_a_peer() {
    let forged = |pki: &crate::world::Pki| {
        let spec = CertificateSpec::client(&["tenant-a.example", "application.example"]);
        Some(pki.with(&self_signed(&spec).unwrap()))
    };
    probe("starttls", forged, PEER).await;
}

/// A peer for one tenant is a stranger to the other.
#[tokio::test]
async fn at_08_a_peer_of_another_tenant_relays_nothing_for_this_one() {
    probe("plain", |_| None, "127.3.3.3").await;
}

async fn probe(listener: &str, tls: impl FnOnce(&crate::world::Pki) -> Option<Tls>, from: &str) {
    let world = Plan::empty()
        .listeners()
        .limits("connections_per_source = 100000")
        .starttls_upstream()
        .tenant(TenantPlan::owning("a", 0))
        .tenant(TenantPlan::owning("b", 0))
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"a\", \"b\"]",
        )
        .peer("of-b", "networks = [\"127.3.3.3/32\"]\ntenants = [\"b\"]")
        .peer(
            "of-certificate",
            "certificates = [\"application.example\"]\ntenants = [\"a\"]",
        )
        .start()
        .await;
    let tls = tls(&world.pki);
    let mut refused = 0;
    for sender in SENDERS {
        let mut client = connect(from, world.at(listener), tls.as_ref()).await;
        if client.command(format!("MAIL FROM:{sender}")).await.code != 250 {
            client.vanish();
            continue;
        }
        for (index, recipient) in RECIPIENTS.iter().enumerate() {
            // Mistakes are counted; a fresh session has none yet.
            if index % 5 == 0 {
                client.vanish();
                client = connect(from, world.at(listener), tls.as_ref()).await;
                client.says(format!("MAIL FROM:{sender}"), 250).await;
            }
            let answer = client.command(format!("RCPT TO:{recipient}")).await;
            assert!(answer.is_permanent(), "{sender} to {recipient}: {answer:?}");
            refused += 1;
        }
        assert!(client.command("DATA").await.is_permanent());
        client.vanish();
    }
    assert!(refused >= 10 * RECIPIENTS.len(), "only {refused} probes");
    assert_eq!(world.upstream_connections(), 0, "an upstream was asked");
    world.stop().await;
}

async fn connect(from: &str, to: SocketAddr, tls: Option<&Tls>) -> Client {
    match tls {
        Some(tls) => Client::starttls(from, to, tls).await,
        None => Client::ehlo(from, to).await,
    }
}
