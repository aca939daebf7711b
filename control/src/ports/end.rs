//! One worker's queues of one port.

use super::PacketBuffer;
use dpdk::{Burst, RxQueue, TxQueue};

/// How often a full transmit queue is tried again before its packets are given up.
const TRIES: usize = 16;

/// The queues of one port.
#[derive(Debug)]
pub struct End {
    /// Where its packets come from.
    pub receive: RxQueue,
    /// Where packets go.
    pub transmit: TxQueue,
}

impl End {
    /// Sends packets, by way of the empty `burst`; what the port does not take stays in `packets`.
    pub fn send(&mut self, burst: &mut Burst, packets: &mut Vec<PacketBuffer>) {
        burst.append(packets, |PacketBuffer(packet)| packet);
        for _ in 0..TRIES {
            self.transmit.transmit(burst);
            if burst.is_empty() {
                return;
            }
        }
        packets.extend(burst.drain().map(PacketBuffer));
    }

    /// Frees packets, a burst in one call, by way of the empty `burst`.
    pub fn free(burst: &mut Burst, packets: &mut Vec<PacketBuffer>) {
        for PacketBuffer(packet) in packets.drain(..) {
            if burst.is_full() {
                burst.free_bulk();
            }
            drop(burst.push(packet));
        }
        burst.free_bulk();
    }
}
