//! Listening, with limits: how many connections there may be, and how many from one address.
//!
//! A connection over a limit is handed out too, marked as such, so that the session can say why
//! it closes (`421`). When the system runs out of descriptors, accepting pauses; it never spins.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    limits: Arc<ConnectionLimits>,
}

/// How many connections there may be at once. One value may serve several listeners.
#[derive(Debug)]
pub struct ConnectionLimits {
    open: Mutex<Open>,
}

/// A connection, as it was accepted.
#[derive(Debug)]
pub struct Connection {
    /// The connection itself.
    pub stream: TcpStream,
    /// The client's address; an IPv4-mapped IPv6 address is the IPv4 address.
    pub peer: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
    /// Whether it is within the limits.
    pub admission: Admission,
}

/// Whether a connection is within the limits.
#[derive(Debug)]
pub enum Admission {
    /// It is; keep the permit as long as the connection lasts.
    Admitted(Permit),
    /// There are too many connections: `421 4.3.2`.
    TooMany,
    /// There are too many connections from this address: `421 4.7.0`.
    TooManyFromSource,
}

/// The right to have one connection; it ends when this value is dropped.
#[derive(Debug)]
pub struct Permit {
    limits: Arc<ConnectionLimits>,
    source: IpAddr,
}

#[derive(Debug, Default)]
struct Open {
    most: usize,
    most_per_source: usize,
    total: usize,
    sources: HashMap<IpAddr, usize>,
}

impl Listener {
    /// Binds an address. Must be called inside a runtime.
    ///
    /// # Errors
    ///
    /// When the address is in use, not ours, or not permitted.
    pub fn bind(
        address: SocketAddr,
        backlog: u32,
        limits: Arc<ConnectionLimits>,
    ) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self {
            tcp: socket.listen(backlog)?,
            limits,
        })
    }

    /// Takes a socket that is bound already, for example one that the service manager passed.
    ///
    /// # Errors
    ///
    /// When it cannot be used without blocking.
    pub fn from_std(
        listener: std::net::TcpListener,
        limits: Arc<ConnectionLimits>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            tcp: TcpListener::from_std(listener)?,
            limits,
        })
    }

    /// The address that is bound.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Waits for the next connection. It has no errors: what concerns one connection is passed
    /// over, and what concerns the system is waited out. Cancelling it loses nothing.
    pub async fn accept(&self) -> Connection {
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => {
                    if let Some(connection) = self.admit(stream, peer) {
                        return connection;
                    }
                }
                Err(error) => match pause(&error) {
                    Some(pause) => {
                        tracing::warn!(%error, pause_ms = pause.as_millis(), "accepting pauses");
                        tokio::time::sleep(pause).await;
                    }
                    None => tracing::debug!(%error, "a connection was gone before it was accepted"),
                },
            }
        }
    }

    /// `None` when the connection is over already.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> Option<Connection> {
        let local = stream.local_addr().ok()?;
        stream.set_nodelay(true).ok()?;
        SockRef::from(&stream)
            .set_tcp_keepalive(&keepalive())
            .ok()?;
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Some(Connection {
            stream,
            peer,
            local: SocketAddr::new(local.ip().to_canonical(), local.port()),
            admission: self.limits.admit(peer.ip()),
        })
    }
}

impl ConnectionLimits {
    /// At most `total` connections, at most `per_source` from one address.
    #[must_use]
    pub fn new(total: usize, per_source: usize) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::new(Open {
                most: total,
                most_per_source: per_source,
                ..Open::default()
            }),
        })
    }

    /// Other limits from now on; connections that exist stay.
    pub fn change(&self, total: usize, per_source: usize) {
        let mut open = self.state();
        open.most = total;
        open.most_per_source = per_source;
    }

    /// How many connections there are.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state().total
    }

    fn admit(self: &Arc<Self>, source: IpAddr) -> Admission {
        let mut open = self.state();
        if open.total >= open.most {
            return Admission::TooMany;
        }
        let most = open.most_per_source;
        let count = open.sources.entry(source).or_default();
        if *count >= most {
            return Admission::TooManyFromSource;
        }
        *count += 1;
        open.total += 1;
        Admission::Admitted(Permit {
            limits: self.clone(),
            source,
        })
    }

    fn state(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Says why, without waiting, and closes. The reply is short and the socket's buffer empty,
    /// so that it fits; a client that does not read it is not waited for.
    pub fn refuse(self, reply: &[u8]) {
        // Both may fail because the client is gone, which is what is wanted.
        let _ = self.stream.try_write(reply);
        let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.limits.state();
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.sources.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.sources.remove(&self.source);
            }
        }
    }
}

/// How long to wait after a failed accept: not at all when only that connection is concerned.
fn pause(error: &io::Error) -> Option<Duration> {
    let passing = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
    ];
    // Everything else is the system's: no descriptors (EMFILE, ENFILE), no memory (ENOBUFS).
    (!passing.contains(&error.kind())).then_some(PAUSE)
}

pub(crate) const fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEPALIVE)
}

const PAUSE: Duration = Duration::from_millis(100);
const KEEPALIVE: Duration = Duration::from_secs(120);
