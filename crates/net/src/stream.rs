//! A connection, plain or encrypted, that can be read, written, and asked whether it is quiet.

mod transport;

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use transport::{Pulled, Transport};

/// A TCP connection with or without TLS on it.
#[derive(Debug)]
pub enum Stream {
    /// Octets as they are.
    Plain(TcpStream),
    /// Octets inside TLS.
    Tls(TlsStream),
}

/// A TLS connection after its handshake.
#[derive(Debug)]
pub struct TlsStream(Box<tokio_rustls::TlsStream<Transport>>);

impl Stream {
    /// The TCP connection below.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.0.get_ref().0.tcp(),
        }
    }

    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(_) => true,
        }
    }

    /// Whether the peer has sent nothing and not hung up, asked without waiting.
    ///
    /// Session tickets and key updates of TLS 1.3 are not something that the peer said; they are
    /// taken in. When the answer is no, the connection is good for nothing but closing.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Plain(tcp) => is_silent(tcp),
            Self::Tls(tls) => tls.is_quiet(),
        }
    }
}

impl TlsStream {
    /// What the TLS library reads from and writes to. The last flight of a handshake is small,
    /// and must not wait for an acknowledgement.
    pub(crate) fn transport(tcp: TcpStream) -> Transport {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        Transport::new(tcp)
    }

    pub(crate) fn new(stream: tokio_rustls::TlsStream<Transport>) -> Self {
        Self(Box::new(stream))
    }

    fn is_quiet(&mut self) -> bool {
        for _ in 0..MOST_PULLS {
            let pulled = self.0.get_mut().0.pull();
            if self.has_something() {
                return false;
            }
            match pulled {
                Pulled::Nothing => return true,
                Pulled::Octets => {}
                Pulled::End => return false,
            }
        }
        // A peer that keeps sending records without content is not quiet.
        false
    }

    /// Whether the TLS layer has content, an end or an error to report right now.
    fn has_something(&mut self) -> bool {
        let mut octet = [0];
        let mut buffer = ReadBuf::new(&mut octet);
        let read = poll_fn(|context| Pin::new(&mut *self.0).poll_read(context, &mut buffer));
        // The task's budget must not make a loud connection look quiet.
        let read = pin!(tokio::task::unconstrained(read));
        let mut context = Context::from_waker(Waker::noop());
        read.poll(&mut context).is_ready()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(&mut *tls.0).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, octets),
            Self::Tls(tls) => Pin::new(&mut *tls.0).poll_write(context, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Tls(tls) => Pin::new(&mut *tls.0).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(&mut *tls.0).poll_shutdown(context),
        }
    }
}

/// Whether the socket has neither octets nor an end nor an error. This asks the system: what the
/// runtime knows may be older than the octets.
fn is_silent(tcp: &TcpStream) -> bool {
    let mut octet = [std::mem::MaybeUninit::uninit()];
    let peeked = SockRef::from(tcp).peek(&mut octet);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

const MOST_PULLS: usize = 16;
