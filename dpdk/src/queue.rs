//! The queues of a running port, one owner each.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use dpdk_sys as sys;

use crate::port::OpenPort;
use crate::{Burst, Mbuf, PortId, Rss};

/// All queues of a port that has been started.
#[derive(Debug)]
pub struct Queues {
    /// The receive queues, by number.
    pub receive: Vec<RxQueue>,
    /// The transmit queues, by number.
    pub transmit: Vec<TxQueue>,
    /// How the device spreads flows over the receive queues, both directions of a flow into one.
    /// `None` where it cannot, does not say, or was not asked.
    pub rss: Option<Rss>,
}

/// A receive queue. Its port runs as long as it exists.
#[derive(Debug)]
pub struct RxQueue {
    port: Arc<OpenPort>,
    queue: u16,
    /// One thread at a time may poll a queue: not `Sync`.
    single: PhantomData<Cell<()>>,
}

/// A transmit queue. Its port runs as long as it exists.
#[derive(Debug)]
pub struct TxQueue {
    port: Arc<OpenPort>,
    queue: u16,
    /// Can the device send chains of segments?
    chains: bool,
    chains_dropped: u64,
    single: PhantomData<Cell<()>>,
}

impl RxQueue {
    /// The handle of a queue.
    ///
    /// # Safety
    ///
    /// The port is running with this queue, and there is no other handle of it.
    pub(crate) unsafe fn new(port: Arc<OpenPort>, queue: u16) -> RxQueue {
        RxQueue { port, queue, single: PhantomData }
    }

    /// Adds packets that have arrived to the burst, as many as there is room for at most, and says
    /// how many. Does not wait. Give it an empty burst: many drivers return nothing when there is
    /// room for less than four.
    #[inline]
    pub fn receive(&mut self, burst: &mut Burst) -> usize {
        let vacant = burst.vacant();
        let room = vacant.len() as u16;
        // SAFETY: the port runs with this queue, which only this thread polls. The call writes at
        // most `room` pointers to packets that are ours, and a slot has the layout of a pointer.
        unsafe {
            let count = sys::rte_eth_rx_burst(
                self.port.id(),
                self.queue,
                vacant.as_mut_ptr().cast::<*mut sys::rte_mbuf>(),
                room,
            );
            let count = usize::from(count);
            burst.fill(count);
            count
        }
    }

    /// The queue's number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.queue
    }

    /// The queue's port.
    #[must_use]
    pub fn port(&self) -> PortId {
        PortId::new(self.port.id())
    }
}

impl TxQueue {
    /// The handle of a queue.
    ///
    /// # Safety
    ///
    /// The port is running with this queue, and there is no other handle of it; it sends
    /// chains of segments if `chains`.
    pub(crate) unsafe fn new(port: Arc<OpenPort>, queue: u16, chains: bool) -> TxQueue {
        TxQueue { port, queue, chains, chains_dropped: 0, single: PhantomData }
    }

    /// Hands packets to the device, from the front, and says how many it took. The others stay in
    /// the burst, in order, for another try or to be freed.
    ///
    /// A device that cannot send chains of segments would read past the end of the first; chains
    /// are freed instead, and counted by [`TxQueue::chains_dropped`].
    #[inline]
    pub fn transmit(&mut self, burst: &mut Burst) -> usize {
        if !self.chains {
            let before = burst.len();
            burst.retain(Mbuf::is_contiguous);
            self.chains_dropped += (before - burst.len()) as u64;
        }
        if burst.is_empty() {
            return 0;
        }
        // SAFETY: the port runs with this queue, which only this thread uses. The packets are ours;
        // those the call counts, from the front, are the device's from now on.
        unsafe {
            let count = sys::rte_eth_tx_burst(
                self.port.id(),
                self.queue,
                burst.as_mut_ptr().cast::<*mut sys::rte_mbuf>(),
                burst.len() as u16,
            );
            let count = usize::from(count);
            burst.forget_first(count);
            count
        }
    }

    /// How many packets were freed because they are chains and the device cannot send those.
    #[must_use]
    pub fn chains_dropped(&self) -> u64 {
        self.chains_dropped
    }

    /// The queue's number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.queue
    }

    /// The queue's port.
    #[must_use]
    pub fn port(&self) -> PortId {
        PortId::new(self.port.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Eal, EalConfig, Mempool, MempoolConfig, Port, PortConfig};

    /// The only test here that starts EAL, as a process can once.
    #[test]
    fn chains_are_not_sent_to_a_device_that_cannot() {
        let eal = Eal::init(&EalConfig::new().vdev("net_ring0")).unwrap();
        let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
        let mut port = Port::open_by_name(&eal, "net_ring0").unwrap();
        port.configure(&PortConfig::default(), &mempool).unwrap();
        let Queues { mut receive, mut transmit, .. } = port.start().unwrap();
        assert!(transmit[0].chains, "the ring itself takes chains");
        transmit[0].chains = false;

        let mut burst = Burst::new();
        for len in [60, 3000, 61, 3000] {
            let packet = mempool.copy_from_slice(&vec![0; len]).unwrap();
            burst.push(packet).unwrap();
        }
        assert_eq!(transmit[0].transmit(&mut burst), 2);
        assert_eq!(transmit[0].chains_dropped(), 2);
        assert!(burst.is_empty());
        assert_eq!(receive[0].receive(&mut burst), 2);
        let lengths: Vec<_> = burst.iter().map(Mbuf::packet_len).collect();
        assert_eq!(lengths, [60, 61]);
        burst.free_bulk();
        assert_eq!(mempool.in_use(), 0);
    }
}
