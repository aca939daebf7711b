//! How is a rule written?

use std::fmt::{self, Display, Formatter};

use super::expression::{Shown, Source};
use super::name::{Comment, Name, Prefix};
use super::older;
use crate::nft::limits::LEVELS;
use crate::policy::{Change, Icmpx, Limit, LimitUnit, Log, ObjectKind, Quota, Reject, Target, log_flags};
use crate::reject_codes;
use crate::ruleset::{RejectWith, Relation, Rule, StatementKind, Update, Verdict, VerdictKind};
use crate::value_names::written_duration;

/// A rule on one line.
pub(super) struct RuleLine<'a>(pub(super) &'a Rule);

impl Display for RuleLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut said: Vec<String> = Vec::new();
        let mut typed = false;
        for statement in &self.0.statements {
            if statement.kind.is_unsaid() {
                continue;
            }
            let mut words = older::needs(&statement.kind);
            words.retain(|need| if older::is_icmp_type(need) { !typed } else { !said.contains(need) });
            typed |= older::tells_icmp_type(&statement.kind, &words);
            words.push(Statement(&statement.kind).to_string());
            for text in words {
                write!(f, "{}{text}", if said.is_empty() { "" } else { " " })?;
                said.push(text);
            }
        }
        match &self.0.comment {
            Some(comment) => write!(f, " comment {}", Comment(comment)),
            None => Ok(()),
        }
    }
}

/// A statement alone.
struct Statement<'a>(&'a StatementKind);

impl Display for Statement<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_statement(f, self.0)
    }
}

pub(super) fn write_statement(f: &mut Formatter<'_>, kind: &StatementKind) -> fmt::Result {
    match kind {
        StatementKind::Match(comparison) => {
            write!(f, "{} {}", Shown(&comparison.left), relation(comparison.relation))?;
            let numbers = older::in_numbers(&comparison.left, &comparison.right);
            write!(f, "{}", Shown(numbers.as_ref().unwrap_or(&comparison.right)))
        }
        StatementKind::Verdict(verdict) => write!(f, "{}", VerdictWords(verdict)),
        StatementKind::VerdictMap { key, map } => {
            write!(f, "{} vmap {}", Shown(key), Source(map))
        }
        StatementKind::Counter { packets, bytes } => {
            write!(f, "counter packets {packets} bytes {bytes}")
        }
        StatementKind::CounterName(name) => write!(f, "counter name \"{name}\""),
        StatementKind::Reject(with) => write_reject(f, *with),
        StatementKind::Notrack => f.write_str("notrack"),
        StatementKind::Template { zone, helper } => {
            let space = if *zone != 0 || helper.is_none() {
                write!(f, "ct zone set {zone}")?;
                " "
            } else {
                ""
            };
            match helper {
                Some(kind) => write!(f, "{space}ct helper set \"{}\"", kind.name()),
                None => Ok(()),
            }
        }
        StatementKind::Named(kind @ (ObjectKind::Helper | ObjectKind::Timeouts), name) => {
            write!(f, "{} set \"{name}\"", object(*kind))
        }
        StatementKind::Mapped { kind: kind @ (ObjectKind::Helper | ObjectKind::Timeouts), key, map } => {
            write!(f, "{} set {} map {}", object(*kind), Shown(key), Source(map))
        }
        StatementKind::Limit(limit) => write!(f, "limit {}", LimitWords(limit)),
        StatementKind::Quota(quota) => write!(f, "quota {}", QuotaWords(quota)),
        StatementKind::Named(kind, name) => write!(f, "{} name \"{name}\"", object(*kind)),
        StatementKind::Mapped { kind, key, map } => {
            write!(f, "{} name {} map {}", object(*kind), Shown(key), Source(map))
        }
        StatementKind::ConnectionLimit { count, over } => {
            write!(f, "ct count {}{count}", if *over { "over " } else { "" })
        }
        StatementKind::Whole { .. }
        | StatementKind::Sought { .. }
        | StatementKind::SourceRoute { .. }
        | StatementKind::Recent(_) => Ok(()),
        StatementKind::Log(log, levelled) => write_log(f, log, *levelled),
        StatementKind::Set(target, value) => {
            let target = match target {
                Target::Mark => "meta mark",
                Target::PacketType => "meta pkttype",
                Target::CtMark => "ct mark",
                Target::CtZone => "ct zone",
            };
            write!(f, "{target} set {}", Shown(value))
        }
        StatementKind::Update(update) => write_update(f, update),
    }
}

/// What a map to such objects holds, in a word.
pub(super) const fn object(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Counter => "counter",
        ObjectKind::Limit => "limit",
        ObjectKind::Quota => "quota",
        ObjectKind::Helper => "ct helper",
        ObjectKind::Timeouts => "ct timeout",
    }
}

fn write_log(f: &mut Formatter<'_>, log: &Log, levelled: bool) -> fmt::Result {
    f.write_str("log")?;
    if !log.prefix.is_empty() {
        write!(f, " prefix {}", Prefix(&log.prefix))?;
    }
    if let Some((name, _)) = LEVELS.iter().find(|(_, level)| levelled && *level == log.level) {
        write!(f, " level {name}")?;
    }
    if let Some(group) = log.group {
        write!(f, " group {group}")?;
    }
    if log.snap_length > 0 {
        write!(f, " snaplen {}", log.snap_length)?;
    }
    if log.queue_threshold > 0 {
        write!(f, " queue-threshold {}", log.queue_threshold)?;
    }
    if log.flags == log_flags::ALL {
        return f.write_str(" flags all");
    }
    let told = |flag: u8| log.flags & flag != 0;
    match (told(log_flags::TCP_SEQUENCE), told(log_flags::TCP_OPTIONS)) {
        (true, true) => f.write_str(" flags tcp sequence,options")?,
        (true, false) => f.write_str(" flags tcp sequence")?,
        (false, true) => f.write_str(" flags tcp options")?,
        (false, false) => {}
    }
    let others = [
        (log_flags::IP_OPTIONS, " flags ip options"),
        (log_flags::SOCKET_OWNER, " flags skuid"),
        (log_flags::ETHER, " flags ether"),
    ];
    for (flag, words) in others {
        if told(flag) {
            f.write_str(words)?;
        }
    }
    Ok(())
}

fn write_update(f: &mut Formatter<'_>, update: &Update) -> fmt::Result {
    match update.meter {
        Some(None) => write!(f, "meter {} {{ ", update.set.node)?,
        Some(Some(size)) => write!(f, "meter {} size {size} {{ ", update.set.node)?,
        None => {
            let word = match update.change {
                Change::Add => "add",
                Change::Update => "update",
                Change::Delete => "delete",
            };
            write!(f, "{word} @{} {{ ", update.set.node)?;
        }
    }
    write!(f, "{}", Shown(&update.key))?;
    if let Some(timeout) = update.timeout {
        write!(f, " timeout {}", written_duration(timeout))?;
    }
    for statement in &update.each {
        f.write_str(" ")?;
        write_statement(f, &statement.kind)?;
    }
    if let Some(data) = &update.data {
        write!(f, " : {}", Shown(data))?;
    }
    f.write_str(" }")
}

/// A limit, behind the word.
pub(super) struct LimitWords<'a>(pub(super) &'a Limit);

impl Display for LimitWords<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let limit = self.0;
        let over = if limit.over { "over " } else { "" };
        let per = match limit.per_seconds {
            60 => "minute",
            3_600 => "hour",
            86_400 => "day",
            604_800 => "week",
            _ => "second",
        };
        if limit.unit == LimitUnit::Packets {
            return write!(f, "rate {over}{}/{per} burst {} packets", limit.rate, limit.burst);
        }
        let (rate, unit) = amount(limit.rate);
        write!(f, "rate {over}{rate} {unit}/{per}")?;
        if limit.burst > 0 {
            let (burst, unit) = amount(limit.burst);
            write!(f, " burst {burst} {unit}")?;
        }
        Ok(())
    }
}

/// A quota, behind the word.
pub(super) struct QuotaWords<'a>(pub(super) &'a Quota);

impl Display for QuotaWords<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let over = if self.0.over { "over " } else { "" };
        let (bytes, unit) = amount(self.0.bytes);
        write!(f, "{over}{bytes} {unit}")?;
        if self.0.used > 0 {
            let (used, unit) = amount(self.0.used);
            write!(f, " used {used} {unit}")?;
        }
        Ok(())
    }
}

/// Bytes in the largest unit that leaves no rest.
const fn amount(bytes: u64) -> (u64, &'static str) {
    match bytes {
        0 => (0, "bytes"),
        _ if bytes.is_multiple_of(1 << 20) => (bytes >> 20, "mbytes"),
        _ if bytes.is_multiple_of(1 << 10) => (bytes >> 10, "kbytes"),
        _ => (bytes, "bytes"),
    }
}

fn write_reject(f: &mut Formatter<'_>, with: RejectWith) -> fmt::Result {
    let (kind, code) = match with {
        RejectWith::Default => return f.write_str("reject"),
        RejectWith::Said(Reject::TcpReset) => return f.write_str("reject with tcp reset"),
        RejectWith::Said(Reject::Icmp(code)) => ("icmp", code),
        RejectWith::Said(Reject::Icmpv6(code)) => ("icmpv6", code),
        RejectWith::Said(Reject::Icmpx(reason)) => match reason {
            Icmpx::NoRoute => ("icmpx", 0),
            Icmpx::PortUnreachable => ("icmpx", 1),
            Icmpx::HostUnreachable => ("icmpx", 2),
            Icmpx::AdminProhibited => ("icmpx", 3),
        },
    };
    match reject_codes::name(kind, code) {
        Some(name) => write!(f, "reject with {kind} {name}"),
        None => write!(f, "reject with {kind} {code}"),
    }
}

/// The operator with a blank behind it; nothing for what goes without saying.
const fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Implicit => "",
        Relation::Equal => "== ",
        Relation::NotEqual => "!= ",
        Relation::Less => "< ",
        Relation::LessOrEqual => "<= ",
        Relation::Greater => "> ",
        Relation::GreaterOrEqual => ">= ",
        Relation::Not => "! ",
    }
}

/// A verdict and the chain it goes to.
pub(super) struct VerdictWords<'a>(pub(super) &'a Verdict);

impl Display for VerdictWords<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            VerdictKind::Accept => f.write_str("accept"),
            VerdictKind::Drop => f.write_str("drop"),
            VerdictKind::Continue => f.write_str("continue"),
            VerdictKind::Return => f.write_str("return"),
            VerdictKind::Jump(chain) => write!(f, "jump {}", Name(chain)),
            VerdictKind::Goto(chain) => write!(f, "goto {}", Name(chain)),
        }
    }
}
