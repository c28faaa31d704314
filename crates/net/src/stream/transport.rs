//! The socket below TLS, read in large pieces.
//!
//! The TLS library reads 4 KiB at a time. Here one system call reads up to 64 KiB, and the block
//! that holds them is given back as soon as the library has taken them.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::buffers;

#[derive(Debug)]
pub(crate) struct Transport {
    tcp: TcpStream,
    ahead: Option<Ahead>,
}

/// Octets that were read from the socket and not yet taken: `block[start..end]`, not empty.
#[derive(Debug)]
struct Ahead {
    block: Box<[u8]>,
    start: usize,
    end: usize,
}

/// What a read from the socket, without waiting, came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulled {
    /// There is nothing to read.
    Nothing,
    /// There are octets.
    Octets,
    /// The peer closed the connection, or it failed.
    End,
}

impl Transport {
    pub(super) const fn new(tcp: TcpStream) -> Self {
        Self { tcp, ahead: None }
    }

    pub(super) const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Reads from the socket whatever the runtime believes about its readiness.
    pub(super) fn pull(&mut self) -> Pulled {
        if self.ahead.is_some() {
            return Pulled::Octets;
        }
        let mut block = buffers::take_block();
        let read = {
            let socket = SockRef::from(&self.tcp);
            let mut reader: &Socket = &socket;
            reader.read(&mut block)
        };
        match read {
            Ok(0) => {
                buffers::give_block(block);
                Pulled::End
            }
            Ok(end) => {
                self.ahead = Some(Ahead {
                    block,
                    start: 0,
                    end,
                });
                Pulled::Octets
            }
            Err(error) => {
                buffers::give_block(block);
                if error.kind() == io::ErrorKind::WouldBlock {
                    Pulled::Nothing
                } else {
                    Pulled::End
                }
            }
        }
    }

    /// Hands out what is there; the block goes back when it is empty.
    fn hand_out(&mut self, mut ahead: Ahead, buffer: &mut ReadBuf<'_>) {
        let wanted = buffer.remaining().min(ahead.end - ahead.start);
        let next = ahead.start + wanted;
        if let Some(octets) = ahead.block.get(ahead.start..next) {
            buffer.put_slice(octets);
        }
        if next == ahead.end {
            buffers::give_block(ahead.block);
        } else {
            ahead.start = next;
            self.ahead = Some(ahead);
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(ahead) = this.ahead.take() {
            this.hand_out(ahead, buffer);
            return Poll::Ready(Ok(()));
        }
        let mut block = buffers::take_block();
        let mut whole = ReadBuf::new(&mut block);
        let polled = Pin::new(&mut this.tcp).poll_read(context, &mut whole);
        let end = whole.filled().len();
        if matches!(polled, Poll::Ready(Ok(()))) && end > 0 {
            let ahead = Ahead {
                block,
                start: 0,
                end,
            };
            this.hand_out(ahead, buffer);
        } else {
            buffers::give_block(block);
        }
        polled
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(context, octets)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            buffers::give_block(ahead.block);
        }
    }
}
