//! CE-12: revoked certificates, and lists that are missing or out of date.

use tenantry_lab::pki::{CrlSpec, Issued, Validity};

use crate::client::{Answer, Client, STRANGER};
use crate::world::{Plan, World};

async fn answer_to(world: &World, certificate: &Issued) -> Answer {
    let tls = world.pki.with(certificate);
    let mut client = Client::starttls(STRANGER, world.at("starttls"), &tls).await;
    client.says("MAIL FROM:<u@nowhere.example>", 250).await;
    let answer = client.command("RCPT TO:<r@elsewhere.example>").await;
    client.quit().await;
    answer
}

fn set(world: &mut World, crl: &CrlSpec, keys: &str) {
    let list = world.pki.clients.crl(crl).unwrap();
    std::fs::write(world.folder.path().join("clients.crl"), list).unwrap();
    let heading = "name = \"starttls\"\n";
    let keys = format!("{heading}crls = [\"clients.crl\"]\n{keys}\n");
    let config = world.config.replacen(heading, &keys, 1);
    world.reload(&config).unwrap();
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_from_the_reload_on() {
    let mut world = Plan::standard().without_peers().start().await;
    let revoked = world.pki.clients.client(&["tenant-a.example"]).unwrap();
    let valid = world.pki.clients.client(&["tenant-a.example"]).unwrap();
    let tls = world.pki.with(&revoked);
    let mut long = Client::starttls(STRANGER, world.at("starttls"), &tls).await;
    long.says("MAIL FROM:<u@nowhere.example>", 250).await;
    long.says("RCPT TO:<r@elsewhere.example>", 250).await;
    long.says("RSET", 250).await;
    set(&mut world, &CrlSpec::revoking(&[&revoked]), "");
    // The session goes on; its certificate is judged again (I2).
    long.says("MAIL FROM:<u@nowhere.example>", 250).await;
    long.command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("550 5.7.64");
    long.quit().await;
    // A session that would resume the earlier one is judged again, too.
    let mut resumed = Client::starttls(STRANGER, world.at("starttls"), &tls).await;
    resumed.says("MAIL FROM:<u@nowhere.example>", 250).await;
    resumed
        .command("RCPT TO:<r@elsewhere.example>")
        .await
        .is("550 5.7.64");
    resumed.quit().await;
    answer_to(&world, &revoked).await.is("550 5.7.64");
    assert_eq!(answer_to(&world, &valid).await.code, 250);
    world.stop().await;
}

#[tokio::test]
async fn a_list_out_of_date_counts_by_the_setting() {
    let mut world = Plan::standard().without_peers().start().await;
    let valid = world.pki.clients.client(&["tenant-a.example"]).unwrap();
    let list = CrlSpec::revoking(&[]).with_validity(Validity::Expired);
    set(&mut world, &list, "");
    answer_to(&world, &valid).await.is("550 5.7.64");
    let config = world
        .config
        .replace("crls =", "crl_expired = \"accept\"\ncrls =");
    world.reload(&config).unwrap();
    assert_eq!(answer_to(&world, &valid).await.code, 250);
    world.stop().await;
}

#[tokio::test]
async fn a_missing_list_counts_by_the_setting() {
    let mut world = Plan::standard().without_peers().start().await;
    let other = world.pki.clients.intermediate("Without List").unwrap();
    let valid = other.client(&["tenant-a.example"]).unwrap();
    set(&mut world, &CrlSpec::default(), "");
    assert_eq!(answer_to(&world, &valid).await.code, 250);
    let config = world
        .config
        .replace("crls =", "crl_missing = \"refuse\"\ncrls =");
    world.reload(&config).unwrap();
    answer_to(&world, &valid).await.is("550 5.7.64");
    world.stop().await;
}
