//! The envelope of a message that never comes: MAIL, RCPT, RSET. There is no content here, and no way to send any.

use tenantry_smtp::{Mail, Rcpt, Severity};

use super::commands::{present_the_right_identity, queue_mail, queue_rcpt, suits};
use super::connection::Connection;
use super::error::{Stage, UpstreamError};
use super::watch::Watch;
use crate::config::Timeouts;
use crate::route::{Route, Target};

/// Asks the upstream what it would say to this envelope, one command at a time, and takes it back.
///
/// Refusals are answers, told to the watch like all others; after a refused MAIL no recipient is tried.
///
/// # Errors
/// The upstream gave no answer, or left.
pub(crate) async fn rehearse<W: Watch>(
    connection: &mut Connection,
    (route, target): (&Route, &Target),
    (mail, recipients): (&Mail, &[Rcpt]),
    timeouts: &Timeouts,
    watch: &mut W,
) -> Result<(), UpstreamError> {
    present_the_right_identity(connection, Some(target))?;
    suits(connection, mail, route)?;
    connection.expect_silence(Stage::Mail).await?;
    queue_mail(connection, mail);
    let accepted = answer(connection, Stage::Mail, timeouts, watch).await?;
    if accepted {
        for recipient in recipients {
            connection.expect_silence(Stage::Rcpt).await?;
            queue_rcpt(connection, recipient);
            answer(connection, Stage::Rcpt, timeouts, watch).await?;
        }
    }
    connection.expect_silence(Stage::Reset).await?;
    connection.smtp.rset(&mut connection.channel.output);
    answer(connection, Stage::Reset, timeouts, watch).await?;
    Ok(())
}

/// Whether the upstream said yes.
async fn answer<W: Watch>(
    connection: &mut Connection,
    stage: Stage,
    timeouts: &Timeouts,
    watch: &mut W,
) -> Result<bool, UpstreamError> {
    let within = match stage {
        Stage::Mail => timeouts.upstream_mail,
        Stage::Rcpt => timeouts.upstream_rcpt,
        Stage::Greeting
        | Stage::Ehlo
        | Stage::StartTls
        | Stage::Reset
        | Stage::Data
        | Stage::Content
        | Stage::FinalReply => timeouts.upstream_quit,
    };
    connection.flush(stage, within).await?;
    let (_sent, reply) = connection.reply(stage, within).await?;
    watch.reply(stage, &reply);
    if reply.code() == GOING_AWAY {
        return Err(UpstreamError::Refused { stage, reply });
    }
    Ok(reply.severity() == Severity::Positive)
}

/// "Service not available, closing transmission channel" (RFC 5321 section 4.2.3).
const GOING_AWAY: u16 = 421;
