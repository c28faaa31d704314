//! What is recorded: envelopes, contents, where they end (group SM), and that all of it ends.

use std::time::Duration;

use tempfile::TempDir;
use tenantry_lab::upstream::{
    Fault, Keep, Limits, Outcome, Stage, Tallying, Transcript, UpstreamSettings, Via,
};
use tokio::time::timeout;

use crate::client::Client;
use crate::{SOON, start};

#[tokio::test]
async fn envelope_and_content_are_recorded_as_they_came() {
    let upstream = start(UpstreamSettings::plain().keeping_content()).await;
    let mut client = Client::greeted(&upstream).await;
    // Everything in one segment, as a client that pipelines does (RFC 2920).
    client
        .send(
            "mail from:<\"a b>\"@a.example> SIZE=100 BODY=8BITMIME\r\n\
             RCPT TO:<b@b.example> NOTIFY=NEVER\r\nRCPT TO:<c@c.example>\r\nDATA\r\n",
        )
        .await;
    for expected in ["250 2.1.0", "250 2.1.5", "250 2.1.5", "354"] {
        assert!(client.reply().await.starts_with(expected));
    }
    client
        .send("Received: from x\r\n by y\r\nSubject: one\r\n two\r\n\r\n..dot\r\n.\r\n")
        .await;
    assert!(client.reply().await.starts_with("250 2.6.0"));
    let messages = upstream.journal().await_messages(1, SOON).await.unwrap();
    let message = messages.first().unwrap();
    assert_eq!(
        message.mail,
        "from:<\"a b>\"@a.example> SIZE=100 BODY=8BITMIME"
    );
    assert_eq!(message.sender(), "\"a b>\"@a.example");
    assert_eq!(
        message.recipients,
        ["TO:<b@b.example> NOTIFY=NEVER", "TO:<c@c.example>"]
    );
    assert_eq!(
        message.recipient_addresses(),
        ["b@b.example", "c@c.example"]
    );
    assert_eq!(&*message.helo, "client.example");
    assert_eq!(
        (message.via, message.outcome),
        (Via::Data, Outcome::Accepted)
    );
    assert_eq!(message.header("subject"), ["one two"]);
    assert_eq!(message.header("received"), ["from x by y"]);
    assert_eq!(
        message.trace.as_deref(),
        Some("Received: from x\r\n by y\r\n")
    );
    assert!(
        message
            .content
            .as_ref()
            .unwrap()
            .ends_with(b"\r\n\r\n.dot\r\n")
    );
    assert!(message.stray.is_none());
    assert_eq!(message.fingerprint(), None);
    client.ask("QUIT\r\n").await;
    assert_eq!(client.rest().await, (String::new(), None));
    let journal = upstream.stop().await;
    assert_eq!(
        (journal.totals().connections, journal.totals().open),
        (1, 0)
    );
}

#[tokio::test]
async fn an_envelope_is_kept_with_its_message_id_and_without_digests() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut settings = UpstreamSettings::plain();
    settings.keep = Keep::Envelope;
    settings.journal_file = Some(path.clone());
    settings.limits.journal = 0;
    let upstream = start(settings).await;
    let mut client = Client::greeted(&upstream).await;
    let longer_than_looked_at = format!("X: {}\r\n", "x".repeat(20_000));
    for head in [
        "Subject: one\r\nMESSAGE-ID:\r\n <1@a.example>\r\nMessage-ID: <2@a.example>\r\n",
        "Subject: none\r\n\r\nMessage-ID: <body@a.example>\r\n",
        &format!("{longer_than_looked_at}Message-ID: <far@a.example>\r\n"),
    ] {
        client.transaction(&format!("{head}\r\nbody\r\n")).await;
    }
    let journal = upstream.stop().await;
    assert_eq!(journal.totals().delivered, 3);
    assert!(journal.records().is_empty(), "nothing stays in memory");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<_> = lines
        .iter()
        .map(|line| line["message_id"].as_str())
        .collect();
    assert_eq!(ids, [Some("<1@a.example>"), None, None]);
    for line in &lines {
        assert_eq!(line["outcome"], "accepted");
        assert_eq!(line.get("sha256"), None);
    }
}

#[tokio::test]
async fn the_tally_counts_delivered_messages_by_the_first_recipients_domain() {
    let mut settings = UpstreamSettings::plain()
        .null_sink()
        .with_tally(Tallying::ByRecipient);
    settings.limits.journal = 0;
    settings.faults = vec![
        Fault::at(Stage::Rcpt)
            .containing("nobody@")
            .answer("550 5.1.1 Nobody\r\n"),
        Fault::at(Stage::End)
            .skip(3)
            .once()
            .answer("451 4.3.0 Later\r\n"),
    ];
    let upstream = start(settings).await;
    let mut client = Client::greeted(&upstream).await;
    for (recipients, answer) in [
        (&["a@One.example", "b@two.example"][..], "250"),
        (&["nobody@two.example", "a@one.example"], "250"),
        (&["a@two.example"], "250"),
        (&["a@two.example"], "451"),
    ] {
        client.ask("MAIL FROM:<a@a.example>\r\n").await;
        for recipient in recipients {
            client.ask(&format!("RCPT TO:<{recipient}>\r\n")).await;
        }
        client.ask("DATA\r\n").await;
        assert!(client.ask("x\r\n.\r\n").await.starts_with(answer));
    }
    let journal = upstream.stop().await;
    let tally: Vec<_> = journal
        .tally()
        .into_iter()
        .map(|row| (row.fingerprint, row.domain, row.messages))
        .collect();
    let one = (None, "one.example".to_owned(), 2);
    assert_eq!(tally, [one, (None, "two.example".to_owned(), 1)]);
}

#[tokio::test]
async fn chunks_make_one_message_and_refused_chunks_are_swallowed() {
    let upstream = start(UpstreamSettings::plain().keeping_content()).await;
    let mut client = Client::greeted(&upstream).await;
    assert!(
        client
            .ask("BDAT 6 LAST\r\nQUIT\r\n")
            .await
            .starts_with("503")
    );
    client.ask("MAIL FROM:<>\r\n").await;
    client.ask("RCPT TO:<b@b.example>\r\n").await;
    client
        .send("BDAT 8\r\nabc\r\n.\r\nBDAT 0\r\nBDAT 4 LAST\r\nde\r\n")
        .await;
    for expected in ["250 2.0.0 8 ", "250 2.0.0 0 ", "250 2.6.0"] {
        assert!(client.reply().await.starts_with(expected));
    }
    let messages = upstream.journal().await_messages(1, SOON).await.unwrap();
    let message = messages.first().unwrap();
    assert_eq!(
        message.content.as_deref(),
        Some(b"abc\r\n.\r\nde\r\n".as_slice())
    );
    assert_eq!((message.via, message.sender()), (Via::Bdat, ""));
    assert!(client.ask("DATA\r\n").await.starts_with("503"));
    upstream.stop().await;
}

#[tokio::test]
async fn the_lax_sink_shows_a_smuggled_envelope_and_the_strict_one_does_not() {
    let smuggled = "MAIL FROM:<evil@a.example>\r\nRCPT TO:<v@b.example>\r\nDATA\r\nevil\r\n.\r\n";
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r\n.\r",
        "\r.\n",
        "\r\n\0.\r\n",
    ] {
        for (settings, expected) in [
            (UpstreamSettings::plain().lax(), 2),
            (UpstreamSettings::plain(), 1),
        ] {
            let upstream = start(settings).await;
            let mut client = Client::greeted(&upstream).await;
            client.ask("MAIL FROM:<a@a.example>\r\n").await;
            client.ask("RCPT TO:<b@b.example>\r\n").await;
            client.ask("DATA\r\n").await;
            client.send(format!("body{end}{smuggled}QUIT\r\n")).await;
            client.rest().await;
            let messages = upstream.stop().await.messages();
            assert_eq!(messages.len(), expected, "{end:?}");
            let first = messages.first().unwrap();
            assert_eq!(first.sender(), "a@a.example");
            assert!(expected == 2 || !first.stray.is_none(), "{end:?}");
        }
    }
}

#[tokio::test]
async fn transcripts_show_every_command_line() {
    let mut settings = UpstreamSettings::plain().with_transcript();
    assert_eq!(settings.transcript, Transcript::Kept);
    settings.limits = Limits {
        content: 10,
        ..Limits::default()
    };
    let upstream = start(settings).await;
    let mut client = Client::greeted(&upstream).await;
    assert!(
        client
            .transaction("more than ten octets")
            .await
            .starts_with("552")
    );
    client.ask("RSET\r\n").await;
    let connections = upstream.journal().connections();
    let transcript = connections.first().unwrap().transcript();
    let verbs: Vec<_> = transcript
        .iter()
        .map(|line| line.get(..4).unwrap())
        .collect();
    assert_eq!(verbs, ["EHLO", "MAIL", "RCPT", "DATA", "RSET"]);
    assert_eq!(upstream.stop().await.totals().refused, 1);
}

#[tokio::test]
async fn the_journal_file_has_one_line_for_each_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut settings = UpstreamSettings::plain();
    settings.journal_file = Some(path.clone());
    let upstream = start(settings).await;
    let mut client = Client::greeted(&upstream).await;
    for _ in 0..100 {
        client.transaction("x").await;
    }
    upstream.stop().await;
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 100);
    let first = lines.first().unwrap();
    assert_eq!(first.get("mail").unwrap(), "FROM:<a@a.example>");
    assert_eq!(first.get("size").unwrap(), 3);
    assert_eq!(first.get("outcome").unwrap(), "accepted");
}

#[tokio::test]
async fn only_the_lax_sink_takes_commands_that_end_in_anything() {
    for (settings, expected) in [
        (UpstreamSettings::plain(), "500 5.5.2"),
        (UpstreamSettings::plain().lax(), "250 2.1.0"),
    ] {
        let upstream = start(settings).await;
        let mut client = Client::greeted(&upstream).await;
        let reply = client.ask("MAIL FROM:<a@a.example>\nNOOP\r\n").await;
        assert!(reply.starts_with(expected), "{reply}");
    }
}

#[tokio::test]
async fn waiting_in_vain_says_what_was_there() {
    let upstream = start(UpstreamSettings::plain()).await;
    let mut client = Client::greeted(&upstream).await;
    client.transaction("x").await;
    let error = upstream
        .journal()
        .await_messages(2, Duration::from_millis(20))
        .await
        .unwrap_err();
    assert_eq!(error.totals.delivered, 1);
    assert!(error.to_string().contains("2 messages"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_lose_nothing_and_leave_nothing() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let upstream = start(UpstreamSettings::plain()).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..50 {
        let mut client = Client::greeted(&upstream).await;
        clients.spawn(async move {
            for message in 0..20 {
                client.transaction(&format!("{number} {message}")).await;
            }
            client
        });
    }
    let clients = clients.join_all().await;
    let messages = upstream.journal().await_messages(1000, SOON).await.unwrap();
    let digests: std::collections::HashSet<_> = messages
        .iter()
        .filter_map(|message| message.sha256)
        .collect();
    assert_eq!((messages.len(), digests.len()), (1000, 1000));
    let address = upstream.address();
    // While all clients are still connected.
    let journal = upstream.stop().await;
    assert_eq!(
        (journal.totals().connections, journal.totals().open),
        (50, 0)
    );
    // A task is counted until the runtime has put it away, a moment after it has ended.
    let put_away = async {
        while tasks() != before {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, put_away).await.unwrap();
    drop(clients);
    // The address is free again at once: an upstream can come back where it was.
    let mut settings = UpstreamSettings::plain().null_sink();
    settings.address = address;
    let upstream = start(settings).await;
    let mut client = Client::greeted(&upstream).await;
    client.transaction("x").await;
    assert_eq!(
        upstream
            .journal()
            .await_messages(1, SOON)
            .await
            .unwrap()
            .len(),
        0
    );
    assert_eq!(upstream.journal().totals().octets, 3);
    drop(upstream);
    assert_eq!(client.rest().await.0, "");
    // Dropping does not wait: the listener is gone a moment later.
    let closed = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, closed).await.unwrap();
}
