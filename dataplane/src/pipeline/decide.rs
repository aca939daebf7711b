//! What becomes of one packet, and why?
//!
//! The order is the kernel's: what the IP layer refuses never meets a rule; chains before connection tracking;
//! the tracker; all other chains. A new flow is stored only if its packet passes.

use super::counting::Counter;
use super::fragments::{Carried, Gather};
use super::keyed::Keyed;
use super::tracking::{Place, Shard, Tracked, Tracker};
use crate::classify::facts::{Draw, Known};
use crate::classify::{Counters, DecidedBy, Evaluation, Facts, Stage, Verdict, Watch, reference};
use crate::frame::Frame;
use crate::io::Side;
use crate::object::Now;
use crate::packet::{Packet, flag};
use crate::reason::Reason;
use crate::rules::Rules;
use crate::stats::Stats;
use crate::time::Tick;
use crate::track::{CtState, Extra, Flow};
use crate::wire::Role;
use config::Policy;
use config::policy::{Reject, ct_state};

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is sent on.
    Accept,
    /// It is dropped.
    Drop,
    /// It is dropped, and its sender told if it may be.
    Reject(Reject),
}

/// What was decided upon one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Its state as it met the rules; [`CtState::None`] if it never did or nothing was tracked.
    pub ct: CtState,
    /// Why: what makes it invalid, if it is; otherwise what decided.
    pub reason: Reason,
    /// Which rule or policy decided.
    pub decided_by: DecidedBy,
}

/// A flow, what is kept of it besides, and when it ends.
pub type Found = (Flow, Extra, Tick);

/// What packets of one burst have in common.
#[derive(Debug)]
pub struct Context<'a> {
    pub(super) role: &'a Role,
    pub(super) from: Side,
    pub(super) rules: &'a Rules,
    pub(super) worker: usize,
    pub(super) tracker: Tracker<'a>,
    pub(super) stats: &'a Stats,
    at: Now,
}

impl<'a> Context<'a> {
    /// A burst that came in from one side of a wire, at `now` as flows know it and `at` as rules do, at worker number
    /// `worker`.
    #[expect(
        clippy::too_many_arguments,
        reason = "a burst's context is assembled in one place, once a burst"
    )]
    pub fn new(
        role: &'a Role,
        from: Side,
        now: Tick,
        at: Now,
        rules: &'a Rules,
        worker: usize,
        shard: Shard<'a>,
        stats: &'a Stats,
    ) -> Self {
        Self { role, from, rules, worker, tracker: Tracker::new(shard, now, rules, worker), stats, at }
    }

    /// Whether the flow of such a packet is tracked at all.
    #[must_use]
    pub fn is_tracked(&self, packet: &Packet) -> bool {
        self.rules.tracks(packet.tuple.network)
    }

    /// Decides upon a packet, counts it, and moves its flow on.
    pub fn decide<F: Frame + ?Sized>(&mut self, packet: &Packet, frame: &F, keyed: &Keyed) -> Decided {
        let program = &self.rules.program;
        let run =
            |stages: &[Stage], facts: &mut Facts<'_, F>, counters: &Counters, so_far: &mut Evaluation| {
                program.run(stages, facts, counters, so_far);
            };
        let decided = self.verdict(packet, frame, keyed, None, run, |_, _| ());
        self.count(&decided, 1);
        decided
    }

    /// Decides upon a datagram whose fragments, so many, have come so far; each of them is counted.
    pub fn decide_whole<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
        carried: &Carried,
        fragments: usize,
    ) -> Decided {
        let program = &self.rules.program;
        let run =
            |stages: &[Stage], facts: &mut Facts<'_, F>, counters: &Counters, so_far: &mut Evaluation| {
                program.run(stages, facts, counters, so_far);
            };
        let decided = self.verdict(packet, frame, keyed, Some(carried), run, |_, _| ());
        self.count(&decided, fragments as u64);
        decided
    }

    /// As [`Self::decide`], or, if something is carried, as [`Self::decide_whole`], by the plain interpreter, which tells
    /// `watch` of every step. `policy` is the one the rules were compiled from. Says also where the packet's flow was
    /// looked for, and what was found there.
    pub fn decide_watched<F: Frame + ?Sized, W: Watch>(
        &mut self,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
        carried: Option<&Carried>,
        policy: &Policy,
        watch: &mut W,
    ) -> (Decided, Keyed, Option<Found>) {
        let objects = self.rules.program.objects();
        let run =
            |stages: &[Stage], facts: &mut Facts<'_, F>, counters: &Counters, so_far: &mut Evaluation| {
                reference::run_watched(policy, objects, stages, facts, counters, so_far, watch);
            };
        let mut looked = (*keyed, None);
        let decided = self.verdict(packet, frame, keyed, carried, run, |tracker, keyed| {
            looked = (*keyed, tracker.found(keyed));
        });
        self.count(&decided, 1);
        (decided, looked.0, looked.1)
    }

    /// The flow in which a packet is looked for, as it stands, and when it ends.
    pub fn flow(&mut self, keyed: &Keyed) -> Option<Found> {
        self.tracker.found(keyed)
    }

    pub(super) fn count(&self, decided: &Decided, packets: u64) {
        decided.count(self.stats, packets);
    }

    /// What rules can look at before anything is known.
    pub(super) fn facts<'p, F: Frame + ?Sized>(&self, packet: &'p Packet, frame: &'p F) -> Facts<'p, F>
    where
        'a: 'p,
    {
        let (iif, oif) = self.role.interfaces(self.from);
        let rules: &'a Rules = self.rules;
        let (program, counters) = (&rules.program, rules.bank(self.worker));
        Facts {
            iif,
            oif,
            now: self.at,
            known: Known {
                home: self.role.home(self.from),
                draw: Draw::of(program.draw(counters)).with(program.objects().numbers()),
                ..Known::default()
            },
            ..Facts::of(packet, frame)
        }
    }

    /// What becomes of a packet, or of a datagram that has been put together and carries what its fragments met, where
    /// `run` runs the chains of some stages; `looks` is told where its flow is looked for, before it is.
    pub(super) fn verdict<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
        carried: Option<&Carried>,
        mut run: impl FnMut(&[Stage], &mut Facts<'_, F>, &Counters, &mut Evaluation),
        looks: impl FnOnce(&mut Tracker<'a>, &Keyed),
    ) -> Decided {
        if let Some(fault) = packet.fault.filter(|fault| fault.is_before_rules()) {
            return Decided::dropped(fault);
        }
        let tracks = self.is_tracked(packet);
        let named = self.tracker.named(packet, frame, keyed);
        let keyed = named.as_ref().unwrap_or(keyed);
        let path = self.role.path(self.from);
        let counters = self.rules.bank(self.worker);
        let counts = self.rules.program.objects().count_connections() && tracks;
        let before = counts.then(|| {
            self.tracker.expire_due();
            self.tracker.count_before(packet, keyed)
        });
        let mut facts = self.facts(packet, frame);
        facts.known.counted = before.as_ref().map(|before| &before.counted);
        let mut evaluation = Evaluation::new();
        match carried {
            None => run(path.before, &mut facts, counters, &mut evaluation),
            Some(Carried { evaluation: so_far, gather: Gather::ForTracking, .. }) => {
                evaluation = *so_far;
                run(path.reassembled, &mut facts, counters, &mut evaluation);
            }
            Some(Carried { evaluation: so_far, state, .. }) => {
                evaluation = *so_far;
                facts.ct_state = if evaluation.notrack() { ct_state::UNTRACKED } else { state.bit() };
                run(path.delivered, &mut facts, counters, &mut evaluation);
                if let Some(before) = &before {
                    self.tracker.counted_before(before, true);
                }
                return decision(&evaluation, &Tracked::without_flow(*state));
            }
        }
        if let Some(before) = &before {
            self.tracker.counted_before(before, evaluation.is_refused());
        }
        if evaluation.is_refused() {
            return decision(&evaluation, &Tracked::NOT).unsure(before.as_ref());
        }
        let template = evaluation.take_template().unwrap_or_default();
        let zoned;
        let keyed = if template.zone == 0 {
            keyed
        } else {
            zoned = self.tracker.in_zone(*keyed, template.zone);
            &zoned
        };
        looks(&mut self.tracker, keyed);
        let mut tracked = match (tracks, evaluation.notrack()) {
            (false, _) => Tracked::NOT,
            (true, true) => Tracked::LEFT_OUT,
            (true, false) => self.tracker.track(packet, frame, keyed, template),
        };
        facts.ct_state = if evaluation.notrack() { ct_state::UNTRACKED } else { tracked.state.bit() };
        facts.ct_direction = tracked.direction;
        facts.ct_mark = self.tracker.mark(&tracked);
        let after = before.as_ref().map(|before| self.tracker.count_tracked(packet, keyed, &tracked, before));
        facts.known.counted = after.as_ref().map(|after| &after.counted);
        facts.known.connection = self.tracker.connection(&tracked, keyed);
        run(path.after, &mut facts, counters, &mut evaluation);
        self.conclude(&evaluation, &mut tracked, after.as_ref(), packet, frame, keyed)
    }

    /// What comes of what the rules have said of a packet; `after` is how it counts as a connection, if any are counted.
    pub(super) fn conclude<F: Frame + ?Sized>(
        &mut self,
        evaluation: &Evaluation,
        tracked: &mut Tracked,
        after: Option<&Counter>,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
    ) -> Decided {
        if let Some(mark) = evaluation.ct_mark() {
            self.tracker.set_mark(tracked, mark);
        }
        let mut decided = decision(evaluation, tracked).unsure(after);
        let begins = decided.outcome == Outcome::Accept && matches!(tracked.place, Place::New(_));
        if begins && after.is_some_and(|after| self.tracker.may_be_mistaken(after)) {
            decided = Decided { outcome: Outcome::Drop, reason: Reason::ConnectionsUnsure, ..decided };
        }
        self.tracker.give(tracked, evaluation.given());
        if let Some(after) = after {
            self.tracker.counted(after, tracked, decided.outcome == Outcome::Accept);
        }
        let decided = match decided.outcome {
            Outcome::Accept => match self.tracker.pass(tracked, keyed, packet, frame) {
                Ok(()) => decided,
                Err(reason) => decided.dropped_after_all(reason),
            },
            // a RST is refused in silence, and its connection is what it was
            Outcome::Reject(Reject::TcpReset) if packet.tcp.flags & flag::RST == 0 => {
                self.tracker.reset(tracked);
                decided
            }
            _ => decided,
        };
        if decided.outcome != Outcome::Accept {
            self.tracker.comes_to_nothing(tracked);
        }
        decided
    }
}

impl Decided {
    /// Dropped, and not by a rule.
    #[must_use]
    pub const fn dropped(reason: Reason) -> Self {
        Self { outcome: Outcome::Drop, ct: CtState::None, reason, decided_by: DecidedBy::Nothing }
    }

    /// Dropped for this reason, although it was to pass.
    pub(super) const fn dropped_after_all(self, reason: Reason) -> Self {
        Self { outcome: Outcome::Drop, reason, ..self }
    }

    /// Dropped for another reason, if a limit on connections could not tell.
    fn unsure(self, counter: Option<&Counter>) -> Self {
        let is_unsure = counter.is_some_and(|counter| counter.counted.is_unsure());
        if is_unsure { Self { reason: Reason::ConnectionsUnsure, ..self } } else { self }
    }

    /// Counts so many packets that this was decided upon.
    pub(crate) fn count(&self, stats: &Stats, packets: u64) {
        stats.states[self.ct as usize].add(packets);
        if self.ct == CtState::Invalid {
            stats.invalid[self.reason as usize].add(packets);
        }
        match self.outcome {
            Outcome::Accept => {}
            Outcome::Drop => stats.dropped.add(packets),
            Outcome::Reject(_) => stats.rejected.add(packets),
        }
        if self.outcome != Outcome::Accept {
            stats.drops[self.reason as usize].add(packets);
        }
    }
}

/// The decision of the rules about a packet in this state.
pub(super) fn decision(evaluation: &Evaluation, tracked: &Tracked) -> Decided {
    let made = evaluation.decision();
    let outcome = match made.verdict {
        Verdict::Accept => Outcome::Accept,
        Verdict::Drop => Outcome::Drop,
        Verdict::Reject(reject) => Outcome::Reject(reject),
    };
    let by = match made.decided_by {
        DecidedBy::Nothing => Reason::NoChain,
        DecidedBy::Rule(_) => Reason::Rule,
        DecidedBy::ChainPolicy(_) => Reason::Policy,
    };
    let reason = tracked.invalid.unwrap_or(by);
    Decided { outcome, ct: tracked.state, reason, decided_by: made.decided_by }
}
