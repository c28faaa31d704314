//! Listening within limits: RE-02, RE-03, RE-04, RE-08.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::Duration;

use tenantry_net::{Admission, ConnectionLimits, Deadline, DialError, Listener, dial};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::world::soon;

fn listener(total: usize, per_source: usize) -> Listener {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Listener::bind(address, 1024, ConnectionLimits::new(total, per_source)).unwrap()
}

async fn accepted(listener: &Listener) -> (Admission, TcpStream) {
    let client = dial(listener.local_addr().unwrap(), soon()).await.unwrap();
    (listener.accept().await.admission, client)
}

// RE-04
#[tokio::test]
async fn connections_from_one_address_are_limited() {
    let listener = listener(100, 2);
    let first = accepted(&listener).await;
    let _second = accepted(&listener).await;
    assert!(matches!(
        accepted(&listener).await.0,
        Admission::TooManyFromSource
    ));
    drop(first);
    assert!(matches!(
        accepted(&listener).await.0,
        Admission::Admitted(_)
    ));
}

// RE-02
#[tokio::test]
async fn connections_are_limited_and_the_client_is_told() {
    let limits = ConnectionLimits::new(1, 10);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(address, 16, limits.clone()).unwrap();
    let second_listener = Listener::bind(address, 16, limits.clone()).unwrap();
    let kept = accepted(&listener).await;
    assert_eq!(limits.open(), 1);
    let mut client = dial(second_listener.local_addr().unwrap(), soon())
        .await
        .unwrap();
    let connection = second_listener.accept().await;
    assert!(matches!(connection.admission, Admission::TooMany));
    connection.refuse(b"421 4.3.2 too many connections\r\n");
    let mut told = String::new();
    client.read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "421 4.3.2 too many connections\r\n");
    drop(kept);
    assert_eq!(limits.open(), 0);
}

#[tokio::test]
async fn a_mapped_address_is_the_address() {
    let any = "[::]:0".parse().unwrap();
    let Ok(listener) = Listener::bind(any, 16, ConnectionLimits::new(9, 1)) else {
        return; // a machine without IPv6 has no mapped addresses either
    };
    let port = listener.local_addr().unwrap().port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let _client = dial(address, soon()).await.unwrap();
    let connection = listener.accept().await;
    assert_eq!(connection.peer.ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(connection.local, address);
}

// RE-08
#[tokio::test]
async fn connections_that_are_reset_at_once_leave_nothing_behind() {
    let limits = ConnectionLimits::new(1000, 1000);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(address, 1024, limits.clone()).unwrap();
    for _ in 0..200 {
        let client = dial(listener.local_addr().unwrap(), soon()).await.unwrap();
        socket2::SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(client);
        drop(tokio::time::timeout(Duration::from_millis(20), listener.accept()).await);
    }
    assert_eq!(limits.open(), 0);
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_refuses() {
    let address = listener(1, 1).local_addr().unwrap();
    let error = dial(address, soon()).await.unwrap_err();
    assert!(matches!(error, DialError::Io { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()));
    let passed = Deadline::after("connect", Duration::ZERO);
    let blackhole = "192.0.2.1:25".parse().unwrap();
    assert!(dial(blackhole, passed).await.is_err());
}

#[tokio::test]
async fn a_bound_socket_can_be_taken_over() {
    let std = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listener = Listener::from_std(std, ConnectionLimits::new(1, 1)).unwrap();
    assert!(matches!(
        accepted(&listener).await.0,
        Admission::Admitted(_)
    ));
}

// RE-03: the limit holds for a whole process, so the test is one of its own.
#[test]
fn running_out_of_descriptors_pauses_accepting_without_spinning() {
    let program = std::env::current_exe().unwrap();
    let script = "ulimit -n 40; exec \"$0\" --exact listener::accepts_with_few_descriptors";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

const CHILD: &str = "TENANTRY_NET_FEW_DESCRIPTORS";

#[test]
fn accepts_with_few_descriptors() {
    if std::env::var_os(CHILD).is_none() {
        return; // only means something in the process made above
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = listener(1000, 1000);
        let address = listener.local_addr().unwrap();
        let statistics = File::open("/proc/self/stat").unwrap();
        // Connections wait in the backlog; their clients' ends take up the descriptors.
        let mut held = Vec::new();
        let refused = loop {
            match std::net::TcpStream::connect(address) {
                Ok(client) => held.push(client),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.raw_os_error(), Some(24), "{refused}");
        let before = processor_time(&statistics);
        let outcome = tokio::time::timeout(Duration::from_millis(500), listener.accept()).await;
        assert!(outcome.is_err(), "there is no descriptor to accept with");
        let spent = processor_time(&statistics) - before;
        assert!(spent <= 10, "{spent} ticks of 10 ms in 500 ms");
        held.truncate(held.len() / 2);
        let connection = tokio::time::timeout(Duration::from_secs(5), listener.accept()).await;
        assert!(matches!(
            connection.unwrap().admission,
            Admission::Admitted(_)
        ));
    });
}

/// Ticks of processor time that this process has used, from a file that was opened in time.
fn processor_time(statistics: &File) -> u64 {
    let mut text = [0; 1024];
    let length = statistics.read_at(&mut text, 0).unwrap();
    let text = String::from_utf8_lossy(&text[..length]);
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
