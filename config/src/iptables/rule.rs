//! What does a rule mean? Its conditions in the order iptables checks them, a counter, its target.

use std::cell::Cell;

use super::address::Network;
use super::build::{self, Built, NewSet};
use super::chains::Scope;
use super::dump::DumpRule;
use super::ipset::IpSets;
use super::matches::listed::Changes;
use super::matches::recent::Lists;
use super::options::{Loaded, Written, sort};
use super::{Version, protocol, target};
use crate::diagnostic::Diagnostic;
use crate::policy::Hook;
use crate::ruleset::{MetaKey, Rule, Statement, StatementKind, Type};

/// What the matches of a rule may know of the rest of it.
pub(super) struct Facts<'a> {
    pub(super) version: Version,
    /// The protocol of `-p`, unless it is any.
    pub(super) protocol: Option<u8>,
    /// Whether it is `! -p`.
    pub(super) not_protocol: bool,
    /// The hook, if the rule stands in a built-in chain.
    pub(super) hook: Option<Hook>,
    /// What the rules of a table have in common.
    pub(super) shared: &'a Shared<'a>,
}

/// What the rules of a table have in common.
pub(super) struct Shared<'a> {
    /// The lists of `-m recent` that rules put addresses into.
    pub(super) recents: &'a Lists,
    /// Which sets rules change.
    pub(super) changes: &'a Changes,
    /// The sets saved beside the dump.
    pub(super) sets: &'a IpSets,
    /// The number of the next set that one rule has for itself.
    pub(super) fresh: Cell<u32>,
}

/// What a rule became.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) rules: Vec<Rule>,
    pub(super) sets: Vec<NewSet>,
    pub(super) notes: Vec<Diagnostic>,
}

impl Facts<'_> {
    /// Whether only packets of `protocol` come here.
    pub(super) fn only(&self, protocol: u8) -> bool {
        self.protocol == Some(protocol) && !self.not_protocol
    }
}

/// The rules that `rule` stands for: one, or more if it lists several addresses or conditions of which one must be met;
/// none after an error.
pub(super) fn translate(rule: &DumpRule, scope: &Scope<'_>, errors: &mut Vec<Diagnostic>) -> Made {
    let before = errors.len();
    let written = sort(&rule.words, rule.span, scope.version, errors);
    let hook = scope.kind.hook(&rule.chain.text);
    let (version, shared) = (scope.version, scope.shared);
    let mut facts = Facts { version, protocol: None, not_protocol: false, hook, shared };
    if let Some(given) = written.basics.get("-p") {
        match protocol::of_any(given) {
            Ok(number) => facts.protocol = (number != 0).then_some(number),
            Err(error) => errors.push(error),
        }
        facts.not_protocol = given.negated;
    }
    let sources = networks(&written.basics, "-s", scope.version, errors);
    let destinations = networks(&written.basics, "-d", scope.version, errors);
    let (packets, bytes) = counters(rule, &written, errors);
    let mut made = Made::default();
    for destination in &destinations {
        for source in &sources {
            let found = if made.rules.is_empty() { &mut *errors } else { &mut Vec::new() };
            let mut built = Built::default();
            conditions(&written, &facts, [*source, *destination], &mut built, found);
            built.statements.push(Statement::new(StatementKind::Counter { packets, bytes }, rule.span));
            target::translate(&written, &facts, scope, &mut built, found);
            let comment = built.comment.take();
            match built.rules() {
                Ok(rules) => made.rules.extend(rules.into_iter().enumerate().map(|(at, statements)| Rule {
                    span: rule.span,
                    statements,
                    comment: comment.clone(),
                    joined: at > 0,
                    handle: 0,
                })),
                Err(error) => found.push(error),
            }
            made.sets.append(&mut built.sets);
            made.notes.append(&mut built.notes);
        }
    }
    if errors.len() > before { Made::default() } else { made }
}

/// Adds what a packet must meet.
fn conditions(
    written: &Written,
    facts: &Facts<'_>,
    [source, destination]: [Option<Network>; 2],
    built: &mut Built,
    errors: &mut Vec<Diagnostic>,
) {
    let basics = &written.basics;
    errors.extend((basics.module.translate)(basics, facts, built).err());
    for (name, field, network) in [("-s", "saddr", source), ("-d", "daddr", destination)] {
        if let (Some(network), Some(given)) = (network, basics.get(name)) {
            network.compare(field, given.negated, given.span, built);
        }
    }
    let at = built.statements.len();
    for loaded in &written.matches {
        if written.refused && loaded.given.is_empty() {
            continue;
        }
        errors.extend((loaded.module.translate)(loaded, facts, built).err());
    }
    if let (Some(number), Some(given), false) = (facts.protocol, basics.get("-p"), built.protocol_said) {
        let mut only = Built::default();
        let left = match facts.version {
            Version::V4 => build::header("ip", "protocol", given.span),
            Version::V6 => build::meta(MetaKey::L4Proto, given.span),
        };
        only.equal(left, facts.not_protocol, build::named(number, Type::InetProto, given.span), given.span);
        built.shift(at, only.statements.len());
        built.statements.splice(at..at, only.statements);
    }
}

/// The networks of `-s` or `-d`; one that is none if there is no such option.
fn networks(
    basics: &Loaded,
    name: &str,
    version: Version,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Option<Network>> {
    let Some(given) = basics.get(name) else {
        return vec![None];
    };
    let parts = given.value().split(',');
    if given.negated && parts.len() > 1 {
        let message = format!("`!` goes with one address only in `{name}`");
        errors.push(Diagnostic::new(given.span, message));
    }
    let mut all = Vec::new();
    for part in parts {
        match Network::parse(&part, version) {
            Ok(network) => all.push(Some(network)),
            Err(error) => errors.push(error),
        }
    }
    if all.is_empty() { vec![None] } else { all }
}

/// What the counter starts from: `-c`, else what stands in brackets before the rule, else nothing.
fn counters(rule: &DumpRule, written: &Written, errors: &mut Vec<Diagnostic>) -> (u64, u64) {
    let Some(given) = written.basics.get("-c") else {
        return rule.counters.unwrap_or_default();
    };
    let numbers: Vec<_> = given.values.iter().flat_map(|value| value.split(',')).collect();
    let read = |at: usize| numbers.get(at)?.text.parse().ok();
    match (read(0), read(1), numbers.len()) {
        (Some(packets), Some(bytes), 2) => (packets, bytes),
        _ => {
            errors.push(Diagnostic::new(given.span, "`-c` needs packets and bytes"));
            (0, 0)
        }
    }
}
