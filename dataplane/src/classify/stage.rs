//! Which chains does a packet meet, and where between them is its connection looked up?
//!
//! Connection tracking sits at priority -200 of `prerouting` and of `output`. Base chains before it see no state
//! and may say `notrack`; all others come after. `ingress` comes before everything.

use config::policy::Hook;

/// On which side of connection tracking a base chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before: no state is known.
    BeforeTracking,
    /// After.
    AfterTracking,
}

impl Phase {
    /// Where a base chain of this hook and priority stands.
    #[must_use]
    pub const fn of(hook: Hook, priority: i32) -> Self {
        match hook {
            Hook::Ingress => Self::BeforeTracking,
            Hook::Prerouting | Hook::Output if priority < TRACKING_PRIORITY => Self::BeforeTracking,
            _ => Self::AfterTracking,
        }
    }
}

/// The base chains of one hook on one side of connection tracking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage {
    /// The hook.
    pub hook: Hook,
    /// The side.
    pub phase: Phase,
}

impl Stage {
    const fn before(hook: Hook) -> Self {
        Self { hook, phase: Phase::BeforeTracking }
    }

    const fn after(hook: Hook) -> Self {
        Self { hook, phase: Phase::AfterTracking }
    }
}

/// The way of a packet: the stages in order, with connection tracking in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Run first.
    pub before: &'static [Stage],
    /// Run once the connection is known.
    pub after: &'static [Stage],
}

impl Path {
    /// A wire that guards, towards the protected host.
    pub const GUARD_INWARD: Self = Self {
        before: &[Stage::before(Hook::Ingress), Stage::before(Hook::Prerouting)],
        after: &[Stage::after(Hook::Prerouting), Stage::after(Hook::Input)],
    };
    /// A wire that guards, from the protected host.
    pub const GUARD_OUTWARD: Self = Self {
        before: &[Stage::before(Hook::Output)],
        after: &[Stage::after(Hook::Output), Stage::after(Hook::Postrouting), Stage::after(Hook::Egress)],
    };
    /// A transit wire, either way.
    pub const TRANSIT: Self = Self {
        before: &[Stage::before(Hook::Ingress), Stage::before(Hook::Prerouting)],
        after: &[
            Stage::after(Hook::Prerouting),
            Stage::after(Hook::Forward),
            Stage::after(Hook::Postrouting),
            Stage::after(Hook::Egress),
        ],
    };
}

/// Where connection tracking sits on `prerouting` and `output`.
const TRACKING_PRIORITY: i32 = -200;

#[cfg(test)]
mod tests {
    use super::{Path, Phase, TRACKING_PRIORITY};
    use config::policy::Hook;

    #[test]
    fn a_chain_at_the_priority_of_tracking_comes_after_it() {
        assert_eq!(Phase::of(Hook::Prerouting, TRACKING_PRIORITY), Phase::AfterTracking);
        assert_eq!(Phase::of(Hook::Prerouting, TRACKING_PRIORITY - 1), Phase::BeforeTracking);
        assert_eq!(Phase::of(Hook::Output, -300), Phase::BeforeTracking);
        assert_eq!(Phase::of(Hook::Input, -300), Phase::AfterTracking, "input is behind prerouting");
    }

    #[test]
    fn a_path_meets_every_chain_of_its_hooks() {
        for path in [Path::GUARD_INWARD, Path::GUARD_OUTWARD, Path::TRANSIT] {
            let stages: Vec<_> = path.before.iter().chain(path.after).collect();
            for stage in &stages {
                for priority in [-400, -200, 0] {
                    let phase = Phase::of(stage.hook, priority);
                    assert!(stages.iter().any(|other| other.hook == stage.hook && other.phase == phase));
                }
            }
        }
    }
}
