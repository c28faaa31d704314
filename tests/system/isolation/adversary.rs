//! F6: 200 tenants on one address, a third of all transactions hostile, reloads and resets under way.
//!
//! `TENANTRY_ADVERSARY_MESSAGES` says how many transactions.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tenantry_lab::pki::{Authority, CertificateSpec, Validity, self_signed};
use tenantry_lab::upstream::{Fault, Stage};
use tokio::task::JoinSet;

use super::{crossings, subject};
use crate::client::{Client, PEER, STRANGER, Tls};
use crate::world::{Plan, TenantPlan, World};

/// Tenants.
const TENANTS: usize = 200;

/// Transactions unless the environment says otherwise.
const TRANSACTIONS: usize = 4_000;

/// Sessions at once.
const WORKERS: usize = 8;

/// What a client tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// A peer, by sender.
    BySender,
    /// A stranger with the tenant's certificate, as somebody else.
    ByCertificate,
    /// A peer, no owner of the sender, by recipient, then another tenant's recipient.
    ByRecipient,
    /// A stranger without a certificate.
    Stranger,
    /// A certificate in the tenant's name that is worth nothing.
    BadCertificate,
    /// A certificate of two tenants.
    TwoTenants,
    /// A name that is nearly the tenant's.
    NearMiss,
    /// A transaction of one tenant dropped in the middle, then one of another.
    Abandons,
}

const ATTEMPTS: [Attempt; 12] = [
    Attempt::BySender,
    Attempt::Stranger,
    Attempt::ByCertificate,
    Attempt::BySender,
    Attempt::BadCertificate,
    Attempt::ByRecipient,
    Attempt::TwoTenants,
    Attempt::BySender,
    Attempt::NearMiss,
    Attempt::ByCertificate,
    Attempt::Abandons,
    Attempt::BySender,
];

fn name(tenant: usize) -> String {
    format!("t{}", tenant % TENANTS)
}

fn domain(tenant: usize) -> String {
    format!("tenant-{}.example", name(tenant))
}

async fn world() -> World {
    let reset = |stage| Fault::at(stage).once().reset();
    let mut plan = Plan::empty()
        .listener("plain", "tls = \"off\"")
        .listener("implicit", &format!("tls = \"implicit\"\n{}", crate::world::ASKING))
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
        )
        .limits("messages = 10000000\nconnections_per_source = 10000\nprotocol_errors = 1000\nnon_mail_commands = 100000")
        .upstream(move |pki| {
            let mut settings = pki.upstream().keeping_content();
            // About one command in a hundred is answered by a reset.
            for round in 0..40_u64 {
                for (stage, shift) in [(Stage::Mail, 13), (Stage::Rcpt, 47), (Stage::End, 71)] {
                    let nth = round * 97 + shift;
                    settings = settings.with_fault(reset(stage).skip(nth));
                }
            }
            settings
        });
    for tenant in 0..TENANTS {
        plan = plan.tenant(TenantPlan::owning(&name(tenant), 0));
    }
    plan.start().await
}

/// Certificates that clients present.
struct Wardrobe {
    good: Vec<Tls>,
    bad: Vec<Tls>,
    two: Vec<Tls>,
}

impl Wardrobe {
    fn new(world: &World) -> Self {
        let other = Authority::new("Authority of Clients").unwrap();
        let sample = (0..TENANTS).step_by(10);
        let bad = |tenant: usize| {
            let spec = CertificateSpec::client(&[&domain(tenant)]);
            let issued = match tenant % 4 {
                0 => self_signed(&spec),
                1 => other.issue(&spec),
                2 => world
                    .pki
                    .clients
                    .issue(&spec.with_validity(Validity::Expired)),
                _ => world.pki.servers.issue(&spec),
            };
            world.pki.with(&issued.unwrap())
        };
        Wardrobe {
            good: sample
                .clone()
                .map(|tenant| world.pki.client(&[&domain(tenant)]))
                .collect(),
            bad: (0..20).map(bad).collect(),
            two: sample
                .map(|tenant| world.pki.client(&[&domain(tenant), &domain(tenant + 1)]))
                .collect(),
        }
    }
}

/// One client's work.
#[derive(Clone)]
struct Worker {
    plain: SocketAddr,
    implicit: SocketAddr,
    wardrobe: Arc<Wardrobe>,
    accepted: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
}

impl Worker {
    async fn attempt(&self, client: &mut Client, number: usize) {
        let attempt = ATTEMPTS[number % ATTEMPTS.len()];
        let tenant = number * 31 + number / ATTEMPTS.len();
        let sender = format!("u@{}", domain(tenant));
        match attempt {
            Attempt::BySender => self.offer(client, &name(tenant), &sender, &[]).await,
            Attempt::ByCertificate => {
                let index = tenant % self.wardrobe.good.len();
                let mut client = self.dressed(STRANGER, &self.wardrobe.good[index]).await;
                self.offer(&mut client, &name(index * 10), &sender, &[])
                    .await;
                client.quit().await;
            }
            Attempt::ByRecipient => {
                let (own, others) = (domain(tenant), domain(tenant + 1));
                let recipients = [(own.as_str(), 250), (others.as_str(), 452)];
                self.offer(client, &name(tenant), "", &recipients).await;
            }
            Attempt::Stranger => {
                let mut stranger = Client::ehlo(STRANGER, self.plain).await;
                refused(&mut stranger, &sender).await;
                stranger.quit().await;
            }
            Attempt::BadCertificate => {
                let bad = &self.wardrobe.bad[tenant % self.wardrobe.bad.len()];
                let mut client = self.dressed(PEER, bad).await;
                refused(&mut client, &sender).await;
                client.vanish();
            }
            Attempt::TwoTenants => {
                let two = &self.wardrobe.two[tenant % self.wardrobe.two.len()];
                let mut client = self.dressed(PEER, two).await;
                refused(&mut client, &sender).await;
                client.quit().await;
            }
            Attempt::NearMiss => {
                let domain = domain(tenant);
                for near in [
                    format!("x{domain}"),
                    format!("{domain}.evil"),
                    "example".to_owned(),
                ] {
                    refused(client, &format!("u@{near}")).await;
                }
            }
            Attempt::Abandons => self.abandon(client, number, tenant).await,
        }
    }

    /// Leaves a transaction of one tenant in the middle, and goes on with another's.
    async fn abandon(&self, client: &mut Client, number: usize, tenant: usize) {
        let sender = format!("u@{}", domain(tenant));
        client.says(format!("MAIL FROM:<{sender}>"), 250).await;
        let _ = client.command("RCPT TO:<x@elsewhere.example>").await;
        let leave = ["RSET", "EHLO again.example"][number % 2];
        client.says(leave, 250).await;
        let other = tenant + 1;
        self.offer(client, &name(other), &format!("u@{}", domain(other)), &[])
            .await;
    }

    async fn dressed(&self, from: &str, tls: &Tls) -> Client {
        Client::implicit(from, self.implicit, tls).await
    }

    /// A message that is in order; the upstream may still reset the connection under it.
    async fn offer(&self, client: &mut Client, tenant: &str, sender: &str, to: &[(&str, u16)]) {
        client.says(format!("MAIL FROM:<{sender}>"), 250).await;
        let everywhere = [("elsewhere.example", 250)];
        let to = if to.is_empty() { &everywhere } else { to };
        let mut accepted = 0;
        for (domain, wanted) in to {
            let answer = client.command(format!("RCPT TO:<x@{domain}>")).await;
            assert!(
                [*wanted, 451].contains(&answer.code),
                "{tenant}, RCPT at {domain}: {answer:?}"
            );
            accepted += usize::from(answer.code == 250);
        }
        let data = client.command("DATA").await;
        if accepted == 0 || data.code != 354 {
            assert_ne!(data.code, 354);
            self.failed.fetch_add(1, Ordering::Relaxed);
            client.says("RSET", 250).await;
            return;
        }
        client.send(subject(tenant)).await;
        let counter = match client.answer().await.code {
            250 => &self.accepted,
            451 => &self.failed,
            code => panic!("{tenant}: {code} to the message"),
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A message that must not be taken by anybody.
async fn refused(client: &mut Client, sender: &str) {
    client.says(format!("MAIL FROM:<{sender}>"), 250).await;
    client
        .command("RCPT TO:<x@elsewhere.example>")
        .await
        .is("550 5.7.64");
    assert!(client.command("DATA").await.is_permanent());
    client.says("RSET", 250).await;
}

async fn all_workers(worker: Worker, transactions: usize) {
    let mut workers = JoinSet::new();
    for first in 0..WORKERS {
        let worker = worker.clone();
        workers.spawn(async move {
            let mut client = Client::ehlo(PEER, worker.plain).await;
            for number in (first..transactions).step_by(WORKERS) {
                worker.attempt(&mut client, number).await;
            }
            client.quit().await;
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f6_hostile_clients_resets_and_reloads_cross_no_tenants() {
    let mut world = world().await;
    let wanted = std::env::var("TENANTRY_ADVERSARY_MESSAGES").ok();
    let transactions = wanted.map_or(TRANSACTIONS, |wanted| wanted.parse().unwrap());
    let identities: HashMap<String, String> = (0..TENANTS)
        .map(|tenant| (name(tenant), world.identity(&name(tenant))))
        .collect();
    let worker = Worker {
        plain: world.at("plain"),
        implicit: world.at("implicit"),
        wardrobe: Arc::new(Wardrobe::new(&world)),
        accepted: Arc::default(),
        failed: Arc::default(),
    };
    let working = tokio::spawn(all_workers(worker.clone(), transactions));
    let config = world.config.clone();
    let mut reloads = 0;
    while !working.is_finished() {
        tokio::time::sleep(Duration::from_millis(700)).await;
        // Every other reload is a bad one, which changes nothing.
        if reloads % 2 == 0 {
            world.reload(&config).unwrap();
        } else {
            world
                .reload(&config.replace("tenant-t7.pem", "tenant-t8.pem"))
                .unwrap_err();
        }
        reloads += 1;
    }
    working.await.unwrap();
    let [accepted, failed] =
        [&worker.accepted, &worker.failed].map(|counter| counter.load(Ordering::Relaxed));
    let arrived = world.journal(0).messages();
    let wrong = crossings(&arrived, &identities);
    assert_eq!(wrong.len(), 0, "for example {:?}", wrong.first());
    // I9: what came twice or without a yes is bounded by the final replies that were lost.
    assert!(
        (accepted..=accepted + failed).contains(&arrived.len()),
        "{accepted} yes, {failed} later, {} arrived",
        arrived.len()
    );
    assert!(
        failed > 0 && failed < transactions / 20,
        "{failed} of {transactions}"
    );
    assert!(reloads > 0);
    world.stop().await;
}
