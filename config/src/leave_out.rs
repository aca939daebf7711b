//! Which chains do not filter, and what becomes of them? Chains of type `nat` and `route`, and what only they call:
//! without rules they do nothing; with rules they are an error, unless the administrator says to take the ruleset
//! without them.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Span};
use crate::load::Options;
use crate::policy::{ChainPolicy, Family};
use crate::ruleset::{
    Base, Chain, Element, Expression, MapSource, Ruleset, Statement, StatementKind, Table, Term, Verdict,
    VerdictKind,
};

/// What was taken out of a ruleset because the administrator said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The table: family and name.
    pub table: String,
    /// The type of the chains; none for a whole table of a dump.
    pub kind: Option<String>,
    /// The chains.
    pub chains: Vec<String>,
    /// How many rules they had.
    pub rules: usize,
    /// Where the table, or the first of the chains, is declared.
    pub span: Span,
}

impl LeftOut {
    /// Said to the administrator.
    pub(crate) fn note(&self) -> Diagnostic {
        let rules = match self.rules {
            1 => "its one rule".to_owned(),
            rules => format!("its {rules} rules"),
        };
        let message = match &self.kind {
            None => format!("table {} is left out, with {rules}", self.table),
            Some(kind) => {
                let rules = rules.replace("its", "their");
                let chains = self.chains.join(", ");
                format!(
                    "the chains of type {kind} of table {} are left out, with {rules}: {chains}",
                    self.table
                )
            }
        };
        Diagnostic::new(self.span, message)
    }
}

/// Takes away the chains that do not filter; what that leaves out, and errors where it must not.
pub(crate) fn chains(ruleset: &mut Ruleset, options: &Options, errors: &mut Vec<Diagnostic>) -> Vec<LeftOut> {
    let mut left = Vec::new();
    for table in ruleset.tables.iter_mut() {
        for kind in ["nat", "route"] {
            let told = options.leave_out.iter().any(|word| word == kind);
            left.extend(of_kind(table, kind, told, errors));
        }
        for chain in table.chains.iter_mut() {
            errors.append(&mut chain.unread);
        }
    }
    left
}

/// As [`chains`], for one table and type.
fn of_kind(table: &mut Table, kind: &str, told: bool, errors: &mut Vec<Diagnostic>) -> Option<LeftOut> {
    let hooks: &[&str] = match (table.family, kind) {
        (Family::Ip | Family::Ip6 | Family::Inet, "nat") => &["prerouting", "input", "output", "postrouting"],
        (Family::Ip | Family::Ip6 | Family::Inet, "route") => &["output"],
        _ => &[],
    };
    let is_aside = |chain: &&Chain| {
        let fits = |base: &Base| base.kind.node == kind && hooks.contains(&base.hook.node.as_str());
        chain.base.as_ref().is_some_and(fits)
    };
    let aside: BTreeSet<String> =
        table.chains.iter().filter(is_aside).map(|chain| chain.name.clone()).collect();
    if aside.is_empty() {
        return None;
    }
    let hooked = table.chains.iter().filter(|chain| chain.base.is_some() && !is_aside(chain));
    let kept = reached(table, hooked.map(|chain| chain.name.clone()).collect());
    let gone: BTreeSet<String> = reached(table, aside).difference(&kept).cloned().collect();
    let is_gone = |chain: &&Chain| gone.contains(&chain.name);
    let found: Vec<&Chain> = table.chains.iter().filter(is_gone).collect();
    let report = LeftOut {
        table: format!("{} {}", table.family, table.name),
        kind: Some(kind.to_owned()),
        chains: found.iter().map(|chain| chain.name.clone()).collect(),
        rules: found.iter().map(|chain| chain.rules.len() + chain.unread.len()).sum(),
        span: found.first().map_or(table.span, |chain| chain.span),
    };
    let acts = acts(&found);
    if let Some(span) = acts.filter(|_| !told) {
        let why = match kind {
            "nat" => "Sluice does not rewrite packets",
            _ => "a wire has no routing table",
        };
        let message = format!("a rule in a chain of type {kind} is not supported: {why}");
        let help = format!("`--leave-out {kind}` takes the ruleset without the chains of this type");
        errors.push(Diagnostic::new(span, message).help(help));
    }
    forget(table, &gone);
    (told && acts.is_some()).then_some(report)
}

/// Takes away the chains `gone`, and the maps that only they used.
fn forget(table: &mut Table, gone: &BTreeSet<String>) {
    for name in gone {
        table.chains.remove(name);
    }
    let used: BTreeSet<String> = table
        .chains
        .iter()
        .flat_map(|chain| &chain.rules)
        .flat_map(|rule| &rule.statements)
        .flat_map(maps_of)
        .map(str::to_owned)
        .collect();
    let maps = table.sets.iter().filter(|set| set.data.is_some() && !used.contains(&set.name));
    let unused: Vec<String> = maps.map(|set| set.name.clone()).collect();
    for name in unused {
        table.sets.remove(&name);
    }
}

/// The place of the first rule, or policy, that does something: one that nft's other chains could not hold, if there
/// is one.
fn acts(chains: &[&Chain]) -> Option<Span> {
    let unread = chains.iter().flat_map(|chain| &chain.unread).map(|complaint| complaint.span).min();
    let rules = chains.iter().flat_map(|chain| &chain.rules).map(|rule| rule.span);
    let drops = chains.iter().filter_map(|chain| chain.base.as_ref());
    let drops = drops.filter(|base| base.policy == Some(ChainPolicy::Drop)).map(|base| base.kind.span);
    unread.or_else(|| rules.min()).or_else(|| drops.min())
}

/// The chains `from`, and those a packet can get to from there.
fn reached(table: &Table, from: BTreeSet<String>) -> BTreeSet<String> {
    let mut open: Vec<String> = from.iter().cloned().collect();
    let mut found = from;
    while let Some(chain) = open.pop().and_then(|name| table.chains.get(&name)) {
        for target in chain.rules.iter().flat_map(|rule| &rule.statements).flat_map(|s| targets(table, s)) {
            if found.insert(target.clone()) {
                open.push(target);
            }
        }
    }
    found
}

/// The chains a statement can send a packet to.
fn targets(table: &Table, statement: &Statement) -> Vec<String> {
    match &statement.kind {
        StatementKind::Verdict(verdict) => target(verdict).into_iter().collect(),
        StatementKind::VerdictMap { map, .. } => {
            let elements = match map {
                MapSource::Elements(elements) => Some(&**elements),
                MapSource::Name(name, _) => table.sets.get(name).map(|set| &set.elements),
            };
            let target = |element: Element| target(element.verdict()?);
            elements.into_iter().flatten().filter_map(target).collect()
        }
        _ => Vec::new(),
    }
}

fn target(verdict: &Verdict) -> Option<String> {
    match &verdict.kind {
        VerdictKind::Jump(name) | VerdictKind::Goto(name) => Some(name.to_string()),
        _ => None,
    }
}

/// The named maps a statement looks into.
fn maps_of(statement: &Statement) -> Vec<&str> {
    let mut names = Vec::new();
    match &statement.kind {
        StatementKind::VerdictMap { map, .. } | StatementKind::Mapped { map, .. } => {
            names.extend(name_of(map));
        }
        StatementKind::Set(_, value) => values(value, &mut names),
        StatementKind::Update(update) => {
            names.push(update.set.node.as_str());
            update.data.iter().for_each(|data| values(data, &mut names));
        }
        _ => {}
    }
    names
}

fn name_of(map: &MapSource) -> Option<&str> {
    match map {
        MapSource::Name(name, _) => Some(name),
        MapSource::Elements(_) => None,
    }
}

fn values<'a>(value: &'a Expression, names: &mut Vec<&'a str>) {
    match &value.term {
        Term::Map(_, map) => names.extend(name_of(map)),
        Term::Binary(_, both) => {
            values(&both.0, names);
            values(&both.1, names);
        }
        _ => {}
    }
}
