//! What faults refuse and drop is in the journal and in the totals, and so is what limits refuse.

use serde_json::{Value, json};
use tenantry_lab::journal::Record;

use crate::client::{Client, MESSAGE};
use crate::stand::{NOWHERE, Stand, TENANTS};
use crate::wire::sha256;

fn line(record: &Record) -> Value {
    serde_json::from_str(&record.to_json().unwrap()).unwrap()
}

/// The one line of a journal.
fn only(stand: &Stand) -> Value {
    let records = stand.journal().records();
    assert_eq!(records.len(), 1, "{records:?}");
    line(&records[0])
}

async fn with(fault: &str) -> Stand {
    Stand::with(&format!("[[fault]]\n{fault}"), "", TENANTS).await
}

/// Says the lines of a message of tenant A until one is refused or the connection ends.
async fn send(stand: &Stand, bdat: bool) {
    let mut client = stand.client_with("mail.a.contoso.com").await;
    let content = format!("{MESSAGE}\r\n.\r\n");
    let chunk = format!("BDAT {} LAST\r\n{MESSAGE}\r\n", MESSAGE.len() + 2);
    let end: &[&str] = if bdat {
        &[&chunk]
    } else {
        &["DATA\r\n", &content]
    };
    let begin = [
        "MAIL FROM:<u@contoso.com>\r\n",
        "RCPT TO:<x@gmail.test>\r\n",
    ];
    for octets in begin.iter().chain(end) {
        client.send(octets).await;
        // Empty when the connection has ended.
        if !client.reply_or_end().await.starts_with(['2', '3']) {
            return;
        }
    }
}

#[tokio::test]
async fn what_a_fault_refuses_or_drops_has_its_line_at_every_stage() {
    let busy = "451 4.7.500 Server busy. Please try again later from [203.0.113.9]. (S77714)";
    for stage in ["mail", "rcpt", "data", "end-of-data"] {
        for (effect, word, reply) in [
            ("reply = \"server-busy\"", "reply", Some(busy)),
            ("action = \"drop\"", "drop", None),
            ("action = \"reset\"", "reset", None),
            ("action = \"half-close\"", "half-close", None),
        ] {
            for bdat in [false, true] {
                let stand = with(&format!("stage = \"{stage}\"\n{effect}")).await;
                send(&stand, bdat).await;
                let line = only(&stand);
                let shown = format!("{stage} {word} {bdat}: {line}");
                assert_eq!(line["fault"], format!("{stage} {word}"), "{shown}");
                assert_eq!(line["accepted"], false, "{shown}");
                assert_eq!(
                    (&line["tenant"], &line["basis"]),
                    (&json!("A"), &json!("certificate"))
                );
                assert_eq!(line["connector"], "A1", "{shown}");
                assert_eq!(line["mail_from"], "u@contoso.com", "{shown}");
                let rcpts = if stage == "mail" {
                    json!([])
                } else {
                    json!(["x@gmail.test"])
                };
                assert_eq!(line["rcpt_to"], rcpts, "{shown}");
                assert_eq!(line["unanswered"], reply.is_none(), "{shown}");
                match reply {
                    Some(reply) => assert!(line["reply"].as_str().unwrap().starts_with(reply)),
                    None => assert_eq!(line["reply"], Value::Null, "{shown}"),
                }
                let came = stage == "end-of-data" || (stage == "data" && bdat && reply.is_some());
                assert_eq!(line["size"].is_null(), !came, "{shown}");
                assert_eq!(stand.journal().totals().refused, 1, "{shown}");
                let counted = if reply.is_some() {
                    "451 4.7.500"
                } else {
                    "no reply"
                };
                assert_eq!(stand.service.statistics()[0].refused.get(counted), Some(&1));
            }
        }
    }
}

#[tokio::test]
async fn the_throttled_share_can_be_read_off() {
    let stand =
        with("stage = \"mail\"\nthrottle = { messages_per_second = 0.001, burst = 2 }").await;
    let mut client = stand.client().await;
    for number in 0..100 {
        // One group, as clients send it under PIPELINING.
        client
            .send("MAIL FROM:<v@vendor.test>\r\nRCPT TO:<a@contoso.com>\r\nDATA\r\n")
            .await;
        if number < 2 {
            for reply in ["250 2.1.0", "250 2.1.5", "354"] {
                client.expect(reply).await;
            }
            client.ask(&format!("{MESSAGE}\r\n."), "250 2.6.0").await;
        } else {
            for reply in ["451 4.7.500", "503 5.5.2 Need mail", "503 5.5.2 Need mail"] {
                client.expect(reply).await;
            }
            client.ask("RSET", "250").await;
        }
    }
    let totals = stand.journal().totals();
    assert_eq!((totals.accepted, totals.refused), (2, 98));
    let last = stand.journal().records().pop().unwrap();
    assert_eq!(last.fault.as_deref(), Some("mail throttle"));
    assert_eq!(
        line(&last)["tenant"],
        Value::Null,
        "incoming: not known yet"
    );
}

#[tokio::test]
async fn one_recipient_too_many_has_its_line() {
    for limit in ["recipients_per_domain", "recipients"] {
        let stand = Stand::with(&format!("[limits]\n{limit} = 2"), "", TENANTS).await;
        let mut client = stand.client().await;
        let rcpts = ["1@contoso.com", "2@contoso.com", "3@contoso.com"];
        let replies = client.envelope("v@vendor.test", &rcpts).await;
        assert!(replies[2].starts_with("452 4.5.3 Too many recipients ["));
        let line = only(&stand);
        assert_eq!(line["rcpt_to"], json!(["3@contoso.com"]));
        assert_eq!(
            (&line["tenant"], &line["fault"]),
            (&json!("A"), &Value::Null)
        );
        assert_eq!(line["reply"], replies[2].trim_end());
    }
}

#[tokio::test]
async fn of_a_message_that_was_not_taken_whole_there_is_no_size_and_no_digest() {
    let stand = Stand::with("[limits]\nsize = \"1KiB\"", "", TENANTS).await;
    let mut client = stand.client().await;
    for content in ["a\nb".to_owned(), "x\r\n".repeat(400)] {
        client.envelope("v@vendor.test", &["a@contoso.com"]).await;
        let reply = client.content(&content).await;
        assert!(reply.starts_with("55"), "{reply}");
    }
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    client.send("BDAT 3\r\na\nb").await;
    let by_chunks = "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, \
                     which need BODY=BINARYMIME [";
    client.expect(by_chunks).await;
    let records = stand.journal().records();
    assert_eq!(records.len(), 3);
    for record in records {
        let line = line(&record);
        assert_eq!(
            (&line["size"], &line["sha256"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(line["tenant"], "A");
    }
    // Refused as a whole: it came all the same.
    client.envelope("v@vendor.test", &["x@gmail.test"]).await;
    client.content(MESSAGE).await;
    let line = line(&stand.journal().records().pop().unwrap());
    assert_eq!(line["accepted"], false);
    assert_eq!(line["sha256"], sha256(format!("{MESSAGE}\r\n").as_bytes()));
}

#[tokio::test]
async fn commands_without_mail_have_a_limit_that_a_message_resets() {
    let stand = Stand::with("[limits]\nnon_mail_commands = 3\nchunks = 2", "", TENANTS).await;
    let mut client = stand.client().await;
    for _ in 0..5 {
        client.ask("NOOP", "250").await;
        client.ask("RSET", "250").await;
        client.ask("NOOP", "250").await;
        client.message("v@vendor.test", &["a@contoso.com"]).await;
    }
    client.envelope("v@vendor.test", &["a@contoso.com"]).await;
    for reply in ["250 2.6.0", "250 2.6.0", "552 5.3.4"] {
        client.send("BDAT 1\r\nx").await;
        client.expect(reply).await;
    }
    for _ in 0..3 {
        client.ask("NOOP", "250").await;
    }
    client.ask("NOOP", "421 4.7.0").await;
}

#[tokio::test]
async fn commands_that_are_not_implemented_have_one_answer() {
    let stand = Stand::plain().await;
    let mut client = stand.client().await;
    for line in ["EXPN u", "ETRN x", "AUTH PLAIN", "TURN"] {
        client
            .ask(line, "502 5.3.3 Command not implemented [")
            .await;
    }
}

#[tokio::test]
async fn xoorg_is_journalled_decoded() {
    let stand = Stand::plain().await;
    for (written, meant) in [
        ("contoso+2Ecom", "contoso.com"),
        ("contoso.com", "contoso.com"),
    ] {
        let mut client = Client::greeted(NOWHERE, stand.at("EUR")).await;
        let mail = format!("MAIL FROM:<v@vendor.test> XOORG={written}");
        client.ask(&mail, "250").await;
        client.ask("RCPT TO:<a@contoso.com>", "250").await;
        client.content(MESSAGE).await;
        let record = stand.journal().records().pop().unwrap();
        assert_eq!(record.xoorg.as_deref(), Some(meant));
    }
}
