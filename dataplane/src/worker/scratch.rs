//! What does a burst need on its way? Memory that is taken once.

use crate::classify::Ahead;
use crate::eights::EIGHT;
use crate::flow::FlowHash;
use crate::io::BURST;
use crate::packet::Packet;
use crate::packet::abreast::Eight;
use crate::pipeline::{Aimed, Keyed, Precedents};
use crate::time::Tick;

/// What a burst needs on its way; taken once.
#[derive(Debug)]
pub(super) struct Scratch<B> {
    pub(super) burst: Vec<B>,
    /// The plain packets. What is in the places of others is not plain.
    pub(super) shorts: Vec<Aimed>,
    /// What was read side by side, of each whole eight of the burst.
    pub(super) eights: Vec<Eight>,
    /// Bytes of the burst's frames.
    pub(super) bytes: u64,
    /// The headers of those that are not plain. Others' places are filled as the need arises.
    pub(super) packets: Vec<Packet>,
    /// Likewise, where their flows are looked for.
    pub(super) keyed: Vec<Keyed>,
    /// What is known ahead of those that seem to belong to no connection.
    pub(super) ahead: Ahead,
    /// Those whose flows are not in their first bucket or will not be.
    pub(super) displaced: Vec<Displaced>,
    pub(super) passed: Vec<B>,
    pub(super) refused: Vec<B>,
    pub(super) replies: Vec<B>,
    pub(super) reply: Box<[u8; crate::reject::LONGEST]>,
}

/// Which packet, the hash of its flow, and when that may begin.
pub(super) type Displaced = (usize, FlowHash, Option<Tick>);

/// A burst at hand: what is known of each packet.
pub(super) struct At<'a, B> {
    pub(super) burst: &'a mut Vec<B>,
    pub(super) shorts: &'a mut [Aimed],
    pub(super) eights: &'a [Eight],
    pub(super) bytes: u64,
    pub(super) packets: &'a mut [Packet],
    pub(super) keyed: &'a mut [Keyed],
    pub(super) ahead: &'a mut Ahead,
    pub(super) precedents: &'a mut Precedents,
}

impl<B> Scratch<B> {
    pub(super) fn new() -> Self {
        Self {
            burst: Vec::with_capacity(BURST),
            shorts: vec![Aimed::default(); BURST],
            eights: Vec::with_capacity(BURST / EIGHT),
            bytes: 0,
            packets: vec![Packet::default(); BURST],
            keyed: vec![Keyed::No; BURST],
            ahead: Ahead::new(),
            displaced: Vec::with_capacity(BURST),
            passed: Vec::with_capacity(BURST),
            refused: Vec::with_capacity(BURST),
            replies: Vec::with_capacity(BURST),
            reply: Box::new([0; crate::reject::LONGEST]),
        }
    }
}
