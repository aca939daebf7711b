//! What does a rule do, step by step?

use std::collections::HashMap;

use super::context::{Context, Needs, stated};
use super::draws;
use super::hooked::Hooked;
use super::jumps::Jump;
use super::scope::Scope;
use super::{Lowered, Lowering, next_id};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{
    self, Assigned, ChainId, Family, Field, Icmpx, Load, ObjectKind, Reject, Statement, Value, Verdict,
};
use crate::ruleset::{self, Protocol, RejectWith, Rule, StatementKind, VerdictKind};

/// A rule while it is made.
pub(super) struct Making<'s, 'a> {
    pub(super) scope: &'s Scope<'a>,
    pub(super) context: Context,
    pub(super) statements: Vec<Statement>,
    /// What is there on some hooks only.
    pub(super) hooked: Vec<Hooked>,
}

impl<'s, 'a> Making<'s, 'a> {
    /// As far as this one is, but what is stated from now on is not kept.
    pub(super) fn clone_for_types(&self) -> Making<'s, 'a> {
        Making {
            scope: self.scope,
            context: self.context.clone(),
            statements: Vec::new(),
            hooked: Vec::new(),
        }
    }
}

impl Lowering<'_> {
    /// Lowers every rule of a table.
    pub(super) fn rules(&mut self, scope: &Scope<'_>) {
        for chain in scope.table.chains.iter() {
            let Some(&id) = scope.chains.get(chain.name.as_str()) else {
                continue;
            };
            let first = next_id(self.policy.rules.len());
            self.other_devices(id, chain);
            let mut position = 0;
            for rule in &chain.rules {
                position += u32::from(!rule.joined);
                self.rule(scope, id, position, rule);
            }
            self.policy.chains[id.index()].rules = first..next_id(self.policy.rules.len());
        }
        self.map_jumps();
    }

    /// Every statement is looked at, so that every complaint is found.
    fn rule(&mut self, scope: &Scope<'_>, chain: ChainId, position: u32, rule: &Rule) {
        let mut making = Making {
            scope,
            context: Context::new(scope.table.family),
            statements: Vec::with_capacity(rule.statements.len()),
            hooked: Vec::new(),
        };
        let mut decided = false;
        for statement in &rule.statements {
            if decided {
                let text = "nothing behind this rule's verdict can run";
                self.errors.push(Diagnostic::new(statement.span, text));
                break;
            }
            let lowered = self.statement(&mut making, chain, statement);
            self.note(lowered);
            decided = match &statement.kind {
                StatementKind::Verdict(verdict) => verdict.kind != VerdictKind::Continue,
                StatementKind::Reject(_) => true,
                _ => false,
            };
        }
        draws::number(&mut making.statements);
        let place = self.place(rule.span);
        self.hooked.extend(making.hooked.drain(..).map(|hooked| (chain, hooked)));
        self.policy.rules.push(policy::Rule {
            chain,
            position,
            statements: making.statements,
            comment: rule.comment.clone(),
            place,
        });
    }

    fn statement(
        &mut self,
        making: &mut Making<'_, '_>,
        chain: ChainId,
        statement: &ruleset::Statement,
    ) -> Lowered<()> {
        let lowered = match &statement.kind {
            StatementKind::Match(comparison) => return self.comparison(making, comparison),
            StatementKind::VerdictMap { key, map } => {
                self.verdict_map(making, key, map)?;
                if let Some(Statement::VerdictMap { map, .. }) = making.statements.last() {
                    self.jump_through(chain, map.index(), statement.span);
                }
                return Ok(());
            }
            StatementKind::Verdict(verdict) => {
                let lowered = self.verdict(making.scope, verdict)?;
                self.jump(chain, lowered, verdict.span);
                Statement::Verdict(lowered)
            }
            StatementKind::Counter { .. }
            | StatementKind::Limit(_)
            | StatementKind::Quota(_)
            | StatementKind::ConnectionLimit { .. } => self.stateful(making.scope.table.family, statement)?,
            StatementKind::CounterName(name) | StatementKind::Named(ObjectKind::Counter, name) => {
                Statement::Counter(making.scope.counter(name, statement.span)?)
            }
            StatementKind::Named(ObjectKind::Limit, name) => {
                Statement::Limit(making.scope.limit(name, statement.span)?)
            }
            StatementKind::Named(ObjectKind::Quota, name) => {
                Statement::Quota(making.scope.quota(name, statement.span)?)
            }
            StatementKind::Named(ObjectKind::Helper, name) => {
                self.track(making.scope.table.family, statement.span)?;
                Statement::Assign(Assigned::Helper(making.scope.helper(name, statement.span)?))
            }
            StatementKind::Named(ObjectKind::Timeouts, name) => {
                self.track(making.scope.table.family, statement.span)?;
                Statement::Assign(Assigned::Timeouts(making.scope.timeouts(name, statement.span)?))
            }
            StatementKind::Template { zone, helper } => {
                self.track(making.scope.table.family, statement.span)?;
                Statement::Assign(Assigned::Template { zone: *zone, helper: *helper })
            }
            StatementKind::Mapped { kind, key, map } => {
                if matches!(kind, ObjectKind::Helper | ObjectKind::Timeouts) {
                    self.track(making.scope.table.family, statement.span)?;
                }
                self.mapped(making, *kind, key, map)?
            }
            StatementKind::Recent(recent) => self.recent(making.scope.table.family, recent),
            StatementKind::Log(log, _) => Statement::Log(Box::new(log.clone())),
            StatementKind::Set(target, value) => self.assignment(making, *target, value, statement.span)?,
            StatementKind::Update(update) => self.update(making, update, statement.span)?,
            StatementKind::Reject(with) => {
                let reject = reject(making, *with, statement.span)?;
                Statement::Reject(reject)
            }
            StatementKind::Whole { header, protocol } => {
                let mut needs = Needs::default();
                if let Some(protocol) = protocol {
                    making.context.need_transport(*protocol, statement.span, &mut needs)?;
                }
                making.statements.extend(stated(needs.conditions));
                self.asked_as_iptables(Load::Whole(*header), policy::whole::ALL)
            }
            StatementKind::Sought { sought, negated } => {
                let goes_on = if *negated { policy::whole::NONE } else { policy::whole::ALL };
                self.asked_as_iptables(Load::Sought(*sought), goes_on)
            }
            StatementKind::SourceRoute { addresses, strict } => {
                let list = u16::try_from(self.policy.lists.len())
                    .map_err(|_| Diagnostic::new(statement.span, "there are too many lists of addresses"))?;
                self.policy.lists.push(addresses.clone());
                let sought = policy::Sought::SourceRoute { list, strict: *strict };
                self.asked_as_iptables(Load::Sought(sought), policy::whole::ALL)
            }
            StatementKind::Notrack => Statement::Notrack,
        };
        making.statements.push(lowered);
        Ok(())
    }

    /// Goes on where `load` gives `goes_on`, drops the packet where what was asked about is cut off.
    fn asked_as_iptables(&mut self, load: Load, goes_on: u8) -> Statement {
        let mut elements =
            [(Value::from(policy::whole::CUT), Verdict::Drop), (Value::from(goes_on), Verdict::Continue)];
        elements.sort_unstable_by_key(|(key, _)| *key);
        let keys = elements.map(|(key, _)| key).to_vec();
        let map = *self.cut_off.entry(goes_on).or_insert_with(|| {
            self.policy.sets.push(policy::Set {
                widths: vec![8],
                low: keys.clone(),
                high: keys,
                verdicts: elements.map(|(_, verdict)| verdict).to_vec(),
                ..policy::Set::default()
            });
            policy::SetId(next_id(self.policy.sets.len() - 1))
        });
        Statement::VerdictMap { key: vec![Field::plain(load, 8)], map }
    }

    /// A verdict with its chain found.
    pub(super) fn verdict(&mut self, scope: &Scope<'_>, verdict: &ruleset::Verdict) -> Lowered<Verdict> {
        let (name, goto) = match &verdict.kind {
            VerdictKind::Accept => return Ok(Verdict::Accept),
            VerdictKind::Drop => return Ok(Verdict::Drop),
            VerdictKind::Continue => return Ok(Verdict::Continue),
            VerdictKind::Return => return Ok(Verdict::Return),
            VerdictKind::Jump(name) => (name, false),
            VerdictKind::Goto(name) => (name, true),
        };
        let chain = scope.chain(name, verdict.span)?;
        let declared = scope.table.chains.get(name);
        if declared.is_some_and(|chain| chain.base.is_some()) {
            let text = format!("`{name}` is attached to a hook and cannot be jumped to");
            return Err(Diagnostic::new(verdict.span, text));
        }
        Ok(if goto { Verdict::Goto(chain) } else { Verdict::Jump(chain) })
    }

    fn jump(&mut self, from: ChainId, verdict: Verdict, span: Span) {
        if let Verdict::Jump(to) | Verdict::Goto(to) = verdict {
            self.jumps.push(Jump { from, to, span });
        }
    }

    fn jump_through(&mut self, from: ChainId, map: usize, span: Span) {
        self.map_uses.push((from, map, span));
    }

    /// The jumps that verdict maps make, each map gone through once.
    fn map_jumps(&mut self) {
        let mut targets: HashMap<usize, Vec<ChainId>> = HashMap::new();
        let mut uses = std::mem::take(&mut self.map_uses);
        uses.sort_unstable();
        uses.dedup_by_key(|(from, map, _)| (*from, *map));
        for (from, map, span) in uses {
            let verdicts = &self.policy.sets[map].verdicts;
            let found = targets.entry(map).or_insert_with(|| {
                let mut found: Vec<ChainId> = verdicts
                    .iter()
                    .filter_map(|verdict| match verdict {
                        Verdict::Jump(to) | Verdict::Goto(to) => Some(*to),
                        _ => None,
                    })
                    .collect();
                found.sort_unstable();
                found.dedup();
                found
            });
            let jumps = found.iter().map(|&to| Jump { from, to, span });
            self.jumps.extend(jumps);
        }
    }
}

fn reject(making: &mut Making<'_, '_>, with: RejectWith, span: Span) -> Lowered<Reject> {
    let family = making.scope.table.family;
    if family == Family::Arp || making.context.network == Some(Protocol::Arp) {
        let text = format!("there is no reject in a table of family {family}");
        return Err(Diagnostic::new(span, text));
    }
    let reject = match (with, making.context.network) {
        (RejectWith::Said(said), _) => said,
        (RejectWith::Default, Some(Protocol::Ip)) => Reject::Icmp(3),
        (RejectWith::Default, Some(Protocol::Ip6)) => Reject::Icmpv6(4),
        (RejectWith::Default, _) => Reject::Icmpx(Icmpx::PortUnreachable),
    };
    making.hooked.push(Hooked::reject(family, span));
    let mut needs = Needs::default();
    match reject {
        Reject::TcpReset => making.context.need_transport(Protocol::Tcp, span, &mut needs)?,
        Reject::Icmp(_) => making.context.need_network(Protocol::Ip, false, span, &mut needs)?,
        Reject::Icmpv6(_) => making.context.need_network(Protocol::Ip6, false, span, &mut needs)?,
        Reject::Icmpx(_) if matches!(family, Family::Ip | Family::Ip6) => {
            let text = format!("a table of family {family} has no icmpx");
            let help = "icmp or icmpv6 says the same where there is one family";
            return Err(Diagnostic::new(span, text).help(help));
        }
        Reject::Icmpx(_) => {}
    }
    making.statements.extend(stated(needs.conditions));
    Ok(reject)
}
