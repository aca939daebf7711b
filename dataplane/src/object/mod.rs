//! What do rules remember from one packet to the next? Rate limits, quotas, counters of connections, sets that change,
//! lines for the log.
//!
//! Objects exist once and are shared by all workers behind `&self`: their state is atomic numbers, so that a rate is
//! kept over several workers. All memory is taken when the policy is compiled; nothing on the packet path allocates,
//! locks, scans, or grows.

pub mod clock;
pub mod connections;
pub mod each;
pub mod gone;
mod held;
mod left;
pub mod log;
pub mod numbers;
pub mod objects;
pub mod quota;
pub mod rate;
pub mod recent;
pub mod set;
mod stale;
pub mod timed;
pub mod window;

pub use clock::{Moment, Now};
pub use connections::{Counted, Counting, Memberships};
pub use gone::GoneName;
pub use log::{LogRecord, LogRing};
pub use numbers::Numbers;
pub use objects::{Found, Objects, Seed};
pub use recent::Addresses;
pub use set::DynamicSet;
