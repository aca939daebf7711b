//! What would the firewall have done with this capture? It goes through the real data path, on pcap-backed ports.
//!
//! The capture is split by the hash that steers flows to workers into one file for each worker and side
//! ([`plan`]); net_pcap ports read those files, workers decide ([`engine`]), and what they decided is put back into
//! the order of the capture ([`record`]). Each worker meets its packets in the capture's order and on the
//! capture's clock, so the verdicts are the same for any number of workers.

mod command;
mod engine;
mod io;
mod names;
mod plan;
mod record;
mod summary;

pub use command::{replay, warn};
pub use engine::{Replayed, run};
pub use names::Names;
pub use plan::{Plan, Sources};
pub use record::{Record, Verdict};

use dataplane::flow::FlowHasher;

/// The hash of a replay: its seeds are no secret, so that a run can be repeated.
pub fn hasher() -> FlowHasher {
    FlowHasher::new([0x736c_7569, 0x6365_2072, 0x6570_6c61, 0x7920_6861])
}
