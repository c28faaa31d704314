//! The world changes while traffic goes on.

use std::sync::Arc;
use std::time::Duration;

use tenantry_lab::events::Change;
use tenantry_lab::reply::Refusal;
use tenantry_lab::world::Region;

use crate::client::{Client, MESSAGE};
use crate::stand::{NOWHERE, Stand, TENANTS};

fn disabled(connector: &str) -> Change {
    Change::ConnectorDisabled {
        tenant: "A".to_owned(),
        connector: connector.to_owned(),
    }
}

#[tokio::test]
async fn a_change_counts_from_the_next_transaction_on_and_not_before() {
    let stand = Stand::plain().await;
    let mut client = stand.client_with("mail.a.contoso.com").await;
    client.envelope("u@contoso.com", &["x@gmail.test"]).await;
    stand.service.apply(&disabled("A1")).unwrap();
    client.ask("RCPT TO:<y@gmail.test>", "250 2.1.5").await;
    let reply = client.content(MESSAGE).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
    let reply = client.message("u@contoso.com", &["x@gmail.test"]).await;
    assert!(reply.starts_with(Refusal::RelayDenied.text()), "{reply}");
}

#[tokio::test]
async fn a_domain_moves_to_another_tenant() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    client.message("v@vendor.test", &["a@contoso.com"]).await;
    let moved = Change::DomainMoved {
        domain: "contoso.com".to_owned(),
        from: None,
        to: "B".to_owned(),
    };
    stand.service.apply(&moved).unwrap();
    client.message("v@vendor.test", &["a@contoso.com"]).await;
    let records = stand.journal().records();
    let name = |record: &Arc<tenantry_lab::journal::Record>| record.tenant().unwrap().name.clone();
    let tenants: Vec<_> = records.iter().map(name).collect();
    assert_eq!(tenants, ["A", "B"]);
}

#[tokio::test]
async fn a_tenant_moves_to_another_region() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    let moved = Change::RegionMoved {
        tenant: "A".to_owned(),
        to: "NAM".to_owned(),
    };
    stand.service.apply(&moved).unwrap();
    let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
    assert!(reply.starts_with(Refusal::WrongRegion.text()), "{reply}");
    let mut client = Client::greeted(NOWHERE, stand.at("NAM")).await;
    let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
    let row = stand.service.statistics().remove(0);
    assert_eq!(row.region, Some(Region::new("NAM")));
}

#[tokio::test]
async fn a_rotated_certificate_counts_as_the_new_one() {
    let stand = Stand::plain().await;
    let mut client = stand.client_with("old.a.contoso.com").await;
    let reply = client.message("u@contoso.com", &["x@gmail.test"]).await;
    assert!(reply.starts_with(Refusal::RelayDenied.text()), "{reply}");
    let rotated = Change::CertificateRotated {
        from: "old.a.contoso.com".to_owned(),
        to: "mail.a.contoso.com".to_owned(),
    };
    stand.service.apply(&rotated).unwrap();
    let reply = client.message("u@contoso.com", &["x@gmail.test"]).await;
    assert!(reply.starts_with("250 2.6.0"), "{reply}");
    let record = stand.journal().records().pop().unwrap();
    assert_eq!(record.matched_name.as_deref(), Some("mail.a.contoso.com"));
    let seen = record.session.certificate.as_ref().unwrap();
    assert_eq!(seen.names, ["old.a.contoso.com"]);
    assert!(!stand.service.substitutions().is_empty());
}

#[tokio::test]
async fn a_change_that_names_nothing_changes_nothing() {
    let stand = Stand::plain().await;
    let before = stand.service.forest();
    assert!(stand.service.apply(&disabled("nowhere")).is_err());
    assert!(Arc::ptr_eq(&before, &stand.service.forest()));
}

#[tokio::test]
async fn scripted_events_happen_by_the_clock_under_running_traffic() {
    let events = "[[event]]\nat = \"200ms\"\nkind = \"connector-disabled\"\ntenant = \"A\"\n\
                  connector = \"A1\"\n[[event]]\nat = \"100ms\"\nkind = \"region-moved\"\n\
                  tenant = \"C\"\nto = \"EUR\"\n";
    let stand = Stand::with(events, "", TENANTS).await;
    let mut client = stand.client_with("mail.a.contoso.com").await;
    let traffic = async {
        loop {
            let reply = client.message("u@contoso.com", &["x@gmail.test"]).await;
            if reply.starts_with(Refusal::RelayDenied.text()) {
                break;
            }
            assert!(reply.starts_with("250 2.6.0"), "{reply}");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), traffic)
        .await
        .unwrap();
    let forest = stand.service.forest();
    let c = forest.world().tenant_named("C").unwrap();
    let region = forest.world().tenant(c).map(|c| c.region.clone());
    assert_eq!(region, Some(Region::new("EUR")));
}
