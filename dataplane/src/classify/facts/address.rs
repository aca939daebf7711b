//! Of which kind is an address, as the routing of the protected host knows it?
//!
//! The host's own addresses are not known here; where it is tells as much: what a host gets is for it, what it sends
//! is its own. A broadcast into a subnet is known by the Ethernet address, as its sender's routing knew it.

use super::meta::BROADCAST;
use super::{Facts, Home};
use crate::frame::Frame;
use crate::packet::Network;
use config::policy::Value;

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// Of the destination or the source, or, `of_device`, of it as an address of the interface that the packet comes in
    /// or goes out by, which bears every address but those of loopback; `None` if the packet is not IP.
    pub(super) fn address_type(&self, destination: bool, of_device: bool) -> Option<Value> {
        let tuple = &self.packet.tuple;
        let address = if destination { tuple.destination } else { tuple.source };
        let by_itself = match tuple.network {
            Network::Other => return None,
            Network::Ipv4 => v4(address as u32),
            Network::Ipv6 => v6(address),
        };
        let is_home = match self.known.home {
            Home::Neither => false,
            Home::Source => !destination,
            Home::Destination => destination,
        };
        let is_for_all =
            destination && tuple.network == Network::Ipv4 && self.link_destination() == BROADCAST;
        Some(match by_itself {
            Some(LOCAL) if of_device => UNICAST,
            Some(kind) => kind,
            None if is_for_all => BROADCAST_ADDRESS,
            None if is_home => LOCAL,
            None => UNICAST,
        })
    }
}

const fn v4(address: u32) -> Option<Value> {
    match address.to_be_bytes() {
        [0, ..] | [255, 255, 255, 255] => Some(BROADCAST_ADDRESS),
        [224..=239, ..] => Some(MULTICAST),
        [127, ..] => Some(LOCAL),
        _ => None,
    }
}

const fn v6(address: u128) -> Option<Value> {
    match address {
        1 => Some(LOCAL),
        _ if address >> 120 == 0xff => Some(MULTICAST),
        _ => None,
    }
}

const UNICAST: Value = 1;
const LOCAL: Value = 2;
const BROADCAST_ADDRESS: Value = 3;
const MULTICAST: Value = 5;
