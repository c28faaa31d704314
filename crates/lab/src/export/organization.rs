//! Organisation settings of an export (`exchange-online.md` section 2.6).

use super::error::ExportError;
use super::node::Node;
use super::recognise::Kind;
use super::shape::Properties;
use crate::world::Organization;

/// The settings that `node` describes; what is missing is false.
///
/// # Errors
/// Everything that is of the wrong type.
pub fn organization(node: &Node) -> Result<Organization, Vec<ExportError>> {
    let mut properties = Properties::of(node, Kind::Organization)?;
    let organization = Organization {
        reject_direct_send: properties.boolean("RejectDirectSend", false),
        in_region_routing_enabled: properties.boolean("InRegionRoutingEnabled", false),
    };
    properties.finish()?;
    Ok(organization)
}
