//! Safe wrapper of the parts of DPDK that Sluice uses: ports, queues, mbufs and lcores.
//!
//! # Who keeps what alive
//!
//! EAL's memory is unmapped by its cleanup, so that must come last. [`Eal`], [`Port`], the queues,
//! [`Mempool`] and [`LcoreTask`] share one reference-counted runtime, and the last of them to go
//! cleans up. An [`Mbuf`] is one pointer and holds no reference: the cleanup looks whether every
//! mbuf is back in its pool and leaves everything to the end of the process when one is not.
//!
//! A port stops and closes only when none of its queues exists any more, so no thread can poll a
//! stopped port.
#![expect(unsafe_code, reason = "this crate is where C is called")]

mod burst;
mod clock;
mod config;
mod eal;
mod error;
mod lcore;
mod log_hook;
mod mbuf;
mod mempool;
mod placement;
mod port;
mod port_config;
mod port_info;
mod queue;
#[cfg(feature = "rivals")]
pub mod rivals;
mod rss;
mod runtime;
mod statistics;
mod timestamp;
mod vdev;

pub use burst::{Burst, Drain};
pub use clock::cycles;
pub use config::{EalConfig, Memory};
pub use eal::{Eal, version};
pub use error::Error;
pub use lcore::{Lcore, LcoreTask};
pub use mbuf::{Mbuf, NoRoom, Segments};
pub use mempool::{Mempool, MempoolConfig};
pub use placement::{Placement, place};
pub use port::Port;
pub use port_config::PortConfig;
pub use port_info::{Link, MacAddress, PortId, PortInfo};
pub use queue::{Queues, RxQueue, TxQueue};
pub use rss::Rss;
pub use statistics::PortStatistics;
pub use vdev::{pcap_device, pcap_interface};
