//! What does each match ask of a packet?

pub(super) mod chance;
mod chunks;
pub(super) mod connection;
pub(super) mod connlimit;
pub(super) mod conntrack;
pub(super) mod extension;
pub(super) mod fields;
pub(super) mod hashlimit;
pub(super) mod hours;
pub(super) mod icmp;
pub(super) mod icmp_types;
pub(super) mod listed;
pub(super) mod multiport;
pub(super) mod packet;
pub(super) mod rates;
pub(super) mod recent;
pub(super) mod security;
pub(super) mod transport;
