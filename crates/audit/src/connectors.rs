//! From a relay's configuration to each tenant's side: the PowerShell that makes Exchange Online know
//! the relay by the certificate that it presents, and the domains that have to be accepted for that
//! (`exchange-online.md` sections 1.5, 2.1 and 5).
//!
//! [`Scripts::of`] writes it for a tenant of which nothing is known, [`Scripts::against`] what is missing
//! in tenants that were exported. Whether something is missing is what the lab's simulation of Exchange
//! Online says about the relay's certificate. Nothing is run and nobody is asked.

mod against;
mod script;
mod wanted;

use tenantry_relay::config::Config;

use crate::model::Model;

pub use script::{Line, Script};
use wanted::Wanted;

/// A script for each tenant that needs one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts {
    /// In the order of the configuration.
    pub tenants: Vec<Script>,
    /// What cannot be told.
    pub notes: Vec<String>,
}

impl Scripts {
    /// Everything that each tenant of the configuration needs; `chosen` says by name which ones.
    #[must_use]
    pub fn of(config: &Config, chosen: impl Fn(&str) -> bool) -> Self {
        let mut scripts = Self::default();
        for wanted in Wanted::all(config) {
            if chosen(&wanted.tenant) {
                scripts.tenants.push(script::whole(&wanted));
            }
        }
        scripts
    }

    /// What is missing in exported tenants. The model is of an inventory with this configuration in it.
    #[must_use]
    pub fn against(config: &Config, model: &Model<'_>, chosen: impl Fn(&str) -> bool) -> Self {
        let mut scripts = Self::default();
        for wanted in Wanted::all(config) {
            if !chosen(&wanted.tenant) {
                continue;
            }
            match against::exported(model, &wanted.tenant) {
                Some(tenant) => scripts
                    .tenants
                    .extend(against::missing(model, tenant, &wanted)),
                None => scripts.notes.push(format!(
                    "{:?} is not among these exports and was not compared",
                    wanted.tenant
                )),
            }
        }
        scripts
    }
}
