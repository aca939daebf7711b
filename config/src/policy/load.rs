//! Where is a number read?

use super::{Ct, Meta, Sought, Value};

/// A number read from the packet or from what is known of it: `((load & mask) ^ xor) >> shift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Where it is read.
    pub load: Load,
    /// How many bits it has, 1 to 128.
    pub width: u16,
    /// Bits kept.
    pub mask: Value,
    /// Bits turned over after the mask.
    pub xor: Value,
    /// Places shifted, right if positive, left if negative, after that.
    pub shift: i8,
}

impl Field {
    /// The whole field, as it is read.
    #[must_use]
    pub const fn plain(load: Load, width: u16) -> Self {
        let mask = if width >= 128 { Value::MAX } else { (1 << width) - 1 };
        Self { load, width, mask, xor: 0, shift: 0 }
    }

    /// Whether the field is compared as it is read.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        let whole = Self::plain(self.load, self.width);
        self.mask == whole.mask && self.xor == 0 && self.shift == 0
    }

    /// What the field holds where `loaded` was read.
    #[must_use]
    pub const fn apply(&self, loaded: Value) -> Value {
        let value = (loaded & self.mask) ^ self.xor;
        if self.shift >= 0 { value >> self.shift } else { value << -self.shift }
    }
}

/// Where a number is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Load {
    /// What is known of the packet besides its bytes.
    Meta(Meta),
    /// What is known of its connection.
    Ct(Ct),
    /// Bits of the first extension header of this kind (IPv6), counted from its start; a packet without it has nothing
    /// to load.
    Extension {
        /// Its number as a next header.
        header: u8,
        /// First bit.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
    /// Bits of the first option of this kind, counted from its kind byte; a packet without it, or with a shorter one,
    /// has nothing to load.
    Option {
        /// In which header.
        of: OptionOf,
        /// Its kind.
        kind: u8,
        /// First bit.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
    /// 1 if there is such an extension header, option or chunk, otherwise 0 (8 bits). Always loads, but for an extension
    /// header or option of IP in a packet of another family.
    Exists(Part),
    /// Whether a header is whole (8 bits): [`whole::NONE`], [`whole::CUT`] or [`whole::ALL`]. Always loads. The matches
    /// of iptables drop a packet if a header they look into is cut off.
    Whole(Header),
    /// Whether a packet bears what a match of iptables looks for (8 bits): [`whole::CUT`] if the list is cut off,
    /// [`whole::ALL`] if it is as wanted, otherwise [`whole::NONE`].
    Sought(Sought),
    /// A new number for every packet: counting, or random; `offset + n % modulus` (32 bits).
    Number {
        /// Random, or one more each time (one counter for each draw of the rule, over all workers).
        random: bool,
        /// How many different numbers; 0 is 2^32 of them, random ones.
        modulus: u32,
        /// The least.
        offset: u32,
        /// Which draw of the rule it is: those of a kind are told apart. [`Meta::Random`] is the first of the random ones.
        draw: u8,
    },
    /// Of which kind an address is, as the routing of a host knows it: `fib ... type` (32 bits, RTN numbers: unicast
    /// 1, local 2, broadcast 3, multicast 5).
    AddressType {
        /// The destination, or the source.
        destination: bool,
        /// Whether an address counts as the host's own only where it is one of this interface: one of the loopback
        /// interface does not.
        of_device: bool,
    },
    /// Bits of the packet itself.
    Payload {
        /// Which header the offset counts from.
        base: HeaderBase,
        /// First bit.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
}

/// A header that has options, or chunks that are read like them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionOf {
    /// The IPv4 header.
    Ipv4,
    /// The TCP header.
    Tcp,
    /// An SCTP packet: its chunks.
    Sctp,
    /// The DCCP header.
    Dccp,
}

/// A header as a match of iptables wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Header {
    /// So many bytes of the transport header; a fragment's tail has none.
    Transport(u8),
    /// The TCP header without its options. A fragment's tail has none, but one that would lie over the header's end is
    /// taken for a header that is cut off.
    Tcp,
    /// The TCP header with its options, as its data offset says.
    TcpOptions,
    /// The mobility header, at the end of the headers as RFC 6275 wants it; anywhere else it is taken for one that is cut
    /// off.
    Mobility,
    /// The DCCP header with its options, as its data offset says.
    DccpOptions,
    /// So many bytes of the first IPv6 extension header of this number. It is cut off as well if the headers before it
    /// are, and if it says of itself that it is longer than the packet.
    Extension {
        /// Its number as a next header.
        number: u8,
        /// Bytes.
        bytes: u8,
    },
}

/// What [`Load::Whole`] gives.
pub mod whole {
    /// There is no such header.
    pub const NONE: u8 = 0;
    /// The packet ends within it.
    pub const CUT: u8 = 1;
    /// It is there.
    pub const ALL: u8 = 2;
}

/// A part a packet may have or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// An IPv6 extension header, by its number as a next header.
    Extension(u8),
    /// An option or chunk, by its kind.
    Option(OptionOf, u8),
}

/// Header an offset counts from. A packet without it has nothing to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderBase {
    /// The Ethernet header (`@ll`).
    Link,
    /// The IPv4, IPv6 or ARP header (`@nh`).
    Network,
    /// The transport header (`@th`), behind extension headers; none in a fragment's tail.
    Transport,
}
