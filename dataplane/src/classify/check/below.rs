//! What lies below a chain: how deep do its jumps go, and do its rules change what is known of a connection?

use super::CompileError;
use crate::classify::reference::MOST_LEVELS;
use config::policy::{ChainId, ObjectKind, Policy, Statement, Target, Verdict};

/// What is known of a chain once everything below it has been looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::classify) struct Below {
    /// Whether a packet can meet the chain.
    met: bool,
    /// Levels of jumps and gotos.
    levels: usize,
    /// Whether a rule of it or below it changes what is known of the connection: `notrack`, a zone, a helper.
    pub(in crate::classify) notrack: bool,
}

impl Below {
    /// Whether a packet can meet the chain, and goes from there to no other, and its connection stays as it is.
    pub(in crate::classify) const fn is_leaf(&self) -> bool {
        self.met && self.levels == 0 && !self.notrack
    }
}

/// What lies below every chain that a packet can meet, where every part is right for itself.
pub(super) fn below(policy: &Policy) -> Result<Vec<Below>, CompileError> {
    let mut states = vec![State::Unknown; policy.chains.len()];
    for (id, chain) in (0u32..).map(ChainId).zip(&policy.chains) {
        if chain.base.is_some() {
            let below = look_below(policy, id, &mut states, 0).ok_or(CompileError::TooDeep(id))?;
            if below.levels > MOST_LEVELS {
                return Err(CompileError::TooDeep(id));
            }
        }
    }
    let known = |state| if let State::Known(below) = state { below } else { Below::default() };
    Ok(states.into_iter().map(known).collect())
}

/// How far a chain has been looked at.
#[derive(Debug, Clone, Copy)]
enum State {
    Unknown,
    /// On the way down; met again, it is a circle.
    Open,
    Known(Below),
}

/// What lies below `chain`; `None` if that is a circle or too deep to look at.
fn look_below(policy: &Policy, chain: ChainId, states: &mut [State], level: usize) -> Option<Below> {
    match states[chain.index()] {
        State::Known(below) => return Some(below),
        State::Open => return None,
        State::Unknown if level > MOST_LEVELS => return None,
        State::Unknown => states[chain.index()] = State::Open,
    }
    let mut below = Below { met: true, ..Below::default() };
    for statement in policy.rules_of(chain).flat_map(|(_, rule)| &rule.statements) {
        let verdicts = match statement {
            Statement::Notrack
            | Statement::Assign(_)
            | Statement::Set(Target::CtZone, _)
            | Statement::Object { kind: ObjectKind::Helper, .. } => {
                below.notrack = true;
                continue;
            }
            Statement::Verdict(verdict) => std::slice::from_ref(verdict),
            Statement::VerdictMap { map, .. } => &policy.sets[map.index()].verdicts,
            _ => continue,
        };
        for target in verdicts.iter().filter_map(|&verdict| target(verdict)) {
            let target = look_below(policy, target, states, level + 1)?;
            below.levels = below.levels.max(target.levels + 1);
            below.notrack |= target.notrack;
        }
    }
    states[chain.index()] = State::Known(below);
    Some(below)
}

pub(super) const fn target(verdict: Verdict) -> Option<ChainId> {
    match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => Some(chain),
        _ => None,
    }
}
