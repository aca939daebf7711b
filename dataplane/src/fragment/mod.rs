//! How does a datagram in fragments meet the rules as one packet? Its fragments wait until all are there.
//!
//! As the kernel puts datagrams together, and as it gives up on them (RFC 791, RFC 8200 with RFC 5722): a fragment that
//! overlaps kills the datagram, one that repeats is dropped, one that contradicts the others kills the datagram
//! (IPv4) or is dropped (IPv6), and what is not whole after 30 seconds (IPv4) or 60 (IPv6) is dropped. What the rules
//! see is a copy, [`assemble`]d; the fragments themselves leave as they came.
//!
//! All room is taken at the start. When there is no more, new fragments are dropped until waiting ones are done.

mod assemble;
mod cache;
mod datagram;

#[cfg(any(test, feature = "test-support"))]
pub mod reference;
#[cfg(test)]
mod tests;

pub use assemble::Room;
pub use cache::{Cache, Capacity, Key, Part, Taken, User, sender};
pub use datagram::Summary;

/// Most fragments one datagram may have: 64 KiB over links of 552 bytes, and some.
pub const MOST_FRAGMENTS: usize = 128;
