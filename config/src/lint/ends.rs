//! Which packets does a chain let go no further? Those it surely decides, and those it surely drops.

use super::analysis::surely_within;
use super::domain::domain;
use super::model::{Effect, Modelled};
use super::region::{Dimensions, Region};
use crate::policy::{ChainId, Policy, RuleId};

/// What comes to an end in each chain.
pub(super) struct Ends {
    /// By chain: boxes of packets that do not come back from it.
    decided: Vec<Vec<Region>>,
    /// By chain: boxes of packets that are dropped in it or below it, and by which of its rules.
    stopped: Vec<Vec<(Region, RuleId)>>,
    /// Whether a packet may be accepted in a chain or below it.
    accepts: Vec<bool>,
    /// Rules that take more than is held here.
    pub(super) cut: Vec<RuleId>,
}

impl Ends {
    /// Goes through the chains, callees first; `order` has callers first.
    pub(super) fn of(
        policy: &Policy,
        models: &[Modelled],
        order: &[ChainId],
        dimensions: &Dimensions,
    ) -> Self {
        let chains = policy.chains.len();
        let mut ends = Self {
            decided: vec![Vec::new(); chains],
            stopped: vec![Vec::new(); chains],
            accepts: vec![false; chains],
            cut: Vec::new(),
        };
        for &chain in order.iter().rev() {
            ends.decide(policy, models, chain);
            ends.stop(policy, models, chain, dimensions);
        }
        ends
    }

    pub(super) fn decided(&self, chain: ChainId) -> &[Region] {
        &self.decided[chain.index()]
    }

    /// What a base chain drops of what it sees.
    pub(super) fn stopped(&self, chain: ChainId) -> &[(Region, RuleId)] {
        &self.stopped[chain.index()]
    }

    fn decide(&mut self, policy: &Policy, models: &[Modelled], chain: ChainId) {
        let mut escaped: Vec<Region> = Vec::new();
        let mut ends: Vec<Region> = Vec::new();
        for (id, _) in policy.rules_of(chain) {
            let model = &models[id.index()];
            for branch in &model.branches {
                let below = match branch.effect {
                    Effect::Nothing => continue,
                    Effect::Jump(to) | Effect::Goto(to) => surely_within(&branch.regions, self.decided(to)),
                    Effect::Return => Vec::new(),
                    _ => branch.regions.clone(),
                };
                if model.exact {
                    let free = below.iter().filter(|region| !escaped.iter().any(|out| out.meets(region)));
                    let room = MOST_DECIDED.saturating_sub(ends.len());
                    if below.len() > room {
                        self.cut.push(id);
                    }
                    ends.extend(free.take(room).cloned());
                }
                if let Effect::Return | Effect::Goto(_) = branch.effect {
                    escaped.extend(branch.regions.iter().cloned());
                }
                if escaped.len() > MOST_ESCAPED {
                    escaped = vec![Region::default()];
                }
            }
        }
        self.decided[chain.index()] = ends;
    }

    fn stop(&mut self, policy: &Policy, models: &[Modelled], chain: ChainId, dimensions: &Dimensions) {
        let seen = policy.chains[chain.index()].base.map(|_| domain(policy, chain, dimensions));
        let mut escaped: Vec<Region> = Vec::new();
        let mut stopped: Vec<(Region, RuleId)> = Vec::new();
        for (id, _) in policy.rules_of(chain) {
            let model = &models[id.index()];
            for branch in &model.branches {
                let (below, escapes) = match branch.effect {
                    Effect::Nothing => continue,
                    Effect::Drop | Effect::Reject(_) => (branch.regions.clone(), false),
                    Effect::Accept => {
                        self.accepts[chain.index()] = true;
                        (Vec::new(), true)
                    }
                    Effect::Return => (Vec::new(), true),
                    Effect::Jump(to) | Effect::Goto(to) => {
                        let dropped = self.stopped[to.index()].iter().map(|(region, _)| region.clone());
                        let accepts = self.accepts[to.index()];
                        self.accepts[chain.index()] |= accepts;
                        let leaves = accepts || matches!(branch.effect, Effect::Goto(_));
                        (surely_within(&branch.regions, &dropped.collect::<Vec<_>>()), leaves)
                    }
                };
                for region in below.into_iter().filter(|_| model.exact) {
                    let region = match &seen {
                        Some(seen) => region.and(seen),
                        None => Some(region),
                    };
                    let Some(left) = region.and_then(|region| without_all(region, &escaped, dimensions))
                    else {
                        continue;
                    };
                    if stopped.len() + left.len() > MOST_DECIDED {
                        self.cut.push(id);
                        continue;
                    }
                    stopped.extend(left.into_iter().map(|region| (region, id)));
                }
                if escapes {
                    escaped.extend(branch.regions.iter().cloned());
                }
                if escaped.len() > MOST_ESCAPED {
                    escaped = vec![Region::default()];
                }
            }
        }
        self.stopped[chain.index()] = stopped;
    }
}

/// What is left of `region` outside of all of `others`; nothing if that would be too many boxes.
fn without_all(region: Region, others: &[Region], dimensions: &Dimensions) -> Option<Vec<Region>> {
    let mut left = vec![region];
    for other in others {
        if left.iter().any(|open| open.meets(other)) {
            left = left.iter().flat_map(|open| open.without(other, dimensions)).collect();
        }
        if left.len() > MOST_PIECES {
            return None;
        }
    }
    Some(left)
}

/// Most boxes that one chain is known to decide.
pub(super) const MOST_DECIDED: usize = 1024;
/// Most boxes of packets that leave a chain undecided.
const MOST_ESCAPED: usize = 256;
/// Most boxes that one is cut into.
const MOST_PIECES: usize = 64;
