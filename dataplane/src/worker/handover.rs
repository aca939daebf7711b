//! How does a packet reach the worker that owns its flow, if it came in at another?
//!
//! Over one bounded queue into each worker, which all others fill. A device that steers both directions of a flow to
//! one queue makes this rare: what is left are ICMP errors, whose flow is that of the packet they quote, and fragments,
//! which go to the worker that gathers those of their sender, and from there, as a datagram, to the owner of its flow.
//! Packets of one flow from one receive queue stay in order.

use super::fragments::{Datagram, Parts};
use crate::fragment::MOST_FRAGMENTS;
use crate::io::Side;
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;

/// Packets one worker may have waiting for another.
pub const HANDOVER_LENGTH: usize = 1024;

/// Datagrams in fragments that may be on their way to each worker.
const DATAGRAMS: usize = 32;

/// Something on its way to the worker that owns its flow, or gathers fragments of its sender.
#[derive(Debug)]
pub struct HandedOver<B> {
    pub(super) load: Load<B>,
    pub(super) wire: usize,
    pub(super) side: Side,
}

/// What is handed over.
#[derive(Debug)]
pub(super) enum Load<B> {
    Packet(B),
    Datagram(Datagram<B>),
}

/// The queues by which packets reach each worker, from all others.
#[derive(Debug)]
pub struct Queues<B> {
    inboxes: Box<[ArrayQueue<HandedOver<B>>]>,
    /// Empty lists for the fragments of a datagram: who hands one over takes one in its place, who is done with one
    /// gives it back.
    pub(super) spares: ArrayQueue<Parts<B>>,
}

/// The same for all workers.
pub type Handover<B> = Arc<Queues<B>>;

/// Queues for `workers` workers.
#[must_use]
pub fn handover<B>(workers: usize) -> Handover<B> {
    let spares = ArrayQueue::new(if workers > 1 { workers * DATAGRAMS } else { 1 });
    while workers > 1 && spares.push(Vec::with_capacity(MOST_FRAGMENTS)).is_ok() {}
    Arc::new(Queues { inboxes: (0..workers).map(|_| ArrayQueue::new(HANDOVER_LENGTH)).collect(), spares })
}

impl<B> Queues<B> {
    /// How many workers there are.
    pub(super) const fn workers(&self) -> usize {
        self.inboxes.len()
    }

    /// The queue into worker `index`.
    pub(super) fn inbox(&self, index: usize) -> &ArrayQueue<HandedOver<B>> {
        &self.inboxes[index]
    }
}
