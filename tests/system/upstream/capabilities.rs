//! CL-04: what an upstream lacks is refused, never converted, never passed on all the same.

use tenantry_lab::upstream::Via;

use super::{At, FROM_A, KINDS, Kind, SMALL, attempt, one_upstream};
use crate::client::{Answer, Client, PEER};

/// How the content goes to the relay.
#[derive(Clone, Copy, Debug)]
enum By {
    Data,
    Bdat,
}

/// The upstream's extensions, MAIL's address and parameters, how the content goes and what it is, and the answer.
type Row = (
    &'static [&'static str],
    &'static str,
    By,
    &'static [u8],
    (At, &'static str),
);

const EIGHT_BIT: &[u8] = "Subject: x\r\n\r\nGr\u{fc}\u{df}e\r\n".as_bytes();
const EIGHT_BIT_HEADER: &[u8] = "Subject: Gr\u{fc}\u{df}e\r\n\r\nbody\r\n".as_bytes();
const LATIN: &[u8] = b"Subject: x\r\n\r\nGr\xfc\xdfe\r\n";
const BINARY: &[u8] = b"Subject: x\r\n\r\n\x00\xff bare\nand\rbare\r\n.\r\nand more";
const SEVEN_BIT: &[u8] = b"Subject: x\r\n\r\nGruesse\r\n";

const ROWS: &[Row] = &[
    (
        &[],
        "<u@tenant-a.example>",
        By::Data,
        SEVEN_BIT,
        (At::End, "250 2.6.0"),
    ),
    (
        &[],
        "<u@tenant-a.example> BODY=7BIT",
        By::Bdat,
        SEVEN_BIT,
        (At::End, "250 2.6.0"),
    ),
    (
        &[],
        "<u@tenant-a.example> BODY=8BITMIME",
        By::Data,
        EIGHT_BIT,
        (At::Rcpt, "554 5.6.3"),
    ),
    // Declared, even if there is nothing in it.
    (
        &[],
        "<u@tenant-a.example> BODY=8BITMIME",
        By::Data,
        SEVEN_BIT,
        (At::Rcpt, "554 5.6.3"),
    ),
    (
        &[],
        "<u@tenant-a.example>",
        By::Data,
        EIGHT_BIT,
        (At::End, "554 5.6.3"),
    ),
    (
        &[],
        "<u@tenant-a.example> BODY=7BIT",
        By::Data,
        LATIN,
        (At::End, "554 5.6.3"),
    ),
    (
        &[],
        "<u@tenant-a.example>",
        By::Bdat,
        LATIN,
        (At::End, "554 5.6.3"),
    ),
    (
        &[],
        "<u@tenant-a.example>",
        By::Data,
        EIGHT_BIT_HEADER,
        (At::End, "554 5.6.3"),
    ),
    (
        &["CHUNKING", "PIPELINING"],
        "<u@tenant-a.example>",
        By::Data,
        LATIN,
        (At::End, "554 5.6.3"),
    ),
    (
        &["8BITMIME"],
        "<u@tenant-a.example> BODY=8BITMIME",
        By::Data,
        LATIN,
        (At::End, "250 2.6.0"),
    ),
    (
        &["8BITMIME"],
        "<u@tenant-a.example>",
        By::Bdat,
        LATIN,
        (At::End, "250 2.6.0"),
    ),
    (
        &["8BITMIME", "CHUNKING"],
        "<u@tenant-a.example> BODY=BINARYMIME",
        By::Bdat,
        BINARY,
        (At::Rcpt, "554 5.6.3"),
    ),
    (
        &["8BITMIME", "BINARYMIME"],
        "<u@tenant-a.example> BODY=BINARYMIME",
        By::Bdat,
        BINARY,
        (At::Rcpt, "554 5.6.3"),
    ),
    (
        &["CHUNKING", "BINARYMIME"],
        "<u@tenant-a.example> BODY=BINARYMIME",
        By::Bdat,
        BINARY,
        (At::End, "250 2.6.0"),
    ),
    (
        &["8BITMIME", "CHUNKING", "BINARYMIME"],
        "<u@tenant-a.example> BODY=BINARYMIME",
        By::Bdat,
        BINARY,
        (At::End, "250 2.6.0"),
    ),
    (
        &["8BITMIME"],
        "<\u{fc}@tenant-a.example> SMTPUTF8",
        By::Data,
        SEVEN_BIT,
        (At::Rcpt, "553 5.6.7"),
    ),
    // Asked for without need: the upstream could not keep the promise all the same.
    (
        &["8BITMIME"],
        "<u@tenant-a.example> SMTPUTF8",
        By::Data,
        SEVEN_BIT,
        (At::Rcpt, "553 5.6.7"),
    ),
    (
        &["8BITMIME", "SMTPUTF8"],
        "<\u{fc}@tenant-a.example> BODY=8BITMIME SMTPUTF8",
        By::Data,
        EIGHT_BIT_HEADER,
        (At::End, "250 2.6.0"),
    ),
    (
        &["SIZE 1000"],
        "<u@tenant-a.example> SIZE=1001",
        By::Data,
        SEVEN_BIT,
        (At::Rcpt, "552 5.3.4"),
    ),
    (
        &["SIZE 1000"],
        "<u@tenant-a.example> SIZE=1000",
        By::Data,
        SEVEN_BIT,
        (At::End, "250 2.6.0"),
    ),
    // No limit, or none that is told.
    (
        &["SIZE 0"],
        "<u@tenant-a.example> SIZE=5000000",
        By::Data,
        SEVEN_BIT,
        (At::End, "250 2.6.0"),
    ),
    (
        &["SIZE"],
        "<u@tenant-a.example> SIZE=5000000",
        By::Data,
        SEVEN_BIT,
        (At::End, "250 2.6.0"),
    ),
    (
        &[],
        "<u@tenant-a.example> SIZE=5000000",
        By::Data,
        SEVEN_BIT,
        (At::End, "250 2.6.0"),
    ),
];

async fn offer(client: &mut Client, mail: &str, by: By, content: &[u8]) -> (At, Answer) {
    client.says(format!("MAIL FROM:{mail}"), 250).await;
    let answer = client.command("RCPT TO:<x@elsewhere.example>").await;
    if answer.code != 250 {
        client.says("RSET", 250).await;
        return (At::Rcpt, answer);
    }
    match by {
        By::Data => {
            client.says("DATA", 354).await;
            client.send([content, b".\r\n"].concat()).await;
        }
        By::Bdat => {
            let command = format!("BDAT {} LAST\r\n", content.len());
            client.send([command.as_bytes(), content].concat()).await;
        }
    }
    (At::End, client.answer().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cl_04_what_the_upstream_lacks_is_refused_and_never_corrupted() {
    for (extensions, mail, by, content, (at, wanted)) in ROWS {
        let world =
            one_upstream(move |pki| pki.upstream().keeping_content().with_extensions(extensions))
                .start()
                .await;
        let mut client = world.plain(PEER).await;
        let (where_, answer) = offer(&mut client, mail, *by, content).await;
        let context = format!("{extensions:?} {mail} {by:?} {}", content.escape_ascii());
        let enhanced = answer.enhanced().unwrap_or_default();
        assert_eq!(
            format!("{} {enhanced}", answer.code),
            *wanted,
            "{context}: {answer:?}"
        );
        assert_eq!(where_, *at, "{context}");
        if answer.code == 250 {
            let record = &world.messages(0, 1).await[0];
            let kept = record.content.clone().unwrap();
            assert!(
                kept.ends_with(content),
                "{context}: {}",
                kept.escape_ascii()
            );
            let declared = |keyword: &str| record.mail.contains(keyword);
            let offered = |keyword: &str| extensions.iter().any(|offer| offer.starts_with(keyword));
            assert!(
                !declared("BODY=8BITMIME") || offered("8BITMIME"),
                "{context}"
            );
            assert_eq!(
                declared("BODY=BINARYMIME"),
                mail.contains("BINARYMIME"),
                "{context}"
            );
            assert_eq!(declared("SMTPUTF8"), mail.contains("SMTPUTF8"), "{context}");
            assert!(!declared("SIZE=") || offered("SIZE"), "{context}");
        } else {
            assert_eq!(world.delivered(), 0, "{context}");
        }
        // The session is in step.
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{context}: {answer:?}");
        client.quit().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn cl_04_a_message_that_turns_out_larger_than_the_upstream_takes() {
    for kind in KINDS {
        let world = one_upstream(move |pki| {
            let mut settings = kind.settings(pki);
            settings
                .extensions
                .retain(|keyword| !keyword.starts_with("SIZE"));
            settings.extensions.push("SIZE 50000".to_owned());
            settings
        })
        .start()
        .await;
        let mut client = world.plain(PEER).await;
        let (at, answer) = attempt(&mut client, FROM_A, &super::large(200_000)).await;
        assert_eq!(at, At::End);
        answer.is("552 5.3.4");
        assert_eq!(world.delivered(), 0);
        let (_at, answer) = attempt(&mut client, FROM_A, &super::large(40_000)).await;
        assert_eq!(answer.code, 250, "{kind:?}: {answer:?}");
        client.quit().await;
        world.messages(0, 1).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn cl_04_dsn_parameters_go_to_an_upstream_that_knows_them_and_to_no_other() {
    for dsn in [true, false] {
        let extensions: &[&str] = if dsn { &["DSN"] } else { &[] };
        let world = one_upstream(move |pki| pki.upstream().with_extensions(extensions))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        client
            .says("MAIL FROM:<u@tenant-a.example> RET=HDRS ENVID=abc+2B1", 250)
            .await;
        client
            .says(
                "RCPT TO:<x@elsewhere.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;y@elsewhere.example",
                250,
            )
            .await;
        client.says("DATA", 354).await;
        client.send(SMALL).await;
        client.expect(250).await;
        client.quit().await;
        let record = &world.messages(0, 1).await[0];
        if dsn {
            assert_eq!(
                record.mail,
                "FROM:<u@tenant-a.example> RET=HDRS ENVID=abc+2B1"
            );
            assert_eq!(
                record.recipients,
                ["TO:<x@elsewhere.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;y@elsewhere.example"]
            );
        } else {
            assert_eq!(record.mail, "FROM:<u@tenant-a.example>");
            assert_eq!(record.recipients, ["TO:<x@elsewhere.example>"]);
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn data_and_bdat_are_translated_without_a_change() {
    let content: Vec<u8> = [
        b"Subject: dots\r\n\r\n.\r\n..\r\n.leading\r\n...\r\n".as_slice(),
        &b".a line of dots and more\r\n".repeat(5_000),
        b"last",
        b"\r\n",
    ]
    .concat();
    let stuffed = String::from_utf8(content.clone())
        .unwrap()
        .replace("\r\n.", "\r\n..");
    for kind in KINDS {
        let world = one_upstream(move |pki| kind.settings(pki)).start().await;
        let mut client = world.plain(PEER).await;
        client.open(FROM_A).await;
        client.send([stuffed.as_bytes(), b".\r\n"].concat()).await;
        client.expect(250).await;
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        client.says("RCPT TO:<x@elsewhere.example>", 250).await;
        for chunk in content.chunks(1_777) {
            let command = format!("BDAT {}\r\n", chunk.len());
            client.send([command.as_bytes(), chunk].concat()).await;
            client.expect(250).await;
        }
        client.says("BDAT 0 LAST", 250).await;
        client.quit().await;
        // A large message by DATA stays DATA; chunks stay chunks where the upstream takes them.
        let chunked = if kind == Kind::Bdat {
            Via::Bdat
        } else {
            Via::Data
        };
        let records = world.messages(0, 2).await;
        let via: Vec<Via> = records.iter().map(|record| record.via).collect();
        assert_eq!(via, [Via::Data, chunked], "{kind:?}");
        for record in records {
            let kept = record.content.clone().unwrap();
            let trace = record.trace.as_deref().unwrap_or_default().len();
            assert_eq!(kept.len() - trace, content.len(), "{kind:?}");
            assert!(kept.ends_with(&content), "{kind:?}");
        }
        world.stop().await;
    }
}
