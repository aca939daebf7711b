//! Which flow might a packet belong to? Its key, hashed, before any table is asked.

use crate::flow::{FlowHash, FlowHasher, FlowKey, Name, Orientation, Sought};
use crate::frame::Frame;
use crate::packet::abreast::Eight;
use crate::packet::{self, Packet, Quoted, Short};
use crate::reason::Reason;

/// Where the flow of a packet is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyed {
    /// Nowhere: not IP, or refused before any lookup.
    No,
    /// The packet's own flow.
    Own {
        /// Its name.
        key: FlowKey,
        /// Which way along it the packet goes.
        orientation: Orientation,
        /// Its hash.
        hash: FlowHash,
    },
    /// The flow of the packet that this ICMP error, or redirect, quotes.
    Quoted {
        /// What it quotes.
        quoted: Quoted,
        /// Its name.
        key: FlowKey,
        /// Its hash.
        hash: FlowHash,
    },
    /// An ICMP error that quotes nothing usable.
    Broken(Reason),
}

/// A plain packet, and where its flow is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Aimed {
    /// What was read of it.
    pub short: Short,
    /// Its flow.
    pub name: Name,
    /// Which way along it the packet goes.
    pub orientation: Orientation,
    /// Its flow's hash.
    pub hash: FlowHash,
    /// What was seen of its flow.
    pub sought: Sought,
}

impl Aimed {
    /// Where the flow of `short` is looked for.
    #[inline(always)]
    #[must_use]
    pub fn of(short: Short, hasher: &FlowHasher) -> Self {
        let (name, orientation) = Name::of_short(&short);
        Self { short, name, orientation, hash: hasher.hash_v4(&name), sought: Sought::Away }
    }

    /// Turns to frame number `lane` of eight that were read side by side, a plain one. What was read of it is yet to be
    /// told ([`Self::tell`]).
    #[inline(always)]
    pub fn turn_to(&mut self, eight: &Eight, lane: usize, hasher: &FlowHasher) {
        (self.name, self.orientation) = eight.name(lane);
        self.hash = hasher.hash_v4(&self.name);
    }

    /// Tells what was read of frame number `lane`.
    #[inline(always)]
    pub fn tell(&mut self, eight: &Eight, lane: usize) {
        self.short = eight.short(lane);
    }

    /// The same of a packet of IPv6 between these ends, whose names are too long for it: they are told apart.
    #[must_use]
    pub fn of_v6(short: Short, [source, destination]: [u128; 2], hasher: &FlowHasher) -> (Self, Keyed) {
        let is_up = (source, short.source_port) <= (destination, short.destination_port);
        let orientation = if is_up { Orientation::Up } else { Orientation::Down };
        let up = FlowKey {
            low: source,
            high: destination,
            low_port: short.source_port,
            high_port: short.destination_port,
            protocol: short.protocol,
            version: 6,
            zone: 0,
        };
        let key = if is_up { up } else { up.mirrored() };
        let hash = hasher.hash(&key);
        let name = Name { addresses: 0, ports_and_protocol: 0 };
        (Self { short, name, orientation, hash, sought: Sought::Away }, Keyed::Own { key, orientation, hash })
    }

    /// Whether there is a plain packet: the default is none.
    #[inline]
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.short.protocol != 0
    }

    /// What the parser makes of it; `keyed` is what [`Self::of_v6`] told apart.
    #[inline]
    #[must_use]
    pub fn packet(&self, keyed: &Keyed) -> Packet {
        match keyed.key() {
            Some(key) if self.short.is_v6 => self.short.packet_between(match self.orientation {
                Orientation::Up => [key.low, key.high],
                Orientation::Down => [key.high, key.low],
            }),
            _ => self.short.packet(),
        }
    }

    /// Whether it seems to begin a connection: it may, and what was seen does not say otherwise.
    #[inline]
    #[must_use]
    pub fn seems_first(&self) -> bool {
        let may_be = match self.sought {
            Sought::Nowhere | Sought::Crowded | Sought::Room(..) => true,
            Sought::Away => !self.short.goes_on(),
            Sought::At(_) => false,
        };
        may_be && self.short.may_open()
    }

    /// The same of any packet of IPv4.
    #[must_use]
    pub fn keyed(&self) -> Keyed {
        Keyed::Own { key: self.name.key(), orientation: self.orientation, hash: self.hash }
    }
}

impl Keyed {
    /// Where the flow of `packet` is to be looked for.
    pub fn of<F: Frame + ?Sized>(packet: &Packet, frame: &F, hasher: &FlowHasher) -> Self {
        if packet.fault.is_some() {
            return Self::No;
        }
        if packet.is_icmp_error() || packet.is_redirect() {
            return match packet::quoted(frame, packet) {
                Err(reason) => Self::Broken(reason),
                Ok(quoted) => match FlowKey::of(&quoted.tuple) {
                    Some((key, _)) => Self::Quoted { quoted, key, hash: hasher.hash(&key) },
                    None => Self::No,
                },
            };
        }
        match FlowKey::of(&packet.tuple) {
            Some((key, orientation)) => Self::Own { key, orientation, hash: hasher.hash(&key) },
            None => Self::No,
        }
    }

    /// The same in another zone. The worker that owns a flow is that of its key without a zone, so that it is known
    /// before rules say which.
    #[must_use]
    pub fn in_zone(mut self, to: u16, hasher: &FlowHasher) -> Self {
        if let Self::Own { key, hash, .. } | Self::Quoted { key, hash, .. } = &mut self {
            key.zone = to;
            *hash = hasher.hash(key);
        }
        self
    }

    /// The name of the flow that is looked for.
    #[must_use]
    pub const fn key(&self) -> Option<&FlowKey> {
        match self {
            Self::Own { key, .. } | Self::Quoted { key, .. } => Some(key),
            Self::No | Self::Broken(_) => None,
        }
    }

    /// The hash that says which worker owns the flow, if there can be one.
    #[must_use]
    pub const fn hash(&self) -> Option<FlowHash> {
        match self {
            Self::Own { hash, .. } | Self::Quoted { hash, .. } => Some(*hash),
            Self::No | Self::Broken(_) => None,
        }
    }
}
