//! Which chains lead to which, and what changes on the way?

use super::model::Written;
use crate::policy::{ChainId, Hook, Policy, Statement, Verdict};

/// The chains that packets can come to, callers first; and for each the base chains that lead to it.
pub(super) fn order(policy: &Policy) -> (Vec<ChainId>, Vec<Vec<ChainId>>) {
    let targets: Vec<Vec<ChainId>> = (0_u32..)
        .map(ChainId)
        .take(policy.chains.len())
        .map(|chain| {
            let mut found: Vec<ChainId> =
                policy.rules_of(chain).flat_map(|(_, rule)| targets(policy, &rule.statements)).collect();
            found.sort_unstable();
            found.dedup();
            found
        })
        .collect();
    let mut bases: Vec<Vec<ChainId>> = vec![Vec::new(); policy.chains.len()];
    let mut callees_first = Vec::new();
    let mut done = vec![false; policy.chains.len()];
    for base in (0_u32..).map(ChainId).take(policy.chains.len()) {
        if policy.chains[base.index()].base.is_none() {
            continue;
        }
        let mut stack = vec![(base, 0)];
        bases[base.index()].push(base);
        while let Some((chain, next)) = stack.pop() {
            match targets[chain.index()].get(next) {
                Some(&to) => {
                    stack.push((chain, next + 1));
                    if bases[to.index()].last() != Some(&base) {
                        bases[to.index()].push(base);
                        stack.push((to, 0));
                    }
                }
                None if !done[chain.index()] => {
                    done[chain.index()] = true;
                    callees_first.push(chain);
                }
                None => {}
            }
        }
    }
    callees_first.reverse();
    (callees_first, bases)
}

/// The chains that `statements` lead to.
pub(super) fn targets<'p>(
    policy: &'p Policy,
    statements: &'p [Statement],
) -> impl Iterator<Item = ChainId> + 'p {
    let verdicts = statements.iter().flat_map(|statement| match statement {
        Statement::Verdict(verdict) => std::slice::from_ref(verdict),
        Statement::VerdictMap { map, .. } => &policy.sets[map.index()].verdicts,
        _ => &[],
    });
    verdicts.filter_map(|verdict| match verdict {
        Verdict::Jump(to) | Verdict::Goto(to) => Some(*to),
        _ => None,
    })
}

/// For each chain, what changes on any way through it.
pub(super) fn written(policy: &Policy, bases: &[Vec<ChainId>]) -> Vec<Written> {
    let own: Vec<Written> = (0_u32..)
        .map(ChainId)
        .take(policy.chains.len())
        .map(|chain| {
            let mut written = Written::default();
            policy
                .rules_of(chain)
                .flat_map(|(_, rule)| &rule.statements)
                .for_each(|statement| written.add(statement));
            written
        })
        .collect();
    let mut by_base = own.clone();
    for (chain, bases) in bases.iter().enumerate() {
        bases.iter().for_each(|base| by_base[base.index()].join(own[chain]));
    }
    // Chains of one hook meet the same packets, one after the other.
    for hook in Hook::ALL {
        let chains = policy.base_chains(hook);
        let mut all = Written::default();
        chains.iter().for_each(|base| all.join(by_base[base.index()]));
        chains.iter().for_each(|base| by_base[base.index()] = all);
    }
    let joined = bases.iter().enumerate().map(|(chain, bases)| {
        let mut all = own[chain];
        bases.iter().for_each(|base| all.join(by_base[base.index()]));
        all
    });
    joined.collect()
}
