//! How fast is the data path on this machine? The real worker loop over in-memory ports, beside bare forwarding.
//!
//! Both run in one process and in turn, a fraction of a millisecond each, so that whatever else happens on the
//! machine happens to both; percentiles of many such chunks are compared, and what is published is their ratio.

mod changes;
mod command;
mod floor;
mod frames;
mod io;
mod machine;
mod measure;
mod report;
mod rules;
mod shard;
mod traffic;

pub use command::bench;
pub use traffic::{Family, Mix};
