//! What Exim and Postfix make of the lab's refusals: bounces that say why. They travel through the
//! same lab, to the sender's own tenant (`exchange-online.md` section 1.8: a null sender may come in,
//! if not go out).

use crate::dialogue::Dialogue;
use crate::exim::Exim;
use crate::lab::{Lab, strings};
use crate::lab_postfix;
use crate::lab_refuses::{FROM, Presented, RELAY_DENIED, STAGES, external, start};
use crate::lab_world::LabWorld;
use crate::message::Message;

#[test]
fn exim_bounces_with_the_reason() {
    let to = external();
    for stage in STAGES {
        for presented in Presented::ALL {
            let world = LabWorld::new();
            let lab = start(&world, stage);
            let files = presented.files(&world);
            let folder = world.path().join("exim");
            let exim = Exim::new(&folder, lab.europe(), &world.authority, files.as_ref());
            exim.send(FROM, &to, &Message::new(0, FROM, &to, 5_000));
            presented.check(&lab.record(), &to[0]);
            check_bounce(&lab, stage);
            assert_eq!(exim.queued(), 0, "{}", exim.log());
            assert!(exim.log().contains(RELAY_DENIED), "{}", exim.log());
        }
    }
}

#[test]
fn postfix_bounces_with_the_reason() {
    let to = external();
    for stage in STAGES {
        for presented in Presented::ALL {
            let world = LabWorld::new();
            let lab = start(&world, stage);
            let settings = presented
                .files(&world)
                .map(|files| lab_postfix::own_certificate(&files));
            let postfix =
                lab_postfix::start(&world, lab.europe(), &[], &settings.unwrap_or_default());
            let message = Message::new(0, FROM, &to, 5_000);
            Dialogue::greeted(postfix.address).deliver(FROM, &to, &message.content);
            presented.check(&lab.record(), &to[0]);
            check_bounce(&lab, stage);
            lab_postfix::await_log(&postfix, RELAY_DENIED);
        }
    }
}

/// A recipient of the sender's own tenant beside one elsewhere: at RCPT only the other is refused,
/// at the end of data both are.
#[test]
fn exim_bounces_what_was_refused_and_nothing_else() {
    for stage in STAGES {
        let world = LabWorld::new();
        let lab = start(&world, stage);
        let folder = world.path().join("exim");
        let exim = Exim::new(&folder, lab.europe(), &world.authority, None);
        let to = of_both_kinds();
        exim.send(FROM, &to, &Message::new(0, FROM, &to, 5_000));
        check_partial(&lab, stage);
        assert_eq!(exim.queued(), 0, "{}", exim.log());
    }
}

#[test]
fn postfix_bounces_what_was_refused_and_nothing_else() {
    for stage in STAGES {
        let world = LabWorld::new();
        let lab = start(&world, stage);
        let postfix = lab_postfix::start(&world, lab.europe(), &[], "");
        let to = of_both_kinds();
        let message = Message::new(0, FROM, &to, 5_000);
        Dialogue::greeted(postfix.address).deliver(FROM, &to, &message.content);
        check_partial(&lab, stage);
    }
}

const COLLEAGUE: &str = "colleague@contoso.example";

fn of_both_kinds() -> Vec<String> {
    [vec![COLLEAGUE.to_owned()], external()].concat()
}

fn check_partial(lab: &Lab, stage: &str) {
    let records = lab.records_until_bounce();
    let taken: Vec<&str> = records
        .iter()
        .filter(|record| record["accepted"] == true)
        .flat_map(|record| strings(&record["rcpt_to"]))
        .collect();
    let mail = lab.mail("contoso");
    let bounce = mail
        .iter()
        .map(|file| String::from_utf8_lossy(file))
        .find(|text| text.contains(RELAY_DENIED))
        .unwrap_or_else(|| panic!("{stage}: no bounce among {records:#?}"));
    let mut failed: Vec<&str> = bounce
        .lines()
        .filter_map(|line| line.strip_prefix("Final-Recipient: rfc822;"))
        .map(str::trim)
        .collect();
    failed.sort_unstable();
    let to = external();
    let elsewhere = to[0].as_str();
    if stage == "rcpt" {
        assert_eq!(taken, [COLLEAGUE, FROM], "{records:#?}");
        assert_eq!(failed, [elsewhere], "{bounce}");
    } else {
        assert_eq!(taken, [FROM], "{records:#?}");
        assert_eq!(failed, [COLLEAGUE, elsewhere], "{bounce}");
    }
    lab.expect_silence();
}

/// The next record is the bounce, and its file has the reason.
fn check_bounce(lab: &Lab, stage: &str) {
    let record = lab.record();
    assert_eq!(record["accepted"], true, "{stage}: {record:#}");
    assert_eq!(record["mail_from"], "", "{stage}: {record:#}");
    assert_eq!(strings(&record["rcpt_to"]), [FROM], "{stage}: {record:#}");
    assert_eq!(record["tenant"], "contoso", "{stage}: {record:#}");
    assert_eq!(record["direction"], "incoming", "{stage}: {record:#}");
    assert_eq!(record["basis"], "recipient", "{stage}: {record:#}");
    let mail = lab.mail("contoso");
    let [file] = mail.as_slice() else {
        panic!("{stage}: {} bounces", mail.len());
    };
    // Both programs fold long lines.
    let text = String::from_utf8_lossy(file);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains(&format!("550 {RELAY_DENIED}"))
            || text.contains(&format!("550-{RELAY_DENIED}")),
        "{stage}: {text}"
    );
    lab.expect_silence();
}
