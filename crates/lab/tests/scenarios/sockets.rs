//! Every scenario over SMTP, with the very certificates that it makes.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tenantry_lab::events::Change;
use tenantry_lab::journal::Record;
use tenantry_lab::reply::Answer;
use tenantry_lab::scenario::{Expected, Folder, Message, Scenario, When};
use tenantry_lab::service::{LabService, ServiceOptions};
use tenantry_lab::world::Region;

use crate::client::{Answers, Delivery};
use crate::{load, plan};

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_comes_true_over_smtp() {
    for scenario in Scenario::all().unwrap() {
        // Where Tenantry stands in front, its own certificates matter: that is the program's test.
        if scenario.tenantry.is_none() {
            play(scenario.with_tenants(1)).await;
        }
    }
}

async fn play(scenario: Scenario) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("box");
    let made = Folder::create(&path, &plan(scenario.clone())).unwrap();
    let mut lab = load(&path);
    for endpoint in &mut lab.endpoints {
        endpoint.address.set_port(0);
    }
    let service = LabService::start(lab, ServiceOptions::default())
        .await
        .unwrap();
    let mut stand = Stand {
        service,
        path: &path,
        made: &made,
        scenario: &scenario,
        records: 0,
    };
    for message in of(&scenario, When::Before) {
        stand.deliver(message).await;
    }
    for event in &scenario.events {
        let change: Change = event.parse().unwrap();
        stand.service.apply(&change).unwrap();
    }
    for message in of(&scenario, When::After) {
        stand.deliver(message).await;
    }
    stand.service.stop().await;
}

fn of(scenario: &Scenario, when: When) -> impl Iterator<Item = &Message> {
    let messages = scenario.messages.iter();
    messages.filter(move |message| message.when == when)
}

struct Stand<'a> {
    service: LabService,
    path: &'a Path,
    made: &'a Folder,
    scenario: &'a Scenario,
    /// How many the journal had before.
    records: u64,
}

impl Stand<'_> {
    async fn deliver(&mut self, message: &Message) {
        let stem = message.certificate.as_ref();
        let stem = stem.map(|file| self.path.join("pki/clients").join(file));
        let pki = self.path.join("pki");
        let region = Region::new(message.region.as_ref().unwrap());
        let received = "Received: from somewhere by somewhere\r\n";
        let received = received.repeat(usize::try_from(message.received).unwrap());
        let delivery = Delivery {
            from: self.played(message.ip.unwrap()),
            to: self.service.address(&region).unwrap(),
            name: SERVICE,
            tls: message.tls.then_some(pki.as_path()),
            certificate: stem.as_deref(),
            mail_from: &message.mail_from,
            rcpt_to: &message.rcpt_to,
            content: &format!("{received}Subject: {}\r\n\r\nA sample.", message.id),
        };
        let answers = delivery.send().await;
        let here = format!("{}, message {}", self.scenario.name, message.id);
        compare(&here, &answers, &message.expect);
        let before = usize::try_from(self.records).unwrap();
        let journal = self.service.journal();
        let records = journal.wait_for(self.records + 1, SOON).await.unwrap();
        self.records = u64::try_from(records.len()).unwrap();
        let content = answers.content;
        let accepted = content.is_some_and(|reply| reply.starts_with("250"));
        let taken = message.expect.iter();
        let taken = taken.filter(|expected| expected.answer() == Some(Answer::Accepted));
        for expected in taken.filter(|_| accepted) {
            let mut new = records.iter().skip(before);
            let found = new.any(|record| record.accepted && is(record, expected));
            assert!(found, "{here}: no record of {expected:?}");
        }
    }

    /// The loopback address that plays another.
    fn played(&self, ip: IpAddr) -> IpAddr {
        let mut players = self.made.layout.addresses.iter();
        players.find(|(_, taken_as)| *taken_as == ip).unwrap().0
    }
}

/// A refusal comes at RCPT, or for the whole message at its end.
fn compare(here: &str, answers: &Answers, expected: &[Expected]) {
    let mut at_the_end = None;
    for (given, expected) in answers.recipients.iter().zip(expected) {
        let answer = expected.answer().unwrap();
        if given.starts_with("250 ") {
            if answer != Answer::Accepted {
                at_the_end.get_or_insert(answer);
            }
        } else {
            begins(here, given, answer);
        }
    }
    match (&answers.content, at_the_end) {
        (Some(given), Some(answer)) => begins(here, given, answer),
        (Some(given), None) => assert!(given.starts_with("250 2.6.0"), "{here}: {given}"),
        (None, at_the_end) => assert_eq!(at_the_end, None, "{here}"),
    }
}

fn begins(here: &str, given: &str, answer: Answer) {
    let text = answer.text().split("[ip]").next().unwrap();
    assert!(given.starts_with(text), "{here}: {given}, not {text}");
}

fn is(record: &Record, expected: &Expected) -> bool {
    let tenant = record.tenant().map(|tenant| tenant.name.clone());
    let connector = record.connector().map(|connector| connector.name.clone());
    tenant == expected.tenant
        && record.direction.as_str() == expected.direction
        && record.basis.as_str() == expected.basis
        && (connector == expected.connector || expected.connector.as_deref() == Some("*"))
}

const SERVICE: &str = "mail.protection.outlook.com";
const SOON: Duration = Duration::from_secs(20);
