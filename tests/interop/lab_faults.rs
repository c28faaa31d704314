//! Real senders against a lab that goes wrong at every stage in turn, once each: they try again, and
//! lose nothing.

use serde_json::Value;

use crate::dialogue::Dialogue;
use crate::exim::Exim;
use crate::lab::Attributed;
use crate::lab_postfix;
use crate::lab_world::{ADDRESS, ELSEWHERE, LabWorld};
use crate::message::Message;

const FROM: &str = "someone@contoso.example";

/// Each occurs once. A sender that gets past one meets the next at its next attempt, until the last
/// is nothing but slow.
const FAULTS: &str = r#"
[[fault]]
stage = "connect"
action = "drop"
times = 1

[[fault]]
stage = "greeting"
reply = "server-busy"
times = 1

[[fault]]
stage = "ehlo"
action = "reset"
times = 1

[[fault]]
stage = "starttls"
action = "bad-tls"
times = 1

[[fault]]
stage = "starttls"
action = "expired-certificate"
after = 1
times = 1

[[fault]]
stage = "mail"
reply = "try-again-later"
times = 1

[[fault]]
stage = "rcpt"
reply = "451 4.3.2 Not now"
times = 1

[[fault]]
stage = "data"
action = "half-close"
times = 1

[[fault]]
stage = "end-of-data"
reply = "temporary-attr55"
times = 1

[[fault]]
stage = "end-of-data"
action = "drop"
after = 1
times = 1

[[fault]]
stage = "end-of-data"
action = "close-after-dot"
after = 2
times = 1

[[fault]]
stage = "end-of-data"
action = "late-reply"
after = 3
delay = "1s"
tarpit = "1ms"
"#;

/// How many of them cost an attempt.
const ATTEMPTS_LOST: usize = 11;

#[test]
fn exim_gets_a_message_past_every_fault() {
    let world = LabWorld::new();
    let lab = world.start_with_faults(FAULTS);
    let contoso = world.tenant("contoso");
    let exim = Exim::new(
        &world.path().join("exim"),
        lab.europe(),
        &world.authority,
        Some(&contoso.certificate),
    );
    let to = vec![format!("someone@{ELSEWHERE}")];
    let message = Message::new(0, FROM, &to, 50_000);
    exim.send(FROM, &to, &message);
    for _attempt in 0..ATTEMPTS_LOST {
        exim.run_queue();
    }
    let log = exim.log();
    assert_eq!(exim.queued(), 0, "{log}");
    assert_eq!(log.matches(" == ").count(), ATTEMPTS_LOST, "{log}");
    check(&world, &message, &to, &lab.records_until_answered());
    lab.expect_silence();
}

#[test]
fn postfix_gets_a_message_past_every_fault() {
    let world = LabWorld::new();
    let lab = world.start_with_faults(FAULTS);
    let settings = lab_postfix::own_certificate(&world.tenant("contoso").certificate);
    let postfix = lab_postfix::start(&world, lab.europe(), &[], &settings);
    let to = vec![format!("someone@{ELSEWHERE}")];
    let message = Message::new(0, FROM, &to, 50_000);
    Dialogue::greeted(postfix.address).deliver(FROM, &to, &message.content);
    check(&world, &message, &to, &lab.records_until_answered());
    lab_postfix::await_log(&postfix, "status=sent");
    let log = postfix.log();
    let lost = log.matches("status=deferred").count();
    assert_eq!(lost, ATTEMPTS_LOST, "{log}");
    lab.expect_silence();
}

/// It was taken twice: once when its sender could not hear so, and then for good.
fn check(world: &LabWorld, message: &Message, to: &[String], records: &[Value]) {
    let attributed = Attributed {
        tenant: world.tenant("contoso"),
        ip: ADDRESS,
        message,
        from: FROM,
        to,
        received: 1,
    };
    let (taken, refused): (Vec<&Value>, Vec<&Value>) = records
        .iter()
        .partition(|record| record["accepted"] == true);
    let [unheard, heard] = taken.as_slice() else {
        panic!("two records of what was taken, not {taken:#?}");
    };
    for record in [unheard, heard] {
        attributed.check_record(record);
    }
    assert_eq!(unheard["unanswered"], true, "{unheard:#}");
    assert_eq!(unheard["sha256"], heard["sha256"], "{heard:#}");
    let kept_off: Vec<(&str, Option<&str>)> = refused
        .iter()
        .map(|record| (record["fault"].as_str(), record["reply"].as_str()))
        .map(|(fault, reply)| (fault.expect("a fault"), reply))
        .collect();
    let faults: Vec<&str> = kept_off.iter().map(|(fault, _reply)| *fault).collect();
    let expected = [
        "mail reply",
        "rcpt reply",
        "data half-close",
        "end-of-data reply",
        "end-of-data drop",
    ];
    assert_eq!(faults, expected, "{kept_off:?}");
    let said = [
        Some("451 4.7.500"),
        Some("451 4.3.2 Not now"),
        None,
        Some("ATTR55"),
        None,
    ];
    for ((fault, reply), said) in kept_off.into_iter().zip(said) {
        match (reply, said) {
            (Some(reply), Some(said)) => assert!(reply.contains(said), "{fault}: {reply}"),
            (reply, said) => assert_eq!(reply, said, "{fault}"),
        }
    }
}
