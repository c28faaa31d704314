//! The files that administrators already have: what the cmdlets of Exchange Online and Exchange
//! Server give, exported.
//!
//! Four notations, one [`Node`] for all of them, each value with its file, line, column and path:
//! JSON as `ConvertTo-Json` writes it, `Export-Clixml`, Microsoft365DSC configurations, and the
//! tables of a hand-written world. Then [`recognise()`] tells by its properties what an object is,
//! whatever its file is called, and [`inbound_connector()`], [`accepted_domain()`],
//! [`organization()`], [`outbound_connector()`] and [`send_connector()`] make the typed object of it
//! (`exchange-online.md` sections 2.1 to 2.6 and the import rules of 2.4).
//!
//! What Microsoft would refuse but is of the right type is kept as unusable; a value of the wrong
//! type is an [`ExportError`] that names the place, what was found and what to do; all of them
//! in a file are reported together, up to a bound. A file that is not in its notation has one error,
//! where its reader stopped. No file makes this module panic, recurse or grow without bound.

mod clixml;
mod connector;
mod domain;
mod dsc;
mod error;
mod json;
mod node;
mod organization;
mod outbound;
mod position;
mod read;
mod recognise;
mod send;
mod shape;
mod text;
mod toml;
pub mod write;

pub use connector::inbound_connector;
pub use domain::accepted_domain;
pub use error::{ExportError, Format, Problem};
pub use node::{Node, Value};
pub use organization::organization;
pub use outbound::{OutboundConnector, SmartHost, TlsAuthLevel, outbound_connector};
pub use read::{LARGEST_FILE, read_bytes, read_file, read_json, read_objects};
pub use recognise::{Document, Kind, Object, recognise};
pub use send::{AddressSpace, SendConnector, TlsCertificateName, send_connector};
pub use text::decode;
pub use toml::from_toml;

/// How deep values may be nested: the most that `ConvertTo-Json -Depth` can be told to write.
const DEEPEST: usize = 100;

/// How many problems of one file are told; after them it is the number that matters.
const MOST_PROBLEMS: usize = 100;
