//! The queues of a running port, one owner each.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use dpdk_sys as sys;

use crate::port::OpenPort;
use crate::{Burst, PortId};

/// All queues of a port that has been started.
#[derive(Debug)]
pub struct Queues {
    /// The receive queues, by number.
    pub receive: Vec<RxQueue>,
    /// The transmit queues, by number.
    pub transmit: Vec<TxQueue>,
    /// Does the device spread flows over the receive queues with the symmetric key, so that both
    /// directions of a flow meet in one queue? False where it cannot, does not say, or was not asked.
    pub rss: bool,
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
    /// The port is running with this queue, and there is no other handle of it.
    pub(crate) unsafe fn new(port: Arc<OpenPort>, queue: u16) -> TxQueue {
        TxQueue { port, queue, single: PhantomData }
    }

    /// Hands packets to the device, from the front, and says how many it took. The others stay in
    /// the burst, in order, for another try or to be freed.
    #[inline]
    pub fn transmit(&mut self, burst: &mut Burst) -> usize {
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
