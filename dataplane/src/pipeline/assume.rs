//! What would the rules say of a packet in a given state, whatever tracking knows?

use super::decide::{Context, Decided, decision};
use super::tracking::Tracked;
use crate::classify::{Evaluation, Watch, reference};
use crate::frame::Frame;
use crate::object::{Counted, Counting, Memberships};
use crate::packet::Packet;
use crate::track::{CtState, Direction};
use config::Policy;

impl Context<'_> {
    /// Runs the rules over a packet whose state is given, by the plain interpreter, which tells `watch` of every step;
    /// `policy` is the one the rules were compiled from. No flow is looked for and nothing is counted but what rules
    /// count. A rule can still leave the packet untracked.
    pub fn decide_as<F: Frame + ?Sized, W: Watch>(
        &self,
        packet: &Packet,
        frame: &F,
        state: CtState,
        policy: &Policy,
        watch: &mut W,
    ) -> Decided {
        if let Some(fault) = packet.fault.filter(|fault| fault.is_before_rules()) {
            return Decided::dropped(fault);
        }
        let path = self.role.path(self.from);
        let (objects, counters) = (self.rules.program.objects(), self.rules.bank(self.worker));
        let counting = if state == CtState::Established { Counting::Looks } else { Counting::Passes };
        let counted = Counted::new(counting, Memberships::default());
        let mut facts = self.facts(packet, frame);
        facts.known.counted = Some(&counted);
        let mut evaluation = Evaluation::new();
        reference::run_watched(policy, objects, path.before, &facts, counters, &mut evaluation, watch);
        evaluation.take_template();
        let state = if evaluation.notrack() { CtState::Untracked } else { state };
        facts.ct_state = state.bit();
        if matches!(state, CtState::New | CtState::Established | CtState::Related) {
            facts.ct_direction = Some(Direction::Original);
            facts.ct_mark = Some(0);
        }
        if !evaluation.is_refused() {
            reference::run_watched(policy, objects, path.after, &facts, counters, &mut evaluation, watch);
        }
        decision(&evaluation, &Tracked::without_flow(state))
    }
}
