//! The recording upstream over real sockets, in clear text: envelopes, framing, faults, ends.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::io::ErrorKind;
use std::time::Duration;

use tenantry_lab::upstream::{
    Fault, Limits, Outcome, RecordingUpstream, Stage, Transcript, UpstreamSettings, Via,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

/// A client that says what it is told, and reads replies line by line.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    async fn connect(upstream: &RecordingUpstream) -> Self {
        let stream = TcpStream::connect(upstream.address()).await.unwrap();
        let mut client = Self {
            stream,
            read: Vec::new(),
        };
        assert!(client.reply().await.starts_with("220 "));
        client
    }

    async fn greeted(upstream: &RecordingUpstream) -> Self {
        let mut client = Self::connect(upstream).await;
        assert!(
            client
                .ask("EHLO client.example\r\n")
                .await
                .starts_with("250")
        );
        client
    }

    async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
    }

    async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.reply().await
    }

    /// All lines of one reply.
    async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line().await;
            let last = line.as_bytes().get(3) != Some(&b'-');
            reply.push_str(&line);
            if last {
                return reply;
            }
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.iter().position(|octet| *octet == b'\n') {
                let line = self.read.drain(..=end).collect();
                return String::from_utf8(line).unwrap();
            }
            assert_ne!(self.more().await.unwrap(), 0, "closed");
        }
    }

    async fn more(&mut self) -> std::io::Result<usize> {
        timeout(SOON, self.stream.read_buf(&mut self.read))
            .await
            .unwrap()
    }

    /// Everything until the server closes or resets.
    async fn rest(&mut self) -> (String, Option<ErrorKind>) {
        loop {
            match self.more().await {
                Ok(0) => return (String::from_utf8(self.read.clone()).unwrap(), None),
                Ok(_) => {}
                Err(error) => {
                    return (
                        String::from_utf8(self.read.clone()).unwrap(),
                        Some(error.kind()),
                    );
                }
            }
        }
    }

    async fn transaction(&mut self, content: &str) -> String {
        assert!(
            self.ask("MAIL FROM:<a@a.example>\r\n")
                .await
                .starts_with("250")
        );
        assert!(
            self.ask("RCPT TO:<b@b.example>\r\n")
                .await
                .starts_with("250")
        );
        assert!(self.ask("DATA\r\n").await.starts_with("354"));
        self.ask(&format!("{content}\r\n.\r\n")).await
    }
}

async fn start(settings: UpstreamSettings) -> RecordingUpstream {
    RecordingUpstream::start(settings).await.unwrap()
}

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
async fn replies_at_every_stage_can_be_replaced_and_refuse() {
    for stage in [
        Stage::Ehlo,
        Stage::Mail,
        Stage::Rcpt,
        Stage::Data,
        Stage::End,
    ] {
        let fault = Fault::at(stage).answer("451 4.3.0 not now\r\n").once();
        let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
        let mut client = Client::connect(&upstream).await;
        let mut replies = Vec::new();
        for command in [
            "EHLO x\r\n",
            "EHLO x\r\n",
            "MAIL FROM:<a@a.example>\r\n",
            "MAIL FROM:<a@a.example>\r\n",
            "RCPT TO:<b@b.example>\r\n",
            "RCPT TO:<b@b.example>\r\n",
            "DATA\r\n",
        ] {
            replies.push(client.ask(command).await);
        }
        if stage == Stage::Data {
            assert!(client.ask("DATA\r\n").await.starts_with("354"));
        }
        replies.push(client.ask("x\r\n.\r\n").await);
        assert_eq!(
            replies
                .iter()
                .filter(|reply| reply.starts_with("451"))
                .count(),
            1,
            "{stage:?}"
        );
        let totals = upstream.stop().await.totals();
        let expected = if stage == Stage::End { (0, 1) } else { (1, 0) };
        assert_eq!((totals.delivered, totals.refused), expected, "{stage:?}");
    }
}

#[tokio::test]
async fn some_recipients_can_be_refused() {
    let fault = Fault::at(Stage::Rcpt)
        .containing("bad")
        .answer("550 5.1.1 unknown\r\n");
    let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
    let mut client = Client::greeted(&upstream).await;
    client.ask("MAIL FROM:<a@a.example>\r\n").await;
    for (recipient, expected) in [("bad1", "550"), ("good", "250"), ("bad2", "550")] {
        let reply = client
            .ask(&format!("RCPT TO:<{recipient}@b.example>\r\n"))
            .await;
        assert!(reply.starts_with(expected));
    }
    client.ask("DATA\r\n").await;
    client.ask("x\r\n.\r\n").await;
    let messages = upstream.journal().await_messages(1, SOON).await.unwrap();
    assert_eq!(
        messages.first().unwrap().recipient_addresses(),
        ["good@b.example"]
    );
}

#[tokio::test]
async fn connections_end_as_asked_and_the_journal_knows_what_became_of_the_message() {
    let cases = [
        (
            Fault::at(Stage::End).silent().close(),
            "",
            None,
            Outcome::Unanswered,
        ),
        (
            Fault::at(Stage::End).silent().reset(),
            "",
            Some(ErrorKind::ConnectionReset),
            Outcome::Unanswered,
        ),
        (
            Fault::at(Stage::End).close(),
            "250",
            None,
            Outcome::Accepted,
        ),
        (
            Fault::at(Stage::End).answer("421 4.3.2 bye\r\n").close(),
            "421",
            None,
            Outcome::Refused,
        ),
    ];
    for (fault, reply, error, outcome) in cases {
        let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
        let mut client = Client::greeted(&upstream).await;
        client.ask("MAIL FROM:<a@a.example>\r\n").await;
        client.ask("RCPT TO:<b@b.example>\r\n").await;
        client.ask("DATA\r\n").await;
        client.send("x\r\n.\r\n").await;
        let (said, ended) = client.rest().await;
        assert!(
            said.starts_with(reply) && said.is_empty() == reply.is_empty(),
            "{said:?}"
        );
        assert_eq!(ended, error);
        let journal = upstream.stop().await;
        let records = journal.records();
        assert_eq!(records.first().unwrap().outcome, outcome);
        assert_eq!(records.len(), 1);
    }
}

#[tokio::test]
async fn a_late_reply_arrives_after_the_transaction() {
    let late = Fault::at(Stage::End)
        .pause(Duration::from_millis(20))
        .inject("250 late\r\n");
    let upstream = start(UpstreamSettings::plain().with_fault(late)).await;
    let mut client = Client::greeted(&upstream).await;
    assert!(client.transaction("x").await.starts_with("250 2.6.0"));
    assert_eq!(client.line().await, "250 late\r\n");
}

#[tokio::test]
async fn bodies_can_be_broken_off_and_are_counted() {
    let fault = Fault::at(Stage::Content).after_octets(1000).close();
    let upstream = start(UpstreamSettings::plain().with_fault(fault)).await;
    let mut client = Client::greeted(&upstream).await;
    client.ask("MAIL FROM:<a@a.example>\r\n").await;
    client.ask("RCPT TO:<b@b.example>\r\n").await;
    client.ask("DATA\r\n").await;
    client.send("x".repeat(1000)).await;
    assert_eq!(client.rest().await.0, "");
    // And the other way round: the client leaves in the middle.
    let mut client = Client::greeted(&upstream).await;
    client.ask("MAIL FROM:<a@a.example>\r\n").await;
    client.ask("RCPT TO:<b@b.example>\r\n").await;
    client.ask("DATA\r\n").await;
    client.send("x\r\n.").await;
    drop(client);
    let journal = upstream.journal();
    let totals = journal.await_totals("two broken off", SOON, |totals| totals.truncated == 2);
    assert_eq!(totals.await.unwrap().delivered, 0);
    journal
        .await_totals("rest", SOON, |totals| totals.open == 0)
        .await
        .unwrap();
}

#[tokio::test]
async fn replies_can_be_slow_or_missing() {
    let settings = UpstreamSettings::plain()
        .with_fault(Fault::at(Stage::Mail).trickle(Duration::from_millis(1)))
        .with_fault(Fault::at(Stage::Rcpt).silent().once())
        .with_fault(Fault::at(Stage::Data).hang());
    let upstream = start(settings).await;
    let mut client = Client::greeted(&upstream).await;
    assert!(
        client
            .ask("MAIL FROM:<a@a.example>\r\n")
            .await
            .starts_with("250")
    );
    client.send("RCPT TO:<b@b.example>\r\nNOOP\r\n").await;
    assert!(
        client.reply().await.starts_with("250 2.0.0"),
        "the answer to NOOP"
    );
    client.ask("RCPT TO:<b@b.example>\r\n").await;
    assert!(client.ask("DATA\r\n").await.starts_with("354"));
    client.send("x\r\n.\r\n").await;
    // A session that hangs for ever ends with the upstream.
    let journal = timeout(SOON, upstream.stop()).await.unwrap();
    assert_eq!(journal.totals().open, 0);
    assert_eq!(client.rest().await.0, "");
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
