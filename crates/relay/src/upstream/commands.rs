//! The commands of one message as the upstream gets them: what it takes, in its own terms.

use std::time::Duration;

use tenantry_smtp::{Body, Mail, Rcpt};

use super::connection::Connection;
use super::error::{Stage, Unsupported, UpstreamError};
use crate::route::{Route, Target};

/// Sends at once what was queued when the upstream takes one command at a time.
pub(super) async fn step(
    connection: &mut Connection,
    stage: Stage,
    within: Duration,
) -> Result<(), UpstreamError> {
    if connection.offer().pipelining {
        return Ok(());
    }
    connection.flush(stage, within).await?;
    connection.await_reply(stage, within).await
}

/// The check before the first command: this connection presented the certificate that the route is for.
pub(super) fn present_the_right_identity(
    connection: &Connection,
    target: Option<&Target>,
) -> Result<(), UpstreamError> {
    let Some(target) = target else {
        return Err(UpstreamError::WrongIdentity);
    };
    let presented_ok = connection
        .presented()
        .is_none_or(|presented| presented == target.key.identity);
    if *connection.key() == *target.key && presented_ok {
        Ok(())
    } else {
        Err(UpstreamError::WrongIdentity)
    }
}

/// Whether the upstream can take the message as it is.
pub(super) fn suits(
    connection: &Connection,
    mail: &Mail,
    route: &Route,
) -> Result<(), UpstreamError> {
    let offer = connection.offer();
    let parameters = &mail.parameters;
    let lacking = match parameters.body() {
        Some(Body::BinaryMime) if !(offer.binary_mime && offer.chunking) => {
            Some(Unsupported::BinaryMime)
        }
        Some(Body::EightBitMime) if !offer.eight_bit_mime => Some(Unsupported::EightBitMime),
        Some(Body::SevenBit | Body::EightBitMime | Body::BinaryMime) | None => None,
    };
    let limit = offer
        .size
        .filter(|&size| size > 0)
        .unwrap_or(u64::MAX)
        .min(route.tenant.max_message_size);
    let lacking = lacking
        .or_else(|| (parameters.smtputf8() && !offer.smtputf8).then_some(Unsupported::SmtpUtf8))
        .or_else(|| {
            parameters
                .size()
                .is_some_and(|size| size > limit)
                .then_some(Unsupported::Size)
        });
    lacking.map_or(Ok(()), |lacking| Err(UpstreamError::Unsupported(lacking)))
}

/// MAIL with the client's parameters, as far as the upstream knows them (RFC 1870, 6152, 3030, 6531, 3461).
pub(super) fn queue_mail(connection: &mut Connection, mail: &Mail) {
    let offer = *connection.offer();
    let parameters = &mail.parameters;
    let known = parameters
        .iter()
        .filter(|parameter| match parameter.keyword {
            keyword if keyword.eq_ignore_ascii_case("SIZE") => offer.size.is_some(),
            keyword if keyword.eq_ignore_ascii_case("BODY") => {
                // `suits` has seen that binary content is taken, perhaps by an upstream without 8BITMIME.
                offer.eight_bit_mime || parameters.body() == Some(Body::BinaryMime)
            }
            keyword if keyword.eq_ignore_ascii_case("SMTPUTF8") => offer.smtputf8,
            keyword if keyword.eq_ignore_ascii_case("XOORG") => offer.xoorg,
            _ => offer.dsn,
        });
    connection.smtp.mail(
        &mail.path,
        known.map(|parameter| (parameter.keyword, parameter.value)),
        &mut connection.channel.output,
    );
}

/// RCPT with the client's DSN parameters, if the upstream knows them (RFC 3461 section 5.2.2).
pub(super) fn queue_rcpt(connection: &mut Connection, rcpt: &Rcpt) {
    let dsn = connection.offer().dsn;
    connection.smtp.rcpt(
        &rcpt.path,
        rcpt.parameters
            .iter()
            .filter(|_parameter| dsn)
            .map(|parameter| (parameter.keyword, parameter.value)),
        &mut connection.channel.output,
    );
}
