//! Which chains does a packet meet, and where between them is its connection looked up?
//!
//! Connection tracking sits at priority -200 of `prerouting` and of `output`. Base chains before it see no state
//! and may say `notrack`; all others come after. Fragments are put together for it at -400: base chains before that see
//! each by itself. `ingress` comes before everything.

use config::policy::Hook;

/// On which side of connection tracking a base chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before, and before fragments are put together.
    BeforeReassembly,
    /// Before: no state is known. Of a stage, [`Self::BeforeReassembly`] included.
    BeforeTracking,
    /// Of a stage: before, and behind the place where fragments are put together.
    Reassembled,
    /// After.
    AfterTracking,
}

impl Phase {
    /// Where a base chain of this hook and priority stands.
    #[must_use]
    pub const fn of(hook: Hook, priority: i32) -> Self {
        match hook {
            Hook::Ingress => Self::BeforeReassembly,
            Hook::Prerouting | Hook::Output if priority < REASSEMBLY_PRIORITY => Self::BeforeReassembly,
            Hook::Prerouting | Hook::Output if priority < TRACKING_PRIORITY => Self::BeforeTracking,
            _ => Self::AfterTracking,
        }
    }

    /// Whether a base chain that stands in `chain` is run in a stage of this phase.
    pub(super) const fn covers(self, chain: Self) -> bool {
        match self {
            Self::BeforeReassembly => matches!(chain, Self::BeforeReassembly),
            Self::BeforeTracking => matches!(chain, Self::BeforeReassembly | Self::BeforeTracking),
            Self::Reassembled => matches!(chain, Self::BeforeTracking),
            Self::AfterTracking => matches!(chain, Self::AfterTracking),
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

    const fn single(hook: Hook) -> Self {
        Self { hook, phase: Phase::BeforeReassembly }
    }

    const fn reassembled(hook: Hook) -> Self {
        Self { hook, phase: Phase::Reassembled }
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
    /// The part of `before` that a fragment meets before it is put together with others for tracking.
    pub single: &'static [Stage],
    /// The rest of `before`.
    pub reassembled: &'static [Stage],
    /// The part of `after` that a fragment of an untracked IPv4 datagram meets before the protected host puts it
    /// together with others.
    pub undelivered: &'static [Stage],
    /// The rest of `after`.
    pub delivered: &'static [Stage],
}

impl Path {
    /// A wire that guards, towards the protected host.
    pub const GUARD_INWARD: Self = Self {
        before: &[Stage::before(Hook::Ingress), Stage::before(Hook::Prerouting)],
        after: &[Stage::after(Hook::Prerouting), Stage::after(Hook::Input)],
        single: &[Stage::single(Hook::Ingress), Stage::single(Hook::Prerouting)],
        reassembled: &[Stage::reassembled(Hook::Prerouting)],
        undelivered: &[Stage::after(Hook::Prerouting)],
        delivered: &[Stage::after(Hook::Input)],
    };
    /// A wire that guards, from the protected host.
    pub const GUARD_OUTWARD: Self = Self {
        before: &[Stage::before(Hook::Output)],
        after: Self::OUTWARD,
        single: &[Stage::single(Hook::Output)],
        reassembled: &[Stage::reassembled(Hook::Output)],
        undelivered: Self::OUTWARD,
        delivered: &[],
    };
    /// A transit wire, either way.
    pub const TRANSIT: Self = Self {
        before: &[Stage::before(Hook::Ingress), Stage::before(Hook::Prerouting)],
        after: Self::THROUGH,
        single: &[Stage::single(Hook::Ingress), Stage::single(Hook::Prerouting)],
        reassembled: &[Stage::reassembled(Hook::Prerouting)],
        undelivered: Self::THROUGH,
        delivered: &[],
    };
    const OUTWARD: &'static [Stage] =
        &[Stage::after(Hook::Output), Stage::after(Hook::Postrouting), Stage::after(Hook::Egress)];
    const THROUGH: &'static [Stage] = &[
        Stage::after(Hook::Prerouting),
        Stage::after(Hook::Forward),
        Stage::after(Hook::Postrouting),
        Stage::after(Hook::Egress),
    ];
}

/// Where fragments are put together, on `prerouting` and `output`.
const REASSEMBLY_PRIORITY: i32 = -400;
/// Where connection tracking sits on `prerouting` and `output`.
const TRACKING_PRIORITY: i32 = -200;

#[cfg(test)]
mod tests {
    use super::{Path, Phase, Stage, TRACKING_PRIORITY};
    use config::policy::Hook;

    #[test]
    fn a_chain_at_the_priority_of_tracking_comes_after_it() {
        assert_eq!(Phase::of(Hook::Prerouting, TRACKING_PRIORITY), Phase::AfterTracking);
        assert_eq!(Phase::of(Hook::Prerouting, TRACKING_PRIORITY - 1), Phase::BeforeTracking);
        assert_eq!(Phase::of(Hook::Output, -400), Phase::BeforeTracking);
        assert_eq!(Phase::of(Hook::Output, -401), Phase::BeforeReassembly);
        assert_eq!(Phase::of(Hook::Input, -300), Phase::AfterTracking, "input is behind prerouting");
    }

    #[test]
    fn a_path_meets_every_chain_of_its_hooks() {
        for path in [Path::GUARD_INWARD, Path::GUARD_OUTWARD, Path::TRANSIT] {
            let ways: [[&[Stage]; 3]; 2] =
                [[path.before, path.after, &[]], [path.single, path.reassembled, path.after]];
            for way in ways {
                for hook in path.before.iter().chain(path.after).map(|stage| stage.hook) {
                    for priority in [-500, -400, -201, -200, 0] {
                        let phase = Phase::of(hook, priority);
                        let met = |stage: &&Stage| stage.hook == hook && stage.phase.covers(phase);
                        assert_eq!(way.concat().iter().filter(met).count(), 1, "{hook} {priority}");
                    }
                }
            }
            assert_eq!([path.undelivered, path.delivered].concat(), path.after);
        }
    }
}
