//! World files: what a user writes, read into values that need no further checks.
//!
//! A world is a TOML file, a folder, or both mixed. [`Lab::load`] reports everything that is wrong
//! at once, with file, line, key and what to do; what Microsoft would let an administrator do,
//! however unwise, is no error but a notice, because to show where it leads is what the lab is for.

mod addresses;
mod check;
mod fault;
mod folder;
mod load;
mod objects;
mod sections;
mod settings;
mod tenant;
mod values;

use std::path::PathBuf;

pub use tenantry_settings::{Problem, Problems, Severity};

pub use self::addresses::AddressMap;
pub use self::fault::{FaultAction, FaultReply, FaultSpec, FaultStage, Throttle};
pub use self::load::matching as folders_matching;
pub use self::settings::{Endpoint, Limits, ServerSettings, Timeouts};
use crate::events::Event;
use crate::world::World;

/// A world with everything around it.
#[derive(Debug, Clone, Default)]
pub struct Lab {
    /// The file or folder it was read from.
    pub path: PathBuf,
    /// What attribution looks at.
    pub world: World,
    /// Where every random choice starts.
    pub seed: u64,
    /// The SMTP front end; absent where a world is only asked, never run.
    pub server: Option<ServerSettings>,
    /// One listener per region.
    pub endpoints: Vec<Endpoint>,
    /// Connecting addresses that are taken for others.
    pub addresses: AddressMap,
    /// How much of everything.
    pub limits: Limits,
    /// How long every wait may take.
    pub timeouts: Timeouts,
    /// What goes wrong.
    pub faults: Vec<FaultSpec>,
    /// What changes while the lab runs, in the order of time.
    pub events: Vec<Event>,
    /// What somebody may want to look at.
    pub notices: Vec<Problem>,
}
