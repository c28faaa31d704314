//! AT: which tenant a message belongs to, and that it goes nowhere else.

use crate::client::{Envelope, PEER};
use crate::world::Plan;

#[tokio::test]
async fn at_02_a_trusted_network_sends_for_the_owner_of_the_sender() {
    let world = Plan::standard().start().await;
    let mut closed = world.transactions();
    let mut client = world.plain(PEER).await;
    let envelope = Envelope {
        sender: "u@tenant-a.example",
        recipients: &["someone@elsewhere.example"],
    };
    let answer = client
        .message(envelope, "Subject: x\r\n\r\nbody\r\n.\r\n")
        .await;
    assert_eq!(answer.code, 250, "{answer:?}");
    client.quit().await;
    let transaction = closed.next().await;
    assert_eq!(
        (transaction.tenant.as_deref(), transaction.basis),
        (Some("a"), Some("sender"))
    );
    let record = &world.messages(0, 1).await[0];
    assert_eq!(record.fingerprint(), Some(world.identity("a").as_str()));
    world.stop().await;
}
