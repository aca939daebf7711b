//! Where on its way does a fragment wait for the rest of its datagram, and which rules has it met by then?
//!
//! As in the kernel: for connection tracking, at priority -400 of `prerouting` and `output`; what no one tracks, IPv4
//! only, before the `input` of the host it is for. Chains before that place see each fragment by itself; what they
//! have said of the first is carried on with the whole. A fragment that is tracked by nobody and not for the
//! protected host never waits.

use super::decide::{Context, Decided, decision};
use super::tracking::Tracked;
use crate::classify::{Evaluation, Stage};
use crate::frame::Frame;
use crate::packet::{Fragment, Network, Packet};
use crate::reason::Reason;
use crate::track::CtState;

/// For what fragments are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gather {
    /// Connection tracking.
    ForTracking,
    /// Delivery to the protected host.
    ForDelivery,
}

/// What a fragment has met, and carries on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    pub(super) evaluation: Evaluation,
    pub(super) state: CtState,
    pub(super) gather: Gather,
}

impl Carried {
    /// What it waits for.
    #[must_use]
    pub const fn gather(&self) -> Gather {
        self.gather
    }
}

impl Context<'_> {
    /// What the fragment `packet` is to be put together for, if for anything; a chain may yet take it out.
    #[must_use]
    pub fn gathers(&self, packet: &Packet) -> Option<Gather> {
        let delivers = packet.tuple.network == Network::Ipv4 && self.role.ends_here(self.from);
        match packet.fragment {
            Fragment::Whole => None,
            _ if packet.fault.is_some_and(Reason::is_before_rules) => None,
            _ if self.is_tracked(packet) => Some(Gather::ForTracking),
            _ => delivers.then_some(Gather::ForDelivery),
        }
    }

    /// Takes a fragment through the chains before the place where it waits; the verdict if it does not come there.
    ///
    /// # Errors
    /// What was decided upon it, counted.
    pub fn approach<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        gather: Gather,
    ) -> Result<Carried, Decided> {
        let carried = self.approached(packet, frame, gather);
        if let Err(decided) = &carried {
            self.count(decided, 1);
        }
        carried
    }

    fn approached<F: Frame + ?Sized>(
        &self,
        packet: &Packet,
        frame: &F,
        gather: Gather,
    ) -> Result<Carried, Decided> {
        let path = self.role.path(self.from);
        let mut facts = self.facts(packet, frame);
        let mut evaluation = Evaluation::new();
        let mut run = |stages: &[Stage], facts: &mut _, tracked: &Tracked| {
            self.rules.program.run(stages, facts, self.rules.bank(self.worker), &mut evaluation);
            if evaluation.is_refused() { Err(decision(&evaluation, tracked)) } else { Ok(evaluation) }
        };
        let evaluation = run(path.single, &mut facts, &Tracked::NOT)?;
        if gather == Gather::ForTracking && !evaluation.notrack() {
            return Ok(Carried { evaluation, state: CtState::None, gather });
        }
        let tracked = if gather == Gather::ForTracking { Tracked::LEFT_OUT } else { Tracked::NOT };
        let evaluation = run(path.reassembled, &mut facts, &Tracked::NOT)?;
        // where nothing is tracked a chain may yet say so, to no one
        facts.ct_state = if evaluation.notrack() { CtState::Untracked.bit() } else { tracked.state.bit() };
        let evaluation = run(path.undelivered, &mut facts, &tracked)?;
        if packet.tuple.network == Network::Ipv4 && self.role.ends_here(self.from) {
            return Ok(Carried { evaluation, state: tracked.state, gather: Gather::ForDelivery });
        }
        let evaluation = run(path.delivered, &mut facts, &tracked)?;
        Err(decision(&evaluation, &tracked))
    }

    /// Counts a fragment that is dropped before any rule is asked.
    pub fn drop_fragment(&self, reason: Reason) -> Decided {
        let decided = Decided::dropped(reason);
        self.count(&decided, 1);
        decided
    }
}

/// The headers of a datagram that was put together, or of a fragment that nobody puts together: where the transport
/// header is not in it, connection tracking has nothing to go by.
pub fn judged_as_is(packet: &mut Packet) {
    if packet.fragment == Fragment::Later {
        packet.fault.get_or_insert(Reason::FragmentHeader);
    }
}
