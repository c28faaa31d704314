//! RE-02, RE-04, RE-08: connections over the limits, and connections that are no sooner there than gone.

use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use super::{FROM_A, SMALL, at_rest, delivers, plan, warm};
use crate::client::{Client, PEER};

#[tokio::test]
async fn re_02_a_connection_above_the_cap_is_turned_away_at_once() {
    let world = plan().limits("connections = 20").start().await;
    let at = world.at("plain");
    let mut inside = Vec::new();
    for number in 0..20 {
        inside.push(Client::ehlo(&format!("127.3.0.{number}"), at).await);
    }
    for to in [at, world.at("starttls")] {
        let began = Instant::now();
        let mut outside = Client::connect("127.4.0.1", to).await;
        outside.expect(421).await.is("421 4.3.2");
        outside.expect_closed().await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }
    // Those inside are served as before, and a place that becomes free is given away.
    let answer = inside[7].message(FROM_A, SMALL).await;
    assert_eq!(answer.code, 250);
    inside.pop().unwrap().quit().await;
    let mut next = None;
    while next.is_none() {
        let mut client = Client::connect("127.4.0.1", at).await;
        next = (client.answer().await.code == 220).then_some(client);
    }
    drop((inside, next));
    world.stop().await;
}

#[tokio::test]
async fn re_04_the_201st_connection_of_one_address_is_turned_away() {
    let world = plan().start().await;
    let at = world.at("plain");
    let mut inside = Vec::new();
    for _number in 0..200 {
        inside.push(Client::greeted("127.5.0.1", at).await);
    }
    let mut outside = Client::connect("127.5.0.1", at).await;
    outside.expect(421).await.is("421 4.7.0");
    outside.expect_closed().await;
    // Everybody else is served.
    let mut other = Client::ehlo("127.5.0.2", at).await;
    assert_eq!(other.message(FROM_A, SMALL).await.code, 250);
    other.quit().await;
    drop(inside);
    world.at_rest().await;
    Client::greeted("127.5.0.1", at).await.quit().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn re_08_connect_and_reset_leaks_nothing() {
    let world = plan().start().await;
    let (program, descriptors) = warm(&world).await;
    let at = program.at("starttls");
    for number in 0..3_000_u32 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_zero_linger().unwrap();
        let from = format!("127.6.{}.1:0", number % 100);
        socket.bind(from.parse().unwrap()).unwrap();
        drop(socket.connect(at).await.unwrap());
    }
    delivers(&program).await;
    at_rest(&world, &program, descriptors).await;
    let mut client = Client::ehlo(PEER, at).await;
    assert_eq!(client.message(FROM_A, SMALL).await.code, 250);
    client.quit().await;
    program.stop().await;
    world.stop().await;
}
