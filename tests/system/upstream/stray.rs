//! UR-10, I5: a reply that answers nothing must never become the answer to the message.

use std::time::Duration;

use tenantry_lab::upstream::{Fault, Stage};

use super::{KINDS, Kind, SMALL, large, one_upstream};
use crate::client::{Client, PEER};

/// Long against the way of a segment on this host.
const A_WHILE: Duration = Duration::from_millis(60);

/// How a client sends, with time for stray octets to arrive or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    AtOnce,
    StepByStep,
    Slowly,
}

/// The code of the answer that decides over a message, sent by DATA or by BDAT.
async fn outcome(client: &mut Client, pace: Pace, chunks: bool, content: &[u8]) -> u16 {
    let envelope = "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<x@elsewhere.example>\r\n";
    if pace == Pace::AtOnce {
        client.send(envelope).await;
        client.expect(250).await;
    } else {
        client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
        client.send("RCPT TO:<x@elsewhere.example>\r\n").await;
    }
    let answer = client.answer().await;
    if answer.code != 250 {
        return answer.code;
    }
    if pace == Pace::Slowly {
        tokio::time::sleep(A_WHILE).await;
    }
    if chunks {
        let content = content.strip_suffix(b".\r\n").unwrap();
        let command = format!("BDAT {} LAST\r\n", content.len());
        client.send([command.as_bytes(), content].concat()).await;
        return client.answer().await.code;
    }
    let answer = client.command("DATA").await;
    if answer.code != 354 {
        return answer.code;
    }
    if pace == Pace::Slowly {
        tokio::time::sleep(A_WHILE).await;
    }
    client.send(content).await;
    client.answer().await.code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ur_10_a_stray_reply_never_becomes_the_answer_to_a_refused_message() {
    for kind in KINDS {
        for (stage, skip, pause) in [
            // The second greeting is the one inside TLS.
            (Stage::Ehlo, 1, Duration::ZERO),
            (Stage::Mail, 0, Duration::ZERO),
            (Stage::Rcpt, 0, Duration::ZERO),
            (Stage::Rcpt, 0, A_WHILE / 2),
        ] {
            for pace in [Pace::AtOnce, Pace::StepByStep, Pace::Slowly] {
                if pause > Duration::ZERO && pace != Pace::Slowly {
                    // What has not arrived yet cannot be seen.
                    continue;
                }
                for chunks in [false, true] {
                    let stray = Fault::at(stage)
                        .skip(skip)
                        .pause(pause)
                        .inject("250 2.0.0 stray\r\n");
                    let world = one_upstream(move |pki| {
                        kind.settings(pki)
                            .with_fault(stray)
                            .with_fault(Fault::at(Stage::End).answer("554 5.6.0 no\r\n"))
                    })
                    .start()
                    .await;
                    let mut client = world.plain(PEER).await;
                    let code = outcome(&mut client, pace, chunks, SMALL).await;
                    assert!(
                        [451, 554].contains(&code),
                        "{kind:?} {stage:?} {pause:?} {pace:?} {chunks}: {code}"
                    );
                    assert_eq!(world.delivered(), 0);
                    client.vanish();
                    world.stop().await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ur_10_nor_does_one_in_the_middle_of_a_large_message() {
    for (kind, stage) in [
        (Kind::Bdat, Stage::Chunk),
        (Kind::Data, Stage::Data),
        (Kind::OneByOne, Stage::Data),
    ] {
        let stray = Fault::at(stage).once().inject("250 2.0.0 stray\r\n");
        let world = one_upstream(move |pki| {
            kind.settings(pki)
                .with_fault(stray)
                .with_fault(Fault::at(Stage::End).answer("554 5.6.0 no\r\n"))
        })
        .start()
        .await;
        let mut client = world.plain(PEER).await;
        let chunks = kind == Kind::Bdat;
        let code = outcome(&mut client, Pace::Slowly, chunks, &large(500_000)).await;
        assert!([451, 554].contains(&code), "{kind:?}: {code}");
        assert_eq!(world.delivered(), 0);
        client.vanish();
        world.stop().await;
    }
}
