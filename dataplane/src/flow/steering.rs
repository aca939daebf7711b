//! To which queue does a network card send a flow? Symmetric receive-side scaling, in software.
//!
//! A Toeplitz hash whose key repeats every 16 bits is one function of the exclusive or of all 16-bit words it is fed
//! with (Woo, Park: "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling", 2012): so it does not change
//! with the direction, and two small tables give it. The worker that owns a flow must be the one whose queue its packets
//! come in by; what comes in elsewhere, as an ICMP error about the flow, is handed over by the same function.
//!
//! It has no secret: who knows the key can aim flows at one queue, as with any card that is configured so. Inside the
//! shard the keyed hash still spreads them.

use super::FlowKey;
use crate::packet::protocol;

/// How the cards of all wires spread flows, and which worker has which queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steering {
    low: [u16; 256],
    high: [u16; 256],
    /// By the low bits of the hash.
    queues: Box<[u16]>,
    /// Of which protocols the ports are hashed: a bit each.
    with_ports: u8,
}

impl Steering {
    /// A card with this key, repeated, and this redirection table; it hashes the L4 ports of packets of each IP version
    /// and protocol in `with_ports`, and the addresses alone of all others.
    ///
    /// `None` if the table is not as long as a power of two, up to 2^16, or has a queue that is none of the workers'.
    #[must_use]
    pub fn new(key: u16, queues: &[u16], workers: usize, with_ports: &[(u8, u8)]) -> Option<Self> {
        let is_table = queues.len().is_power_of_two() && queues.len() <= 1 << 16;
        if !is_table || queues.iter().any(|&queue| usize::from(queue) >= workers) {
            return None;
        }
        let hash = |word: u16| {
            let bits = (0..16).filter(|bit| word >> (15 - bit) & 1 == 1);
            bits.fold(0, |hash, bit| hash ^ key.rotate_left(bit))
        };
        let bits = with_ports.iter().map(|&(version, protocol)| bit(version, protocol));
        Some(Self {
            low: std::array::from_fn(|byte| hash(byte as u16)),
            high: std::array::from_fn(|byte| hash((byte as u16) << 8)),
            queues: queues.into(),
            with_ports: bits.fold(0, |all, bit| all | bit),
        })
    }

    /// The queue, that is the worker, of a flow.
    #[must_use]
    pub fn queue(&self, key: &FlowKey) -> u16 {
        let mut words = key.low ^ key.high;
        words ^= words >> 64;
        words ^= words >> 32;
        words ^= words >> 16;
        let mut word = words as u16;
        if self.with_ports & bit(key.version, key.protocol) != 0 {
            word ^= key.low_port ^ key.high_port;
        }
        let [low, high] = word.to_le_bytes();
        let hash = self.low[usize::from(low)] ^ self.high[usize::from(high)];
        self.queues[usize::from(hash) & (self.queues.len() - 1)]
    }
}

/// The bit of the protocols that have ports cards look at.
const fn bit(version: u8, protocol: u8) -> u8 {
    let bit = match protocol {
        protocol::TCP => 1,
        protocol::UDP => 2,
        protocol::SCTP => 4,
        _ => 0,
    };
    if version == 6 { bit << 3 } else { bit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowHasher;
    use proptest::prelude::*;

    /// The hash of Microsoft's RSS specification, bit by bit.
    fn toeplitz(key: u16, input: &[u8]) -> u32 {
        let key: Vec<u8> = key.to_be_bytes().into_iter().cycle().take(input.len() + 4).collect();
        let bit = |bytes: &[u8], n: usize| bytes[n / 8] >> (7 - n % 8) & 1 == 1;
        let set = (0..input.len() * 8).filter(|&n| bit(input, n));
        set.fold(0, |hash, n| hash ^ (n..n + 32).fold(0, |word, k| word << 1 | u32::from(bit(&key, k))))
    }

    /// What a card is fed with.
    fn input(key: &FlowKey, ports: bool) -> [Vec<u8>; 2] {
        let address = |address: u128| match key.version {
            4 => (address as u32).to_be_bytes().to_vec(),
            _ => address.to_be_bytes().to_vec(),
        };
        let (low, high) = (address(key.low), address(key.high));
        let (low_port, high_port) = (key.low_port.to_be_bytes(), key.high_port.to_be_bytes());
        let ports = |one: [u8; 2], other: [u8; 2]| if ports { [one, other].concat() } else { Vec::new() };
        [
            [&low[..], &high, &ports(low_port, high_port)].concat(),
            [&high[..], &low, &ports(high_port, low_port)].concat(),
        ]
    }

    proptest! {
        #[test]
        fn a_flow_belongs_to_the_queue_its_packets_come_in_by(
            (low, high) in any::<(u128, u128)>(),
            (low_port, high_port, key) in any::<(u16, u16, u16)>(),
            protocol in prop_oneof![Just(protocol::TCP), Just(protocol::UDP), Just(protocol::ICMP)],
            is_v6 in any::<bool>(),
            log in 0u32..10,
            workers in 1usize..17,
        ) {
            let (low, high) = if is_v6 { (low, high) } else { (low & 0xffff_ffff, high & 0xffff_ffff) };
            let version = if is_v6 { 6 } else { 4 };
            let flow = FlowKey { low, high, low_port, high_port, protocol, version, zone: 0 };
            let table: Vec<u16> = (0..1 << log).map(|at| (at % workers) as u16).collect();
            let steering = Steering::new(key, &table, workers, &[(4, 6), (6, 17)]).unwrap();
            let ports = matches!((version, protocol), (4, protocol::TCP) | (6, protocol::UDP));
            for input in input(&flow, ports) {
                let queue = table[toeplitz(key, &input) as usize & (table.len() - 1)];
                prop_assert_eq!(steering.queue(&flow), queue);
                let hasher = FlowHasher::new([1, 2, 3, 4]).steered(steering.clone(), workers);
                prop_assert_eq!(hasher.hash(&flow).owner(workers), usize::from(queue));
            }
        }
    }

    #[test]
    fn a_table_that_workers_do_not_cover_is_refused() {
        assert_eq!(Steering::new(0x6d5a, &[0, 1, 2], 3, &[]), None);
        assert_eq!(Steering::new(0x6d5a, &[0, 1, 2, 3], 3, &[]), None);
        assert_eq!(Steering::new(0x6d5a, &[], 3, &[]), None);
    }
}
