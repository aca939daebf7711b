//! What is kept of the few connections that need more than every connection does?
//!
//! It lies beside the flow table and takes no memory until it is written. All zero bytes say that there is nothing:
//! a field that is added must mean that by zero.

use super::Direction;
use super::helper::Helped;
use crate::object::Memberships;
use zerocopy::FromZeros;

/// The cold part of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Extra {
    /// What has gone to and fro, if that is counted.
    pub traffic: Traffic,
    /// What its helper remembers, and who announced it.
    pub helped: Helped,
    /// The timeouts a rule gave it.
    pub timeouts: OwnTimeouts,
    /// The counters of connections that count it.
    pub counted_by: Memberships,
}

/// Timeouts of a connection of its own: one of the lists of the rules that gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct OwnTimeouts {
    /// The number of the rules; with other rules in force the connection has none of its own.
    pub rules: u32,
    /// Which of their lists.
    pub list: u32,
}

/// Packets and bytes of a connection, by direction. Counted from its first packet on or not at all, as the rules ask
/// for it when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Traffic {
    packets: [u64; 2],
    bytes: [u64; 2],
}

impl Traffic {
    /// Whether this connection is counted.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        self.packets[Direction::Original as usize] != 0
    }

    /// One more packet, of so many bytes from the network header on.
    pub const fn add(&mut self, direction: Direction, length: u32) {
        let (packets, bytes) = (&mut self.packets[direction as usize], &mut self.bytes[direction as usize]);
        *packets = packets.wrapping_add(1);
        *bytes = bytes.wrapping_add(length as u64);
    }

    /// Packets that went this way.
    #[must_use]
    pub const fn packets(&self, direction: Direction) -> u64 {
        self.packets[direction as usize]
    }

    /// Bytes that went this way.
    #[must_use]
    pub const fn bytes(&self, direction: Direction) -> u64 {
        self.bytes[direction as usize]
    }
}
