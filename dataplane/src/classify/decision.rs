//! What did the rules decide, and which rule was it?
//!
//! A packet passes if every base chain on its way accepts it, so several may have a part in an accept. Which of
//! them is named: whoever refused a packet; of an accept, the last rule that accepted it; where no rule did, the
//! policy of the last base chain, one that has rules before an empty one (an `iptables-save` dump declares every
//! chain of every table, and the empty ones decide nothing).

use config::policy::{ChainId, HelperKind, Reject, RuleId, TimeoutsId};

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It passes.
    Accept,
    /// It is dropped.
    Drop,
    /// It is dropped, and its sender told. (Not every packet may be answered; the sender of answers knows which.)
    Reject(Reject),
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecidedBy {
    /// No chain saw the packet.
    Nothing,
    /// A rule, in a base chain or in a chain it jumped to.
    Rule(RuleId),
    /// The policy of a base chain: no rule of it decided, or one returned.
    ChainPolicy(ChainId),
}

/// A verdict and who decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decision {
    /// What becomes of the packet.
    pub verdict: Verdict,
    /// Who decided that.
    pub decided_by: DecidedBy,
}

/// How far the rules have come with one packet. Starts as an accept by nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluation {
    decision: Decision,
    weight: u8,
    notrack: bool,
    mark: u32,
    ct_mark: Option<u32>,
    template: Option<Template>,
    given: Given,
}

/// What rules before connection tracking say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Template {
    /// The zone in which the connection is looked for.
    pub zone: u16,
    /// The helper a new connection gets, unless it was expected.
    pub helper: Option<HelperKind>,
    /// Whether more of it can be asked for than the state: of what the target CT of iptables says, and not of `ct zone set`.
    pub is_shown: bool,
}

/// What rules have given to a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Given {
    /// A helper.
    pub helper: Option<HelperKind>,
    /// Timeouts of its own.
    pub timeouts: Option<TimeoutsId>,
}

impl Default for Evaluation {
    fn default() -> Self {
        Self::new()
    }
}

impl Evaluation {
    /// Before the first chain.
    #[must_use]
    pub const fn new() -> Self {
        let decision = Decision { verdict: Verdict::Accept, decided_by: DecidedBy::Nothing };
        Self {
            decision,
            weight: 0,
            notrack: false,
            mark: 0,
            ct_mark: None,
            template: None,
            given: Given { helper: None, timeouts: None },
        }
    }

    /// What has been decided so far.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// Whether a rule left the packet out of connection tracking.
    #[must_use]
    pub const fn notrack(&self) -> bool {
        self.notrack
    }

    /// `meta mark`: what the last rule that set it has set, at first 0.
    #[must_use]
    pub const fn mark(&self) -> u32 {
        self.mark
    }

    /// What a rule has set as `ct mark` of the packet's flow, if one has.
    #[must_use]
    pub const fn ct_mark(&self) -> Option<u32> {
        self.ct_mark
    }

    /// What rules have said of connection tracking: a packet has this in place of a connection until it is tracked.
    #[must_use]
    pub const fn template(&self) -> Option<Template> {
        self.template
    }

    /// As [`Self::template`], and from now on the packet is tracked.
    pub const fn take_template(&mut self) -> Option<Template> {
        self.template.take()
    }

    /// What rules have given to a new connection.
    #[must_use]
    pub const fn given(&self) -> Given {
        self.given
    }

    pub(super) const fn set_template(&mut self, template: Template) {
        self.template = Some(template);
        self.notrack = false;
    }

    pub(super) const fn give_helper(&mut self, helper: HelperKind) {
        self.given.helper = Some(helper);
    }

    pub(super) const fn give_timeouts(&mut self, timeouts: TimeoutsId) {
        self.given.timeouts = Some(timeouts);
    }

    pub(super) const fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }

    pub(super) const fn set_ct_mark(&mut self, mark: u32) {
        self.ct_mark = Some(mark);
    }

    /// Whether the packet is dropped or rejected; no further chain sees it.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        !matches!(self.decision.verdict, Verdict::Accept)
    }

    pub(super) const fn leave_untracked(&mut self) {
        self.notrack = true;
    }

    /// Takes in what one base chain decided; `has_rules` says whether that chain has any.
    pub(super) fn record(&mut self, decision: Decision, has_rules: bool) {
        let weight = match decision.decided_by {
            DecidedBy::Nothing => 0,
            DecidedBy::ChainPolicy(_) => 1 + u8::from(has_rules),
            DecidedBy::Rule(_) => 3,
        };
        if weight >= self.weight || decision.verdict != Verdict::Accept {
            *self = Self { decision, weight, ..*self };
        }
    }
}
