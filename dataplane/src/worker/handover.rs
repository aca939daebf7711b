//! How does a packet reach the worker that owns its flow, if it came in at another?
//!
//! Over one bounded queue into each worker, which all others fill. A device that steers both directions of a flow to
//! one queue makes this rare: what is left are ICMP errors, whose flow is that of the packet they quote. Packets of
//! one flow from one receive queue stay in order.

use crate::io::Side;
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;

/// Packets one worker may have waiting for another.
pub const HANDOVER_LENGTH: usize = 1024;

/// A packet on its way to the worker that owns its flow.
#[derive(Debug)]
pub struct HandedOver<B> {
    pub(super) buffer: B,
    pub(super) wire: usize,
    pub(super) side: Side,
}

/// The queues by which packets reach each worker, from all others.
pub type Handover<B> = Arc<[ArrayQueue<HandedOver<B>>]>;

/// Queues for `workers` workers.
#[must_use]
pub fn handover<B>(workers: usize) -> Handover<B> {
    (0..workers).map(|_| ArrayQueue::new(HANDOVER_LENGTH)).collect()
}
