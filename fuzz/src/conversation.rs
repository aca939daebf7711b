//! What do the bytes of an input say? Frames, waits and changes of circumstance, one step after the other.
//!
//! An input can be changed anywhere and still says something; a capture becomes one by [`Step::Frame`] alone.

use dataplane::io::Side;
use dataplane::packet::build::{FrameBuilder, checksum};

/// What happens next.
#[derive(Debug)]
pub enum Step {
    /// A frame arrives.
    Frame(Side, Vec<u8>),
    /// So many milliseconds pass.
    Wait(u64),
    /// The control thread looks for stale flows.
    Age,
    /// The ruleset with this number comes into force.
    Publish(u8),
    /// How many packets a transmit call takes, and whether there is memory for answers.
    Room(usize, bool),
}

/// The steps of an input.
#[derive(Debug)]
pub struct Steps<'a> {
    rest: &'a [u8],
    /// Frames so far, to be sent again or complained about.
    frames: Vec<Vec<u8>>,
    flows: [Sequences; FLOWS],
}

/// The next sequence number of the client and of the server.
type Sequences = [u32; 2];

/// Conversations that are made up.
const FLOWS: usize = 16;

/// Frames that can be sent again.
const REMEMBERED: usize = 16;

/// Lengths of a wait, in milliseconds: around the timeouts, and around the width of a tick.
const WAITS: [u64; 16] = [
    0,
    1,
    999,
    2_001,
    10_000,
    29_999,
    30_001,
    60_000,
    120_000,
    300_000,
    600_000,
    432_000_000,
    (1 << 30) - 1,
    1 << 31,
    (1 << 32) + 1,
    1 << 40,
];

impl<'a> Steps<'a> {
    /// The steps that `input` says.
    #[must_use]
    pub const fn of(input: &'a [u8]) -> Self {
        Self { rest: input, frames: Vec::new(), flows: [[1000, 9000]; FLOWS] }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// Bytes with their length before them, as far as there are any.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.word()? & 0x7ff).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(bytes)
    }

    fn arrives(&mut self, side: Side, frame: Vec<u8>) -> Step {
        if self.frames.len() == REMEMBERED {
            self.frames.remove(0);
        }
        self.frames.push(frame.clone());
        Step::Frame(side, frame)
    }

    fn remembered(&mut self) -> Option<Vec<u8>> {
        let which = usize::from(self.byte()?);
        Some(self.frames.iter().rev().cycle().nth(which % REMEMBERED).cloned().unwrap_or_default())
    }

    /// A segment of a made-up connection, in order but for what the input adds.
    fn tcp(&mut self, side: Side) -> Option<Vec<u8>> {
        let (flow, flags, length) = (self.byte()?, self.byte()?, self.byte()?);
        let (ahead, ack_ahead, window) = (self.byte()? as i8, self.byte()? as i8, self.word()?);
        // the top bit: the side speaks for the other one
        let by_server = (side == Side::Inside) != (flow & 0x80 != 0);
        let (own, peer) = (usize::from(by_server), usize::from(!by_server));
        let next = &mut self.flows[usize::from(flow) % FLOWS];
        let far = |step: i8| (i32::from(step) * i32::from(step).abs() * 8) as u32;
        let (sequence, acknowledgement) =
            (next[own].wrapping_add(far(ahead)), next[peer].wrapping_add(far(ack_ahead)));
        if ahead == 0 {
            let counted = u32::from(flags & 2 != 0) + u32::from(flags & 1 != 0);
            next[own] = next[own].wrapping_add(u32::from(length) + counted);
        }
        let (ip, client, server) = ends(flow, by_server);
        let (source, destination) = if by_server { (server, client) } else { (client, server) };
        let frame = ip.tcp(source, destination, flags).sequence(sequence).acknowledgement(acknowledgement);
        // the handshake with options, or window scale and SACK never happen
        let options: &[u8] = if flags & 2 != 0 { &[2, 4, 5, 0xb4, 4, 2, 3, 3, flow >> 4] } else { &[] };
        Some(frame.window(window).tcp_options(options).payload(&vec![0x55; usize::from(length)]).build())
    }

    /// A datagram, a query or a chunk of a made-up conversation.
    fn datagram(&mut self, side: Side) -> Option<Vec<u8>> {
        let (flow, kind, detail) = (self.byte()?, self.byte()?, self.byte()?);
        let by_server = (side == Side::Inside) != (flow & 0x80 != 0);
        let (ip, client, server) = ends(flow, by_server);
        let (source, destination) = if by_server { (server, client) } else { (client, server) };
        let frame = match kind % 6 {
            0 => ip.udp(source, destination).payload(&vec![7; usize::from(detail)]),
            1 => ip.icmp_query(detail, client, 1),
            2 => {
                let chunk = [detail, 0, 0, 20, 0, 0, 0, 9, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 1];
                ip.sctp(source, destination, u32::from(kind >> 4)).payload(&chunk)
            }
            3 => ip.gre(0x3001, 0x880b).payload(&[0, 0, 0, detail]),
            4 => ip.udplite(source, destination, 8),
            _ => ip.raw(detail),
        };
        Some(frame.build())
    }

    /// An ICMP error about an earlier frame.
    fn error(&mut self) -> Option<Vec<u8>> {
        let about = self.remembered()?;
        let (kind, code) = (self.byte()?, self.byte()?);
        let packet = dataplane::packet::parse(&about[..]);
        let quoted = about.get(usize::from(packet.network_offset)..).unwrap_or_default();
        let ip = match packet.tuple.network {
            dataplane::Network::Ipv6 => FrameBuilder::new()
                .ip([0x2001, 0xdb8, 9, 0, 0, 0, 0, 9], std::net::Ipv6Addr::from(packet.tuple.source)),
            _ => {
                FrameBuilder::new().ip([203, 0, 113, 9], std::net::Ipv4Addr::from(packet.tuple.source as u32))
            }
        };
        Some(ip.icmp(kind, code, [0; 4]).payload(&quoted[..quoted.len().min(512)]).build())
    }

    fn step(&mut self) -> Option<Step> {
        let tag = self.byte()?;
        let side = if tag & 0x80 == 0 { Side::Outside } else { Side::Inside };
        match tag & 7 {
            0 => {
                let frame = self.bytes()?.to_vec();
                Some(self.arrives(side, if tag & 0x40 == 0 { frame } else { mended(frame) }))
            }
            1 | 2 => {
                let frame = self.tcp(side)?;
                Some(self.arrives(side, frame))
            }
            3 => {
                let frame = self.datagram(side)?;
                Some(self.arrives(side, frame))
            }
            4 => {
                let mut frame = self.remembered()?;
                let (at, flip) = (usize::from(self.byte()?), self.byte()?);
                if let Some(byte) = frame.get_mut(at) {
                    *byte ^= flip;
                }
                Some(self.arrives(side, if tag & 0x40 == 0 { frame } else { mended(frame) }))
            }
            5 => {
                let frame = self.error()?;
                Some(self.arrives(side, frame))
            }
            6 => Some(Step::Wait(WAITS[usize::from(self.byte()?) % WAITS.len()])),
            _ => Some(match tag >> 3 & 3 {
                0 => Step::Age,
                1 => Step::Publish(self.byte()?),
                _ => {
                    let room = self.byte()?;
                    Step::Room(if room & 1 == 0 { usize::MAX } else { usize::from(room >> 2) }, room & 2 == 0)
                }
            }),
        }
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        self.step()
    }
}

/// The addresses of a made-up conversation, and the ports of its client and its server.
fn ends(flow: u8, by_server: bool) -> (FrameBuilder, u16, u16) {
    let number = u16::from(flow) % FLOWS as u16;
    let ports = (40_000 + number / 4, [22, 80, 53, 8080][usize::from(number) % 4]);
    let frame = FrameBuilder::new();
    let frame = if number & 4 == 0 {
        let (client, server) = ([198, 51, 100, 1], [192, 0, 2, 10]);
        if by_server { frame.ip(server, client) } else { frame.ip(client, server) }
    } else {
        let (client, server) = ([0x2001, 0xdb8, 1, 0, 0, 0, 0, 1], [0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x10]);
        if by_server { frame.ip(server, client) } else { frame.ip(client, server) }
    };
    (frame, ports.0, ports.1)
}

/// The frame with the IPv4 header checksum that its header asks for, so that a change gets past the first check.
fn mended(mut frame: Vec<u8>) -> Vec<u8> {
    if frame.get(12..14) == Some(&[8, 0])
        && let Some(length) = frame.get(14).map(|byte| usize::from(byte & 15) * 4)
        && let Some(header) = frame.get_mut(14..14 + length)
        && length >= 20
    {
        header[10..12].fill(0);
        let sum = checksum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    frame
}
