//! What does each match ask of a packet?

pub(super) mod conntrack;
pub(super) mod fields;
pub(super) mod icmp;
pub(super) mod icmp_types;
pub(super) mod multiport;
pub(super) mod transport;
