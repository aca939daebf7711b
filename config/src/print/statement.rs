//! How is a rule written?

use std::fmt::{self, Display, Formatter};

use super::expression::{Elements, Shown};
use crate::policy::{Icmpx, Reject};
use crate::reject_codes;
use crate::ruleset::{RejectWith, Relation, Rule, StatementKind, Verdict, VerdictKind, VerdictMapSource};

/// A rule on one line.
pub(super) struct RuleLine<'a>(pub(super) &'a Rule);

impl Display for RuleLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, statement) in self.0.statements.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write_statement(f, &statement.kind)?;
        }
        match &self.0.comment {
            Some(comment) => write!(f, " comment \"{comment}\""),
            None => Ok(()),
        }
    }
}

fn write_statement(f: &mut Formatter<'_>, kind: &StatementKind) -> fmt::Result {
    match kind {
        StatementKind::Match(comparison) => {
            write!(f, "{} {}", Shown(&comparison.left), relation(comparison.relation))?;
            write!(f, "{}", Shown(&comparison.right))
        }
        StatementKind::Verdict(verdict) => write!(f, "{}", VerdictWords(verdict)),
        StatementKind::VerdictMap { key, map } => {
            write!(f, "{} vmap ", Shown(key))?;
            match map {
                VerdictMapSource::Elements(elements) => write!(f, "{}", Elements(elements, ", ")),
                VerdictMapSource::Name(name, _) => write!(f, "@{name}"),
            }
        }
        StatementKind::Counter { packets, bytes } => {
            write!(f, "counter packets {packets} bytes {bytes}")
        }
        StatementKind::CounterName(name) => write!(f, "counter name \"{name}\""),
        StatementKind::Reject(with) => write_reject(f, *with),
        StatementKind::Notrack => f.write_str("notrack"),
    }
}

fn write_reject(f: &mut Formatter<'_>, with: RejectWith) -> fmt::Result {
    let (kind, code) = match with {
        RejectWith::Default => return f.write_str("reject"),
        RejectWith::Said(Reject::TcpReset) => return f.write_str("reject with tcp reset"),
        RejectWith::Said(Reject::Icmp(code)) => ("icmp", code),
        RejectWith::Said(Reject::Icmpv6(code)) => ("icmpv6", code),
        RejectWith::Said(Reject::Icmpx(reason)) => match reason {
            Icmpx::NoRoute => ("icmpx", 0),
            Icmpx::PortUnreachable => ("icmpx", 1),
            Icmpx::HostUnreachable => ("icmpx", 2),
            Icmpx::AdminProhibited => ("icmpx", 3),
        },
    };
    match reject_codes::name(kind, code) {
        Some(name) => write!(f, "reject with {kind} {name}"),
        None => write!(f, "reject with {kind} {code}"),
    }
}

/// The operator with a blank behind it; nothing for what goes without saying.
const fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Implicit => "",
        Relation::Equal => "== ",
        Relation::NotEqual => "!= ",
        Relation::Less => "< ",
        Relation::LessOrEqual => "<= ",
        Relation::Greater => "> ",
        Relation::GreaterOrEqual => ">= ",
        Relation::Not => "! ",
    }
}

/// A verdict and the chain it goes to.
pub(super) struct VerdictWords<'a>(pub(super) &'a Verdict);

impl Display for VerdictWords<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            VerdictKind::Accept => f.write_str("accept"),
            VerdictKind::Drop => f.write_str("drop"),
            VerdictKind::Continue => f.write_str("continue"),
            VerdictKind::Return => f.write_str("return"),
            VerdictKind::Jump(chain) => write!(f, "jump {chain}"),
            VerdictKind::Goto(chain) => write!(f, "goto {chain}"),
        }
    }
}
