//! Who is expected to call whom? From one host or any, from one port or any, to one port of one host.

use super::End;
use crate::flow::FlowKey;
use crate::packet::protocol;

/// Who is expected to call whom: from any port, unless one is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    pub(super) key: FlowKey,
    from_anyone: bool,
    from_port: bool,
}

impl Announced {
    /// A connection of this protocol, from this host, to this host and L4 port; `version` is 4 or 6.
    #[must_use]
    pub const fn new(
        source: u128,
        (destination, port): (u128, u16),
        protocol: u8,
        version: u8,
        zone: u16,
    ) -> Self {
        let key =
            FlowKey { low: source, high: destination, low_port: 0, high_port: port, protocol, version, zone };
        Self { key, from_anyone: false, from_port: false }
    }

    /// The same from whatever host.
    #[must_use]
    pub const fn from_anyone(self) -> Self {
        Self { key: FlowKey { low: 0, ..self.key }, from_anyone: true, ..self }
    }

    /// The same from this port only.
    #[must_use]
    pub const fn from_port(self, port: u16) -> Self {
        Self { key: FlowKey { low_port: port, ..self.key }, from_port: true, ..self }
    }

    /// GRE of a call of PPTP.
    #[must_use]
    pub const fn of_call(sender: End, receiver: End, zone: u16) -> Self {
        Self::new(sender.0, receiver, protocol::GRE, 4, zone).from_port(sender.1)
    }

    pub(super) const fn words(&self) -> Words {
        let FlowKey { low, high, low_port, high_port, protocol, version, zone } = self.key;
        let rest = high_port as u64 | (protocol as u64) << 16 | (version as u64) << 24 | (zone as u64) << 32;
        let from = self.from_anyone as u64 | (self.from_port as u64) << 1 | (low_port as u64) << 16;
        let source = [low as u64, (low >> 64) as u64, from];
        Words { source, target: [high as u64, (high >> 64) as u64, rest] }
    }
}

/// An [`Announced`], as it lies in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    /// The address; whether it is of no matter, whether the port is of any, and that.
    pub(super) source: [u64; 3],
    /// Address, and L4 port, protocol, version and zone.
    pub(super) target: [u64; 3],
}

impl Words {
    const fn is_from_anyone(&self) -> bool {
        self.source[2] & 1 != 0
    }

    const fn port(&self) -> Option<u16> {
        if self.source[2] & 2 != 0 { Some((self.source[2] >> 16) as u16) } else { None }
    }

    /// Whether one packet could fulfil both.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        let hosts = self.is_from_anyone() || other.is_from_anyone() || self.source[..2] == other.source[..2];
        let ports = match (self.port(), other.port()) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        hosts && ports && self.target == other.target
    }
}

/// The name of the GRE flow between two ends of a call.
#[must_use]
pub fn gre((low, low_port): End, (high, high_port): End) -> FlowKey {
    let key = FlowKey { low, high, low_port, high_port, protocol: protocol::GRE, version: 4, zone: 0 };
    if (low, low_port) <= (high, high_port) { key } else { key.mirrored() }
}
