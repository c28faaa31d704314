//! UR-02 to UR-05, UR-07, UR-10, UR-11: upstreams that vanish, hang or answer late, and clients that leave.

use std::time::{Duration, Instant};

use tenantry_lab::upstream::{Fault, Outcome, Stage};
use tokio::net::TcpListener;

use super::{At, FROM_A, KINDS, Kind, SMALL, attempt, large, one_upstream, with_spare};
use crate::client::{PATIENCE, PEER};

#[tokio::test]
async fn ur_02_no_final_reply_is_no_success_and_nothing_is_sent_twice() {
    for kind in KINDS {
        for skip in [0, 1] {
            let fault = Fault::at(Stage::End).skip(skip).once().silent().close();
            let world = one_upstream(move |pki| kind.settings(pki).with_fault(fault))
                .start()
                .await;
            let mut client = world.plain(PEER).await;
            for _before in 0..skip {
                assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
            }
            let (at, answer) = attempt(&mut client, FROM_A, SMALL).await;
            assert_eq!(at, At::End);
            answer.is("451 4.4.2");
            client.quit().await;
            let messages = world.messages(0, skip + 1).await;
            let unanswered = |outcome: &Outcome| *outcome == Outcome::Unanswered;
            let lost = messages.iter().filter(|record| unanswered(&record.outcome));
            assert_eq!(lost.count(), 1, "{kind:?}");
            assert_eq!(world.journal(0).totals().mails, skip + 1, "{kind:?}");
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn ur_02_a_connection_that_dies_after_mail_was_answered_is_never_replaced() {
    for (stage, at) in [(Stage::Rcpt, At::Rcpt), (Stage::Data, At::Data)] {
        for reset in [false, true] {
            let fault = Fault::at(stage).skip(1).once().silent();
            let fault = if reset { fault.reset() } else { fault.close() };
            let world = one_upstream(move |pki| Kind::Data.settings(pki).with_fault(fault))
                .start()
                .await;
            let mut client = world.plain(PEER).await;
            assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
            let (where_, answer) = attempt(&mut client, FROM_A, SMALL).await;
            assert_eq!(where_, at, "{answer:?}");
            answer.is("451 4.4.2");
            assert_eq!(world.journal(0).totals().mails, 2, "{stage:?}");
            assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
            client.quit().await;
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn ur_03_an_upstream_that_never_answers_the_end_of_data() {
    for kind in KINDS {
        let fault = Fault::at(Stage::End).once().silent().hang();
        let world = one_upstream(move |pki| kind.settings(pki).with_fault(fault))
            .timeouts("upstream_end = \"300ms\"")
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        let began = Instant::now();
        let (at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(at, At::End);
        answer.is("451 4.4.2");
        assert!(began.elapsed() >= Duration::from_millis(300));
        assert!(began.elapsed() < Duration::from_secs(3));
        assert_eq!(world.journal(0).totals().mails, 1);
        assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
        client.quit().await;
        assert_eq!(world.upstream_connections(), 2);
        stop_with_a_hung_upstream(world).await;
    }
}

#[tokio::test]
async fn ur_03_an_upstream_that_never_answers_at_other_stages() {
    for (stage, timeouts) in [
        (Stage::Banner, "upstream_greeting = \"300ms\""),
        (Stage::Ehlo, "upstream_ehlo = \"300ms\""),
        (Stage::Starttls, "upstream_ehlo = \"300ms\""),
        (Stage::Handshake, "handshake = \"300ms\""),
        (Stage::Mail, "upstream_mail = \"300ms\""),
        (Stage::Rcpt, "upstream_rcpt = \"300ms\""),
        (Stage::Data, "upstream_data = \"300ms\""),
    ] {
        let fault = Fault::at(stage).once().silent().hang();
        let world = one_upstream(move |pki| Kind::Data.settings(pki).with_fault(fault))
            .timeouts(timeouts)
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        let began = Instant::now();
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 451, "{stage:?}: {answer:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "{stage:?}");
        assert_eq!(
            attempt(&mut client, FROM_A, SMALL).await.1.code,
            250,
            "{stage:?}"
        );
        client.quit().await;
        stop_with_a_hung_upstream(world).await;
    }
}

/// A hung upstream notices nothing: only our side is to be looked at.
async fn stop_with_a_hung_upstream(world: crate::world::World) {
    world.at_rest().await;
    assert_eq!(world.relay.load().panics, 0);
    world.relay.stop().await;
    for upstream in world.upstreams {
        upstream.stop().await;
    }
}

#[tokio::test]
async fn ur_04_a_yes_and_then_a_reset_is_a_yes_once() {
    for kind in KINDS {
        let fault = Fault::at(Stage::End)
            .once()
            .pause(Duration::from_millis(30))
            .reset();
        let world = one_upstream(move |pki| kind.settings(pki).with_fault(fault))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        answer.is("250 2.6.0");
        closed(&world, 1).await;
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{kind:?}: {answer:?}");
        client.quit().await;
        world.messages(0, 2).await;
        assert_eq!(world.upstream_connections(), 2, "{kind:?}");
        world.stop().await;
    }
}

/// Waits until the upstream has closed so many connections.
async fn closed(world: &crate::world::World, count: u64) {
    let closed = world
        .journal(0)
        .await_totals("closed connections", PATIENCE, |totals| {
            totals.connections - totals.open >= count
        });
    closed.await.unwrap();
}

#[tokio::test]
async fn ur_05_going_away_in_mid_transaction_is_a_temporary_failure() {
    for (stage, at) in [
        (Stage::Mail, At::Rcpt),
        (Stage::Rcpt, At::Rcpt),
        (Stage::Data, At::Data),
        (Stage::End, At::End),
    ] {
        let fault = Fault::at(stage)
            .once()
            .answer("421 4.3.2 going away\r\n")
            .close();
        let world = one_upstream(move |pki| Kind::Data.settings(pki).with_fault(fault))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        let (where_, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(where_, at, "{answer:?}");
        answer.is("451 4.3.2");
        assert_eq!(world.delivered(), 0);
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{stage:?}: {answer:?}");
        client.quit().await;
        assert_eq!(world.upstream_connections(), 2, "{stage:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_05_going_away_without_closing_discards_the_connection() {
    let fault = Fault::at(Stage::Rcpt)
        .once()
        .answer("421 4.3.2 going away\r\n");
    let world = one_upstream(|pki| Kind::Bdat.settings(pki).with_fault(fault))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    attempt(&mut client, FROM_A, SMALL).await.1.is("451 4.3.2");
    assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
    client.quit().await;
    assert_eq!(world.upstream_connections(), 2);
    world.stop().await;
}

#[tokio::test]
async fn ur_05_going_away_at_mail_on_a_kept_connection_is_not_seen() {
    let fault = Fault::at(Stage::Mail)
        .skip(1)
        .once()
        .answer("421 4.4.2 idle for too long\r\n")
        .close();
    let world = one_upstream(|pki| Kind::Bdat.settings(pki).with_fault(fault))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    for _message in 0..3 {
        assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
    }
    client.quit().await;
    world.messages(0, 3).await;
    assert_eq!(world.upstream_connections(), 2);
    world.stop().await;
}

#[tokio::test]
async fn ur_07_an_unreachable_upstream_is_a_temporary_failure_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    for (address, wanted) in [
        (format!("localhost:{nobody}"), "451 4.4.1"),
        ("no-such-host.invalid:25".to_owned(), "451 4.4.3"),
        // Documentation addresses (RFC 5737): no route, or no answer.
        ("192.0.2.1:25".to_owned(), "451 4.4.1"),
        (
            format!("localhost:{}", silent.local_addr().unwrap().port()),
            "451 4.4.2",
        ),
    ] {
        let timeouts = "upstream_connect = \"400ms\"\nupstream_greeting = \"400ms\"";
        let plan = one_upstream(|pki| pki.upstream()).timeouts(timeouts);
        let mut world = plan.start().await;
        let good = format!("localhost:{}", world.upstreams[0].address().port());
        let config = world.config.replace(&good, &address);
        world.reload(&config).unwrap();
        let mut client = world.plain(PEER).await;
        let began = Instant::now();
        let (at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(at, At::Rcpt);
        answer.is(wanted);
        assert!(began.elapsed() < Duration::from_secs(4), "{address}");
        // And with a second upstream of the same tenant there is no failure at all.
        let both = format!("upstream = [\"{address}\", \"{good}\"]");
        let config = config.replace(&format!("upstream = \"{address}\""), &both);
        world.reload(&config).unwrap();
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        assert_eq!(answer.code, 250, "{address}: {answer:?}");
        client.quit().await;
        world.messages(0, 1).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_07_once_the_transaction_has_begun_the_next_upstream_is_not_tried() {
    let fault = Fault::at(Stage::Mail).silent().close();
    let plan = one_upstream(|pki| Kind::Bdat.settings(pki).with_fault(fault));
    let world = with_spare(plan.starttls_upstream()).await;
    let mut client = world.plain(PEER).await;
    attempt(&mut client, FROM_A, SMALL).await.1.is("451 4.4.2");
    client.quit().await;
    assert_eq!(world.journal(1).totals().connections, 0);
    world.stop().await;
}

#[tokio::test]
async fn ur_10_a_late_reply_on_a_kept_connection_discards_it() {
    for (pause, late) in [
        (Duration::ZERO, "250 2.6.0 late\r\n"),
        (Duration::from_millis(30), "250 2.6.0 late\r\n"),
        (Duration::from_millis(30), "421 4.4.2 idle for too long\r\n"),
        (Duration::from_millis(30), "2"),
    ] {
        let fault = Fault::at(Stage::End).once().pause(pause).inject(late);
        let world = one_upstream(move |pki| Kind::Bdat.settings(pki).with_fault(fault))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
        // Nobody announces that the late octets have arrived.
        tokio::time::sleep(pause * 3).await;
        let (_at, answer) = attempt(&mut client, FROM_A, SMALL).await;
        answer.is("250 2.6.0");
        assert!(!answer.text().contains("late"), "{answer:?}");
        client.quit().await;
        assert_eq!(world.upstream_connections(), 2, "{late:?} after {pause:?}");
        world.messages(0, 2).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn ur_10_an_upstream_that_closed_an_idle_connection_is_connected_anew() {
    let fault = Fault::at(Stage::End)
        .pause(Duration::from_millis(10))
        .close();
    let world = one_upstream(|pki| Kind::Bdat.settings(pki).with_fault(fault))
        .start()
        .await;
    let mut client = world.plain(PEER).await;
    for message in 1..=3 {
        assert_eq!(attempt(&mut client, FROM_A, SMALL).await.1.code, 250);
        closed(&world, message).await;
    }
    client.quit().await;
    world.messages(0, 3).await;
    assert_eq!(world.upstream_connections(), 3);
    world.stop().await;
}

#[tokio::test]
async fn ur_11_a_client_that_vanishes_in_the_content_leaves_no_truncated_message() {
    for kind in KINDS {
        for chunks in [false, true] {
            for reset in [false, true] {
                let world = one_upstream(move |pki| kind.settings(pki)).start().await;
                let mut client = world.plain(PEER).await;
                client.says("MAIL FROM:<u@tenant-a.example>", 250).await;
                client.says("RCPT TO:<x@elsewhere.example>", 250).await;
                let content = large(300_000);
                let part = &content[..200_000];
                if chunks {
                    // One chunk that is whole, and one that never becomes so.
                    client.send("BDAT 100000\r\n").await;
                    client.send(&part[..100_000]).await;
                    client.expect(250).await;
                    client.send("BDAT 150000 LAST\r\n").await;
                    client.send(&part[100_000..]).await;
                } else {
                    client.says("DATA", 354).await;
                    client.send(part).await;
                }
                if reset {
                    client.reset()
                } else {
                    client.vanish()
                }
                let gone = world
                    .journal(0)
                    .await_totals("broken off", PATIENCE, |totals| {
                        totals.truncated == 1 && totals.open == 0
                    });
                let totals = gone.await.unwrap();
                assert_eq!(
                    totals.delivered + totals.refused,
                    0,
                    "{kind:?} {chunks} {reset}"
                );
                world.is_alive().await;
                world.stop().await;
            }
        }
    }
}

#[tokio::test]
async fn ur_11_a_client_that_vanishes_early_in_the_content_leaves_nothing_at_all() {
    for kind in KINDS {
        let world = one_upstream(move |pki| kind.settings(pki)).start().await;
        let mut client = world.plain(PEER).await;
        client.open(FROM_A).await;
        client
            .send("Subject: never finished\r\n\r\nto be contin")
            .await;
        client.vanish();
        world.at_rest().await;
        world.is_alive().await;
        let records = world.journal(0).records();
        assert_eq!(records.len(), 1, "{kind:?}");
        assert_eq!(records[0].sender(), "probe@tenant-a.example");
        world.stop().await;
    }
}
