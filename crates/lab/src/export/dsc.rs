//! Microsoft365DSC configurations: the resource blocks that describe what the lab knows, of a
//! PowerShell script whose other parts are passed over.
//!
//! `EXOInboundConnector "name" { Identity = "..."; SenderDomains = @("smtp:*;1"); ... }`. Nothing
//! is executed: an expression stays text, but for variables that the script itself sets to a
//! literal, as exports do with `$OrganizationName`.

mod block;
mod quote;
mod script;
mod token;
mod value;

pub(super) use block::{organization_name, parse};
