//! What a message costs on its way, piece by piece and as a whole: header section, trace field,
//! handshakes, an upstream connection from the pool, and whole messages through a running relay.
//!
//! `cargo bench --bench relay`. Both sides of each connection run in this process, on one thread:
//! the times are those of both sides together.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tenantry_lab::pki::{Authority, Issued};
use tenantry_lab::upstream::{RecordingUpstream, UpstreamSettings};
use tenantry_net::{
    CertificateRequest, Channel, ClientCertificatePolicy, Deadline, Identity, MinVersion, Request,
    ServerTls, ServerTlsSettings, Stream, Tickets, Trust, UpstreamTls, UpstreamTlsSettings,
    UpstreamTrust, Verify,
};
use tenantry_relay::Relay;
use tenantry_relay::config::Config;
use tenantry_relay::pieces::{self, Checkout};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// A message as one that has come through an organisation, with `fields` fields in its header.
fn message(fields: usize, body: usize) -> Vec<u8> {
    let mut text = String::from("From: <a@tenant.example>\r\nTo: <b@internet.example>\r\n");
    for number in 0..fields {
        let name = match number % 8 {
            0 => "Received: from inside.corp.example by outside.corp.example\r\n\twith ESMTPS; ",
            1 => "X-MS-Has-Attach: yes; ",
            2 => "Authentication-Results: relay.corp.example; ",
            _ => "X-Header: ",
        };
        write!(text, "{name}{number:060}\r\n").unwrap();
    }
    text.push_str("Subject: a benchmark\r\n\r\n");
    while text.len() < body {
        text.push_str("0123456789012345678901234567890123456789012345678901234567890123456789\r\n");
    }
    text.into_bytes()
}

fn content(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("content");
    for fields in [4, 40, 400] {
        let message = message(fields, 0);
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function(format!("header of {fields} fields"), |bencher| {
            bencher.iter_batched(
                || BytesMut::from(message.as_slice()),
                |content| assert!(pieces::header(black_box(content)).is_some()),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
    criterion.bench_function("content/received", |bencher| {
        let mut out = BytesMut::with_capacity(1024);
        bencher.iter(|| {
            out.clear();
            pieces::received(black_box(&mut out));
        });
    });
}

/// An authority with what both sides show.
struct World {
    authority: Authority,
    server: Issued,
    client: Issued,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("bench").unwrap();
        let server = authority.server(&["localhost"]).unwrap();
        let client = authority.client(&["mail.tenant.example"]).unwrap();
        Self {
            authority,
            server,
            client,
        }
    }

    fn trust(&self) -> Arc<Trust> {
        let mut trust = Trust::builder();
        trust
            .add_pem(self.authority.certificate_pem().as_bytes())
            .unwrap();
        trust.build().unwrap()
    }

    fn accepting(&self) -> Arc<ServerTls> {
        ServerTls::new(ServerTlsSettings {
            identity: identity(&self.server),
            client_certificates: Request::Request,
            policy: Some(ClientCertificatePolicy::new(self.trust())),
            tickets: Tickets::On,
            min_version: MinVersion::default(),
        })
        .unwrap()
    }

    fn connecting(&self) -> Arc<UpstreamTls> {
        UpstreamTls::new(UpstreamTlsSettings {
            identity: identity(&self.client),
            trust: UpstreamTrust::Roots(self.trust()),
            verify: Verify::NameAndChain,
            server_name: None,
            certificate_request: CertificateRequest::Required,
            min_version: MinVersion::default(),
        })
        .unwrap()
    }

    /// A relay's configuration in `folder`, with this upstream.
    fn config(&self, folder: &Path, upstream: SocketAddr) -> Config {
        self.authority.write(folder, "ca").unwrap();
        self.server.write(folder, "own").unwrap();
        self.client.write(folder, "tenant").unwrap();
        let text = format!(
            "hostname = \"relay.example\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
             certificate = \"own.pem\"\nkey = \"own.key\"\nclient_certificates = \"request\"\n\
             trust = [\"ca.pem\"]\n[limits]\nmessages = 10000000\n[[tenant]]\nname = \"tenant\"\n\
             certificate_domains = [\"mail.tenant.example\"]\nupstream = \"localhost:{}\"\n\
             upstream_trust = [\"ca.pem\"]\ncertificate = \"tenant.pem\"\nkey = \"tenant.key\"\n\
             messages_per_connection = 1000000\n",
            upstream.port()
        );
        let path = folder.join("relay.toml");
        fs::write(&path, text).unwrap();
        Config::load(&path).unwrap()
    }

    fn sink(&self) -> UpstreamSettings {
        let mut settings = UpstreamSettings::starttls(&self.server, &[&self.authority]).null_sink();
        settings.limits.journal = 0;
        settings
    }
}

fn handshakes(criterion: &mut Criterion) {
    let world = World::new();
    let accepting = world.accepting();
    let runtime = runtime();
    let mut group = criterion.benchmark_group("handshake");
    group.bench_function("full", |bencher| {
        bencher.iter_batched(
            || world.connecting(),
            |connecting| assert!(!runtime.block_on(shaken(&accepting, &connecting))),
            BatchSize::SmallInput,
        );
    });
    let connecting = world.connecting();
    runtime.block_on(shaken(&accepting, &connecting));
    group.bench_function("resumed", |bencher| {
        bencher.iter(|| assert!(runtime.block_on(shaken(&accepting, &connecting))));
    });
    group.finish();
}

/// One handshake over a socket of its own, with one octet each way so that tickets arrive; whether
/// it was resumed.
async fn shaken(accepting: &ServerTls, connecting: &UpstreamTls) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut stream = accepting.accept(tcp, deadline()).await.unwrap().stream;
        stream.write_all(b"x").await.unwrap();
        stream.flush().await.unwrap();
        let _ = stream.read_u8().await.unwrap();
    };
    let client = async {
        let tcp = TcpStream::connect(address).await.unwrap();
        let connected = connecting.connect(tcp, "localhost", deadline()).await;
        let (mut stream, facts, _) = connected.unwrap();
        let _ = stream.read_u8().await.unwrap();
        stream.write_all(b"x").await.unwrap();
        stream.flush().await.unwrap();
        facts.resumed
    };
    tokio::join!(server, client).1
}

fn pool(criterion: &mut Criterion) {
    let (world, folder, runtime) = (World::new(), TempDir::new().unwrap(), runtime());
    let upstream = runtime
        .block_on(RecordingUpstream::start(world.sink()))
        .unwrap();
    let config = world.config(folder.path(), upstream.address());
    let checkout = Checkout::new(config).unwrap();
    runtime.block_on(checkout.once()).unwrap();
    criterion.bench_function("pool/checkout", |bencher| {
        bencher.iter(|| runtime.block_on(checkout.once()).unwrap());
    });
}

fn messages(criterion: &mut Criterion) {
    let (world, folder, runtime) = (World::new(), TempDir::new().unwrap(), runtime());
    let _inside = runtime.enter();
    let upstream = runtime
        .block_on(RecordingUpstream::start(world.sink()))
        .unwrap();
    let relay = Relay::start(world.config(folder.path(), upstream.address())).unwrap();
    let address = listening(&relay);
    let mut client = runtime.block_on(Client::connect(address, &world.connecting()));
    let mut group = criterion.benchmark_group("message");
    for (name, size) in [("2 KiB", 2 << 10), ("1 MiB", 1 << 20)] {
        let mut text = message(4, size);
        text.extend_from_slice(b".\r\n");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(client.send(&text)));
        });
    }
    group.finish();
}

/// A client that sends one message after another on one connection.
struct Client(Channel);

impl Client {
    async fn connect(address: SocketAddr, tls: &UpstreamTls) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut plain = Self(Channel::new(Stream::Plain(tcp)));
        plain.replies(1).await;
        plain.say(b"EHLO client.example\r\n", 1).await;
        plain.say(b"STARTTLS\r\n", 1).await;
        let tcp = plain.0.into_plain().unwrap();
        let (stream, _, _) = tls.connect(tcp, "localhost", deadline()).await.unwrap();
        let mut client = Self(Channel::new(stream));
        client.say(b"EHLO client.example\r\n", 1).await;
        client
    }

    async fn send(&mut self, content: &[u8]) {
        let envelope = b"MAIL FROM:<a@tenant.example>\r\nRCPT TO:<b@internet.example>\r\nDATA\r\n";
        self.say(envelope, 3).await;
        self.say(content, 1).await;
    }

    async fn say(&mut self, octets: &[u8], replies: usize) {
        self.0.output.extend_from_slice(octets);
        self.0.flush(deadline()).await.unwrap();
        self.replies(replies).await;
    }

    /// Reads so many replies, none of which may refuse anything.
    async fn replies(&mut self, mut wanted: usize) {
        while wanted > 0 {
            while let Some(end) = self.0.input.iter().position(|octet| *octet == b'\n') {
                let line = self.0.input.split_to(end + 1);
                assert!(matches!(line.first(), Some(b'2' | b'3')), "{line:?}");
                wanted -= usize::from(line.get(3) == Some(&b' '));
            }
            if wanted > 0 {
                assert_ne!(self.0.fill(deadline()).await.unwrap(), 0, "closed");
            }
        }
    }
}

fn identity(issued: &Issued) -> Arc<Identity> {
    Identity::from_pem(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes()).unwrap()
}

fn deadline() -> Deadline {
    Deadline::after("bench", Duration::from_secs(30))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn listening(relay: &Relay) -> SocketAddr {
    relay.addresses().first().unwrap().1
}

criterion_group!(benches, content, handshakes, pool, messages);
criterion_main!(benches);
