//! What is declared and never used?

use super::{Kind, Linter};
use crate::policy::{Assigned, ChainId, ObjectKind, Operand, Set, SetId, Statement, Test, Update};
use crate::ruleset::HelperType;

/// Which named things the rules name.
#[derive(Default)]
struct Used {
    sets: Vec<bool>,
    counters: Vec<bool>,
    limits: Vec<bool>,
    quotas: Vec<bool>,
    helpers: Vec<bool>,
    timeouts: Vec<bool>,
}

impl Linter<'_> {
    /// Chains that no packet comes to.
    pub(super) fn chains(&mut self) {
        let policy = self.analysis.policy;
        for id in (0_u32..).map(ChainId).take(policy.chains.len()) {
            let chain = &policy.chains[id.index()];
            let span = self.places.chain(id);
            if self.analysis.bases[id.index()].is_empty() {
                let text =
                    format!("no packet comes to chain `{}`: no chain with a hook leads to it", chain.name);
                self.report(Kind::UnreachableChain, span, text);
            } else if self.analysis.entries[id.index()].is_empty() {
                let text = format!(
                    "no packet comes to chain `{}`: no packet fits a rule that leads to it",
                    chain.name
                );
                let callers = policy.rules.iter().zip(0_u32..).find(|(rule, _)| {
                    super::ways::targets(policy, &rule.statements).any(|target| target == id)
                });
                let caller = callers.map(|(_, rule)| self.places.rule(crate::policy::RuleId(rule)));
                let finding = self.report(Kind::UnreachableChain, span, text);
                if let Some(caller) = caller {
                    finding.related(caller, "this rule leads to it");
                }
            }
        }
    }

    /// Variables, named sets, maps and objects that no rule names.
    pub(super) fn unused(&mut self) {
        let policy = self.analysis.policy;
        let mut used = Used {
            sets: vec![false; policy.sets.len()],
            counters: vec![false; policy.counters.len()],
            limits: vec![false; policy.limits.len()],
            quotas: vec![false; policy.quotas.len()],
            helpers: vec![false; policy.helpers.len()],
            timeouts: vec![false; policy.timeouts.len()],
        };
        for statement in policy.rules.iter().flat_map(|rule| &rule.statements) {
            used.statement(statement);
            if let Statement::Object { kind, map, .. } = statement {
                used.objects(*kind, &policy.sets[map.index()]);
            }
        }
        for set in &policy.sets {
            let dynamic = set.dynamic.iter().flat_map(|dynamic| &dynamic.each);
            set.each.lists().iter().flatten().chain(dynamic).for_each(|statement| used.statement(statement));
        }
        for variable in &self.ruleset.unused_variables {
            self.report(Kind::Unused, variable.span, format!("nothing uses variable `{}`", variable.node));
        }
        for id in 0..policy.sets.len() {
            if used.sets[id] {
                continue;
            }
            let ruleset = self.ruleset;
            if let Some(set) = self.places.set(ruleset, id) {
                let what = if set.data.is_some() { "map" } else { "set" };
                self.report(Kind::Unused, set.span, format!("no rule uses {what} `{}`", set.name));
            }
        }
        let ruleset = self.ruleset;
        let counters = ruleset.tables.iter().flat_map(|table| table.counters.iter());
        let counters = counters.map(|counter| ("counter", &counter.name, counter.span));
        let names = policy.counters.iter().map(|counter| counter.name.is_some());
        let counters = counters.zip(named(names, &used.counters));
        let limits = ruleset.tables.iter().flat_map(|table| table.limits.iter());
        let limits = limits.map(|limit| ("limit", &limit.name, limit.span));
        let names = policy.limits.iter().map(|limit| limit.name.is_some());
        let limits = limits.zip(named(names, &used.limits));
        let quotas = ruleset.tables.iter().flat_map(|table| table.quotas.iter());
        let quotas = quotas.map(|quota| ("quota", &quota.name, quota.span));
        let names = policy.quotas.iter().map(|quota| quota.name.is_some());
        let quotas = quotas.zip(named(names, &used.quotas));
        let helpers = ruleset.tables.iter().flat_map(|table| table.helpers.iter());
        let mut given = used.helpers.iter().copied();
        // One that no rule can use has no place in the policy.
        let is_used =
            |kind: HelperType| matches!(kind, HelperType::Known(_)) && given.next().unwrap_or(false);
        let helpers: Vec<_> = helpers
            .map(|helper| ("ct helper", &helper.name, helper.span))
            .zip(
                ruleset
                    .tables
                    .iter()
                    .flat_map(|table| table.helpers.iter())
                    .map(|h| h.what.kind)
                    .map(is_used),
            )
            .collect();
        let timeouts = ruleset.tables.iter().flat_map(|table| table.timeouts.iter());
        let timeouts = timeouts.map(|timeouts| ("ct timeout", &timeouts.name, timeouts.span));
        let timeouts = timeouts.zip(used.timeouts.iter().copied());
        let objects = counters.chain(limits).chain(quotas).chain(helpers).chain(timeouts);
        for ((what, name, span), used) in objects {
            if !used {
                self.report(Kind::Unused, span, format!("no rule uses {what} `{name}`"));
            }
        }
    }
}

/// Of those things that have a name, whether they are used.
fn named(names: impl Iterator<Item = bool>, used: &[bool]) -> impl Iterator<Item = bool> {
    names.zip(used).filter(|(named, _)| *named).map(|(_, used)| *used)
}

impl Used {
    /// The objects that a map holds.
    fn objects(&mut self, kind: ObjectKind, map: &Set) {
        let used = match kind {
            ObjectKind::Counter => &mut self.counters,
            ObjectKind::Limit => &mut self.limits,
            ObjectKind::Quota => &mut self.quotas,
            ObjectKind::Helper => &mut self.helpers,
            ObjectKind::Timeouts => &mut self.timeouts,
        };
        for &index in &map.data {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            used.get_mut(index).into_iter().for_each(|used| *used = true);
        }
    }

    fn set(&mut self, id: SetId) {
        self.sets[id.index()] = true;
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Map { map, .. } => self.set(*map),
            Operand::Bits(_, both) => {
                self.operand(&both.0);
                self.operand(&both.1);
            }
            _ => {}
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Match(condition) => {
                if let Test::Lookup { set, .. } = condition.test {
                    self.set(set);
                }
            }
            Statement::VerdictMap { map, .. } | Statement::Object { map, .. } => self.set(*map),
            Statement::Counter(counter) => self.counters[counter.index()] = true,
            Statement::Limit(limit) => self.limits[limit.index()] = true,
            Statement::Quota(quota) => self.quotas[quota.index()] = true,
            Statement::Assign(Assigned::Template { .. }) => self.helpers.fill(true),
            Statement::Assign(Assigned::Helper(helper)) => self.helpers[helper.index()] = true,
            Statement::Assign(Assigned::Timeouts(timeouts)) => self.timeouts[timeouts.index()] = true,
            Statement::Set(_, operand) => self.operand(operand),
            Statement::Update(update) => {
                let Update { set, data, each, .. } = &**update;
                self.set(*set);
                data.iter().for_each(|data| self.operand(data));
                each.iter().for_each(|statement| self.statement(statement));
            }
            _ => {}
        }
    }
}
