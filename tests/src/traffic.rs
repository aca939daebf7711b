//! What traffic can tell two firewalls apart? Conversations as kernels hold them, with loss, repetition and
//! segments that do not belong, scans, errors, broken checksums; made from a seed, over IPv4 and IPv6.
//!
//! Nobody reacts to a verdict: every packet is made beforehand and judged as it comes.

mod datagrams;
mod dress;
mod fields;
mod fragments;
pub mod h323;
mod helped;
mod protocols;
mod random;
mod sctp;
mod tcp;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use dataplane::packet::build::FrameBuilder;

use crate::capture::{Record, Side};
use dress::Dress;
pub use fields::fields;
pub use random::Random;

/// About `count` packets of many conversations, interleaved, one every 100 microseconds.
#[must_use]
pub fn generate(seed: u64, count: usize) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut open: Vec<VecDeque<Sent>> = Vec::new();
    let mut packets: Vec<Sent> = Vec::new();
    while packets.len() < count {
        while open.len() < CONVERSATIONS {
            open.push(conversation(&mut random, Nets { inside: 10, vlans: false }, Subject::Any).into());
        }
        let at = random.below(open.len());
        let burst = (1 + random.below(3)).min(open[at].len());
        packets.extend(open[at].drain(..burst));
        if open[at].is_empty() {
            open.swap_remove(at);
        }
    }
    timed(packets)
}

/// The packets of one scenario: a few conversations at once, about 25 packets, between hosts that no scenario of
/// another number (below 120) has.
#[must_use]
pub fn scenario(random: &mut Random, number: usize, subject: Subject) -> Vec<Sent> {
    let nets = Nets { inside: 10 + 2 * (number % 120) as u8, vlans: true };
    let mut open: Vec<VecDeque<Sent>> = Vec::new();
    let mut made = 0;
    let mut packets = Vec::new();
    while made < SCENARIO || !open.is_empty() {
        while open.len() < 3 && made < SCENARIO {
            let next = match subject {
                Subject::Any if random.chance(4) => {
                    let hosts = Hosts::new(random, nets);
                    fragments::conversation(random, hosts)
                }
                _ => conversation(random, nets, subject),
            };
            made += next.len();
            open.push(next.into());
        }
        let at = random.below(open.len());
        let burst = (1 + random.below(3)).min(open[at].len());
        packets.extend(open[at].drain(..burst));
        if open[at].is_empty() {
            open.swap_remove(at);
        }
    }
    packets
}

/// About `count` packets, mostly fragments, one every 100 microseconds; each scenario between hosts of its own.
#[must_use]
pub fn fragmented(seed: u64, count: usize) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut packets: Vec<Sent> = Vec::new();
    let mut number = 0;
    while packets.len() < count {
        let nets = Nets { inside: 10 + 2 * (number % 120) as u8, vlans: true };
        let hosts = Hosts::new(&mut random, nets);
        packets.extend(fragments::conversation(&mut random, hosts));
        number += 1;
    }
    timed(packets)
}

/// Packets in the order given, one every 100 microseconds.
#[must_use]
pub fn timed(packets: impl IntoIterator<Item = Sent>) -> Vec<Record> {
    timed_apart(packets, STEP)
}

/// Packets in the order given, with so much between any two.
#[must_use]
pub fn timed_apart(packets: impl IntoIterator<Item = Sent>, step: Duration) -> Vec<Record> {
    let times = (0_u32..).map(|number| START + step * number);
    packets.into_iter().zip(times).map(|((side, frame), time)| Record { side, time, frame }).collect()
}

/// What a scenario is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Whatever there is.
    Any,
    /// That, and what helpers read.
    Helpers,
}

/// A frame and the side that sends it.
pub type Sent = (Side, Vec<u8>);

/// Two hosts that talk; the first one is who begins.
#[derive(Debug, Clone, Copy)]
struct Hosts {
    caller: Side,
    addresses: [IpAddr; 2],
    dress: Dress,
}

/// The hosts that may talk: six outside and two inside.
#[derive(Debug, Clone, Copy)]
struct Nets {
    /// The last byte of the first of the two.
    inside: u8,
    /// Whether frames may have a tag, which rules about the Ethernet header see on a bridge and not on a VLAN's device.
    vlans: bool,
}

impl Hosts {
    fn new(random: &mut Random, nets: Nets) -> Self {
        let caller = if random.chance(80) { Side::Outside } else { Side::Inside };
        let (outside, inside) = (1 + random.below(6) as u8, nets.inside + random.below(2) as u8);
        let (outside, inside): (IpAddr, IpAddr) = if random.chance(70) {
            ([198, 51, 100, outside].into(), [192, 0, 2, inside].into())
        } else {
            let host = |net: u16, host: u8| [0x2001, 0xdb8, net, 0, 0, 0, 0, u16::from(host)].into();
            (host(1, outside), host(2, inside))
        };
        let addresses = if caller == Side::Outside { [outside, inside] } else { [inside, outside] };
        Self { caller, addresses, dress: Dress::default() }
    }

    fn is_ipv6(&self) -> bool {
        self.addresses[0].is_ipv6()
    }

    /// A frame from the caller (0) or the called (1), without its transport layer.
    fn from(&self, end: usize) -> FrameBuilder {
        let frame = FrameBuilder::new().ip(self.addresses[end], self.addresses[1 - end]);
        self.dress.put_on(frame, self.is_ipv6())
    }

    /// Where the transport header begins.
    fn transport(&self) -> usize {
        14 + if self.is_ipv6() { 40 } else { 20 } + self.dress.length(self.is_ipv6())
    }

    fn side(&self, end: usize) -> Side {
        if end == 0 { self.caller } else { self.caller.other() }
    }

    fn sent(&self, end: usize, frame: &FrameBuilder) -> Sent {
        (self.side(end), frame.build())
    }
}

fn conversation(random: &mut Random, nets: Nets, subject: Subject) -> Vec<Sent> {
    let hosts = Hosts::new(random, nets);
    let hosts = Hosts { dress: Dress::new(random, nets.vlans), ..hosts };
    if subject == Subject::Helpers && random.chance(50) {
        return helped::conversation(random, hosts);
    }
    match random.below(100) {
        0..38 => tcp::connection(random, hosts),
        38..43 => tcp::simultaneous_open(random, hosts),
        43..46 => tcp::split_handshake(random, hosts),
        46..54 => tcp::scan(random, hosts),
        54..60 => datagrams::udp(random, hosts),
        60..63 => fields::some(random, hosts),
        63..70 => datagrams::echo(random, hosts),
        70..76 => datagrams::stray_errors(random, hosts),
        76..80 => datagrams::neighbours(random, hosts),
        80..87 => sctp::association(random, hosts),
        87..89 => protocols::udplite(random, hosts),
        89 => protocols::dccp(random, hosts),
        90 => protocols::udplite(random, hosts),
        91..93 => protocols::gre(random, hosts),
        93..95 => protocols::others(random, hosts),
        95 => datagrams::groups(random, hosts),
        _ => datagrams::broken(random, hosts),
    }
}

/// L4 ports that are called: offered by the rulesets and not.
const CALLED_PORTS: [u16; 7] = [22, 53, 80, 80, 443, 8080, 31337];

/// Conversations at any time.
const CONVERSATIONS: usize = 12;

/// Packets of a scenario, at least.
const SCENARIO: usize = 20;

const START: Duration = Duration::from_secs(1_700_000_000);

/// Between two packets: the whole must last less than any timeout, as the kernel lives in real time.
const STEP: Duration = Duration::from_micros(100);
