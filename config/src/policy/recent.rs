//! What does a rule ask of a list of addresses seen lately? What `-m recent` of iptables asks.

use super::{Field, RecentListId, Value};

/// A list of addresses and of when each was seen. Its memory is taken at start; when it is full, the address that was
/// seen longest ago goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentList {
    /// Its name.
    pub name: String,
    /// Bits of an address that are kept, of an IPv4 address the highest 32.
    pub mask: Value,
    /// Addresses it has room for.
    pub size: u32,
    /// Times kept of each address, the last ones: as many as a rule counts.
    pub stamps: u32,
}

/// What a rule does with an address of a list; goes on if it is as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// The list.
    pub list: RecentListId,
    /// The address of the packet: 32 or 128 bits.
    pub address: Field,
    /// Its TTL, or hop limit.
    pub ttl: Field,
    /// What is done.
    pub action: RecentAction,
    /// Whether it goes on where it otherwise would not.
    pub negated: bool,
}

/// What is done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecentAction {
    /// It is seen now; always so.
    Set,
    /// It is taken out; so if it was there.
    Remove,
    /// So if it was seen as wanted.
    Check(Seen),
    /// Likewise, and then it is seen now as well.
    Update(Seen),
}

/// How an address must have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Within so many seconds; at any time if 0.
    pub seconds: u32,
    /// So often, at least once.
    pub times: u32,
    /// With the TTL of this packet.
    pub same_ttl: bool,
    /// Whether the address that was seen longest ago goes, if that is longer than `seconds`.
    pub reap: bool,
}
