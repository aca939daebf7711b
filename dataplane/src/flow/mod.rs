//! Which flow does a packet belong to? The flow table that one worker owns, and what it is keyed by.

pub mod key;

pub use key::{FlowKey, Orientation};
