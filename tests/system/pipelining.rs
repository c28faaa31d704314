//! PL: commands that come together, chunks, and a client that does not read.

use std::time::Duration;

use crate::client::{Client, PEER, STRANGER};
use crate::message::arrived;
use crate::world::Plan;

const OPENING: &str = "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<r@elsewhere.example>\r\nRCPT TO:<s@elsewhere.example>\r\n\
    RCPT TO:<t@elsewhere.example>\r\nDATA\r\n";

#[tokio::test]
async fn pl_01_a_whole_envelope_in_one_segment_is_answered_in_order() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    client.send(OPENING).await;
    for code in [250, 250, 250, 250, 354] {
        client.expect(code).await;
    }
    client.send("Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n").await;
    client.expect(250).await;
    client.expect(221).await;
    client.expect_closed().await;
    let record = &world.messages(0, 1).await[0];
    assert_eq!(
        record.recipient_addresses(),
        [
            "r@elsewhere.example",
            "s@elsewhere.example",
            "t@elsewhere.example"
        ]
    );
    world.stop().await;
}

/// Bad and good recipients together, some ours to refuse and some the upstream's.
#[tokio::test]
async fn pl_01_answers_of_a_group_stand_in_the_order_of_its_commands() {
    use tenantry_lab::upstream::{Fault, Stage};
    let world = Plan::standard()
        .first_upstream(|pki| {
            let fault = Fault::at(Stage::Rcpt)
                .containing("full@")
                .answer("452 4.2.2 mailbox full\r\n");
            pki.upstream().keeping_content().with_fault(fault)
        })
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    client
        .send(
            "MAIL FROM:<>\r\nRCPT TO:<r@nobody.example>\r\nRCPT TO:<full@tenant-a.example>\r\nRCPT TO:<broken\r\n\
             RCPT TO:<r@tenant-b.example>\r\nRCPT TO:<r@tenant-a.example>\r\nDATA\r\n",
        )
        .await;
    for wanted in ["250 2.1.0", "550 5.7.64", "452 4.2.2"] {
        client.answer().await.is(wanted);
    }
    client.expect(501).await;
    client.answer().await.is("452 4.5.3");
    client.expect(250).await;
    client.expect(354).await;
    client.send(".\r\n").await;
    client.expect(250).await;
    client.quit().await;
    assert_eq!(
        world.messages(0, 1).await[0].recipient_addresses(),
        ["r@tenant-a.example"]
    );
    world.stop().await;
}

#[tokio::test]
async fn pl_02_a_second_transaction_behind_the_dot_is_a_second_transaction() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    client.send(OPENING).await;
    for code in [250, 250, 250, 250, 354] {
        client.expect(code).await;
    }
    client
        .send(
            "one\r\n.\r\nMAIL FROM:<u@tenant-b.example>\r\nRCPT TO:<r@elsewhere.example>\r\nDATA\r\n",
        )
        .await;
    for code in [250, 250, 250, 354] {
        client.expect(code).await;
    }
    client.send("two\r\n.\r\nNOOP\r\n").await;
    client.expect(250).await;
    client.expect(250).await;
    client.quit().await;
    let (one, two) = (world.messages(0, 1).await, world.messages(1, 1).await);
    assert_eq!(
        (arrived(&one[0]), arrived(&two[0])),
        (b"one\r\n".as_slice(), b"two\r\n".as_slice())
    );
    world.stop().await;
}

#[tokio::test]
async fn pl_03_who_talks_first_is_turned_away() {
    let world = Plan::standard().start().await;
    for octets in [
        "EHLO client.example\r\n",
        "HELO x\r\nMAIL FROM:<u@tenant-a.example>\r\n",
        "x",
    ] {
        let mut client = Client::connect(PEER, world.at("plain")).await;
        client.send(octets).await;
        client.answer().await.is("554 5.5.0");
        client.expect_closed().await;
    }
    world.stop().await;
}

#[tokio::test]
async fn pl_04_content_after_a_refused_data_is_no_message() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(STRANGER).await;
    client
        .send(format!(
            "{OPENING}Subject: x\r\n\r\n{}.\r\nQUIT\r\n",
            "line of text\r\n".repeat(30)
        ))
        .await;
    let codes: Vec<u16> = client
        .answers_until_closed()
        .await
        .iter()
        .map(|answer| answer.code)
        .collect();
    assert_eq!(codes[..5], [250, 550, 550, 550, 554]);
    assert_eq!(codes.last(), Some(&421));
    assert!(codes[5..].iter().all(|code| *code >= 400), "{codes:?}");
    assert_eq!(world.upstream_connections(), 0);
    world.stop().await;
}

/// PL-04: however short it is, and whatever it says, content behind a refused DATA is never taken for commands.
#[tokio::test]
async fn pl_04_commands_in_content_after_a_refused_data_are_no_commands() {
    let world = Plan::standard().start().await;
    let smuggled = "Subject: x\r\n\r\nhi\r\nRSET\r\nMAIL FROM:<u@tenant-b.example>\r\n\
        RCPT TO:<evil@elsewhere.example>\r\nDATA\r\nx\r\n.\r\n";
    for opening in [
        "MAIL FROM:<u@nowhere.example>\r\nRCPT TO:<r@elsewhere.example>\r\nDATA\r\n",
        "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<r@elsewhere.example>\r\nDATA x\r\n",
        "DATA\r\n",
    ] {
        let mut client = world.plain(PEER).await;
        client.send(format!("{opening}{smuggled}")).await;
        let answers = client.answers_until_closed().await;
        assert_eq!(answers.last().map(|answer| answer.code), Some(421));
    }
    assert_eq!(world.delivered(), 0);
    world.stop().await;
}

#[tokio::test]
async fn pl_05_chunks_by_the_standard() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    let opening = "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<r@elsewhere.example>\r\n";
    // All in one segment, as RFC 3030 section 4.2 has it; an empty last chunk.
    client
        .send(format!(
            "{opening}BDAT 7\r\none: 1\rBDAT 6\r\n\n\r\ntwoBDAT 0 LAST\r\n"
        ))
        .await;
    for code in [250, 250, 250, 250] {
        client.expect(code).await;
    }
    client.expect(250).await;
    assert_eq!(
        arrived(&world.messages(0, 1).await[0]),
        b"one: 1\r\n\r\ntwo"
    );
    // DATA after BDAT, and MAIL: out of order; the chunks stay.
    client.send(format!("{opening}BDAT 3\r\nab\r")).await;
    for code in [250, 250, 250] {
        client.expect(code).await;
    }
    client.says("DATA", 503).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 503).await;
    client.says("RCPT TO:<r@elsewhere.example>", 503).await;
    client.says("RSET", 250).await;
    // BDAT without a transaction: its octets are taken, not obeyed.
    client.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").await;
    client.answer().await.is("503 5.5.1");
    client.expect(250).await;
    // A recipient that was refused makes no message.
    client.send("MAIL FROM:<u@nobody.example>\r\nRCPT TO:<r@nobody.example>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").await;
    for code in [250, 550] {
        client.expect(code).await;
    }
    assert!(client.answer().await.is_permanent());
    assert!(client.answer().await.is_permanent());
    client.expect(250).await;
    client.quit().await;
    assert_eq!(world.delivered(), 1);
    world.stop().await;
}

#[tokio::test]
async fn pl_05_bad_chunk_sizes_never_desynchronise() {
    let world = Plan::standard().start().await;
    for size in [
        "",
        "-1",
        "x",
        "18446744073709551616",
        "99999999999999999999",
        "1 FIRST",
        "1 LAST LAST",
        "0x10",
        "+5",
        "18446744073709551615",
    ] {
        let mut client = world.plain(PEER).await;
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        client.says("RCPT TO:<r@elsewhere.example>", 250).await;
        client.send(format!("BDAT {size}\r\n")).await;
        let answer = client.answer().await;
        assert!(answer.is_permanent(), "{size}: {answer:?}");
        client.vanish();
    }
    world.at_rest().await;
    assert_eq!(world.delivered(), 0);
    world.stop().await;
}

#[tokio::test]
async fn chunks_of_one_octet_are_bounded() {
    let world = Plan::standard().limits("chunks = 100").start().await;
    let mut client = world.plain(PEER).await;
    client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
    client.says("RCPT TO:<r@elsewhere.example>", 250).await;
    client.send("BDAT 1\r\nx".repeat(101)).await;
    for _ in 0..100 {
        client.expect(250).await;
    }
    assert!(client.answer().await.is_permanent());
    client.says("RSET", 250).await;
    client.quit().await;
    assert_eq!(world.delivered(), 0);
    world.stop().await;
}

#[tokio::test]
async fn pl_06_and_sl_05_who_never_reads_is_closed() {
    let world = Plan::standard()
        .limits("non_mail_commands = 100000\nprotocol_errors = 1000")
        .timeouts("client_write = \"1s\"")
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    // EHLO's answer is the longest; the system takes megabytes of them before it stops.
    let wishes = "EHLO client.example\r\n".repeat(50_000);
    let sent = client.try_send(&wishes).await;
    if sent.is_ok() {
        // Everything fitted into the buffers on our side; the relay is stuck with its answers all the same.
        let _ = client.try_send(&wishes).await;
    }
    world.at_rest().await;
    drop(client);
    world.is_alive().await;
    world.stop().await;
}

/// RFC 2920 lets a client send ahead of the answer to the content; a split anywhere changes nothing.
#[tokio::test]
async fn an_envelope_split_anywhere_is_the_same() {
    let world = Plan::standard().start().await;
    let mut client = world.plain(PEER).await;
    for split in (1..OPENING.len()).step_by(3) {
        let (one, other) = OPENING.as_bytes().split_at(split);
        client
            .send_pieces(&[one, other], Duration::from_millis(1))
            .await;
        for code in [250, 250, 250, 250, 354] {
            client.expect(code).await;
        }
        client.send(".\r\n").await;
        client.expect(250).await;
    }
    client.quit().await;
    world.stop().await;
}
