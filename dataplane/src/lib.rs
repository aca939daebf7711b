//! Frames in, verdicts out: parser, flow table, connection tracker, classifier, worker.
//!
//! Knows no device, no clock and no log; after start-up it allocates nothing. `now` is always an argument.

pub mod classify;
pub mod eights;
pub mod flow;
pub mod fragment;
pub mod frame;
pub mod generation;
pub mod io;
pub mod object;
pub mod packet;
pub mod pipeline;
pub mod reason;
pub mod reject;
pub mod rules;
pub mod stats;
mod sync;
pub mod time;
pub mod track;
pub mod wire;
pub mod worker;

pub use flow::{FlowKey, Orientation};
pub use frame::Frame;
pub use packet::{Fragment, Network, Packet, Quoted, Tuple};
pub use reason::Reason;
pub use time::Tick;
