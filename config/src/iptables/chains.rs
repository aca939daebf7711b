//! What becomes of a table? Its built-in chains hang on their hooks, the others are there to be called.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::build::NewSet;
use super::dump::{DumpChain, DumpTable};
use super::lexer::Token;
use super::matches::listed::Changes;
use super::matches::recent::Lists;
use super::options::sort;
use super::rule::{self, Shared};
use super::{Beside, Report, Version};
use crate::diagnostic::{Diagnostic, Span};
use crate::leave_out::LeftOut;
use crate::nft;
use crate::policy::{ChainPolicy, Hook};
use crate::ruleset::{
    Base, Chain, CtHelper, Object, Priority, Rule, Ruleset, Set, Spanned, StatementKind, Update,
};
use crate::suggestion::did_you_mean;

/// The tables that decide about packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `filter`
    Filter,
    /// `raw`, before connection tracking.
    Raw,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Raw => "raw",
        }
    }

    /// The hook of the built-in chain `name`.
    pub(super) fn hook(self, name: &str) -> Option<Hook> {
        match (self, name) {
            (Self::Filter, "INPUT") => Some(Hook::Input),
            (Self::Filter, "FORWARD") => Some(Hook::Forward),
            (Self::Raw, "PREROUTING") => Some(Hook::Prerouting),
            (_, "OUTPUT") => Some(Hook::Output),
            _ => None,
        }
    }
}

/// What a rule may know of the table it stands in.
pub(super) struct Scope<'a> {
    pub(super) version: Version,
    pub(super) kind: Kind,
    pub(super) shared: &'a Shared<'a>,
    /// The chains that can be called, by name.
    chains: &'a BTreeMap<String, Span>,
}

impl Scope<'_> {
    /// Whether there is a chain `name` to be called.
    pub(super) fn can_call(&self, name: &str) -> bool {
        self.chains.contains_key(name)
    }

    /// The chain that was probably meant by `name`, or one of `targets`.
    pub(super) fn meant(&self, name: &str, targets: &[&str]) -> Option<String> {
        let targets = targets.iter().copied();
        did_you_mean(name, self.chains.keys().map(String::as_str).chain(targets))
    }
}

/// Adds the table to `ruleset`.
pub(super) fn add(
    table: &DumpTable,
    version: Version,
    beside: &Beside<'_>,
    survey: &Survey,
    ruleset: &mut Ruleset,
    report: &mut Report,
) {
    let errors = &mut report.errors;
    if beside.leave_out.contains(&table.name.text) {
        report.left_out.extend(left_out(table, version));
        return;
    }
    let kind = match table.name.text.as_str() {
        "filter" => Kind::Filter,
        "raw" => Kind::Raw,
        "nat" | "mangle" | "security" => return idle(table, errors),
        other => {
            let error = Diagnostic::new(table.name.span, format!("unknown table `{other}`"));
            return errors.push(match did_you_mean(other, super::TABLES) {
                Some(help) => error.help(help),
                None => error,
            });
        }
    };
    let family = version.family();
    if ruleset.table(family, kind.name()).is_some() {
        let message = format!("`table {family} {}` is there already", kind.name());
        let help = "a second dump would replace it: load one, or join their rules";
        return errors.push(Diagnostic::new(table.name.span, message).help(help));
    }
    let callable = callable(table, kind, errors);
    let mut chains: Vec<Chain> = Vec::new();
    let mut index = BTreeMap::new();
    let mut add_chain = |chain: Chain| {
        index.entry(chain.name.clone()).or_insert_with(|| {
            chains.push(chain);
            chains.len() - 1
        });
    };
    for chain in &table.chains {
        add_chain(new_chain(&chain.name.text, chain.name.span, kind, policy(chain)));
    }
    for rule in &table.rules {
        if kind.hook(&rule.chain.text).is_some() {
            add_chain(new_chain(&rule.chain.text, rule.chain.span, kind, ChainPolicy::Accept));
        }
    }
    let Survey { recents, changes } = survey;
    let shared = Shared { recents, changes, sets: beside.sets, fresh: Cell::new(0) };
    let scope = Scope { version, kind, shared: &shared, chains: &callable };
    let mut sets: Vec<NewSet> = Vec::new();
    for rule in &table.rules {
        let Some(&at) = index.get(&rule.chain.text) else {
            let message = format!("there is no chain `{}` in this table", rule.chain.text);
            let known = index.keys().map(String::as_str);
            let error = Diagnostic::new(rule.chain.span, message);
            errors.push(match did_you_mean(&rule.chain.text, known) {
                Some(help) => error.help(help),
                None => error,
            });
            rule::translate(rule, &scope, errors);
            continue;
        };
        let rules = &mut chains[at].rules;
        let rule::Made { rules: made, sets: mut new, mut notes } = rule::translate(rule, &scope, errors);
        sets.append(&mut new);
        report.notes.append(&mut notes);
        let Some(before) = rule.before else {
            rules.extend(made);
            continue;
        };
        let starts = rules.iter().enumerate().filter(|(_, rule)| !rule.joined).map(|(at, _)| at);
        let Some(place) = before.checked_sub(1).and_then(|before| starts.chain([rules.len()]).nth(before))
        else {
            let message = format!("there is no place {before} in chain `{}`", rule.chain.text);
            errors.push(Diagnostic::new(rule.span, message));
            continue;
        };
        // The same place for each that iptables makes of one, and so the last comes first.
        let mut made = made.into_iter().peekable();
        while let Some(first) = made.next() {
            let joined = std::iter::from_fn(|| made.next_if(|next| next.joined));
            let group: Vec<Rule> = std::iter::once(first).chain(joined).collect();
            rules.splice(place..place, group);
        }
    }
    let Declared { sets, settled } = declare(sets, &shared, errors, &mut report.notes);
    settle(&mut chains, &settled);
    let declared = ruleset.declare_table(family, kind.name(), table.name.span);
    for set in sets {
        let name = set.name.clone();
        declared.sets.insert(&name, set);
    }
    for chain in chains {
        for statement in chain.rules.iter().flat_map(|rule| &rule.statements) {
            if let StatementKind::Template { helper: Some(kind), .. } = statement.kind {
                // Declared, so that the words of nft that the rule is printed in read back.
                let (name, span) = (kind.name().to_owned(), statement.span);
                let what = CtHelper {
                    kind: crate::ruleset::HelperType::Known(kind),
                    protocol: kind.protocols()[0],
                    family: None,
                };
                declared.helpers.get_or_insert_with(kind.name(), || Object {
                    name,
                    span,
                    what,
                    comment: None,
                });
            }
        }
        let name = chain.name.clone();
        declared.chains.insert(&name, chain);
    }
}

/// What rules of all tables of a version have in common.
#[derive(Debug, Default)]
pub(super) struct Survey {
    recents: Lists,
    changes: Changes,
}

/// Looks over all `tables` of `version`.
pub(super) fn survey<'a>(tables: impl Iterator<Item = &'a DumpTable>, version: Version) -> Survey {
    let mut survey = Survey::default();
    for table in tables {
        let asks = |word: &Token| matches!(word.text.as_str(), "recent" | "set" | "SET");
        for rule in table.rules.iter().filter(|rule| rule.words.iter().any(asks)) {
            let written = sort(&rule.words, rule.span, version, &mut Vec::new());
            for loaded in
                written.matches.iter().chain(written.jump.iter().filter_map(|jump| jump.target.as_ref()))
            {
                match loaded.module.name() {
                    "recent" => survey.recents.look(loaded),
                    "set" | "SET" => survey.changes.look(loaded, &table.name.text),
                    _ => {}
                }
            }
        }
    }
    survey
}

/// Sets that rules use.
#[derive(Default)]
struct Declared {
    sets: Vec<Set>,
    /// Those of which the first rule that names them says what elements are.
    settled: BTreeSet<String>,
}

/// Every change to such a set as the first rule that names it has it; whether it goes on or not is each rule's own.
fn settle(chains: &mut [Chain], settled: &BTreeSet<String>) {
    let mut first: BTreeMap<String, Update> = BTreeMap::new();
    let mut found: Vec<&mut Update> = Vec::new();
    for statement in
        chains.iter_mut().flat_map(|chain| &mut chain.rules).flat_map(|rule| &mut rule.statements)
    {
        if let StatementKind::Update(update) = &mut statement.kind
            && settled.contains(&update.set.node)
        {
            found.push(update);
        }
    }
    found.sort_by_key(|update| update.set.span.start);
    for update in found {
        match first.get(&update.set.node) {
            Some(first) => {
                let negated = update.negated;
                *update = Update { set: update.set.clone(), negated, ..first.clone() };
            }
            None => {
                first.insert(update.set.node.clone(), update.clone());
            }
        }
    }
}

/// The sets the rules use, each once.
fn declare(
    wanted: Vec<NewSet>,
    shared: &Shared<'_>,
    errors: &mut Vec<Diagnostic>,
    notes: &mut Vec<Diagnostic>,
) -> Declared {
    let mut settled = BTreeSet::new();
    let mut known: BTreeMap<String, NewSet> = BTreeMap::new();
    let mut sets = Vec::new();
    for new in wanted {
        if let Some(first) = known.get(&new.name) {
            if (&first.text, &first.agree) != (&new.text, &new.agree) {
                let complaint = Diagnostic::new(new.span, new.differs);
                if first.first_counts.is_some() && first.first_counts == new.first_counts {
                    settled.insert(new.name);
                    notes.push(complaint);
                } else {
                    errors.push(complaint);
                }
            }
            continue;
        }
        let made = match shared.sets.get(&new.name) {
            Some(saved) if new.text.is_empty() => {
                saved.declare(&crate::print::name(&new.name), shared.changes.is_changed(&new.name))
            }
            _ => nft::set(&new.text, new.span),
        };
        match made {
            Ok(set) => sets.push(set),
            Err(error) => errors.push(error),
        }
        known.insert(new.name.clone(), new);
    }
    Declared { sets, settled }
}

/// The table as one that is left out, unless it does nothing.
fn left_out(table: &DumpTable, version: Version) -> Option<LeftOut> {
    let accepts = |chain: &DumpChain| chain.policy.as_ref().is_none_or(|policy| policy.text == "ACCEPT");
    let idle = table.rules.is_empty() && table.chains.iter().all(accepts);
    (!idle).then(|| LeftOut {
        table: format!("{} {}", version.family(), table.name.text),
        kind: None,
        chains: table.chains.iter().map(|chain| chain.name.text.clone()).collect(),
        rules: table.rules.len(),
        span: table.name.span,
    })
}

/// Checks the `:CHAIN` lines; the chains that can be called.
fn callable(table: &DumpTable, kind: Kind, errors: &mut Vec<Diagnostic>) -> BTreeMap<String, Span> {
    let mut callable = BTreeMap::new();
    let mut seen = BTreeMap::new();
    for DumpChain { name, policy } in &table.chains {
        let text = name.text.as_str();
        let mut fail = |span, message: String| errors.push(Diagnostic::new(span, message));
        if seen.insert(text, ()).is_some() {
            fail(name.span, format!("chain `{text}` is declared twice"));
        }
        if kind.hook(text).is_some() {
            if let Some(policy) = policy
                && !["ACCEPT", "DROP"].contains(&policy.text.as_str())
            {
                fail(policy.span, format!("a policy is ACCEPT or DROP, not `{}`", policy.text));
            }
            continue;
        }
        if let Some(policy) = policy {
            let message = match BUILT_IN.contains(&text) {
                true => format!("table {} has no chain `{text}`", kind.name()),
                false => "only a built-in chain has a policy; here stands `-`".to_owned(),
            };
            fail(policy.span, message);
        }
        let unfit = text.is_empty() || text.len() > LONGEST_NAME || text.starts_with(['-', '!', '%']);
        if unfit || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            fail(name.span, format!("`{text}` cannot be the name of a chain"));
        } else if ["ACCEPT", "DROP", "RETURN", "QUEUE", "REJECT", "CT", "NOTRACK", "LOG"].contains(&text) {
            fail(name.span, format!("a chain cannot be called like the target {text}"));
        }
        callable.insert(text.to_owned(), name.span);
    }
    callable
}

fn policy(chain: &DumpChain) -> ChainPolicy {
    match &chain.policy {
        Some(policy) if policy.text == "DROP" => ChainPolicy::Drop,
        _ => ChainPolicy::Accept,
    }
}

fn new_chain(name: &str, span: Span, kind: Kind, policy: ChainPolicy) -> Chain {
    let mut chain = Chain::new(name, span);
    chain.base = kind.hook(name).map(|hook| Base {
        kind: Spanned::new("filter".to_owned(), span),
        hook: Spanned::new(hook.to_string(), span),
        priority: Spanned::new(Priority { name: Some(kind.name().to_owned()), offset: 0 }, span),
        policy: Some(policy),
        devices: Vec::new(),
        is_iptables: true,
    });
    chain
}

/// A table that is not honoured may stand there as long as it does nothing.
fn idle(table: &DumpTable, errors: &mut Vec<Diagnostic>) {
    let name = &table.name.text;
    for chain in &table.chains {
        if let Some(policy) = &chain.policy
            && policy.text != "ACCEPT"
        {
            let message = format!("a policy in table {name} is not supported");
            return errors.push(Diagnostic::new(policy.span, message).help(leave_out_help(name)));
        }
    }
    let called = |target: &str| table.chains.iter().any(|chain| chain.name.text == target);
    let acts = |rule: &&super::dump::DumpRule| {
        rule.words.windows(2).any(|pair| {
            let target = pair[1].text.as_str();
            pair[0].is("-j") && !["ACCEPT", "RETURN"].contains(&target) && !called(target)
        })
    };
    if let Some(rule) = table.rules.iter().find(acts).or_else(|| table.rules.first()) {
        let why = match name.as_str() {
            "nat" => "is not supported: Sluice does not rewrite packets",
            _ => "is not supported: it marks and rewrites rather than filters",
        };
        let message = format!("a rule in table {name} {why}");
        errors.push(Diagnostic::new(rule.span, message).help(leave_out_help(name)));
    }
}

fn leave_out_help(table: &str) -> String {
    format!("`--leave-out {table}` takes the file without this table")
}

const BUILT_IN: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
/// In bytes, of the kernel's 29 with the end.
const LONGEST_NAME: usize = 28;
