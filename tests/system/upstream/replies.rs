//! UR-01, UR-06, UR-08, UR-09: an upstream's replies, and what the client hears of them.

use tenantry_lab::upstream::{Fault, Stage};

use super::{At, FROM_A, KINDS, Kind, SMALL, attempt, large, one_upstream, with_spare};
use crate::client::{Envelope, PEER};

/// Stage, where the client hears of it, for which kinds of upstream.
const STAGES: [(Stage, At, &[Kind]); 6] = [
    (Stage::Banner, At::Rcpt, &KINDS),
    (Stage::Ehlo, At::Rcpt, &KINDS),
    (Stage::Mail, At::Rcpt, &KINDS),
    (Stage::Rcpt, At::Rcpt, &KINDS),
    (Stage::Data, At::Data, &[Kind::Data, Kind::OneByOne]),
    (Stage::End, At::End, &KINDS),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ur_01_a_refusal_at_any_stage_reaches_the_client_in_the_upstreams_words() {
    for (stage, at, kinds) in STAGES {
        for kind in kinds.iter().copied() {
            for (said, wanted) in [
                ("450 4.2.1 not now", "450 4.2.1 upstream: not now"),
                ("550 5.2.1 not ever", "550 5.2.1 upstream: not ever"),
                (
                    "554 no enhanced code",
                    "554 5.0.0 upstream: no enhanced code",
                ),
                (
                    "451 5.1.1 a code that lies",
                    "451 4.0.0 upstream: 5.1.1 a code that lies",
                ),
            ] {
                let fault = Fault::at(stage).answer(format!("{said}\r\n")).once();
                let world = one_upstream(move |pki| kind.settings(pki).with_fault(fault))
                    .start()
                    .await;
                let mut client = world.plain(PEER).await;
                let (where_, answer) = attempt(&mut client, FROM_A, SMALL).await;
                let context = format!("{stage:?} {kind:?} {said}: {answer:?}");
                assert_eq!(where_, at, "{context}");
                assert_eq!(
                    format!("{} {}", answer.code, answer.text()),
                    wanted,
                    "{context}"
                );
                assert_eq!(world.delivered(), 0, "{context}");
                // The session and, if it still stands, the connection are in step.
                let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
                assert_eq!(answer.code, 250, "{context}, then {answer:?}");
                world.messages(0, 1).await;
                client.quit().await;
                world.stop().await;
            }
        }
    }
}

#[tokio::test]
async fn ur_01_a_refusal_leaves_the_connection_usable() {
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::End] {
        let fault = Fault::at(stage).answer("550 5.2.1 not ever\r\n").once();
        let world = one_upstream(|pki| Kind::Data.settings(pki).with_fault(fault))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        let (_at, refused) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(refused.code, 550, "{stage:?}: {refused:?}");
        let (_at, taken) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(taken.code, 250, "{stage:?}: {taken:?}");
        client.quit().await;
        assert_eq!(world.upstream_connections(), 1, "{stage:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_01_a_refusal_before_the_transaction_leads_to_the_next_upstream() {
    for stage in [Stage::Banner, Stage::Ehlo, Stage::Starttls] {
        for said in ["421 4.3.2 busy\r\n", "554 5.3.2 never\r\n"] {
            let fault = Fault::at(stage).answer(said);
            let plan = one_upstream(move |pki| Kind::Bdat.settings(pki).with_fault(fault));
            let world = with_spare(plan.starttls_upstream()).await;
            world.is_alive().await;
            assert_eq!(world.journal(0).totals().mails, 0);
            world.messages(1, 1).await;
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn ur_01_a_refusal_of_a_chunk_is_the_answer_to_the_message() {
    for said in ["452 4.3.1 full\r\n", "554 5.6.0 no\r\n"] {
        let fault = Fault::at(Stage::Chunk).answer(said).once();
        let world = one_upstream(move |pki| Kind::Bdat.settings(pki).with_fault(fault))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        client.says("RCPT TO:<x@elsewhere.example>", 250).await;
        let content = large(200_000);
        let content = content.strip_suffix(b".\r\n").unwrap();
        let command = format!("BDAT {} LAST\r\n", content.len());
        client.send([command.as_bytes(), content].concat()).await;
        let answer = client.answer().await;
        assert!(said.starts_with(&answer.code.to_string()), "{answer:?}");
        assert!(answer.text().contains("upstream: "), "{answer:?}");
        assert_eq!(world.delivered(), 0);
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250);
        client.quit().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_01_a_refusal_in_the_middle_of_the_content_is_the_answer_to_the_message() {
    for kind in [Kind::Bdat, Kind::Data] {
        let fault = Fault::at(Stage::Content)
            .after_octets(30_000)
            .answer("552 5.3.4 too much of it\r\n")
            .once()
            .close();
        let world = one_upstream(move |pki| kind.settings(pki).with_fault(fault))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        let (_at, answer) = attempt(&mut client, FROM_A, &large(2_000_000)).await;
        assert!([552, 451].contains(&answer.code), "{kind:?}: {answer:?}");
        assert_eq!(world.delivered(), 0);
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{kind:?}: {answer:?}");
        world.messages(0, 1).await;
        client.quit().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_06_replies_of_many_lines_are_read_and_passed_on_bounded() {
    for lines in [2, 100] {
        let mut refusal: String = (1..lines)
            .map(|line| format!("550-5.2.1 lower case {line}\r\n"))
            .collect();
        refusal.push_str("550 5.2.1 the last\r\n");
        let yes = refusal.replace("550", "250").replace("5.2.1", "2.1.5");
        let world = one_upstream(move |pki| {
            pki.upstream()
                .with_fault(Fault::at(Stage::Banner).answer(yes.replace("250", "220")))
                .with_fault(Fault::at(Stage::Mail).answer(yes.clone()))
                .with_fault(Fault::at(Stage::Rcpt).answer(yes.clone()))
                .with_fault(Fault::at(Stage::End).answer(refusal).once())
                .with_fault(Fault::at(Stage::End).answer(yes))
        })
        .start()
        .await;
        let mut client = world.plain(PEER).await;
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 550, "{answer:?}");
        assert_eq!(answer.enhanced(), Some("5.2.1"));
        assert!((2..=20).contains(&answer.lines.len()), "{answer:?}");
        for line in &answer.lines {
            assert!(line.starts_with("5.2.1 upstream: "), "{line}");
        }
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{answer:?}");
        client.quit().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_08_three_of_five_recipients() {
    for kind in KINDS {
        let world = one_upstream(move |pki| {
            kind.settings(pki)
                .with_fault(
                    Fault::at(Stage::Rcpt)
                        .containing("gone")
                        .answer("550 5.1.1 nobody\r\n"),
                )
                .with_fault(
                    Fault::at(Stage::Rcpt)
                        .containing("full")
                        .answer("452 4.2.2 full\r\n"),
                )
        })
        .start()
        .await;
        let mut client = world.plain(PEER).await;
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        for (recipient, wanted) in [
            ("one", "250 2.1.5"),
            ("gone", "550 5.1.1"),
            ("two", "250 2.1.5"),
            ("full", "452 4.2.2"),
            ("three", "250 2.1.5"),
        ] {
            let answer = client
                .command(format!("RCPT TO:<{recipient}@elsewhere.example>"))
                .await;
            answer.is(wanted);
            assert!(answer.text().contains("upstream: "), "{answer:?}");
        }
        client.says("DATA", 354).await;
        client.send(SMALL).await;
        client.expect(250).await;
        client.quit().await;
        let record = &world.messages(0, 1).await[0];
        assert_eq!(
            record.recipient_addresses(),
            [
                "one@elsewhere.example",
                "two@elsewhere.example",
                "three@elsewhere.example"
            ]
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_08_the_same_when_everything_arrives_at_once() {
    for kind in KINDS {
        let world = one_upstream(move |pki| {
            kind.settings(pki).with_fault(
                Fault::at(Stage::Rcpt)
                    .containing("gone")
                    .answer("550 5.1.1 nobody\r\n"),
            )
        })
        .start()
        .await;
        let mut client = world.plain(PEER).await;
        client
            .send(
                "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<gone1@elsewhere.example>\r\n\
                 RCPT TO:<one@elsewhere.example>\r\nRCPT TO:<gone2@elsewhere.example>\r\n\
                 RCPT TO:<two@elsewhere.example>\r\nDATA\r\n",
            )
            .await;
        for wanted in [250, 550, 250, 550, 250, 354] {
            client.expect(wanted).await;
        }
        client.send(SMALL).await;
        client.expect(250).await;
        // All refused: DATA must be refused as well, and nothing sent.
        client
            .send(
                "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<gone1@elsewhere.example>\r\n\
                 RCPT TO:<gone2@elsewhere.example>\r\nDATA\r\n",
            )
            .await;
        for wanted in [250, 550, 550, 554] {
            client.expect(wanted).await;
        }
        client.says("RSET", 250).await;
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{kind:?}: {answer:?}");
        client.quit().await;
        let recipients: Vec<_> = world
            .messages(0, 2)
            .await
            .iter()
            .map(|record| record.recipient_addresses().join(","))
            .collect();
        assert_eq!(
            recipients,
            [
                "one@elsewhere.example,two@elsewhere.example",
                "someone@elsewhere.example"
            ]
        );
        world.stop().await;
    }
}

/// Raw octets of a reply to RCPT or to the message, and the code that the client gets for it.
const MALFORMED: &[(&[u8], u16)] = &[
    (b"250 ok\nmore\r\n", 451),
    (b"250 ok\n", 451),
    (b"250 o\rk\r\n", 451),
    (b"550 no\r\r\n", 451),
    (b"250 ok\0\r\n", 451),
    (b"250\0ok\r\n", 451),
    (b"2x0 ok\r\n", 451),
    (b"25 ok\r\n", 451),
    (b"2500 ok\r\n", 451),
    (b"999 ok\r\n", 451),
    (b"150 ok\r\n", 451),
    (b"ok\r\n", 451),
    (b"\r\n", 451),
    (b"250-a\r\n251 b\r\n", 451),
    (b"550-a\r\n250 b\r\n", 451),
    (b"250-a\r\nb\r\n", 451),
    (b"550 5.2.1 caf\xe9 \x1b[31mred\x1b[0m \x9b \x07\r\n", 550),
    (b"550 5.2.1 \xe2\x80\xaegpj.exe\r\n", 550),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ur_09_malformed_replies_never_count_as_yes_and_come_out_clean() {
    for stage in [Stage::Rcpt, Stage::End] {
        for (raw, wanted) in MALFORMED {
            let fault = Fault::at(stage).answer(*raw).once();
            let world = one_upstream(move |pki| Kind::Data.settings(pki).with_fault(fault))
                .start()
                .await;
            let mut client = world.plain(PEER).await;
            // That the answer is one clean reply, the client asserts by itself.
            let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
            let context = format!("{stage:?} {}: {answer:?}", raw.escape_ascii());
            assert_eq!(answer.code, *wanted, "{context}");
            let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
            assert_eq!(answer.code, 250, "{context}, then {answer:?}");
            client.quit().await;
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn ur_09_a_second_reply_hidden_in_a_first_is_not_believed() {
    let fault = Fault::at(Stage::End)
        .answer("550 5.2.1 no\r\n250 ok\r\n")
        .once();
    let world = one_upstream(|pki| Kind::Bdat.settings(pki).with_fault(fault))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
    answer.is("550 5.2.1");
    // What stands behind the reply answers nothing: the connection is not used again.
    let next = Envelope {
        sender: "second@tenant-a.example",
        ..FROM_A
    };
    let (_at, answer) = attempt(&mut client, next, SMALL).await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
    assert_eq!(world.upstream_connections(), 2);
    assert_eq!(
        world.messages(0, 1).await[0].sender(),
        "second@tenant-a.example"
    );
    world.stop().await;
}
