//! Which packets does the bench send? Endless traffic of a known mix, over a known number of flows.
//!
//! Flows are visited in an order shuffled once, all of them before any comes again. Each side of a connection
//! goes through that order at its own pace, half the order apart, so that neither finds what the other has just
//! fetched; what a flow has sent follows from how often its side went round: sequence and acknowledgement numbers
//! advance without any memory of the flow.

use super::frames::{DATA, SHORTEST_V6, Segment, headers, payload};
use clap::ValueEnum;
use dataplane::io::Side;
use dataplane::packet::flag;
use std::sync::Arc;

/// What packets are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mix {
    /// Data of established TCP connections, both ways in turn
    Established,
    /// Established TCP connections whose sides answer each other burst by burst
    Bidirectional,
    /// As established, in frames of 64, 570 and 1518 bytes, 7 to 4 to 1
    Imix,
    /// UDP datagrams to a service, each the first of a new flow
    New,
    /// TCP SYNs to a service, each from another client and never answered
    SynFlood,
    /// TCP SYNs to a port that is closed by the ruleset's policy
    Deny,
    /// TCP segments of no connection
    Invalid,
}

impl Mix {
    /// Whether connections have to stand before it starts.
    pub const fn needs_connections(self) -> bool {
        matches!(self, Self::Established | Self::Bidirectional | Self::Imix)
    }

    /// Whether every packet of it leaves a new flow.
    pub const fn opens(self) -> bool {
        matches!(self, Self::New | Self::SynFlood)
    }

    /// Whether packets of it pass.
    pub const fn passes(self) -> bool {
        !matches!(self, Self::Deny | Self::Invalid)
    }
}

/// Which network layers flows are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
    /// Half of the flows each
    Both,
}

/// What the L4 ports of clients have in common that have no connection; no other port has it.
const STRAY: u16 = 0x8000;

/// Whether a frame of the bench is of a connection that stands.
#[inline]
pub fn is_of_connection(frame: &[u8]) -> bool {
    let ports = if frame.get(12) == Some(&0x86) { 54 } else { 34 };
    let high = |at: usize| frame.get(at).is_some_and(|byte| byte & (STRAY >> 8) as u8 != 0);
    !(high(ports) || high(ports + 2))
}

/// The L4 port served; the ruleset lets it in.
pub const SERVICE: u16 = 443;
/// An L4 port that no rule lets in.
pub const CLOSED: u16 = 7;

/// A step of the three-way handshake, for all flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    Syn,
    SynAck,
    Ack,
}

impl Handshake {
    /// All steps, in order.
    pub const ALL: [Self; 3] = [Self::Syn, Self::SynAck, Self::Ack];

    /// Which side takes it.
    pub const fn side(self) -> Side {
        match self {
            Self::Syn | Self::Ack => Side::Outside,
            Self::SynAck => Side::Inside,
        }
    }
}

/// One side's way through the flows.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    at: usize,
    rounds: u32,
}

/// An endless source of frames. A copy starts where its original stands, and goes its own way.
#[derive(Debug, Clone)]
pub struct Traffic {
    mixes: Vec<Mix>,
    turn: usize,
    family: Family,
    /// Frames are this long, without frame check sequence, where the mix does not say.
    frame: usize,
    /// Indices of flows, shuffled.
    order: Arc<[u32]>,
    paces: [Pace; 2],
    /// Where packets are that belong to no connection and open none: connections have a pace of their own.
    stray: usize,
    opened: u32,
    sizes: usize,
    /// Packets of this kind only, for now.
    only: Option<Mix>,
    /// Packets of connections that stand: how many there were.
    of_connections: u64,
}

impl Traffic {
    /// Traffic of several mixes in turn, packet by packet, over the flows with these indices.
    pub fn new(mixes: &[Mix], family: Family, frame: usize, mut flows: Vec<u32>) -> Self {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for at in (1..flows.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            flows.swap(at, (random % (at as u64 + 1)) as usize);
        }
        let together = mixes.contains(&Mix::Bidirectional);
        let inside = Pace { at: if together { 0 } else { flows.len() / 2 }, rounds: 0 };
        Self {
            mixes: mixes.to_vec(),
            turn: 0,
            family,
            frame,
            order: flows.into(),
            paces: [Pace::default(), inside],
            stray: 0,
            opened: 0,
            sizes: 0,
            only: None,
            of_connections: 0,
        }
    }

    /// How many flows there are.
    pub fn flows(&self) -> usize {
        self.order.len()
    }

    /// From now on packets of this kind only, or of all in turn.
    pub const fn restrict(&mut self, only: Option<Mix>) {
        self.only = only;
    }

    /// How many flows were opened besides those that stand.
    pub const fn opened(&self) -> u32 {
        self.opened
    }

    /// How many packets of connections that stand there were.
    pub const fn of_connections(&self) -> u64 {
        self.of_connections
    }

    /// What `side` sends next: how long the frame is, and what is in it.
    #[inline]
    pub fn next(&mut self, side: Side) -> (usize, Segment) {
        let mix = self.only.unwrap_or_else(|| {
            let mix = self.mixes[self.turn];
            self.turn = if self.turn + 1 == self.mixes.len() { 0 } else { self.turn + 1 };
            mix
        });
        self.of_connections += u64::from(mix.needs_connections());
        match mix {
            Mix::Established | Mix::Bidirectional => {
                let segment = self.data(side);
                (self.length(segment.v6, self.frame), segment)
            }
            Mix::Imix => {
                self.sizes = (self.sizes + 1) % IMIX.len();
                let segment = self.data(side);
                (self.length(segment.v6, IMIX[self.sizes]), segment)
            }
            Mix::New | Mix::SynFlood | Mix::Deny | Mix::Invalid => {
                let segment = self.stray(mix);
                (self.length(segment.v6, self.frame), segment)
            }
        }
    }

    /// A step of the handshake of flow number `at` in order.
    pub fn handshake(&self, at: usize, step: Handshake) -> (usize, Segment) {
        let mut segment = self.segment(self.order[at]);
        segment.from_server = step.side() == Side::Inside;
        (segment.sequence, segment.acknowledgement, segment.flags) = match step {
            Handshake::Syn => (CLIENT_ISN, 0, flag::SYN),
            Handshake::SynAck => (SERVER_ISN, CLIENT_ISN + 1, flag::SYN | flag::ACK),
            Handshake::Ack => (CLIENT_ISN + 1, SERVER_ISN + 1, flag::ACK),
        };
        // a handshake carries no data: its frames are as short as frames can be
        (headers(segment.v6), segment)
    }

    #[inline]
    fn data(&mut self, side: Side) -> Segment {
        let pace = &mut self.paces[side as usize];
        let Pace { at, rounds } = *pace;
        pace.at += 1;
        if pace.at == self.order.len() {
            *pace = Pace { at: 0, rounds: rounds.wrapping_add(1) };
        }
        let other = self.paces[side.opposite() as usize];
        // the other side has been here in every round it finished but the first, which may have begun in the middle
        let heard = other.rounds.saturating_sub(1);
        let mut segment = self.segment(self.order[at]);
        let step = payload(segment.v6, self.length(segment.v6, self.frame));
        let (own, peers) = match side {
            Side::Outside => (CLIENT_ISN, SERVER_ISN),
            Side::Inside => (SERVER_ISN, CLIENT_ISN),
        };
        segment.from_server = side == Side::Inside;
        segment.sequence = own.wrapping_add(1).wrapping_add(rounds.wrapping_mul(step));
        segment.acknowledgement = peers.wrapping_add(1).wrapping_add(heard.wrapping_mul(step));
        segment.flags = DATA;
        segment
    }

    /// A packet of no connection that stands.
    #[inline]
    fn stray(&mut self, mix: Mix) -> Segment {
        let number = if mix.opens() {
            self.opened = self.opened.wrapping_add(1);
            self.opened.wrapping_add(self.order.len() as u32)
        } else {
            let flow = self.order[self.stray];
            self.stray = if self.stray + 1 == self.order.len() { 0 } else { self.stray + 1 };
            flow
        };
        let mut segment = self.segment(number);
        // clients of strays are others than those of connections
        segment.client_port |= STRAY;
        segment.udp = mix == Mix::New;
        segment.server_port = if mix == Mix::Deny { CLOSED } else { SERVICE };
        segment.sequence = number;
        segment.flags = if mix == Mix::Invalid { flag::ACK } else { flag::SYN };
        segment
    }

    #[inline]
    fn segment(&self, number: u32) -> Segment {
        let v6 = match self.family {
            Family::V4 => false,
            Family::V6 => true,
            Family::Both => number & 1 != 0,
        };
        Segment {
            v6,
            udp: false,
            // one to one on 28 bits, so that neighbours in number are none in address
            client: number.wrapping_mul(0x9e37_79b1) & 0x0fff_ffff,
            client_port: 1024 + (number % 30_000) as u16,
            server_port: SERVICE,
            from_server: false,
            sequence: 0,
            acknowledgement: 0,
            flags: 0,
        }
    }

    #[inline]
    fn length(&self, v6: bool, wanted: usize) -> usize {
        if v6 { wanted.max(SHORTEST_V6) } else { wanted }
    }
}

/// Frames of the simple Internet mix, without frame check sequence, spread over a dozen.
const IMIX: [usize; 12] = [60, 566, 60, 60, 566, 60, 1514, 60, 566, 60, 566, 60];
const CLIENT_ISN: u32 = 1_000_000;
const SERVER_ISN: u32 = 3_000_000_000;
