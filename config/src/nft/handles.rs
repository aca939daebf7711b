//! Which number does the kernel give to what a file declares? nft lists things by these handles, and a file that is
//! loaded where nothing was before may delete and replace by them.
//!
//! A table counts from 1 on: chains, objects, sets, also those that stand in a rule, and rules, in the order in which
//! nft sends them. Of a block that is chains, objects, sets, and at last the rules, chain by chain.

use std::collections::{HashMap, HashSet};

use super::block::InTable;
use super::parser::{Parsed, Parser};
use crate::ruleset::{Expression, MapSource, Rule, Statement, StatementKind, Table, Term, VerdictKind};

/// What has a handle besides rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum What {
    Chain,
    Object,
    Set,
}

/// The handles of one table.
#[derive(Debug, Default)]
struct Numbered {
    last: u32,
    things: HashMap<u32, (What, String)>,
    /// Chains and meters that have one.
    known: HashSet<String>,
}

/// The handles of all tables, and what is still to be numbered of the block that is being read.
#[derive(Debug, Default)]
pub(super) struct Handles {
    tables: HashMap<String, Numbered>,
    block: Option<Vec<(What, String)>>,
}

impl Handles {
    /// A block of a table begins: what it declares is numbered at its end.
    pub(super) fn open(&mut self) {
        self.block = Some(Vec::new());
    }

    /// Something is declared, or a chain gets rules.
    pub(super) fn met(&mut self, table: &InTable, what: What, name: &str) {
        match &mut self.block {
            Some(block) => block.push((what, name.to_owned())),
            None => self.number(table, what, name),
        }
    }

    fn number(&mut self, table: &InTable, what: What, name: &str) {
        let numbered = self.tables.entry(key(table)).or_default();
        if what != What::Chain || numbered.known.insert(format!("chain {name}")) {
            numbered.last += 1;
            numbered.things.insert(numbered.last, (what, name.to_owned()));
        }
    }

    /// A chain of the table is gone.
    pub(super) fn forget_chain(&mut self, table: &InTable, name: &str) {
        if let Some(numbered) = self.tables.get_mut(&key(table)) {
            numbered.known.remove(&format!("chain {name}"));
        }
    }

    /// The table is gone.
    pub(super) fn forget(&mut self, table: &InTable) {
        self.tables.remove(&key(table));
    }

    /// All tables are gone.
    pub(super) fn clear(&mut self) {
        self.tables.clear();
    }

    /// Numbers a rule, behind the sets that stand in it.
    fn rule(&mut self, table: &InTable, rule: &Rule) -> u32 {
        let numbered = self.tables.entry(key(table)).or_default();
        for statement in &rule.statements {
            match &statement.kind {
                StatementKind::Update(update) if update.meter.is_some() => {
                    numbered.last += u32::from(numbered.known.insert(format!("meter {}", update.set.node)));
                }
                _ => numbered.last += sets_in(statement),
            }
        }
        numbered.last += 1;
        numbered.last
    }
}

impl Parser<'_> {
    /// The block of `table` has ended.
    pub(super) fn number_block(&mut self, table: &InTable) {
        let block = self.handles.block.take().unwrap_or_default();
        for wanted in [What::Chain, What::Object, What::Set] {
            for (what, name) in block.iter().filter(|(what, _)| *what == wanted) {
                self.handles.number(table, *what, name);
            }
        }
        for (_, name) in block.iter().filter(|(what, _)| *what == What::Chain) {
            self.number_rules(table, name);
        }
    }

    /// Numbers the rules of a chain that have no handle yet.
    pub(super) fn number_rules(&mut self, table: &InTable, chain: &str) {
        let handles = &mut self.handles;
        if let Some(found) = self.ruleset.table_mut(table.family, &table.name) {
            number_rules(handles, table, found, chain);
        }
    }

    /// `handle N`: where in `chain` the rule stands; none if there is no such rule.
    pub(super) fn rule_by_handle(&mut self, table: &InTable, chain: &str) -> Parsed<Option<usize>> {
        self.expect_word("handle")?;
        let handle = self.number("the handle of a rule")?;
        let rules = self.table_of(table).chains.get(chain).map(|chain| chain.rules.iter());
        let wanted = |rule: &Rule| u64::from(rule.handle) == handle.node;
        Ok(rules.into_iter().flatten().position(wanted))
    }

    /// The name of what has this handle.
    pub(super) fn name_of_handle(&mut self, table: &InTable, what: What) -> Parsed<Option<String>> {
        self.expect_word("handle")?;
        let handle = self.number("a handle")?;
        let things = self.handles.tables.get(&key(table)).map(|numbered| &numbered.things);
        let thing = u32::try_from(handle.node).ok().and_then(|handle| things?.get(&handle));
        Ok(thing.filter(|(known, _)| *known == what).map(|(_, name)| name.clone()))
    }
}

fn number_rules(handles: &mut Handles, table: &InTable, known: &mut Table, chain: &str) {
    let Some(rules) = known.chains.get_mut(chain).map(|chain| std::mem::take(&mut chain.rules)) else {
        return;
    };
    let mut rules = rules;
    for rule in rules.iter_mut().filter(|rule| rule.handle == 0) {
        for bound in rule.statements.iter().filter_map(bound_chain) {
            handles.number(table, What::Chain, bound);
            number_rules(handles, table, known, bound);
        }
        rule.handle = handles.rule(table, rule);
    }
    if let Some(chain) = known.chains.get_mut(chain) {
        chain.rules = rules;
    }
}

/// The chain without a name that a statement goes to.
fn bound_chain(statement: &Statement) -> Option<&str> {
    let StatementKind::Verdict(verdict) = &statement.kind else { return None };
    match &verdict.kind {
        VerdictKind::Jump(chain) | VerdictKind::Goto(chain) => chain.starts_with("__chain").then_some(chain),
        _ => None,
    }
}

/// How many sets without a name stand in a statement.
fn sets_in(statement: &Statement) -> u32 {
    match &statement.kind {
        StatementKind::Match(comparison) => of(&comparison.left) + of(&comparison.right),
        StatementKind::VerdictMap { key, map } | StatementKind::Mapped { key, map, .. } => {
            of(key) + of_map(map)
        }
        StatementKind::Set(_, value) => of(value),
        StatementKind::Update(update) => of(&update.key) + update.data.as_ref().map_or(0, of),
        _ => 0,
    }
}

fn of(expression: &Expression) -> u32 {
    match &expression.term {
        // A set of one value is taken for the value.
        Term::Set(elements) if elements.len() == 1 => {
            let alone = |key: &Expression| !matches!(key.term, Term::Concat(_) | Term::Any);
            u32::from(!elements.iter().all(|element| alone(&element.key)))
        }
        Term::Set(_) => 1,
        Term::Map(key, map) => of(key) + of_map(map),
        Term::Binary(_, both) => of(&both.0) + of(&both.1),
        Term::Concat(parts) => parts.iter().map(of).sum(),
        _ => 0,
    }
}

fn of_map(map: &MapSource) -> u32 {
    u32::from(matches!(map, MapSource::Elements(_)))
}

fn key(table: &InTable) -> String {
    format!("{} {}", table.family, table.name)
}
