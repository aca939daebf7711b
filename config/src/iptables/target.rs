//! Where does a packet go? A verdict, a reject, another chain, or out of connection tracking.

use super::Version;
use super::chains::{Kind, Scope};
use super::options::{Jump, Loaded, Written};
use super::rule::Facts;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::Reject;
use crate::ruleset::{RejectWith, Statement, StatementKind, Verdict, VerdictKind};
use crate::suggestion::did_you_mean;

/// The statement at the end of a rule, if it has a target.
pub(super) fn translate(
    written: &Written,
    facts: &Facts,
    scope: &Scope<'_>,
    errors: &mut Vec<Diagnostic>,
) -> Option<Statement> {
    let jump = written.jump.as_ref()?;
    match kind(jump, facts, scope) {
        Ok(kind) => Some(Statement::new(kind, jump.span)),
        Err(error) => {
            let is_half = jump.target.as_ref().is_some_and(|target| target.module.name() == "CT");
            if !(is_half && written.refused) {
                errors.push(error);
            }
            None
        }
    }
}

fn kind(jump: &Jump, facts: &Facts, scope: &Scope<'_>) -> Result<StatementKind, Diagnostic> {
    let name = jump.name.text.as_str();
    let span = jump.name.span;
    let verdict = |kind| Ok(StatementKind::Verdict(Verdict { kind, span }));
    if scope.can_call(name) {
        return verdict(match jump.goto {
            true => VerdictKind::Goto(name.into()),
            false => VerdictKind::Jump(name.into()),
        });
    }
    let Some(target) = &jump.target else {
        return Err(unknown(jump, scope));
    };
    match target.module.name() {
        "ACCEPT" => verdict(VerdictKind::Accept),
        "DROP" => verdict(VerdictKind::Drop),
        "RETURN" => verdict(VerdictKind::Return),
        "REJECT" if scope.kind == Kind::Filter => reject(target, facts).map(StatementKind::Reject),
        "REJECT" => Err(Diagnostic::new(span, "REJECT belongs to table filter")),
        _ if scope.kind != Kind::Raw => Err(Diagnostic::new(span, format!("{name} belongs to table raw"))),
        "CT" if target.get("--notrack").is_none() => {
            Err(Diagnostic::new(span, "CT without `--notrack` is not supported yet"))
        }
        _ => Ok(StatementKind::Notrack),
    }
}

fn unknown(jump: &Jump, scope: &Scope<'_>) -> Diagnostic {
    let name = jump.name.text.as_str();
    let span = jump.name.span;
    if scope.kind.hook(name).is_some() {
        return Diagnostic::new(span, format!("`{name}` is a built-in chain: no rule can go there"));
    }
    if UNSUPPORTED.contains(&name) {
        return Diagnostic::new(span, format!("the target `{name}` is not supported yet"));
    }
    if NEVER.contains(&name) {
        let message = format!("the target `{name}` is not supported: Sluice does not rewrite packets");
        return Diagnostic::new(span, message);
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

/// `REJECT --reject-with TYPE`
fn reject(target: &Loaded, facts: &Facts) -> Result<RejectWith, Diagnostic> {
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

fn tcp_reset(facts: &Facts, span: Span) -> Result<RejectWith, Diagnostic> {
    match facts.only(6) {
        true => Ok(RejectWith::Said(Reject::TcpReset)),
        false => Err(Diagnostic::new(span, "`tcp-reset` needs `-p tcp`")),
    }
}

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

/// Targets of iptables that are refused.
const UNSUPPORTED: &[&str] = &[
    "AUDIT",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "HMARK",
    "IDLETIMER",
    "LED",
    "LOG",
    "MARK",
    "NFLOG",
    "NFQUEUE",
    "QUEUE",
    "RATEEST",
    "SECMARK",
    "SET",
    "SYNPROXY",
    "TEE",
    "TRACE",
    "ULOG",
];

/// Targets that change packets.
const NEVER: &[&str] = &[
    "CHECKSUM",
    "CLUSTERIP",
    "DNAT",
    "DNPT",
    "DSCP",
    "ECN",
    "HL",
    "MASQUERADE",
    "NETMAP",
    "REDIRECT",
    "SNAT",
    "SNPT",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TOS",
    "TPROXY",
    "TTL",
];
