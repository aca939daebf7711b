//! What does a rule do to a packet? A verdict, a reject, another chain, a line to the log, a mark, an entry in a set,
//! or out of connection tracking.

mod logging;
mod marking;

use super::Version;
use super::build::Built;
use super::chains::{Kind, Scope};
use super::modules::target_reason;
use super::numbers::number;
use super::options::{Jump, Loaded, Written};
use super::rule::Facts;
use crate::diagnostic::{Diagnostic, Span};
use crate::nft::connection::unknown_helper;
use crate::policy::{HelperKind, Reject};
use crate::ruleset::{RejectWith, Statement, StatementKind, Verdict, VerdictKind};
use crate::suggestion::did_you_mean;

/// Adds what the rule's target does, if it has one.
pub(super) fn translate(
    written: &Written,
    facts: &Facts<'_>,
    scope: &Scope<'_>,
    built: &mut Built,
    errors: &mut Vec<Diagnostic>,
) {
    let Some(jump) = written.jump.as_ref() else {
        return;
    };
    if let Err(error) = add(jump, facts, scope, built) {
        let needs_options =
            |target: &Loaded| ["CT", "MARK", "CONNMARK", "SET"].contains(&target.module.name());
        if !(written.refused && jump.target.as_ref().is_some_and(needs_options)) {
            errors.push(error);
        }
    }
}

fn add(jump: &Jump, facts: &Facts<'_>, scope: &Scope<'_>, built: &mut Built) -> Result<(), Diagnostic> {
    let name = jump.name.text.as_str();
    let span = jump.name.span;
    let verdict = |kind| StatementKind::Verdict(Verdict { kind, span });
    let kind = if scope.can_call(name) {
        verdict(match jump.goto {
            true => VerdictKind::Goto(name.into()),
            false => VerdictKind::Jump(name.into()),
        })
    } else {
        let Some(target) = &jump.target else {
            return Err(unknown(jump, scope));
        };
        match target.module.name() {
            "ACCEPT" => verdict(VerdictKind::Accept),
            "DROP" => verdict(VerdictKind::Drop),
            "RETURN" => verdict(VerdictKind::Return),
            "LOG" => return logging::log(target, built),
            "NFLOG" => return logging::nflog(target, built),
            "MARK" => return marking::mark(target, built),
            "CONNMARK" => return marking::connmark(target, built),
            "SET" => return marking::set(target, facts, built),
            "REJECT" if scope.kind == Kind::Filter => StatementKind::Reject(reject(target, facts)?),
            "REJECT" => return Err(Diagnostic::new(span, "REJECT belongs to table filter")),
            _ if scope.kind != Kind::Raw => {
                return Err(Diagnostic::new(span, format!("{name} belongs to table raw")));
            }
            "CT" if target.get("--notrack").is_none() => tracked(target, facts)?,
            _ => StatementKind::Notrack,
        }
    };
    built.statements.push(Statement::new(kind, jump.span));
    Ok(())
}

fn unknown(jump: &Jump, scope: &Scope<'_>) -> Diagnostic {
    let name = jump.name.text.as_str();
    let span = jump.name.span;
    if scope.kind.hook(name).is_some() {
        return Diagnostic::new(span, format!("`{name}` is a built-in chain: no rule can go there"));
    }
    if let Some(why) = target_reason(name) {
        return Diagnostic::new(span, format!("the target `{name}` is not supported: {why}"));
    }
    let (what, targets): (_, &[&str]) = match jump.goto {
        true => ("chain", &[]),
        false => ("target or chain", &["ACCEPT", "DROP", "RETURN", "REJECT"]),
    };
    let error = Diagnostic::new(span, format!("there is no {what} `{name}`"));
    match scope.meant(name, targets) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// `CT --zone N --helper NAME`. Nobody is told of events here, so that it does not matter of which.
fn tracked(target: &Loaded, facts: &Facts<'_>) -> Result<StatementKind, Diagnostic> {
    for (option, known) in [("--ctevents", &CT_EVENTS[..]), ("--expevents", &["new"])] {
        for event in target.get(option).into_iter().flat_map(|given| given.value().split(',')) {
            if !known.contains(&event.text.as_str()) {
                let message = format!("`{}` is no event: {}", event.text, known.join(", "));
                return Err(Diagnostic::new(event.span, message));
            }
        }
    }
    let zone = match target.get("--zone") {
        Some(given) if given.value().text == "mark" => {
            let message = "`--zone mark` is not supported: a rule of nft, `ct zone set`, says which mark means which zone";
            return Err(Diagnostic::new(given.span, message));
        }
        Some(given) => u16::try_from(number(given.value(), 0, u64::from(u16::MAX))?).unwrap_or(0),
        None => 0,
    };
    let helper = match target.get("--helper") {
        Some(given) => {
            let name = given.value();
            let known = HelperKind::assignable().find(|kind| kind.name() == name.text);
            let kind = known.ok_or_else(|| unknown_helper(&name.text, name.span))?;
            if !kind.protocols().iter().any(|protocol| facts.only(*protocol)) {
                let word = |protocol: &u8| if *protocol == 6 { "-p tcp" } else { "-p udp" };
                let words: Vec<&str> = kind.protocols().iter().map(word).collect();
                let message = format!("the helper `{}` needs `{}`", name.text, words.join("` or `"));
                return Err(Diagnostic::new(given.span, message));
            }
            if kind.is_of_ipv4() && matches!(facts.version, Version::V6) {
                let message = format!("the helper `{}` is for IPv4 only", name.text);
                return Err(Diagnostic::new(given.span, message));
            }
            Some(kind)
        }
        None => None,
    };
    Ok(StatementKind::Template { zone, helper })
}

/// `REJECT --reject-with TYPE`
fn reject(target: &Loaded, facts: &Facts<'_>) -> Result<RejectWith, Diagnostic> {
    let with = target.get("--reject-with");
    let (text, span) =
        with.map_or(("port-unreach", target.span), |given| (given.value().text.as_str(), given.value().span));
    let said = text.to_ascii_lowercase();
    let table = match facts.version {
        Version::V4 => V4,
        Version::V6 => V6,
    };
    if TCP_RESET.contains(&said.as_str()) {
        return tcp_reset(facts, span);
    }
    let exact = table.iter().find(|(name, alias, _)| *name == said || *alias == said);
    let mut begun = table.iter().filter(|(name, ..)| !said.is_empty() && name.starts_with(&said));
    let found = exact.or_else(|| begun.next().filter(|_| begun.next().is_none()));
    match (found, facts.version) {
        (Some(&(.., code)), Version::V4) => Ok(RejectWith::Said(Reject::Icmp(code))),
        (Some(&(.., code)), Version::V6) => Ok(RejectWith::Said(Reject::Icmpv6(code))),
        (None, _) => {
            let error = Diagnostic::new(span, format!("unknown reject type `{text}`"));
            let names = table.iter().flat_map(|(name, alias, _)| [*name, *alias]).chain(TCP_RESET);
            Err(match did_you_mean(&said, names) {
                Some(help) => error.help(help),
                None => error,
            })
        }
    }
}

fn tcp_reset(facts: &Facts<'_>, span: Span) -> Result<RejectWith, Diagnostic> {
    match facts.only(6) {
        true => Ok(RejectWith::Said(Reject::TcpReset)),
        false => Err(Diagnostic::new(span, "`tcp-reset` needs `-p tcp`")),
    }
}

const CT_EVENTS: [&str; 10] =
    ["new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"];

const TCP_RESET: [&str; 2] = ["tcp-reset", "tcp-rst"];

/// Name, other name, code of destination unreachable (RFC 792, RFC 1812).
const V4: &[(&str, &str, u8)] = &[
    ("icmp-net-unreachable", "net-unreach", 0),
    ("icmp-host-unreachable", "host-unreach", 1),
    ("icmp-proto-unreachable", "proto-unreach", 2),
    ("icmp-port-unreachable", "port-unreach", 3),
    ("icmp-net-prohibited", "net-prohib", 9),
    ("icmp-host-prohibited", "host-prohib", 10),
    ("icmp-admin-prohibited", "admin-prohib", 13),
];

/// The same of RFC 4443.
const V6: &[(&str, &str, u8)] = &[
    ("icmp6-no-route", "no-route", 0),
    ("icmp6-adm-prohibited", "adm-prohibited", 1),
    ("icmp6-addr-unreachable", "addr-unreach", 3),
    ("icmp6-port-unreachable", "port-unreach", 4),
    ("icmp6-policy-fail", "policy-fail", 5),
    ("icmp6-reject-route", "reject-route", 6),
];
