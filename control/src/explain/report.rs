//! What is told of a packet? The explanation as data; its JSON keys are stable.

use super::course::Explained;
use super::numbers::{self, FlowReport};
use super::trace;
use crate::describe::Described;
use crate::replay::Names;
use config::policy::{
    Assigned, ChainPolicy, Comparison, HelperKind, Match, RuleId, Statement, Test, Update, Verdict,
};
use config::ruleset::Type;
use config::{Loaded, Policy, field_name, value_text};
use dataplane::classify::{DecidedBy, Ended};
use dataplane::io::Side;
use dataplane::pipeline::Outcome;
use dataplane::reason::Reason;
use dataplane::track::{CtState, Direction};
use serde::Serialize;

/// The whole explanation.
#[derive(Debug, Serialize)]
pub struct Report {
    pub packet: PacketReport,
    pub ct: CtReport,
    pub chains: Vec<ChainReport>,
    pub verdict: &'static str,
    pub reason: &'static str,
    pub description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What was read of the frame.
#[derive(Debug, Serialize)]
pub struct PacketReport {
    /// Its number in the capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    pub text: String,
    pub dir: &'static str,
    pub frame_bytes: u32,
    pub network_bytes: u32,
    /// Of a datagram that came in fragments, their numbers in the capture, in the order of their bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fragments: Vec<u64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
}

/// What connection tracking said.
#[derive(Debug, Serialize)]
pub struct CtReport {
    pub state: &'static str,
    /// Whether the state was given on the command line.
    pub given: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// Why it is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'static str>,
    /// The comparison that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    pub before: Option<FlowReport>,
    pub after: Option<FlowReport>,
}

/// A chain on the packet's way.
#[derive(Debug, Serialize)]
pub struct ChainReport {
    pub chain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'static str>,
    pub rules: Vec<RuleReport>,
    /// What a base chain decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<&'static str>,
    /// Whether its policy decided.
    pub by_policy: bool,
}

/// A rule on the packet's way.
#[derive(Debug, Serialize)]
pub struct RuleReport {
    pub position: u32,
    pub file: String,
    pub line: u32,
    pub text: String,
    /// Whether nothing in it failed.
    pub matched: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// The first thing that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// The chain it went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainReport>,
}

/// What ended a rule.
#[derive(Debug, Serialize)]
pub struct Failed {
    pub field: String,
    pub wanted: String,
    pub found: String,
}

/// Tells of one packet, the `n`th of its capture if it came from one.
pub fn report(loaded: &Loaded, names: &Names, explained: &Explained, n: Option<u64>) -> Report {
    let packet = &explained.packet;
    let decided = &explained.decided;
    let invalid = (decided.ct == CtState::Invalid && !explained.given).then_some(decided.reason);
    let teller = Teller { loaded, explained };
    let (rule, comment) = names.get(decided.decided_by);
    Report {
        packet: PacketReport {
            n,
            text: Described(packet).to_string(),
            dir: if explained.side == Side::Inside { "out" } else { "in" },
            frame_bytes: packet.frame_length,
            network_bytes: packet.network_length,
            fragments: explained.fragments.clone(),
            fault: packet.fault.map(Reason::label),
        },
        ct: CtReport {
            state: decided.ct.label(),
            given: explained.given,
            direction: explained.direction.map(|direction| match direction {
                Direction::Original => "original",
                Direction::Reply => "reply",
            }),
            reason: invalid.map(Reason::label),
            description: invalid.map(|reason| reason.description().trim()),
            bound: invalid.and_then(|_| numbers::bound(explained)),
            before: explained.before.as_ref().map(FlowReport::of),
            after: explained.after.as_ref().map(FlowReport::of),
        },
        chains: explained.trace.chains.iter().map(|chain| teller.chain(chain)).collect(),
        verdict: match decided.outcome {
            Outcome::Accept => "accept",
            Outcome::Drop => "drop",
            Outcome::Reject(_) => "reject",
        },
        reason: decided.reason.label(),
        description: decided.reason.description().trim(),
        rule: rule.map(str::to_owned),
        comment: comment.map(str::to_owned),
    }
}

struct Teller<'a> {
    loaded: &'a Loaded,
    explained: &'a Explained,
}

impl Teller<'_> {
    fn policy(&self) -> &Policy {
        &self.loaded.policy
    }

    fn chain(&self, met: &trace::Chain) -> ChainReport {
        let chain = &self.policy().chains[met.id.index()];
        let rejected = met.decision.and_then(|decision| match decision {
            dataplane::classify::Decision {
                verdict: dataplane::classify::Verdict::Reject(_),
                decided_by: DecidedBy::Rule(rule),
            } => Some(rule),
            _ => None,
        });
        ChainReport {
            chain: format!("{} {} {}", chain.family, chain.table, chain.name),
            hook: chain.base.map(|base| base.hook.to_string()),
            priority: chain.base.map(|base| base.priority),
            policy: chain.base.map(|base| match base.policy {
                ChainPolicy::Accept => "accept",
                ChainPolicy::Drop => "drop",
            }),
            rules: met.rules.iter().map(|visit| self.rule(visit, rejected)).collect(),
            verdict: met.decision.map(|decision| match decision.verdict {
                dataplane::classify::Verdict::Accept => "accept",
                dataplane::classify::Verdict::Drop => "drop",
                dataplane::classify::Verdict::Reject(_) => "reject",
            }),
            by_policy: met.decision.is_some_and(|made| matches!(made.decided_by, DecidedBy::ChainPolicy(_))),
        }
    }

    fn rule(&self, visit: &trace::Visit, rejected: Option<RuleId>) -> RuleReport {
        let rule = &self.policy().rules[visit.id.index()];
        let source = self.loaded.sources.get(usize::from(rule.place.source));
        let line =
            source.and_then(|source| source.text.lines().nth(rule.place.line.saturating_sub(1) as usize));
        let name = |id: config::policy::ChainId| self.policy().chains[id.index()].name.clone();
        let verdict = visit.verdict.map(|verdict| match verdict {
            Verdict::Accept => "accept".to_owned(),
            Verdict::Drop => "drop".to_owned(),
            Verdict::Continue => "continue".to_owned(),
            Verdict::Return => "return".to_owned(),
            Verdict::Jump(chain) => format!("jump {}", name(chain)),
            Verdict::Goto(chain) => format!("goto {}", name(chain)),
        });
        let is_reject = rejected == Some(visit.id) && visit.ended.is_none() && verdict.is_none();
        RuleReport {
            position: rule.position,
            file: source.map(|source| source.name.clone()).unwrap_or_default(),
            line: rule.place.line,
            text: line.unwrap_or_default().trim().to_owned(),
            matched: visit.ended.is_none(),
            verdict: if is_reject { Some("reject".to_owned()) } else { verdict },
            failed: visit.ended.as_ref().map(|ended| self.failed(ended)),
            chain: visit.inner.as_ref().map(|chain| self.chain(chain)),
        }
    }

    fn failed(&self, ended: &Ended) -> Failed {
        let statement = &self.policy().rules[ended.rule.index()].statements[ended.statement];
        let packet = &self.explained.packet;
        let parts: Vec<(String, Type)> = ended
            .key
            .iter()
            .map(|field| field_name(field, packet.ethertype, packet.tuple.protocol))
            .collect();
        let kind = parts.first().map_or(Type::Integer(32), |(_, kind)| *kind);
        let found: Vec<String> = (parts.iter().zip(&ended.found))
            .map(|((_, kind), found)| {
                found.map_or_else(|| "nothing".to_owned(), |value| value_text(*kind, value))
            })
            .collect();
        let field: Vec<String> = parts.into_iter().map(|(name, _)| name).collect();
        let (what, wanted) = self.wanted(statement, kind);
        Failed {
            field: if field.is_empty() { what.to_owned() } else { field.join(" . ") },
            wanted,
            found: if found.is_empty() { "it does not hold".to_owned() } else { found.join(" . ") },
        }
    }

    /// What a statement asks for; its own name where it looks at no field.
    fn wanted(&self, statement: &Statement, kind: Type) -> (&'static str, String) {
        let set = |id: config::policy::SetId| match &self.policy().sets[id.index()] {
            config::policy::Set { name: Some(name), .. } => format!("@{name}"),
            set => listed(set, kind),
        };
        match statement {
            Statement::Match(Match { test, .. }) => (
                "",
                match test {
                    Test::Compare(comparison, value) => {
                        let sign = match comparison {
                            Comparison::Equal => "",
                            Comparison::NotEqual => "!= ",
                            Comparison::Less => "< ",
                            Comparison::LessOrEqual => "<= ",
                            Comparison::Greater => "> ",
                            Comparison::GreaterOrEqual => ">= ",
                        };
                        format!("{sign}{}", value_text(kind, *value))
                    }
                    Test::Range { low, high, negated } => {
                        let sign = if *negated { "!= " } else { "" };
                        format!("{sign}{}-{}", value_text(kind, *low), value_text(kind, *high))
                    }
                    Test::Lookup { set: id, negated } => {
                        format!("{}{}", if *negated { "!= " } else { "" }, set(*id))
                    }
                },
            ),
            Statement::VerdictMap { map, .. } => ("vmap", format!("an element of {}", set(*map))),
            Statement::Object { map, .. } => ("object", format!("an element of {}", set(*map))),
            Statement::Update(update) => {
                let Update { set: id, .. } = &**update;
                ("update", format!("room in {} and what its statements ask", set(*id)))
            }
            Statement::Reject(_) => ("reject", "a packet it can be the answer to".to_owned()),
            Statement::Limit(id) => {
                let limit = &self.policy().limits[id.index()];
                let over = if limit.over { "over " } else { "" };
                ("limit", format!("{over}{} in {} s, burst {}", limit.rate, limit.per_seconds, limit.burst))
            }
            Statement::Quota(id) => {
                let quota = &self.policy().quotas[id.index()];
                ("quota", format!("{} {} bytes", if quota.over { "over" } else { "until" }, quota.bytes))
            }
            Statement::ConnectionLimit(id) => {
                let limit = &self.policy().connection_limits[id.index()];
                ("ct count", format!("{}{}", if limit.over { "over " } else { "" }, limit.count))
            }
            Statement::Recent(asked) => {
                let list = &self.policy().recent_lists[asked.list.index()].name;
                ("recent", format!("{}as wanted in list {list}", if asked.negated { "not " } else { "" }))
            }
            Statement::Set(..) => ("set", "a value".to_owned()),
            Statement::Assign(Assigned::Helper(id)) => {
                ("ct helper set", self.policy().helpers[id.index()].name.clone())
            }
            Statement::Assign(Assigned::Timeouts(id)) => {
                ("ct timeout set", self.policy().timeouts[id.index()].name.clone())
            }
            Statement::Assign(Assigned::Template { zone, helper }) => {
                ("CT", format!("zone {zone}, helper {}", helper.map_or("none", HelperKind::name)))
            }
            _ => ("statement", String::new()),
        }
    }
}

/// The first elements of a set without a name.
fn listed(set: &config::policy::Set, kind: Type) -> String {
    if set.widths.len() != 1 {
        return format!("one of {} elements", set.len());
    }
    let mut words: Vec<String> = (0..set.len().min(MOST_LISTED))
        .map(|element| match (set.low[element], set.high[element]) {
            (low, high) if low == high => value_text(kind, low),
            (low, high) => format!("{}-{}", value_text(kind, low), value_text(kind, high)),
        })
        .collect();
    if set.len() > MOST_LISTED {
        words.push(format!("... ({} in all)", set.len()));
    }
    format!("{{ {} }}", words.join(", "))
}

/// Elements shown of a set.
const MOST_LISTED: usize = 6;
