//! What names a flow of IPv4 in few bytes? What [`FlowKey`] says of it, as two numbers.

use super::{FlowKey, Orientation};
use crate::packet::Short;

/// The name of an IPv4 flow as it lies in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Name {
    /// The addresses, low and high, as 32 bits each.
    pub(crate) addresses: u64,
    /// Both L4 ports, the protocol, the zone; between them there is room.
    pub(crate) ports_and_protocol: u64,
}

impl Name {
    /// The name of a flow of IPv4.
    #[inline]
    #[must_use]
    pub fn of(key: &FlowKey) -> Self {
        Self {
            addresses: u64::from(key.low as u32) | u64::from(key.high as u32) << 32,
            ports_and_protocol: u64::from(key.low_port)
                | u64::from(key.high_port) << 16
                | u64::from(key.protocol) << 32
                | u64::from(key.zone) << 48,
        }
    }

    /// The name of the flow of a plain packet, and which way along it the packet goes.
    #[inline]
    #[must_use]
    pub fn of_short(short: &Short) -> (Self, Orientation) {
        let source = u64::from(short.source) << 16 | u64::from(short.source_port);
        let destination = u64::from(short.destination) << 16 | u64::from(short.destination_port);
        let is_up = source <= destination;
        let (low, high) = (source.min(destination), source.max(destination));
        let name = Self {
            addresses: low >> 16 | (high >> 16) << 32,
            ports_and_protocol: low & 0xffff | (high & 0xffff) << 16 | u64::from(short.protocol) << 32,
        };
        (name, if is_up { Orientation::Up } else { Orientation::Down })
    }

    /// The key so named.
    #[must_use]
    pub fn key(&self) -> FlowKey {
        let rest = self.ports_and_protocol;
        FlowKey {
            low: u128::from(self.addresses as u32),
            high: u128::from(self.addresses >> 32),
            low_port: rest as u16,
            high_port: (rest >> 16) as u16,
            protocol: (rest >> 32) as u8,
            version: 4,
            zone: (rest >> 48) as u16,
        }
    }

    /// All of it as one number.
    #[inline]
    #[must_use]
    pub fn number(&self) -> u128 {
        u128::from(self.addresses) | u128::from(self.ports_and_protocol) << 64
    }
}

#[cfg(test)]
mod tests {
    use super::Name;
    use crate::flow::FlowKey;
    use crate::packet::{Network, Short, Tuple};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_says_what_the_key_says(
            addresses: [u32; 2],
            ports: [u16; 2],
            protocol in prop_oneof![Just(6_u8), Just(17)],
            zone: u16,
            alike: bool,
        ) {
            let destination = if alike { addresses[0] } else { addresses[1] };
            let short = Short {
                source: addresses[0],
                destination,
                source_port: ports[0],
                destination_port: ports[1],
                protocol,
                ..Short::default()
            };
            let tuple = Tuple {
                network: Network::Ipv4,
                protocol,
                source: addresses[0].into(),
                destination: destination.into(),
                source_port: ports[0],
                destination_port: ports[1],
                ..Tuple::default()
            };
            let (key, orientation) = FlowKey::of(&tuple).unwrap();
            prop_assert_eq!(Name::of_short(&short), (Name::of(&key), orientation));
            let zoned = FlowKey { zone, ..key };
            prop_assert_eq!(Name::of(&zoned).key(), zoned);
        }
    }
}
