//! Recipients in several regions, and endpoints of the wrong one: `exchange-online.md` section
//! 1.11, vectors 17 and 25 of section 1.17.

use serde_json::Value;

use crate::dialogue::Dialogue;
use crate::exim::Exim;
use crate::lab::{Lab, strings};
use crate::lab_postfix;
use crate::lab_world::LabWorld;
use crate::message::Message;
use crate::programs::{self, Sending, Tls};

const FROM: &str = "vendor@elsewhere.example";
const SEVERAL_REGIONS: &str = "452 4.5.3 Recipients belong to multiple regions ATTR38";
const WRONG_REGION: &str = "4.4.62 Mail sent to the wrong Office 365 region. ATTR35.";

/// Tailspin is in North America, and with In-Region Routing its mail is taken in Europe, too, once
/// it comes alone.
fn start(world: &LabWorld) -> Lab {
    let routing = "allowed_regions = [\"EUR\"]\norganization = { InRegionRoutingEnabled = true }";
    world.start("", &[("tailspin", routing)])
}

fn of_two_regions() -> Vec<String> {
    ["first@contoso.example", "second@tailspin.example"]
        .map(str::to_owned)
        .to_vec()
}

/// What was taken, in order: tenant and recipients. All of it came by recipient.
fn taken(records: &[Value]) -> Vec<(&str, Vec<&str>)> {
    let accepted = records.iter().filter(|record| record["accepted"] == true);
    accepted
        .map(|record| {
            assert_eq!(record["direction"], "incoming", "{record:#}");
            assert_eq!(record["basis"], "recipient", "{record:#}");
            let tenant = record["tenant"].as_str().expect("a tenant");
            (tenant, strings(&record["rcpt_to"]))
        })
        .collect()
}

const TAKEN: [(&str, [&str; 1]); 2] = [
    ("contoso", ["first@contoso.example"]),
    ("tailspin", ["second@tailspin.example"]),
];

fn expect_both(records: &[Value]) {
    let wanted: Vec<_> = TAKEN.map(|(tenant, to)| (tenant, to.to_vec())).to_vec();
    assert_eq!(taken(records), wanted, "{records:#?}");
    let refused: Vec<_> = records
        .iter()
        .filter(|record| record["accepted"] == false)
        .collect();
    let [refused] = refused.as_slice() else {
        panic!("one refusal, not {refused:#?}");
    };
    let reply = refused["reply"].as_str().expect("a reply");
    assert!(reply.starts_with(SEVERAL_REGIONS), "{reply}");
}

/// Postfix delivers the first recipient, defers the second, and delivers it from its queue.
#[test]
fn postfix_sends_the_recipient_of_another_region_again() {
    let world = LabWorld::new();
    let lab = start(&world);
    let postfix = lab_postfix::start(&world, lab.europe(), &[], "");
    let to = of_two_regions();
    let message = Message::new(0, FROM, &to, 5_000);
    Dialogue::greeted(postfix.address).deliver(FROM, &to, &message.content);
    let records = lab.records(3);
    expect_both(&records);
    lab_postfix::await_log(&postfix, "to=<second@tailspin.example>, ");
    let log = postfix.log();
    assert!(log.contains(SEVERAL_REGIONS), "{log}");
    assert!(!log.contains("status=bounced"), "{log}");
    lab.expect_silence();
}

/// So does Exim, at its next queue run.
#[test]
fn exim_sends_the_recipient_of_another_region_again() {
    let world = LabWorld::new();
    let lab = start(&world);
    let exim = Exim::new(
        &world.path().join("exim"),
        lab.europe(),
        &world.authority,
        None,
    );
    let to = of_two_regions();
    exim.send(FROM, &to, &Message::new(0, FROM, &to, 5_000));
    let mut records = lab.records(2);
    assert_eq!(exim.queued(), 1, "{}", exim.log());
    assert!(exim.log().contains(SEVERAL_REGIONS), "{}", exim.log());
    exim.run_queue();
    records.push(lab.record());
    expect_both(&records);
    assert_eq!(exim.queued(), 0, "{}", exim.log());
    lab.expect_silence();
}

/// Without In-Region Routing it does not help to come again: that needs a route of its own to the
/// other region.
#[test]
fn exim_keeps_the_recipient_of_another_region_that_has_no_routing() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    let folder = world.path().join("exim");
    let exim = Exim::new(&folder, lab.europe(), &world.authority, None);
    let to = of_two_regions();
    exim.send(FROM, &to, &Message::new(0, FROM, &to, 5_000));
    let records = lab.records(2);
    assert_eq!(
        taken(&records),
        [("contoso", vec!["first@contoso.example"])]
    );
    exim.run_queue();
    let record = lab.record();
    let reply = record["reply"].as_str().expect("a reply");
    assert!(reply.contains(WRONG_REGION), "{reply}");
    assert_eq!(exim.queued(), 1, "{}", exim.log());
    lab.expect_silence();
}

#[test]
fn the_wrong_region_is_told_to_every_client() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    let to = vec!["first@contoso.example".to_owned()];
    for client in [
        programs::swaks,
        programs::curl,
        programs::msmtp,
        programs::smtplib,
        programs::nodemailer,
    ] {
        let outcome = client(&Sending {
            address: lab.america(),
            tls: Tls::Starttls,
            certificate: None,
            authority: &world.authority,
            from: FROM,
            to: &to,
            message: &Message::new(0, FROM, &to, 5_000),
            folder: world.path(),
        });
        assert!(
            !outcome.succeeded && outcome.text.contains(WRONG_REGION),
            "{}",
            outcome.text
        );
        let record = lab.record();
        assert_eq!(record["accepted"], false, "{record:#}");
        assert_eq!(record["region"], "NAM", "{record:#}");
    }
    lab.expect_silence();
}

/// It is a transient refusal, so the message stays where it is until somebody corrects the route.
#[test]
fn exim_and_postfix_keep_what_was_sent_to_the_wrong_region() {
    let world = LabWorld::new();
    let lab = world.start("", &[]);
    let to = vec!["first@contoso.example".to_owned()];
    let message = Message::new(0, FROM, &to, 5_000);
    let folder = world.path().join("exim");
    let exim = Exim::new(&folder, lab.america(), &world.authority, None);
    exim.send(FROM, &to, &message);
    assert_eq!(exim.queued(), 1, "{}", exim.log());
    assert!(exim.log().contains(WRONG_REGION), "{}", exim.log());

    let postfix = lab_postfix::start(&world, lab.america(), &[], "");
    Dialogue::greeted(postfix.address).deliver(FROM, &to, &message.content);
    lab_postfix::await_log(&postfix, WRONG_REGION);
    assert_eq!(postfix.queued(), 1, "{}", postfix.log());
    for record in lab.records(2) {
        assert_eq!(record["accepted"], false, "{record:#}");
    }

    // The same message on the right endpoint.
    let folder = world.path().join("exim-corrected");
    let exim = Exim::new(&folder, lab.europe(), &world.authority, None);
    exim.send(FROM, &to, &message);
    assert_eq!(exim.queued(), 0, "{}", exim.log());
}
