//! What can be known of a burst of packets before the rules are run for the first of them? Which box of a base chain's
//! tree each lies in: all go down the tree together.
//!
//! That depends on nothing that rules do for packets before, but for the state of a connection, which is assumed. Rules are
//! run packet by packet, as ever; where what was found ahead does not hold, the tree is asked again.

use super::{Program, Selector};
use crate::classify::facts::Facts;
use crate::classify::sieve::{End, NONE, Points, Sieve};
use crate::classify::stage::Stage;
use crate::frame::Frame;
use crate::io::BURST;
use config::policy::ChainId;

/// What was found for the packets of a burst.
#[derive(Debug, Clone)]
pub struct Ahead {
    chains: Box<[Looked; MOST_CHAINS]>,
    count: usize,
    /// The state of connections that was assumed.
    state: u32,
}

/// What was found in one base chain.
#[derive(Debug, Clone)]
struct Looked {
    chain: ChainId,
    stage: Stage,
    points: Points,
    /// The packets that have all coordinates, a bit for each.
    known: u64,
    /// Labels of boxes, for those.
    found: [u32; BURST],
}

/// What was found for one packet.
#[derive(Debug, Clone, Copy)]
pub struct AheadOf<'a> {
    ahead: &'a Ahead,
    number: usize,
}

impl Default for Ahead {
    fn default() -> Self {
        Self::new()
    }
}

impl Ahead {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        let stage = Stage { hook: config::policy::Hook::Input, phase: super::Phase::AfterTracking };
        let none = Looked { chain: ChainId(0), stage, points: Points::new(), known: 0, found: [NONE; BURST] };
        Self { chains: Box::new(std::array::from_fn(|_| none.clone())), count: 0, state: 0 }
    }

    /// Forgets everything.
    pub const fn clear(&mut self) {
        self.count = 0;
    }

    /// Of packet number `number`.
    #[must_use]
    pub const fn of(&self, number: usize) -> AheadOf<'_> {
        AheadOf { ahead: self, number }
    }

    /// The number of the rule whose box packet number `number` lies in, in the first chain that was looked at.
    #[must_use]
    pub fn first_rule(&self, number: usize) -> Option<u32> {
        let label = self.chains[0].found[number % BURST];
        (label != NONE).then(|| End::of_label(label).rule())
    }
}

impl AheadOf<'_> {
    /// The first box of `chain` that holds the packet, if there is one; nothing if that is not known.
    #[inline]
    pub(super) fn found(self, chain: ChainId, sieve: &Sieve, ct_state: u32) -> Option<Option<End>> {
        let Self { ahead, number } = self;
        if number >= BURST {
            return None;
        }
        let looked = ahead.chains.iter().take(ahead.count).find(|looked| looked.chain == chain)?;
        if looked.known >> number & 1 == 0 || ct_state != ahead.state && sieve.asks_state() {
            return None;
        }
        let label = looked.found[number];
        Some((label != NONE).then(|| End::of_label(label)))
    }
}

impl Program {
    /// Begins to look ahead, at the first base chains of these stages that have trees which can be asked ahead, for
    /// packets whose connections are in this state. Whether there are any.
    pub fn look_ahead(&self, stages: &[Stage], ct_state: u32, ahead: &mut Ahead) -> bool {
        (ahead.count, ahead.state) = (0, ct_state);
        for stage in stages {
            let bases = self.hooks[stage.hook as usize].iter().filter(|base| stage.phase.covers(base.phase));
            for base in bases.filter(|base| self.is_known_ahead(base.chain)) {
                let Some(looked) = ahead.chains.get_mut(ahead.count) else { return true };
                (looked.chain, looked.stage, looked.known) = (base.chain, *stage, 0);
                looked.points.clear();
                ahead.count += 1;
            }
        }
        ahead.count > 0
    }

    /// Adds a packet, as number `number` of the burst; nothing is known of those from [`BURST`] on. Its connection is in the
    /// state assumed.
    #[inline]
    pub fn add_ahead<F: Frame + ?Sized>(&self, number: usize, facts: &Facts<'_, F>, ahead: &mut Ahead) {
        debug_assert_eq!(facts.ct_state, ahead.state);
        if number >= BURST {
            return;
        }
        for looked in ahead.chains.iter_mut().take(ahead.count) {
            let Some(sieve) = self.sieve(looked.chain) else { continue };
            let is_known = if sieve.asks_interfaces() {
                sieve.set_point(&facts.at(looked.stage.hook), number, &mut looked.points)
            } else {
                sieve.set_point(facts, number, &mut looked.points)
            };
            looked.known |= u64::from(is_known) << number;
        }
    }

    /// Finds the boxes of all packets that were added.
    #[inline]
    pub fn find_ahead(&self, ahead: &mut Ahead) {
        for looked in ahead.chains.iter_mut().take(ahead.count) {
            if let Some(sieve) = self.sieve(looked.chain) {
                sieve.first(&looked.points, &mut looked.found);
            }
        }
    }

    /// Whether a chain is all in its tree, which asks for nothing that is not known ahead.
    fn is_known_ahead(&self, chain: ChainId) -> bool {
        !self.patch.changes(chain) && self.sieve(chain).is_some_and(Sieve::is_known_ahead)
    }

    #[inline]
    fn sieve(&self, chain: ChainId) -> Option<&Sieve> {
        match &self.chains[chain.index()].selector {
            Some(Selector::Sieve { sieve, .. }) => Some(sieve),
            _ => None,
        }
    }
}

/// Base chains that are looked at ahead, at most.
const MOST_CHAINS: usize = 2;
