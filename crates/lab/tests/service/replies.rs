//! Every reply of section 3.1, by configuration or by a fault.

use tenantry_lab::reply::Refusal;

use crate::client::Client;
use crate::stand::{NOWHERE, SHARED, Stand, TENANTS};
use crate::vectors::with_keys;

#[tokio::test]
async fn every_refusal_can_be_provoked_by_a_fault_with_its_exact_text() {
    let fault = |(after, refusal): (usize, &Refusal)| {
        let word = refusal.word();
        format!("[[fault]]\nstage = \"mail\"\nafter = {after}\ntimes = 1\nreply = \"{word}\"\n")
    };
    let faults: String = Refusal::ALL.iter().enumerate().map(fault).collect();
    let stand = Stand::with(&faults, "", TENANTS).await;
    let mut client = Client::greeted(SHARED, stand.at("EUR")).await;
    for refusal in Refusal::ALL {
        let text = refusal.text().replace("[ip]", "[192.0.2.10]");
        let expected = format!("{text} [EUR01LAB0001.eurprd01.prod.outlook.com ");
        client.ask("MAIL FROM:<v@vendor.test>", &expected).await;
    }
    client
        .ask("MAIL FROM:<v@vendor.test>", "250 2.1.0 Sender OK")
        .await;
}

/// One message of a world must be refused with this, at the end of data and at RCPT.
async fn refused(
    profile: &str,
    tenants: &str,
    certificate: Option<&str>,
    (mail_from, rcpt): (&str, &str),
    expected: Refusal,
) {
    let start = async |place: &str| {
        let top = format!("[profile]\nrelay_reject_at = \"{place}\"\n{profile}");
        let stand = Stand::with(&top, "", tenants).await;
        let client = match certificate {
            Some(name) => stand.client_with(name).await,
            None => stand.client().await,
        };
        (stand, client)
    };
    let (stand, mut client) = start("end-of-data").await;
    let reply = client.message(mail_from, &[rcpt]).await;
    assert!(reply.starts_with(expected.text()), "{reply}");
    assert_eq!(stand.journal().totals().refused, 1);
    let (stand, mut client) = start("rcpt").await;
    let reply = client.envelope(mail_from, &[rcpt]).await.concat();
    assert!(reply.starts_with(expected.text()), "{reply}");
    assert_eq!(stand.journal().totals().refused, 1);
}

const OWN: (&str, &str) = ("u@contoso.com", "x@gmail.test");
const FOREIGN: (&str, &str) = ("v@vendor.test", "a@contoso.com");

#[tokio::test]
async fn relay_with_neither_domain_accepted_is_attr36_where_the_profile_says_so() {
    let denied = Refusal::RelayDeniedAttr36;
    let profile = "relay_refusal = \"attr36\"";
    let mail = ("v@vendor.test", "x@gmail.test");
    refused(profile, TENANTS, Some("mx.relay.example"), mail, denied).await;
}

#[tokio::test]
async fn a_tenant_without_mail_subscription_gets_no_mail() {
    let tenants = with_keys("A", "mail_enabled = false\n");
    refused("", &tenants, None, FOREIGN, Refusal::NoMailSubscription).await;
}

#[tokio::test]
async fn a_blocked_connector_is_bad() {
    let tenants = with_keys("A", "blocked_connectors = [\"A1\"]\n");
    let name = Some("mail.a.contoso.com");
    refused("", &tenants, name, OWN, Refusal::BadConnector).await;
}

#[tokio::test]
async fn a_tenant_over_its_threshold_sends_nothing() {
    let tenants = with_keys("A", "quota = { exceeded = true }\n");
    let name = Some("mail.a.contoso.com");
    refused("", &tenants, name, OWN, Refusal::TenantThreshold).await;
}

#[tokio::test]
async fn a_partner_connector_that_requires_tls_refuses_clear_text() {
    let connector = "[[tenant.inbound_connectors]]\nName = \"AP\"\nConnectorType = \"Partner\"\n\
                     SenderDomains = [\"*\"]\nRequireTls = true\n";
    let tenants = with_keys("A", connector);
    refused("", &tenants, None, FOREIGN, Refusal::TlsRequired).await;
}

#[tokio::test]
async fn an_unknown_recipient_is_refused_at_rcpt_whatever_the_profile() {
    let tenants = with_keys("A", "recipients = [\"known@contoso.com\"]\n");
    let stand = Stand::with("", "", &tenants).await;
    let mut client = stand.client().await;
    let rcpts = ["Known@Contoso.com", "unknown@contoso.com"];
    let replies = client.envelope("v@vendor.test", &rcpts).await;
    let expected = ["250 2.1.5 Recipient OK", Refusal::RecipientUnknown.text()];
    for (reply, expected) in replies.iter().zip(expected) {
        assert!(reply.starts_with(expected), "{reply}");
    }
    let record = stand.journal().records().pop().unwrap();
    assert_eq!(record.rcpt_to, ["unknown@contoso.com"]);
    assert_eq!((record.size, record.sha256), (0, None));
}

#[tokio::test]
async fn the_first_recipient_that_is_refused_refuses_the_message() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    let rcpts = ["a@contoso.com", "z@adatum.com", "x@gmail.test"];
    let reply = client.message("v@vendor.test", &rcpts).await;
    let expected = Refusal::PartnerRestriction.text();
    assert!(reply.starts_with(expected), "{reply}");
    let records = stand.journal().records();
    for record in &records {
        assert!(!record.accepted && record.reply == reply.trim_end());
    }
    let found: Vec<_> = records.iter().map(|one| one.rcpt_to.join(" ")).collect();
    assert_eq!(found, rcpts);
}

#[tokio::test]
async fn the_from_header_counts_where_the_profile_says_so() {
    let stand = Stand::with("[profile]\np2_from = true", "", TENANTS).await;
    let mut client = Client::greeted(SHARED, stand.at("EUR")).await;
    for (from, expected) in [
        ("From: B <u@fabrikam.com>", "250 2.6.0"),
        ("From: V <v@vendor.test>", Refusal::RelayDenied.text()),
    ] {
        client.envelope("v@vendor.test", &["x@gmail.test"]).await;
        let reply = client.content(&format!("{from}\r\n\r\nx")).await;
        assert!(reply.starts_with(expected), "{reply}");
    }
    let mut plain = Client::greeted(NOWHERE, stand.at("EUR")).await;
    plain.envelope("v@vendor.test", &["x@gmail.test"]).await;
    let reply = plain.content("From: u@fabrikam.com\r\n\r\nx").await;
    assert!(reply.starts_with(Refusal::RelayDenied.text()), "{reply}");
}
