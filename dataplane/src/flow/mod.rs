//! Which flow does a packet belong to? The flow table that one worker owns, and what it is keyed by.

pub mod ageing;
mod bucket;
mod group;
pub mod hash;
pub mod key;
pub mod name;
mod prefetch;
mod steering;
pub mod table;

pub use ageing::{Ager, Reaper, ageing};
pub use hash::{FlowHash, FlowHasher};
pub use key::{FlowKey, Orientation};
pub use name::Name;
pub use steering::Steering;
pub use table::{Entry, Full, Slot, Sought, Stats, Table};
