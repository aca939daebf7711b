//! How does a connection lie in the flow table? In one cache line, if it is one of IPv4.
//!
//! ```text
//!  0        4        8    10    12   13   14   16         18    20                          60
//! +--------+--------+----+-----+----+----+----+----------+-----+---------------------------+
//! |  low   |  high  |  ports   | pr.| st.|zone|generation| ways|       the protocol's      |
//! +--------+--------+----+-----+----+----+----+----------+-----+---------------------------+
//! ```
//!
//! Ten words are the protocol's. TCP: what each side sent and may send, then what [`pack`] makes of the rest. SCTP: its
//! tags and state. All others: when their first packet came; GRE: how many calls had ended. The table keeps the deadline
//! behind it. Three things have no room here and lie in a line of their own ([`More`]), which takes no memory until it is
//! written: addresses of IPv6, `ct mark` where it is not 0, and the last segment of a TCP connection where it does not
//! follow from what its sender sent, as it nearly always does.

use super::flow::{Flow, Protocol, Status, WayNumber};
use super::{Direction, sctp, tcp};
use crate::flow::{FlowKey, Name, Orientation};
use crate::packet::protocol;
use crate::time::Tick;
use zerocopy::FromZeros;

/// The number of the layout of [`Record`] and [`More`]: changes whenever a byte of them changes its meaning.
pub const LAYOUT: u32 = 4;

/// A connection in one cache line, with its deadline. Plain data: no pointers; times are ticks of the table's epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Record {
    /// The addresses, low and high; 0 of IPv6.
    addresses: [u32; 2],
    low_port: u16,
    high_port: u16,
    protocol: u8,
    pub(super) status: Status,
    zone: u16,
    generation: u16,
    ways: [WayNumber; 2],
    pub(super) words: [u32; WORDS],
}

const _: () = assert!(size_of::<Record>() == 60);

/// What has no room in a [`Record`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C, align(64))]
pub struct More {
    /// Addresses of IPv6, low and high.
    addresses: [u128; 2],
    /// TCP: what does not follow from the rest.
    tcp: tcp::Apart,
    /// `ct mark`.
    mark: u32,
}

impl Record {
    /// The record of a flow of IPv4 that begins with a packet that goes `orientation` along its name.
    #[inline]
    #[must_use]
    pub fn begun(name: &Name, orientation: Orientation, words: [u32; WORDS]) -> Self {
        let (addresses, rest) = (halves(name.addresses), name.ports_and_protocol);
        let (low_port, high_port, carried) = (rest as u16, (rest >> 16) as u16, (rest >> 32) as u8);
        // in Linux a packet that could be its own answer is one, from the second on
        let is_its_own_reply = addresses[0] == addresses[1] && low_port == high_port;
        let is_reversed = is_its_own_reply && carried != protocol::ICMP;
        let orientation = if is_reversed { orientation.reversed() } else { orientation };
        let zone = (rest >> 48) as u16;
        let status = Status::begun(orientation);
        Self { addresses, low_port, high_port, protocol: carried, status, zone, words, ..Self::default() }
    }

    /// Whether this is the flow of IPv4 so named.
    #[inline]
    #[must_use]
    pub fn is_named(&self, name: &Name) -> bool {
        // as it lies, so that it is read at once
        let with_status = self.ports_and_protocol() | u64::from(self.status.bits()) << STATUS_AT;
        let matters = !(u64::from(!Status::IPV6) << STATUS_AT);
        u64::from(self.addresses[0]) | u64::from(self.addresses[1]) << 32 == name.addresses
            && with_status & matters == name.ports_and_protocol
    }

    #[inline]
    fn ports_and_protocol(&self) -> u64 {
        u64::from(self.low_port)
            | u64::from(self.high_port) << 16
            | u64::from(self.protocol) << 32
            | u64::from(self.zone) << 48
    }

    /// Whether this is the flow with this key.
    #[inline]
    pub(super) fn is_of(&self, more: &More, key: &FlowKey) -> bool {
        let name = Name::of(key);
        if key.version != 6 {
            return self.is_named(&name);
        }
        self.ports_and_protocol() == name.ports_and_protocol
            && self.status.has(Status::IPV6)
            && more.addresses == [key.low, key.high]
    }

    /// The direction of a packet that goes `orientation` along the key.
    #[inline]
    #[must_use]
    pub fn direction(&self, orientation: Orientation) -> Direction {
        self.status.direction(orientation)
    }

    /// What it has been through.
    #[inline]
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The transport protocol.
    #[inline]
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        self.protocol
    }

    /// `ct mark`.
    #[inline]
    #[must_use]
    pub const fn mark(&self, more: &More) -> u32 {
        if self.status.has(Status::MARKED) { more.mark } else { 0 }
    }

    /// Sets `ct mark`: what the rules said of its packets before may not be true any more.
    pub fn set_mark(&mut self, more: &mut More, mark: u32) {
        if self.mark(more) == mark {
            return;
        }
        if mark == 0 {
            self.status.clear(Status::MARKED);
        } else {
            self.status.set(Status::MARKED);
            more.mark = mark;
        }
        self.forget();
    }

    /// Whether a reply was seen and no helper reads what it carries: then its packets may go on without the rules.
    #[inline]
    #[must_use]
    pub const fn may_remember(&self) -> bool {
        self.status.may_remember()
    }

    /// What it remembers of a direction in this generation.
    #[inline]
    #[must_use]
    pub fn way(&self, direction: Direction, generation: u16) -> WayNumber {
        if self.generation == generation { self.ways[direction as usize] } else { WayNumber::NONE }
    }

    /// Remembers this of a direction.
    pub fn remember(&mut self, direction: Direction, way: WayNumber, generation: u16) {
        if self.generation != generation {
            self.generation = generation;
            self.ways = [WayNumber::NONE; 2];
        }
        self.ways[direction as usize] = way;
    }

    /// What the rules said of its packets is not true any more.
    pub fn forget(&mut self) {
        self.ways = [WayNumber::NONE; 2];
    }

    /// Whether it is never evicted early.
    #[must_use]
    pub const fn is_assured(&self) -> bool {
        self.status.has(Status::ASSURED)
    }

    /// When its first packet came: of any but TCP and SCTP.
    pub(super) const fn created(&self) -> Tick {
        Tick(self.words[0])
    }

    /// The record of a flow, and what does not fit in it.
    pub(super) fn store(flow: &Flow) -> (Self, Option<More>) {
        let key = flow.key();
        let is_v6 = key.version == 6;
        let mut status = flow.status();
        if is_v6 {
            status.set(Status::IPV6);
        }
        if flow.mark != 0 {
            status.set(Status::MARKED);
        }
        let mut apart = None;
        let words = match flow.protocol() {
            Protocol::Tcp(connection) => {
                let (words, rest) = tcp::pack(connection);
                apart = rest;
                words
            }
            Protocol::Sctp(association) => association.words(),
            Protocol::Gre(ends) => [flow.created.0, *ends, 0, 0, 0, 0, 0, 0, 0, 0],
            _ => [flow.created.0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        };
        let name = Name::of(key);
        let record = Self {
            addresses: halves(if is_v6 { 0 } else { name.addresses }),
            low_port: key.low_port,
            high_port: key.high_port,
            protocol: key.protocol,
            status,
            zone: key.zone,
            generation: flow.generation,
            ways: flow.ways,
            words,
        };
        let addresses = if is_v6 { [key.low, key.high] } else { [0; 2] };
        let has_more = is_v6 || apart.is_some() || flow.mark != 0;
        let more = has_more.then(|| More { addresses, tcp: apart.unwrap_or_default(), mark: flow.mark });
        (record, more)
    }

    /// The flow of a record.
    pub(super) fn load(&self, more: &More) -> Flow {
        let is_v6 = self.status.has(Status::IPV6);
        let [low, high] = if is_v6 { more.addresses } else { self.addresses.map(u128::from) };
        let key = FlowKey {
            low,
            high,
            low_port: self.low_port,
            high_port: self.high_port,
            protocol: self.protocol,
            version: if is_v6 { 6 } else { 4 },
            zone: self.zone,
        };
        let protocol = match (self.protocol, is_v6) {
            (protocol::TCP, _) => Protocol::Tcp(tcp::unpack(&self.words, || more.tcp)),
            (protocol::SCTP, _) => Protocol::Sctp(sctp::Association::of_words(&self.words)),
            (protocol::UDP, _) => Protocol::Udp,
            (protocol::UDPLITE, _) => Protocol::UdpLite,
            (protocol::GRE, _) => Protocol::Gre(self.words[1]),
            (protocol::ICMP, false) => Protocol::Icmp,
            (protocol::ICMPV6, true) => Protocol::Icmpv6,
            _ => Protocol::Generic,
        };
        let created = match protocol {
            Protocol::Tcp(_) | Protocol::Sctp(_) => Tick(0),
            _ => self.created(),
        };
        let mut status = self.status;
        status.clear(Status::IPV6);
        status.clear(Status::MARKED);
        Flow::loaded(key, created, self.mark(more), (self.generation, self.ways), status, protocol)
    }
}

/// The low half and the high one.
const fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// Where the status is in the second eight bytes.
const STATUS_AT: u32 = 40;

/// Words of a record that are the protocol's.
pub const WORDS: usize = 10;
