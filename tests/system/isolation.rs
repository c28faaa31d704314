//! I1: no message under another tenant's certificate, on another tenant's connection, or to another tenant's upstream.
//!
//! The ledger is the upstreams': each message says in its subject whose it is, and its connection shows whose
//! certificate was presented.

mod adversary;
mod many;
mod shared;

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_lab::upstream::{Journal, Record};

use crate::client::{Client, Envelope};

/// Sends one message of a tenant, which must be taken.
async fn send(client: &mut Client, tenant: &str, sender: &str) {
    let envelope = Envelope {
        sender,
        recipients: &["someone@elsewhere.example"],
    };
    let answer = client.message(envelope, subject(tenant)).await;
    assert_eq!(answer.code, 250, "{tenant}: {answer:?}");
}

/// The same with everything at once, in two round trips.
async fn send_pipelined(client: &mut Client, tenant: &str, sender: &str) {
    client
        .send(format!(
            "MAIL FROM:<{sender}>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\n"
        ))
        .await;
    for code in [250, 250, 354] {
        client.expect(code).await;
    }
    client.send(subject(tenant)).await;
    client.expect(250).await;
}

fn subject(tenant: &str) -> String {
    format!("Subject: {tenant}\r\n\r\nbody of {tenant}\r\n.\r\n")
}

/// Whose message a record is, by its subject.
fn owner(record: &Record) -> String {
    record.header("Subject").concat()
}

/// Messages whose certificate is not their tenant's, or that shared a connection with another tenant's; with the
/// tenants' fingerprints.
fn crossings(records: &[Arc<Record>], identities: &HashMap<String, String>) -> Vec<String> {
    let mut owners: HashMap<u64, String> = HashMap::new();
    let mut wrong = Vec::new();
    for record in records {
        let owner = owner(record);
        let connection = record.connection.number();
        if record.fingerprint() != identities.get(&owner).map(String::as_str) {
            wrong.push(format!("{owner} under {:?}", record.tenant()));
        }
        let first = owners.entry(connection).or_insert_with(|| owner.clone());
        if *first != owner {
            wrong.push(format!("{owner} on connection {connection} of {first}"));
        }
    }
    wrong
}

/// As [`crossings`], of a whole journal.
fn crossings_of(journal: &Journal, identities: &HashMap<String, String>) -> Vec<String> {
    crossings(&journal.messages(), identities)
}
