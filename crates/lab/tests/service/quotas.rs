//! What a tenant may send in a window.

use tenantry_lab::reply::Refusal;

use crate::client::Client;
use crate::stand::Stand;
use crate::vectors::with_keys;

async fn stand(top: &str, quota: &str) -> (Stand, Client) {
    let tenants = with_keys("A", &format!("quota = {{ {quota} }}\n"));
    let tenants = tenants.replace(
        "\"contoso.com\", \"mail.a",
        "\"contoso.onmicrosoft.com\", \"contoso.com\", \"mail.a",
    );
    let stand = Stand::with(top, "", &tenants).await;
    let client = stand.client_with("mail.a.contoso.com").await;
    (stand, client)
}

async fn accepted(client: &mut Client, mail_from: &str, rcpts: &[&str]) {
    let reply = client.message(mail_from, rcpts).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
}

async fn refused(client: &mut Client, mail_from: &str, rcpts: &[&str], expected: Refusal) {
    let reply = client.message(mail_from, rcpts).await;
    assert!(reply.starts_with(expected.text()), "{reply}");
}

const OWN: &str = "u@contoso.com";
const ONE: &[&str] = &["x@gmail.test"];

#[tokio::test]
async fn external_recipients_are_counted_and_internal_ones_are_not() {
    let (stand, mut client) = stand("", "external_recipients = 3").await;
    let two = ["x@gmail.test", "y@gmail.test"];
    let over = Refusal::ExternalRecipients;
    accepted(&mut client, OWN, &two).await;
    refused(&mut client, OWN, &two, over).await;
    let mixed = ["a@contoso.com", "b@contoso.com", "x@gmail.test"];
    accepted(&mut client, OWN, &mixed).await;
    refused(&mut client, "", ONE, over).await;
    let rows = stand.service.statistics();
    let a = rows
        .iter()
        .find(|row| row.tenant.as_deref() == Some("A"))
        .unwrap();
    assert_eq!(a.accepted, 2);
    assert_eq!(a.refused.get("550 5.7.233"), Some(&2));
}

#[tokio::test]
async fn a_trial_tenant_hears_of_its_trial() {
    let (_stand, mut client) = stand("", "external_recipients = 0, trial = true").await;
    refused(&mut client, OWN, ONE, Refusal::TrialExternalRecipients).await;
}

#[tokio::test]
async fn senders_in_the_initial_domain_have_a_limit_of_their_own() {
    let (_stand, mut client) = stand("", "initial_domain_recipients = 1").await;
    let initial = "u@contoso.onmicrosoft.com";
    accepted(&mut client, initial, ONE).await;
    refused(&mut client, initial, ONE, Refusal::InitialDomainSender).await;
    accepted(&mut client, OWN, ONE).await;
}

#[tokio::test]
async fn senders_that_nobody_registered_have_a_limit() {
    let (_stand, mut client) = stand("", "unregistered_senders = 1").await;
    accepted(&mut client, "v@vendor.test", ONE).await;
    let over = Refusal::UnregisteredDomains;
    refused(&mut client, "v@vendor.test", ONE, over).await;
    for registered in [OWN, "u@tailspin.com", ""] {
        accepted(&mut client, registered, ONE).await;
    }
}

#[tokio::test]
async fn with_refusal_at_rcpt_the_recipient_over_the_limit_is_refused() {
    let profile = "[profile]\nrelay_reject_at = \"rcpt\"";
    let (_stand, mut client) = stand(profile, "external_recipients = 2").await;
    let three = ["x@gmail.test", "y@gmail.test", "z@gmail.test"];
    let replies = client.envelope(OWN, &three).await;
    let codes: Vec<_> = replies.iter().map(|reply| reply.split_at(3).0).collect();
    assert_eq!(codes, ["250", "250", "550"]);
    assert!(client.content("x").await.starts_with("250 2.6.0"));
}
