//! SMTP octets over a connection: an input and an output buffer, with deadlines by name.
//!
//! Buffers are bounded and lent: a channel that waits for its peer with nothing in its buffers
//! holds no memory for them. Reading and writing can be cancelled at any time without losing
//! octets, so both may stand in a `select!`.
//!
//! It fails with a [`ChannelError`]; after one the connection is good for nothing but dropping.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use rustls::Error as TlsError;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::buffers::{self, LARGE, SMALL};
use crate::certificate::escape;
use crate::deadline::Deadline;
use crate::handshake::{is_disconnect, tls_error};
use crate::stream::Stream;

/// A connection with buffers.
#[derive(Debug)]
pub struct Channel {
    /// What the peer sent and nobody has taken yet.
    pub input: BytesMut,
    /// What is to be sent with the next flush.
    pub output: BytesMut,
    stream: Stream,
    timer: Option<Pin<Box<Sleep>>>,
    read_size: usize,
    input_limit: usize,
    unflushed: bool,
}

/// Why reading or writing failed.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// The deadline of that name passed.
    #[error("{0} took too long")]
    Timeout(&'static str),
    /// The peer went away without closing the connection properly.
    #[error("the peer went away: {0}")]
    Disconnected(#[source] io::Error),
    /// The peer sent a TLS alert. In TLS 1.3 the refusal of our certificate arrives this way,
    /// after the handshake.
    #[error("the peer refused with the TLS alert {0}")]
    Alert(String),
    /// The peer broke the TLS protocol.
    #[error("the peer broke the TLS protocol: {0}")]
    Tls(String),
    /// The input buffer is full and nobody takes anything out.
    #[error("more than {0} octets are waiting to be read")]
    InputFull(usize),
    /// The network failed.
    #[error("the network failed: {0}")]
    Io(#[source] io::Error),
}

/// There were octets behind the command or reply that starts TLS (RFC 3207 section 4.2,
/// CVE-2011-0411): what came in clear must not be taken as if it came encrypted. The connection
/// is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{octets} octets in clear text came before the TLS handshake")]
pub struct LeftoverPlaintext {
    /// How many.
    pub octets: usize,
}

impl Channel {
    /// A channel over a connection; it sends small packets at once (`TCP_NODELAY`).
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        if let Stream::Plain(tcp) = &stream
            && let Err(error) = tcp.set_nodelay(true)
        {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        Self {
            input: BytesMut::new(),
            output: BytesMut::new(),
            stream,
            timer: None,
            read_size: SMALL,
            input_limit: INPUT_LIMIT,
            unflushed: false,
        }
    }

    /// The connection below.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Reads once: waits until the peer has sent something, and returns how many octets were
    /// added to `input`, 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// When the deadline passes first, the input buffer is full, or the connection fails.
    pub async fn fill(&mut self, deadline: Deadline) -> Result<usize, ChannelError> {
        poll_fn(|context| {
            if let Poll::Ready(outcome) = self.poll_fill(context) {
                return Poll::Ready(outcome);
            }
            self.poll_deadline(context, deadline).map(Err)
        })
        .await
    }

    /// Reads once, as [`Channel::fill`], without a deadline.
    pub fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, ChannelError>> {
        if self.input.len() >= self.input_limit {
            return Poll::Ready(Err(ChannelError::InputFull(self.input_limit)));
        }
        self.make_room();
        let room = self.input.capacity() - self.input.len();
        let polled = pin!(self.stream.read_buf(&mut self.input)).poll(context);
        match polled {
            Poll::Pending => {
                self.release();
                Poll::Pending
            }
            Poll::Ready(Ok(octets)) => {
                // A read that fills its buffer is content; one that hardly uses it is commands.
                if octets >= room {
                    self.read_size = LARGE;
                } else if octets < SMALL / 4 {
                    self.read_size = SMALL;
                }
                Poll::Ready(Ok(octets))
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // A missing close_notify is no attack on SMTP, which knows where things end.
                Poll::Ready(Ok(0))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(ChannelError::from(error))),
        }
    }

    /// Writes all of `output`.
    ///
    /// # Errors
    ///
    /// When the peer does not take it before the deadline, or the connection fails.
    pub async fn flush(&mut self, deadline: Deadline) -> Result<(), ChannelError> {
        poll_fn(|context| {
            if let Poll::Ready(outcome) = self.poll_flush(context) {
                return Poll::Ready(outcome);
            }
            self.poll_deadline(context, deadline).map(Err)
        })
        .await
    }

    /// Writes all of `output`, as [`Channel::flush`], without a deadline.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ChannelError>> {
        while !self.output.is_empty() {
            self.unflushed = true;
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.output))
                .map_err(ChannelError::from)?;
            if written == 0 {
                let error = io::Error::from(io::ErrorKind::WriteZero);
                return Poll::Ready(Err(ChannelError::Io(error)));
            }
            if written == self.output.len() {
                // Unlike advancing, this keeps the room in front.
                self.output.clear();
            } else {
                self.output.advance(written);
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context)).map_err(ChannelError::from)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether there is something that a flush would send.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.unflushed || !self.output.is_empty()
    }

    /// Whether the peer has sent nothing that nobody asked for, and has not hung up; asked
    /// without waiting. For a connection that rests in a pool.
    pub fn is_quiet(&mut self) -> bool {
        self.input.is_empty() && self.stream.is_quiet()
    }

    /// Gives the buffers back, for a connection that goes to rest.
    pub fn rest(&mut self) {
        self.timer = None;
        self.release();
    }

    /// The plain connection, for a TLS handshake on it.
    ///
    /// # Errors
    ///
    /// When the peer has sent anything more, or the connection has TLS already. The connection
    /// is gone then.
    pub fn into_plain(self) -> Result<TcpStream, LeftoverPlaintext> {
        match self.stream {
            Stream::Plain(tcp) if self.input.is_empty() => Ok(tcp),
            Stream::Plain(_) | Stream::Tls(_) => Err(LeftoverPlaintext {
                octets: self.input.len(),
            }),
        }
    }

    /// Ends the connection properly: what is to be sent is sent, then `close_notify` and FIN.
    /// What the peer still sends is read and dropped, so that the last reply is not destroyed
    /// by a reset; the deadline and a number of octets bound that.
    pub async fn shutdown(mut self, deadline: Deadline) {
        let farewell = async {
            self.flush(deadline).await?;
            poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context))
                .await
                .map_err(ChannelError::from)?;
            let mut dropped = 0;
            while dropped < MOST_DROPPED {
                self.input.clear();
                match poll_fn(|context| self.poll_fill(context)).await? {
                    0 => break,
                    octets => dropped += octets,
                }
            }
            Ok::<_, ChannelError>(())
        };
        // Whatever fails here fails a connection that is over.
        let _ = timeout_at(deadline.at, farewell).await;
    }

    /// Ends the connection at once, without a word.
    pub fn abort(self) {
        drop(self);
    }

    /// Ready when the deadline has passed. The timer is armed once and found again by later
    /// waits, which mostly end before it fires.
    fn poll_deadline(
        &mut self,
        context: &mut Context<'_>,
        deadline: Deadline,
    ) -> Poll<ChannelError> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.at)));
        if timer.deadline() > deadline.at || timer.is_elapsed() {
            timer.as_mut().reset(deadline.at);
        }
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline.at {
                return Poll::Ready(ChannelError::Timeout(deadline.name));
            }
            timer.as_mut().reset(deadline.at);
        }
        Poll::Pending
    }

    /// Makes room for a read, in a lent buffer when the one at hand is too small.
    fn make_room(&mut self) {
        let room = self.input.capacity() - self.input.len();
        if room >= self.read_size / 2 || self.input.try_reclaim(self.read_size / 2) {
            return;
        }
        let mut larger = buffers::take(self.read_size + self.input.len());
        larger.extend_from_slice(&self.input);
        buffers::give(std::mem::replace(&mut self.input, larger));
    }

    /// Keeps no more memory than is needed for what is there.
    fn release(&mut self) {
        let spare = self.input.capacity() - self.input.len();
        if spare > self.input.len() + KEPT {
            let kept = BytesMut::from(&*self.input);
            buffers::give(std::mem::replace(&mut self.input, kept));
        }
        if self.output.is_empty() && self.output.capacity() > KEPT {
            buffers::give(std::mem::take(&mut self.output));
        }
    }
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        match tls_error(&error) {
            Some(TlsError::AlertReceived(alert)) => Self::Alert(
                alert
                    .as_str()
                    .map_or_else(|| escape(&format!("{alert:?}")), str::to_owned),
            ),
            Some(other) => Self::Tls(escape(&other.to_string())),
            None if is_disconnect(&error) => Self::Disconnected(error),
            None => Self::Io(error),
        }
    }
}

/// A multi-line reply of 128 lines of 4,096 octets fits.
const INPUT_LIMIT: usize = 576 * 1024;
/// A resting channel keeps at most this much room that it does not use.
const KEPT: usize = 512;
const MOST_DROPPED: usize = 256 * 1024;
