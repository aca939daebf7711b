//! What is known of a packet besides its bytes? Interfaces, marks, the clock.

use super::Facts;
use crate::frame::Frame;
use crate::packet::Network;
use config::policy::{Meta, Value};

impl<F: Frame + ?Sized> Facts<'_, F> {
    pub(super) fn meta(&self, meta: Meta) -> Option<Value> {
        match meta {
            Meta::Length => Some(self.packet.network_length.into()),
            Meta::Protocol => Some(self.packet.ethertype.into()),
            Meta::NfProto => match self.packet.tuple.network {
                Network::Other => None,
                Network::Ipv4 => Some(2),
                Network::Ipv6 => Some(10),
            },
            Meta::L4Proto => self.transport_header().map(|(number, _)| number.into()),
            Meta::IifName => Some(self.iif.unwrap_or(0)),
            Meta::OifName => Some(self.oif.unwrap_or(0)),
            Meta::Mark => Some(self.mark.into()),
            _ => self.meta_rarely(meta),
        }
    }

    #[inline(never)]
    fn meta_rarely(&self, meta: Meta) -> Option<Value> {
        let second = self.now.wall_ns / 1_000_000_000;
        match meta {
            // Unlike a name, the type of an interface that is not there cannot be read.
            Meta::InType => self.iif.map(|_| ETHERNET),
            Meta::OutType => self.oif.map(|_| ETHERNET),
            Meta::PacketType => Some(self.packet_type()),
            Meta::Random => Some(self.known.draw.random(0).into()),
            Meta::Time => Some(self.now.wall_ns.into()),
            Meta::Day => Some(((second / DAY + THURSDAY) % 7).into()),
            Meta::Hour => Some((second % DAY).into()),
            Meta::Length
            | Meta::Protocol
            | Meta::NfProto
            | Meta::L4Proto
            | Meta::IifName
            | Meta::OifName
            | Meta::Mark => None,
        }
    }

    /// By the receiving Ethernet address. What a host sends has no type of its own yet; frames to somebody else's
    /// address never come to its rules.
    fn packet_type(&self) -> Value {
        match (self.iif, self.link_destination()) {
            (None, _) => TO_THIS_HOST,
            (_, BROADCAST) => TO_ALL,
            (_, [first, ..]) if first & 1 == 1 => TO_MANY,
            _ => TO_THIS_HOST,
        }
    }

    /// The receiving Ethernet address.
    pub(super) fn link_destination(&self) -> [u8; 6] {
        let mut address = [0; 6];
        if self.frame.copy(0, &mut address) { address } else { [0; 6] }
    }
}

/// The Ethernet address of everybody.
pub(super) const BROADCAST: [u8; 6] = [0xff; 6];

/// `ARPHRD_ETHER`.
const ETHERNET: Value = 1;
const TO_THIS_HOST: Value = 0;
const TO_ALL: Value = 1;
const TO_MANY: Value = 2;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// The first day of 1970, Sunday being 0.
const THURSDAY: u64 = 4;
