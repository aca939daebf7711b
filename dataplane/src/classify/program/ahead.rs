//! What can be known of a burst of packets before the rules are run for the first of them? Which box of a chain's tree
//! each lies in: all go down the tree together. The chain is the base chain itself, or the largest it leads to.
//!
//! That depends on nothing that rules do for packets before, but for the state of a connection, which is assumed. Rules are
//! run packet by packet, as ever; where what was found ahead does not hold, the tree is asked again.

use super::{Chain, Program, Selector};
use crate::classify::facts::Facts;
use crate::classify::sieve::{End, NONE, Plain, Points, Sieve};
use crate::classify::stage::Stage;
use crate::frame::Frame;
use crate::io::BURST;
use crate::packet::Short;
use config::policy::{ChainId, Policy, Statement, Value, Verdict};
use std::collections::BTreeSet;

/// What was found for the packets of a burst.
#[derive(Debug, Clone)]
pub struct Ahead {
    chains: Box<[Looked; MOST_CHAINS]>,
    count: usize,
    /// Plain packets of IPv4 that are yet to be looked at.
    plain: Box<Plain>,
    /// The state of connections that was assumed.
    state: u32,
}

/// What was found in one chain.
#[derive(Debug, Clone)]
struct Looked {
    chain: ChainId,
    stage: Stage,
    /// Between which interfaces packets go there.
    interfaces: Interfaces,
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

/// Boxes of trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Boxes(pub(crate) [u32; MOST_CHAINS]);

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
        let none = Looked {
            chain: ChainId(0),
            stage,
            interfaces: (None, None),
            points: Points::new(),
            known: 0,
            found: [NONE; BURST],
        };
        Self {
            chains: Box::new(std::array::from_fn(|_| none.clone())),
            count: 0,
            plain: Box::new(Plain::new()),
            state: 0,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.count = 0;
        self.plain.clear();
    }

    /// Adds a plain packet of IPv4 whose connection is in the state assumed, as the next number from 0 on. See
    /// [`Program::look_at_plain`].
    #[inline(always)]
    pub fn add_plain(&mut self, short: &Short) {
        self.plain.add(short);
    }

    /// Of packet number `number`.
    #[must_use]
    pub const fn of(&self, number: usize) -> AheadOf<'_> {
        AheadOf { ahead: self, number }
    }

    /// Of a packet that was not looked at.
    #[must_use]
    pub const fn of_none(&self) -> AheadOf<'_> {
        self.of(BURST)
    }

    /// The number of the rule whose box packet number `number` lies in, in the first chain that was looked at.
    #[must_use]
    pub fn first_rule(&self, number: usize) -> Option<u32> {
        let label = self.chains[0].found[number % BURST];
        (label != NONE).then(|| End::of_label(label).rule())
    }
}

impl AheadOf<'_> {
    /// In which boxes the packet lies, one of each tree that was looked at; nothing if one of them could not be.
    #[inline]
    #[must_use]
    pub fn boxes(self) -> Option<Boxes> {
        let Self { ahead, number } = self;
        let mut boxes = Boxes([NONE; MOST_CHAINS]);
        if ahead.count == 0 || number >= BURST {
            return None;
        }
        for (label, looked) in boxes.0.iter_mut().zip(ahead.chains.iter().take(ahead.count)) {
            if looked.known >> number & 1 == 0 {
                return None;
            }
            *label = looked.found[number];
        }
        Some(boxes)
    }

    /// The first box of `chain` that holds the packet of which this is known now, if there is one; nothing if that is not
    /// known.
    #[inline]
    pub(super) fn found<F: Frame + ?Sized>(
        self,
        chain: ChainId,
        sieve: &Sieve,
        facts: &Facts<'_, F>,
    ) -> Option<Option<End>> {
        let Self { ahead, number } = self;
        if number >= BURST {
            return None;
        }
        let looked = ahead.chains.iter().take(ahead.count).find(|looked| looked.chain == chain)?;
        if looked.known >> number & 1 == 0
            || facts.ct_state != ahead.state && sieve.asks_state()
            || looked.interfaces != (facts.iif, facts.oif) && sieve.asks_interfaces()
        {
            return None;
        }
        let label = looked.found[number];
        Some((label != NONE).then(|| End::of_label(label)))
    }
}

impl Program {
    /// Begins to look ahead, at the first chains of these stages that have trees which can be asked ahead, for packets
    /// whose connections are in this state. Whether there are any.
    pub fn look_ahead(&self, stages: &[Stage], ct_state: u32, ahead: &mut Ahead) -> bool {
        (ahead.count, ahead.state) = (0, ct_state);
        for stage in stages {
            let bases = self.hooks[stage.hook as usize].iter().filter(|base| stage.phase.covers(base.phase));
            for chain in bases.filter_map(|base| self.leads_to[base.chain.index()]) {
                // what is not all in its tree is run rule by rule
                if self.patch.changes(chain)
                    || ahead.chains.iter().take(ahead.count).any(|looked| looked.chain == chain)
                {
                    continue;
                }
                let Some(looked) = ahead.chains.get_mut(ahead.count) else { return true };
                (looked.chain, looked.stage, looked.known) = (chain, *stage, 0);
                looked.points.clear();
                ahead.count += 1;
            }
        }
        ahead.count > 0
    }

    /// Adds a packet, as number `number` of the burst; nothing is known of those from [`BURST`] on. Its connection is in the
    /// state assumed.
    #[inline]
    pub fn add_ahead<F: Frame + ?Sized>(&self, number: usize, facts: &mut Facts<'_, F>, ahead: &mut Ahead) {
        debug_assert_eq!(facts.ct_state, ahead.state);
        if number >= BURST {
            return;
        }
        let before = (facts.iif, facts.oif);
        for looked in ahead.chains.iter_mut().take(ahead.count) {
            let Some(sieve) = self.sieve(looked.chain) else { continue };
            facts.enter(looked.stage.hook);
            looked.interfaces = (facts.iif, facts.oif);
            let is_known = sieve.set_point(facts, number, &mut looked.points);
            looked.known |= u64::from(is_known) << number;
            (facts.iif, facts.oif) = before;
        }
    }

    /// Makes points of the plain packets that were added; `facts` are those of one of them. Whether they have to be asked
    /// one by one besides, by [`Self::ask_plain`].
    pub fn look_at_plain<F: Frame + ?Sized>(&self, facts: &mut Facts<'_, F>, ahead: &mut Ahead) -> bool {
        debug_assert_eq!(facts.ct_state, ahead.state);
        let Ahead { chains, count, plain, .. } = ahead;
        let all = u64::MAX.checked_shr((BURST - plain.count()) as u32).unwrap_or(0);
        let mut asks = false;
        let before = (facts.iif, facts.oif);
        for looked in chains.iter_mut().take(*count) {
            let Some(sieve) = self.sieve(looked.chain) else { continue };
            facts.enter(looked.stage.hook);
            looked.interfaces = (facts.iif, facts.oif);
            looked.known = if sieve.set_plain(facts, plain, &mut looked.points) { all } else { 0 };
            asks |= sieve.asks_each();
            (facts.iif, facts.oif) = before;
        }
        asks
    }

    /// Asks plain packet number `number` for what others do not have in common with it.
    pub fn ask_plain<F: Frame + ?Sized>(&self, number: usize, facts: &mut Facts<'_, F>, ahead: &mut Ahead) {
        let before = (facts.iif, facts.oif);
        for looked in ahead.chains.iter_mut().take(ahead.count) {
            let Some(sieve) = self.sieve(looked.chain).filter(|sieve| sieve.asks_each()) else { continue };
            facts.enter(looked.stage.hook);
            if number < BURST && !sieve.set_asked(facts, number, &mut looked.points) {
                looked.known &= !(1 << number);
            }
            (facts.iif, facts.oif) = before;
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

    #[inline]
    fn sieve(&self, chain: ChainId) -> Option<&Sieve> {
        match &self.chains[chain.index()].selector {
            Some(Selector::Sieve { sieve, .. }) => Some(sieve),
            _ => None,
        }
    }
}

/// The chains to look at ahead where those of `policy` are run, by chain: themselves if they have trees that can be asked
/// ahead, or else those with most rules among the chains they lead to.
pub(super) fn leads_to(policy: &Policy, chains: &[Chain]) -> Box<[Option<ChainId>]> {
    let mut found: Vec<Option<Option<ChainId>>> = vec![None; chains.len()];
    (0..chains.len()).map(|chain| lead(policy, chains, chain, &mut found)).collect()
}

/// Where one chain leads. Chains do not lead in circles, and not over more than a few levels.
fn lead(
    policy: &Policy,
    chains: &[Chain],
    chain: usize,
    found: &mut [Option<Option<ChainId>>],
) -> Option<ChainId> {
    if let Some(known) = found[chain] {
        return known;
    }
    let best = match &chains[chain].selector {
        Some(Selector::Sieve { sieve, .. }) if sieve.is_known_ahead() => Some(ChainId(chain as u32)),
        _ => {
            let rules = &policy.rules[chains[chain].rules.start as usize..chains[chain].rules.end as usize];
            let next =
                rules.iter().flat_map(|rule| &rule.statements).filter_map(|statement| match statement {
                    Statement::Verdict(Verdict::Jump(next) | Verdict::Goto(next)) => Some(next.index()),
                    _ => None,
                });
            let next: BTreeSet<usize> = next.collect();
            let reached = next.into_iter().filter_map(|next| lead(policy, chains, next, found));
            reached.max_by_key(|reached| chains[reached.index()].rules.len())
        }
    };
    found[chain] = Some(best);
    best
}

type Interfaces = (Option<Value>, Option<Value>);

/// Chains that are looked at ahead, at most.
const MOST_CHAINS: usize = 2;

#[cfg(test)]
mod tests {
    use super::ChainId;
    use crate::classify::Program;
    use config::{NoFiles, Source};
    use std::fmt::Write;

    /// There was no room for the trees of as many, once the lines of leaves had become wider.
    #[test]
    fn ten_thousand_rules_of_both_ips_have_a_tree() {
        let mut text =
            String::from("table inet t {\n chain c {\n  type filter hook input priority 0; policy drop;\n");
        for number in 0..10_000_u32 {
            let (a, b, c) = (number >> 14 | 64, number >> 6 & 0xff, number << 2 & 0xff);
            let port = 1024 + number * 7 % 60_000;
            let _ = match number % 4 {
                0 => writeln!(text, "  ip saddr {a}.{b}.{c}.0/24 tcp dport {port} accept"),
                1 => writeln!(text, "  ip saddr {a}.{b}.{c}.7 udp dport {port} accept"),
                2 => writeln!(text, "  ip saddr {a}.{b}.0.0/16 tcp dport {port}-{} accept", port + 9),
                _ => writeln!(text, "  ip6 saddr 2001:db8:{b:x}:{c:x}::/64 tcp dport {port} accept"),
            };
        }
        text.push_str(" }\n}\n");
        let loaded = config::load(&[Source::new("rules.nft", text)], &mut NoFiles);
        let policy = loaded.unwrap_or_else(|errors| panic!("{errors}")).policy;
        let program = Program::compile(&policy).expect("it compiles");
        assert!(program.sieve(ChainId(0)).is_some());
    }
}
