//! Runs against a recording upstream: what arrives is what the plan says, and what is counted is
//! what arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use tenantry_lab::upstream::{
    ClientCertificates, Record, RecordingUpstream, Stray, UpstreamSettings, Via,
};
use tenantry_load::id::MessageId;
use tenantry_load::plan::{Overrides, Plan};
use tenantry_load::result::{At, Outcome, Phase};
use tenantry_load::run::{Goal, Run, RunError};

use crate::bench::{Bench, WAIT, run, run_for};

fn arrived(bench: &Bench, upstream: &RecordingUpstream, count: u64) -> Vec<Arc<Record>> {
    let journal = upstream.journal();
    bench
        .runtime
        .block_on(journal.await_messages(count, WAIT))
        .unwrap()
}

fn id(record: &Record) -> MessageId {
    let texts = [record.mail.as_str(), record.recipients[0].as_str()];
    texts.into_iter().find_map(MessageId::find).unwrap()
}

#[test]
fn a_closed_loop_sends_so_many_messages_over_so_many_connections() {
    let bench = Bench::new(4);
    let upstream = bench.upstream(bench.settings());
    let outcome = run(bench.plan(&upstream, "[pace]\nconnections = 4\nmessages = 100\n"));
    let records = arrived(&bench, &upstream, 100);
    assert_eq!(records.len(), 100);
    assert_eq!(outcome.totals.accepted, 100);
    assert_eq!(outcome.totals.sent, 100);
    assert_eq!(outcome.totals.connections, 4);
    assert_eq!(outcome.totals.tls_full, 4);
    assert_eq!(outcome.phase(Phase::Latency).unwrap().count(), 100);
    assert_eq!(outcome.phase(Phase::TlsFull).unwrap().count(), 4);
    assert_eq!(outcome.phase(Phase::Greeting).unwrap().count(), 4);
    assert_eq!(outcome.phase(Phase::Ehlo).unwrap().count(), 8);
    assert_eq!(outcome.phase(Phase::Starttls).unwrap().count(), 4);
    let octets: u64 = records.iter().map(|record| record.size).sum();
    assert_eq!(outcome.totals.octets, octets);
    assert_eq!(octets, 100 * 2_048);
    let row = &outcome.replies[0];
    assert_eq!((row.at, row.code, row.count), (At::Content, 250, 100));
    assert_eq!(outcome.replies.len(), 1);
    // Uniform: with four connections every one of four tenants has one.
    let rows: BTreeMap<_, _> = outcome
        .tenants
        .iter()
        .map(|row| (row.name.clone().unwrap(), row.accepted))
        .collect();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for record in &records {
        *seen.entry(record.tenant().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(rows, seen);
    assert_eq!(rows.len(), 4);
    let numbers: BTreeSet<u64> = records.iter().map(|record| id(record).number).collect();
    assert_eq!(numbers, (0..100).collect());
}

#[test]
fn every_kind_of_evidence_is_what_it_says() {
    let bench = Bench::new(3);
    let upstream = bench.upstream(bench.settings());
    let more = "[evidence]\ncertificate = 1\nsender = 1\nrecipient = 1\nunattributable = 1\nconflicting = 1\n\
                [session]\nmessages_per_connection = 5\n[pace]\nconnections = 3\nmessages = 300\n";
    let outcome = run(bench.plan(&upstream, more));
    assert_eq!(
        outcome.totals.accepted, 300,
        "{:?} {:?}",
        outcome.replies, outcome.errors
    );
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for record in arrived(&bench, &upstream, 300) {
        let intended = id(&record)
            .tenant
            .map(|tenant| &bench.pki.tenants[tenant as usize]);
        let certificate = record.tenant();
        let sender = record
            .sender()
            .rsplit_once('@')
            .map(|(_, domain)| domain.to_owned());
        let recipients = record.recipient_addresses();
        let recipient = recipients[0].rsplit_once('@').unwrap().1;
        let kind = match (intended, certificate, sender.as_deref()) {
            (Some(tenant), Some(own), Some(domain)) if own == tenant.tenant => {
                match domain == tenant.domain {
                    true => "certificate",
                    false => "conflicting",
                }
            }
            (Some(tenant), None, Some(domain)) if domain == tenant.domain => "sender",
            (Some(tenant), None, None) if recipient == tenant.domain => "recipient",
            (None, None, Some("sender.test")) if recipient == "recipient.test" => "unattributable",
            other => panic!("{other:?} {recipient}"),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert!(
        kinds.values().all(|count| (25..110).contains(count)),
        "{kinds:?}"
    );
}

#[test]
fn an_open_loop_draws_the_same_evidence() {
    let bench = Bench::new(3);
    let upstream = bench.upstream(bench.settings());
    let more = "[evidence]\ncertificate = 2\nsender = 1\nconflicting = 1\n[mix]\ntenants = 'zipf'\n\
                [pace]\nloop = 'open'\nrate = 2000\narrivals = 'poisson'\nmessages = 400\n";
    let outcome = run(bench.plan(&upstream, more));
    assert_eq!(outcome.totals.intended, 400);
    assert_eq!(outcome.totals.accepted, 400);
    assert_eq!(outcome.phase(Phase::Wait).unwrap().count(), 400);
    let records = arrived(&bench, &upstream, 400);
    let of = |index: u32| {
        records
            .iter()
            .filter(|one| id(one).tenant == Some(index))
            .count()
    };
    assert!(of(0) > of(1) && of(1) > of(2) && of(2) > 0);
    for record in &records {
        if let Some(own) = record.tenant() {
            let tenant = id(record).tenant.unwrap() as usize;
            assert_eq!(own, bench.pki.tenants[tenant].tenant);
        }
    }
}

/// What was sent, without what tells runs and threads apart.
fn sequence(bench: &Bench, evidence: &str, pace: &str) -> Vec<(u64, Option<u32>, u64)> {
    let upstream = bench.upstream(bench.settings());
    let more = format!(
        "[evidence]\n{evidence}sender = 1\n[content]\nsizes = 'lognormal'\nmedian = '2KiB'\nmax = '20KiB'\n{pace}"
    );
    let outcome = run(bench.plan(&upstream, &more));
    assert_eq!(outcome.totals.accepted, 60);
    let records = arrived(bench, &upstream, 60);
    let of = |record: &Arc<Record>| (id(record).number, id(record).tenant, record.size);
    let mut sent: Vec<_> = records.iter().map(of).collect();
    sent.sort_unstable();
    sent
}

#[test]
fn the_same_seed_sends_the_same_messages() {
    let bench = Bench::new(5);
    let certificate = "certificate = 1\n";
    for (evidence, pace) in [
        (certificate, "[pace]\nconnections = 1\nmessages = 60\n"),
        (
            certificate,
            "[pace]\nloop = 'open'\nrate = 1000\nmessages = 60\n",
        ),
        // Whichever of several connections is the next to send.
        ("", "[pace]\nworkers = 2\nconnections = 4\nmessages = 60\n"),
    ] {
        let first = sequence(&bench, evidence, pace);
        assert_eq!(first, sequence(&bench, evidence, pace), "{pace}");
        let other = sequence(&bench, evidence, &format!("{pace}seed = 2\n"));
        assert_ne!(first, other, "{pace}");
    }
    // With certificates the connection says whose a message is, and the seed how large it is.
    let pace = "[pace]\nworkers = 2\nconnections = 4\nmessages = 60\n";
    let sizes = || {
        let sent = sequence(&bench, certificate, pace).into_iter();
        sent.map(|(number, _, size)| (number, size))
            .collect::<Vec<_>>()
    };
    assert_eq!(sizes(), sizes());
}

#[test]
fn every_way_to_speak_arrives() {
    let bench = Bench::new(1);
    let (server, authority) = bench.server();
    for (tls, session, content, via) in [
        ("off", "", "", Via::Data),
        ("starttls", "pipelining = false", "", Via::Data),
        ("implicit", "transfer = 'bdat'", "", Via::Bdat),
        (
            "starttls",
            "transfer = 'bdat'\npipelining = false",
            "size = '300KiB'",
            Via::Bdat,
        ),
        (
            "starttls",
            "transfer = 'bdat'",
            "size = '300KiB'",
            Via::Bdat,
        ),
        (
            "off",
            "messages_per_connection = 1",
            "size = '1MiB'",
            Via::Data,
        ),
    ] {
        let demand = ClientCertificates::Request;
        let settings = match tls {
            "off" => UpstreamSettings::plain(),
            "implicit" => UpstreamSettings::implicit(&server, &[&authority]).demanding(demand),
            _ => UpstreamSettings::starttls(&server, &[&authority]).demanding(demand),
        };
        let upstream = bench.upstream(settings);
        let more = format!(
            "[evidence]\nsender = 1\n[envelope]\nrecipients = 3\n[content]\n{content}\n[session]\n{session}\n\
             [pace]\nconnections = 2\nmessages = 6\n"
        );
        let outcome = run(bench.plan_for(&upstream.address().to_string(), tls, &more));
        assert_eq!(
            outcome.totals.accepted, 6,
            "{tls} {session}: {:?}",
            outcome.errors
        );
        assert_eq!(outcome.totals.recipients, 18);
        let expected = match content {
            "size = '1MiB'" => 1 << 20,
            "size = '300KiB'" => 300 << 10,
            _ => 2_048,
        };
        for record in arrived(&bench, &upstream, 6) {
            assert_eq!(record.via, via, "{tls} {session}");
            assert_eq!(record.size, expected);
            assert_eq!(record.recipients.len(), 3);
            assert_eq!(record.stray, Stray::default());
        }
    }
}

#[test]
fn versions_and_resumption_are_what_the_plan_says() {
    let bench = Bench::new(1);
    for (target, version, resumed) in [
        ("tls_versions = ['1.2']", "TLSv1.2", 19),
        ("tls_versions = ['1.3']", "TLSv1.3", 19),
        ("resumption = 0", "TLSv1.3", 0),
        ("resumption = 0.5", "TLSv1.3", 9),
    ] {
        let upstream = bench.upstream(bench.settings());
        let text = format!(
            "[target]\naddress = '{}'\n{target}\n[identities]\nfolder = 'pki'\n\
             [session]\nmessages_per_connection = 1\n[pace]\nworkers = 1\nconnections = 1\nmessages = 20\n",
            upstream.address()
        );
        let path = bench.path().join("plan.toml");
        let plan = Plan::read(&path, &text, &Overrides::default()).unwrap();
        let outcome = run(plan);
        assert_eq!(outcome.totals.accepted, 20);
        assert_eq!(outcome.totals.connections, 20);
        let records = arrived(&bench, &upstream, 20);
        let seen = records
            .iter()
            .filter(|one| one.connection.tls().unwrap().resumed)
            .count();
        assert_eq!(outcome.totals.tls_resumed, seen as u64);
        assert!(seen.abs_diff(resumed) <= 1, "{target}: {seen}");
        assert!(
            records
                .iter()
                .all(|one| one.connection.tls().unwrap().version == version)
        );
    }
}

#[test]
fn messages_of_a_folder_arrive_with_their_dots_and_one_more_field() {
    let bench = Bench::new(1);
    let folder = bench.path().join("messages");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.eml"), "Subject: a\n\n.\n..two\nend").unwrap();
    fs::write(folder.join("ignored.txt"), "x").unwrap();
    let upstream = bench.upstream(bench.settings().keeping_content());
    for transfer in ["data", "bdat"] {
        let more = format!(
            "[content]\nfolder = 'messages'\n[session]\ntransfer = '{transfer}'\n[pace]\nmessages = 1\n"
        );
        assert_eq!(run(bench.plan(&upstream, &more)).totals.accepted, 1);
    }
    for record in arrived(&bench, &upstream, 2) {
        let text = String::from_utf8(record.content.clone().unwrap().to_vec()).unwrap();
        let (field, rest) = text.split_once("\r\n").unwrap();
        assert!(field.starts_with("X-Tenantry-Load: tl-"), "{field}");
        assert_eq!(rest, "Subject: a\r\n\r\n.\r\n..two\r\nend\r\n");
    }
}

fn refused(plan: Plan) -> String {
    match Run::prepare(plan) {
        Ok(_) => panic!("the run was prepared"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_run_that_lacks_what_it_needs_is_refused_with_all_reasons() {
    let bench = Bench::new(1);
    let plan = |more: &str| bench.plan_for("127.0.0.1:1", "starttls", more);
    let what = refused(plan("[evidence]\nconflicting = 1\nuntrusted = 1\n"));
    assert!(what.contains("one tenant alone"), "{what}");
    assert!(what.contains("not trusted"), "{what}");
    let what = refused(plan(
        "[[tenant]]\nname = 'tenant-0001'\ndomain = 'x.test'\n",
    ));
    assert!(what.contains("two tenants have the name"), "{what}");
    let what = refused(plan("[content]\nfolder = 'nowhere'\n"));
    assert!(what.contains("nowhere"), "{what}");
    let what = refused(plan(
        "[envelope]\nsender = 'a@{domain}'\n[check]\njournal = 'j'\n",
    ));
    assert!(what.contains("no {id}"), "{what}");
    let weights = |weights: &str| {
        let mix = format!("[mix]\ntenants = 'weighted'\nweights = {{ {weights} }}\n");
        refused(plan(&mix))
    };
    let what = weights("tenant-001 = 2");
    let said = "there is no tenant \"tenant-001\"; what to do: did you mean \"tenant-0001\"?";
    assert!(what.contains(said), "{what}");
    let what = weights("tenant-0001 = 0");
    assert!(what.contains("no tenant that could come"), "{what}");
    let off = bench.plan_for("127.0.0.1:1", "off", "");
    assert!(refused(off).contains("without TLS"));
    let mut nowhere = plan("");
    nowhere.identities.folder = Some(bench.path().join("nowhere"));
    assert!(refused(nowhere).contains("nowhere"));
    let mut lost = plan("");
    lost.target.address = "host.invalid:25".to_owned();
    assert!(matches!(Run::prepare(lost), Err(RunError::Resolve { .. })));
}

#[test]
fn a_target_that_is_not_there_is_a_result_and_no_error() {
    let bench = Bench::new(1);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let more = "[pace]\nconnections = 2\nmessages = 4\n";
    let outcome = run(bench.plan_for(&address, "starttls", more));
    assert_eq!(outcome.totals.failed, 4);
    assert_eq!(outcome.totals.accepted, 0);
    assert_eq!(outcome.errors[0].kind, "connect");
    assert!((outcome.error_share() - 1.0).abs() < 1e-9);
}

#[test]
fn refusals_are_told_by_where_they_came() {
    let bench = Bench::new(1);
    let settings = bench.settings().demanding(ClientCertificates::Require);
    let upstream = bench.upstream(settings);
    let mut plan = bench.plan(
        &upstream,
        "[evidence]\nuntrusted = 1\n[pace]\nconnections = 1\nmessages = 5\n",
    );
    let (server, _) = bench.server();
    let files = server.write(bench.path(), "stranger").unwrap();
    plan.identities.untrusted = Some(tenantry_load::plan::KeyPair {
        certificate: files.certificate,
        key: files.key,
    });
    let outcome: Outcome = run(plan);
    let row = &outcome.replies[0];
    assert_eq!((row.at, row.count), (At::Mail, 5), "{:?}", outcome.replies);
    assert_eq!(row.code / 100, 5);
    assert_eq!(outcome.totals.refused, 5);
    assert_eq!(outcome.tenants.last().unwrap().name, None);
    assert_eq!(outcome.phase(Phase::Refused).unwrap().count(), 5);
}

#[test]
fn shards_together_send_what_one_would() {
    let bench = Bench::new(3);
    let upstream = bench.upstream(bench.settings());
    let mut plan = bench.plan(
        &upstream,
        "[pace]\nloop = 'open'\nrate = 1000\nmessages = 101\n",
    );
    let mut results = Vec::new();
    for index in 1..=2 {
        plan.shard = tenantry_load::plan::Shard { index, count: 2 };
        results.push(run(plan.clone()));
    }
    assert_eq!(results[0].totals.accepted, 51);
    assert_eq!(results[1].totals.accepted, 50);
    let numbers: BTreeSet<u64> = arrived(&bench, &upstream, 101)
        .iter()
        .map(|record| id(record).number)
        .collect();
    assert_eq!(numbers.len(), 101);
    let merged = Outcome::merge(&results).unwrap();
    assert_eq!(merged.totals.accepted, 101);
    assert_eq!(merged.phase(Phase::Latency).unwrap().count(), 101);
}

#[test]
fn a_shard_without_a_connection_is_refused() {
    let bench = Bench::new(1);
    for pace in ["", "loop = 'open'\n"] {
        let more = format!("[pace]\nconnections = 2\nmessages = 10\n{pace}");
        let mut plan = bench.plan_for("127.0.0.1:1", "starttls", &more);
        plan.shard = tenantry_load::plan::Shard { index: 3, count: 3 };
        let what = refused(plan);
        assert!(what.contains("shard 3/3 has none of 2"), "{what}");
    }
}

#[test]
fn the_search_for_the_knee_ends_at_the_most_it_may_try() {
    let bench = Bench::new(1);
    let upstream = bench.upstream(bench.settings());
    let more = "[pace]\nconnections = 8\n[knee]\nstart = 20\nmost = 40\ntrial = '300ms'\np99 = '20s'\nerrors = 0\n";
    let outcome = run_for(bench.plan(&upstream, more), Goal::FindKnee);
    let knee = outcome.knee.unwrap();
    assert_eq!(knee.rate, Some(40.0), "{:?}", knee.trials);
    assert!(knee.at_most);
}
