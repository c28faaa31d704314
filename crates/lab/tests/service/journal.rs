//! The journal: in memory and on disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tenantry_lab::pki::{Authority, CertificateSpec, Validity, self_signed};

use crate::SOON;
use crate::client::{Client, MESSAGE};
use crate::stand::{NOWHERE, SHARED, Stand, TENANTS};
use crate::wire::sha256;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn the_file_has_what_the_queries_give() {
    let stand = Stand::plain().await;
    let path = stand.journal_path();
    let identity = stand.certificate(&["mail.a.contoso.com"]);
    let mut with = Client::secure(NOWHERE, stand.at("EUR"), Some(&identity)).await;
    with.message("u@contoso.com", &["x@gmail.test"]).await;
    with.message("u@contoso.com", &["y@fabrikam.com"]).await;
    let mut without = Client::greeted(SHARED, stand.at("EUR")).await;
    without.message("", &["x@gmail.test"]).await;
    let two = ["y@fabrikam.com", "a@contoso.com"];
    without.message("v@vendor.test", &two).await;
    let journal = stand.journal().clone();
    assert_eq!(journal.by_certificate(&identity.fingerprint()).len(), 2);
    assert_eq!(journal.by_tenant("a").len(), 3);
    assert_eq!(journal.by_tenant("B").len(), 1);
    let totals = journal.totals();
    assert_eq!((totals.accepted, totals.refused), (4, 1));
    assert_eq!(totals.octets, 4 * (MESSAGE.len() as u64 + 2));
    stand.service.stop().await;

    let in_memory: Vec<Value> = journal
        .records()
        .iter()
        .map(|record| serde_json::from_str(&record.to_json().unwrap()).unwrap())
        .collect();
    assert_eq!(lines(&path), in_memory);
}

#[tokio::test]
async fn a_line_has_everything_about_a_message() {
    let stand = Stand::plain().await;
    let path = stand.journal_path();
    let identity = stand.certificate(&["mail.a.contoso.com"]);
    let mut client = Client::secure(NOWHERE, stand.at("EUR"), Some(&identity)).await;
    let reply = client.message("u@contoso.com", &["x@gmail.test"]).await;
    let id = stand.tenant_id("A");
    stand.service.stop().await;
    let line = lines(&path).remove(0);
    let mut expected = json!({
        "accepted": true,
        "tenant": "A",
        "tenant_id": id,
        "region": "EUR",
        "direction": "originating",
        "basis": "certificate",
        "connector": "A1",
        "matched_name": "mail.a.contoso.com",
        "certificate": {
            "names": ["mail.a.contoso.com"],
            "issuer": "CN=Lab intermediate",
            "fingerprint": identity.fingerprint(),
            "trusted": true,
            "problem": null,
        },
        "ip": "203.0.113.9",
        "tls": "TLSv1.3",
        "helo": "client.example",
        "mail_from": "u@contoso.com",
        "xoorg": null,
        "rcpt_to": ["x@gmail.test"],
        "size": MESSAGE.len() + 2,
        "sha256": sha256(format!("{MESSAGE}\r\n").as_bytes()),
        "message_id": "<1@client.example>",
        "part": 0,
        "reply": reply.trim_end(),
        "unanswered": false,
        "fault": null,
    });
    for key in ["at", "session", "peer", "why"] {
        expected[key] = line[key].clone();
    }
    assert_eq!(line, expected);
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    assert!(text("at").ends_with('Z'), "{}", text("at"));
    assert_eq!(text("session").len(), 16);
    assert!(text("peer").starts_with("127.0.0.1:"), "{}", text("peer"));
    let why = line["why"].as_array().unwrap();
    let chosen = why.iter().find(|why| why["outcome"] == "chosen").unwrap();
    assert_eq!(
        (&chosen["tenant"], &chosen["connector"]),
        (&json!("A"), &json!("A1"))
    );
}

#[tokio::test]
async fn an_untrusted_certificate_is_in_the_why_with_its_reason_and_names() {
    let stand = Stand::plain().await;
    let identity = stand
        .certificate(&["mail.a.contoso.com"])
        .without_intermediates();
    let mut client = Client::secure(NOWHERE, stand.at("EUR"), Some(&identity)).await;
    client.message("u@contoso.com", &["x@gmail.test"]).await;
    let found = stand.journal().by_certificate(&identity.fingerprint());
    let line: Value = serde_json::from_str(&found[0].to_json().unwrap()).unwrap();
    assert_eq!(line["certificate"]["problem"], "incomplete-chain");
    assert_eq!(line["certificate"]["issuer"], "CN=Lab intermediate");
    let why = line["why"].as_array().unwrap();
    let untrusted = why
        .iter()
        .find(|why| why["reason"] == "certificate-untrusted");
    let text = untrusted.unwrap()["text"].as_str().unwrap();
    assert!(text.contains("mail.a.contoso.com"), "{text}");
    let said = "counts as none: incomplete-chain (it came without the intermediate that issued it, \
                or that authority is not trusted)";
    assert!(text.contains(said), "{text}");
}

#[tokio::test]
async fn only_the_last_records_are_kept_and_all_are_counted() {
    let mut prepared = Stand::prepare("", "", TENANTS).await;
    prepared.options.kept_records = 3;
    let stand = prepared.start().await;
    let mut client = stand.client().await;
    for n in 0..10 {
        let rcpt = format!("{n}@contoso.com");
        client.message("v@vendor.test", &[&rcpt]).await;
    }
    let kept = stand.journal().wait_for(10, SOON).await.unwrap();
    let rcpts: BTreeSet<_> = kept.iter().map(|record| record.rcpt_to.join("")).collect();
    let expected = ["7@contoso.com", "8@contoso.com", "9@contoso.com"];
    assert_eq!(rcpts, expected.map(String::from).into());
    assert_eq!(stand.journal().totals().accepted, 10);
    assert_eq!(stand.service.statistics()[0].accepted, 10);
}

#[tokio::test]
async fn what_does_not_come_is_waited_for_in_vain() {
    let stand = Stand::plain().await;
    let waited = stand.journal().wait_for(1, Duration::from_millis(10)).await;
    let text = waited.unwrap_err().to_string();
    assert!(text.contains("in vain for 1 records"), "{text}");
}

#[tokio::test]
async fn statistics_have_a_row_for_each_tenant_and_one_for_nobody() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    client.message("v@vendor.test", &["x@gmail.test"]).await;
    client.message("v@vendor.test", &["a@contoso.com"]).await;
    let rows = stand.service.statistics();
    let names: Vec<_> = rows.iter().map(|row| row.tenant.as_deref()).collect();
    assert_eq!(names, [Some("A"), Some("B"), Some("C"), Some("D"), None]);
    let nobody = rows.last().unwrap();
    assert_eq!(nobody.refused.get("550 5.7.64"), Some(&1));
    let basis = rows[0].last_basis.map(|basis| basis.as_str());
    assert_eq!(basis, Some("recipient"));
    assert_eq!(rows[0].octets, MESSAGE.len() as u64 + 2);
}

#[tokio::test]
async fn the_words_of_the_journal_are_those_of_the_batch() {
    use tenantry_lab::explain::{CertificateProblem, Question};
    let stand = Stand::plain().await;
    let name = ["mail.a.contoso.com"];
    let stranger = Authority::new("Stranger").unwrap();
    let below = stranger.intermediate("Below").unwrap();
    let spec = CertificateSpec::client(&name);
    for (identity, expected) in [
        (stranger.issue(&spec).unwrap(), "incomplete-chain"),
        (below.issue(&spec).unwrap(), "unknown-issuer"),
        (self_signed(&spec).unwrap(), "self-signed"),
        (
            stand
                .authority
                .issue(&spec.clone().with_validity(Validity::Expired))
                .unwrap(),
            "expired",
        ),
    ] {
        let mut client = Client::secure(NOWHERE, stand.at("EUR"), Some(&identity)).await;
        client.message("u@contoso.com", &["a@contoso.com"]).await;
        let record = stand.journal().records().pop().unwrap();
        let problem = record
            .session
            .certificate
            .as_ref()
            .unwrap()
            .problem
            .unwrap();
        assert_eq!(problem, expected);
        let line = json!({
            "certificate_names": name, "certificate_problem": problem,
            "mail_from": "u@contoso.com", "rcpt_to": ["a@contoso.com"],
        });
        let question = Question::from_json(line.to_string().as_bytes()).unwrap();
        assert_eq!(question.certificate_problem.unwrap().as_str(), problem);
    }
    for problem in CertificateProblem::ALL {
        assert_eq!(CertificateProblem::named(problem.as_str()), Some(*problem));
    }
}

/// A disk that is full.
#[tokio::test]
async fn a_journal_that_cannot_be_written_refuses_mail_and_counts_what_is_lost() {
    let mut prepared = Stand::prepare("", "", TENANTS).await;
    prepared.options.journal = Some("/dev/full".into());
    let stand = prepared.start().await;
    let mut client = stand.client().await;
    let mut refused = None;
    for _ in 0..10_000 {
        let reply = client.message("v@vendor.test", &["a@contoso.com"]).await;
        if !reply.starts_with("250") {
            refused = Some(reply);
            break;
        }
        tokio::task::yield_now().await;
    }
    let refused = refused.unwrap_or_default();
    assert!(
        refused.starts_with("452 4.3.1 Insufficient system resources ["),
        "{refused}"
    );
    client.ask("QUIT", "221").await;
    let journal = stand.service.stop().await;
    let totals = journal.totals();
    assert_eq!(journal.lost(), totals.accepted + totals.refused);
}
