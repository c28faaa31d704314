//! One message on a connection: MAIL, RCPT, the content and the final reply, each timed.

use std::time::Instant;

use bytes::BufMut as _;
use tenantry_smtp::{Severity, put_decimal};

use super::{CLOSING, Client, Ended, Letter, Timings, unexpected};
use crate::plan::{Session, Transfer};
use crate::result::{At, Phase};

/// How a message goes.
#[derive(Debug, Clone, Copy)]
struct Way {
    transfer: Transfer,
    pipelined: bool,
    /// The chunk is small enough to be sent before the recipients are answered.
    along: bool,
    since: Instant,
}

impl Client {
    /// MAIL to the final reply.
    pub(super) async fn transaction(
        &mut self,
        letter: &Letter,
        session: &Session,
        timings: &mut Timings,
    ) -> Result<Ended, Ended> {
        let transfer = self.transfer(session.transfer);
        let pipelined = session.pipelining && self.offer.pipelining;
        let way = Way {
            transfer,
            pipelined,
            along: pipelined && transfer == Transfer::Bdat && letter.body.len() <= ALONG,
            since: Instant::now(),
        };
        let (accepted, refused) = self.envelope(letter, way, timings).await?;
        match transfer {
            Transfer::Data => self.data(letter, refused, way, timings).await?,
            Transfer::Bdat => self.chunk(letter, refused, way, timings).await?,
        }
        let sent = if way.along { way.since } else { Instant::now() };
        let reply = self.reply().await?;
        timings.took(Phase::Reply, sent);
        match reply.severity() {
            Severity::Positive => Ok(Ended::Accepted {
                recipients: accepted,
                reply,
            }),
            Severity::Intermediate => Err(unexpected(At::Content, &reply)),
            Severity::Transient | Severity::Permanent => Ok(Ended::Reply(At::Content, reply)),
        }
    }

    /// MAIL and RCPT, and whatever goes along with them: how many recipients were accepted, and
    /// what refuses the whole transaction.
    async fn envelope(
        &mut self,
        letter: &Letter,
        way: Way,
        timings: &mut Timings,
    ) -> Result<(u32, Option<Ended>), Ended> {
        let mut answered = (0, None);
        self.put_mail(letter);
        if !way.pipelined {
            self.expect(At::Mail, Severity::Positive).await?;
            timings.took(Phase::Mail, way.since);
            let since = Instant::now();
            for recipient in &letter.recipients {
                self.put_rcpt(recipient);
                self.recipient(&mut answered).await?;
            }
            timings.took(Phase::Rcpt, since);
            let (accepted, refusal) = answered;
            return Ok((accepted, refusal.filter(|_| accepted == 0)));
        }
        for recipient in &letter.recipients {
            self.put_rcpt(recipient);
        }
        match way.transfer {
            Transfer::Data => self.channel.output.put_slice(b"DATA\r\n"),
            Transfer::Bdat if way.along => self.put_chunk(letter, timings).await?,
            Transfer::Bdat => {}
        }
        let mail = self.expect(At::Mail, Severity::Positive).await.err();
        match mail {
            Some(Ended::Failed(fault)) => return Err(Ended::Failed(fault)),
            // RFC 5321 section 3.8: nothing is answered after it.
            Some(Ended::Reply(at, reply)) if reply.code() == CLOSING => {
                return Err(Ended::Reply(at, reply));
            }
            Some(Ended::Reply(..) | Ended::Accepted { .. }) | None => {}
        }
        timings.took(Phase::Mail, way.since);
        for _ in &letter.recipients {
            self.recipient(&mut answered).await?;
        }
        timings.took(Phase::Rcpt, way.since);
        // What refuses MAIL refuses all; later replies only follow from it.
        let (accepted, refusal) = answered;
        Ok((accepted, mail.or(refusal.filter(|_| accepted == 0))))
    }

    /// The chunk, unless it went along already or there is nobody to take it.
    async fn chunk(
        &mut self,
        letter: &Letter,
        refused: Option<Ended>,
        way: Way,
        timings: &mut Timings,
    ) -> Result<(), Ended> {
        match refused {
            Some(refused) => {
                if way.along {
                    self.reply().await?;
                }
                Err(refused)
            }
            None if way.along => Ok(()),
            None => self.put_chunk(letter, timings).await,
        }
    }

    async fn put_chunk(&mut self, letter: &Letter, timings: &mut Timings) -> Result<(), Ended> {
        let begun = Instant::now();
        self.put_bdat(letter);
        self.content(letter, Transfer::Bdat).await?;
        timings.took(Phase::Transfer, begun);
        Ok(())
    }

    /// DATA and the content, or what makes of a refused transaction a finished one.
    async fn data(
        &mut self,
        letter: &Letter,
        refused: Option<Ended>,
        way: Way,
        timings: &mut Timings,
    ) -> Result<(), Ended> {
        if !way.pipelined {
            if let Some(refused) = refused {
                return Err(refused);
            }
            let asked = Instant::now();
            self.channel.output.put_slice(b"DATA\r\n");
            self.expect(At::Data, Severity::Intermediate).await?;
            timings.took(Phase::Data, asked);
        } else {
            let go_on = self.expect(At::Data, Severity::Intermediate).await;
            timings.took(Phase::Data, way.since);
            match (refused, go_on) {
                (None, go_on) => drop(go_on?),
                (Some(_), Err(Ended::Failed(fault))) => return Err(Ended::Failed(fault)),
                (Some(refused), Err(_)) => return Err(refused),
                (Some(refused), Ok(_)) => {
                    // RFC 2920 section 3.1: nobody is there to take it, so nothing is sent.
                    self.channel.output.put_slice(b".\r\n");
                    self.reply().await?;
                    return Err(refused);
                }
            }
        }
        let begun = Instant::now();
        self.content(letter, Transfer::Data).await?;
        timings.took(Phase::Transfer, begun);
        Ok(())
    }

    /// The reply to one RCPT: counts those accepted, and keeps the first that was not.
    async fn recipient(&mut self, answered: &mut (u32, Option<Ended>)) -> Result<(), Ended> {
        match self.expect(At::Rcpt, Severity::Positive).await {
            Ok(_) => answered.0 += 1,
            Err(Ended::Failed(fault)) => return Err(Ended::Failed(fault)),
            Err(Ended::Reply(at, reply)) if reply.code() == CLOSING => {
                return Err(Ended::Reply(at, reply));
            }
            Err(refused) => {
                answered.1.get_or_insert(refused);
            }
        }
        Ok(())
    }

    /// Hands all content to the system.
    async fn content(&mut self, letter: &Letter, end: Transfer) -> Result<(), Ended> {
        for piece in letter.body.pieces() {
            if self.channel.output.len() + piece.len() > PIECE {
                self.flush().await?;
            }
            self.channel.output.put_slice(piece);
        }
        if end == Transfer::Data {
            self.channel.output.put_slice(b".\r\n");
        }
        self.flush().await
    }

    fn put_mail(&mut self, letter: &Letter) {
        let size = letter.body.len();
        let out = &mut self.channel.output;
        out.put_slice(b"MAIL FROM:<");
        out.put_slice(&letter.sender);
        out.put_u8(b'>');
        if self.offer.size.is_some() {
            out.put_slice(b" SIZE=");
            put_decimal(size, out);
        }
        out.put_slice(b"\r\n");
    }

    fn put_rcpt(&mut self, recipient: &[u8]) {
        let out = &mut self.channel.output;
        out.put_slice(b"RCPT TO:<");
        out.put_slice(recipient);
        out.put_slice(b">\r\n");
    }

    fn put_bdat(&mut self, letter: &Letter) {
        let out = &mut self.channel.output;
        out.put_slice(b"BDAT ");
        put_decimal(letter.body.len(), out);
        out.put_slice(b" LAST\r\n");
    }
}

/// Chunks up to so many octets are sent before the recipients are answered.
const ALONG: u64 = 64 * 1024;
/// Octets that are handed to the system at once.
const PIECE: usize = 64 * 1024;
