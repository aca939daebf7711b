//! What does a rule mean? Its conditions in the order iptables checks them, a counter, its target.

use super::address::Network;
use super::build::{self, Built};
use super::chains::Scope;
use super::dump::DumpRule;
use super::options::{Given, Loaded, Written, sort};
use super::{Version, protocol, target};
use crate::diagnostic::Diagnostic;
use crate::policy::Hook;
use crate::ruleset::{MetaKey, Rule, Statement, StatementKind, Type};
use crate::suggestion::did_you_mean;

/// What the matches of a rule may know of the rest of it.
pub(super) struct Facts {
    pub(super) version: Version,
    /// The protocol of `-p`, unless it is any.
    pub(super) protocol: Option<u8>,
    /// Whether it is `! -p`.
    pub(super) not_protocol: bool,
    /// The hook, if the rule stands in a built-in chain.
    pub(super) hook: Option<Hook>,
}

impl Facts {
    /// Whether only packets of `protocol` come here.
    pub(super) fn only(&self, protocol: u8) -> bool {
        self.protocol == Some(protocol) && !self.not_protocol
    }
}

/// The rules that `rule` stands for: one, or more if it lists several addresses; none after an error.
pub(super) fn translate(rule: &DumpRule, scope: &Scope<'_>, errors: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let before = errors.len();
    let written = sort(&rule.words, rule.span, scope.version, errors);
    let hook = scope.kind.hook(&rule.chain.text);
    let mut facts = Facts { version: scope.version, protocol: None, not_protocol: false, hook };
    if let Some(given) = written.basics.get("-p") {
        match read_protocol(given) {
            Ok(number) => facts.protocol = (number != 0).then_some(number),
            Err(error) => errors.push(error),
        }
        facts.not_protocol = given.negated;
    }
    let sources = networks(&written.basics, "-s", scope.version, errors);
    let destinations = networks(&written.basics, "-d", scope.version, errors);
    let counters = counters(rule, &written, errors);
    let end = target::translate(&written, &facts, scope, errors);
    let mut rules = Vec::new();
    for destination in &destinations {
        for source in &sources {
            let found = if rules.is_empty() { &mut *errors } else { &mut Vec::new() };
            let mut built = Built::default();
            conditions(&written, &facts, [*source, *destination], &mut built, found);
            let (packets, bytes) = counters;
            let counter = StatementKind::Counter { packets, bytes };
            built.statements.push(Statement::new(counter, rule.span));
            built.statements.extend(end.clone());
            rules.push(Rule { span: rule.span, statements: built.statements, comment: built.comment });
        }
    }
    if errors.len() > before { Vec::new() } else { rules }
}

/// Adds what a packet must meet.
fn conditions(
    written: &Written,
    facts: &Facts,
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
        built.statements.splice(at..at, only.statements);
    }
}

/// `-p`
fn read_protocol(given: &Given) -> Result<u8, Diagnostic> {
    let token = given.value();
    let Some(number) = protocol::number(&token.text) else {
        let error = Diagnostic::new(token.span, format!("unknown protocol `{}`", token.text));
        return Err(match did_you_mean(&token.text, protocol::names()) {
            Some(help) => error.help(help),
            None => error,
        });
    };
    if number == 0 && given.negated {
        return Err(Diagnostic::new(given.span, "no packet has no protocol"));
    }
    Ok(number)
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
