//! What becomes of a packet? Parsed, looked up, tracked, judged by the rules.
//!
//! Nothing here knows where packets come from; [`crate::worker`] feeds bursts through.

mod assume;
mod counting;
mod decide;
mod first;
mod fragments;
mod keyed;
mod precedents;
mod short;
mod tracking;
mod ways;

pub use counting::depart;
pub(crate) use counting::{EXPIRED_AT_ONCE, settle};
pub use decide::{Context, Decided, Found, Outcome};
pub use fragments::{Carried, Gather, judged_as_is};
pub use keyed::{Aimed, Keyed};
pub use precedents::Precedents;
pub use tracking::Shard;
pub use ways::{From, Tally, Ways};
