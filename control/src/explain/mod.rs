//! Why does this packet pass, or not? One packet on its way through the tracker and the rules, step by step.
//!
//! The packet is written as text ([`syntax`]) or taken from a capture, whose packets before it are decided upon first
//! ([`course`]). The pipeline is that of the data path; of the packet in question the rules are run one by one, and
//! tell of it ([`trace`]). No port is opened and no privilege needed.

mod command;
mod course;
mod datagram;
mod numbers;
mod report;
mod syntax;
mod text;
mod trace;

#[cfg(test)]
mod tests;

pub use command::explain;
