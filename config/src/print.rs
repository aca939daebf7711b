//! How is a ruleset written, so that nft reads it and it reads back the same?

mod connection;
mod expression;
mod name;
mod older;
mod statement;

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter, Write};

use crate::policy::ChainPolicy;
use crate::ruleset::{
    Base, Chain, Counter, Expression, KeyType, MapData, Ruleset, Set, SetPolicy, Spanned, StatementKind,
    Table, Type,
};
use crate::value_names::written_duration;
use expression::{Braces, Shown};
pub(crate) use name::comment_of_nft;
use name::{Comment, Name, Prefix};
use statement::{LimitWords, QuotaWords, RuleLine, object, write_statement};

/// Writes `ruleset` in nft's own language. Reading it back and writing it again gives the same text.
#[must_use]
pub fn print(ruleset: &Ruleset) -> String {
    let mut text: String = definitions(ruleset).into_iter().collect();
    for (index, table) in ruleset.tables.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", TableBlock(table));
    }
    text
}

/// The variables that rules need which cannot say it themselves.
fn definitions(ruleset: &Ruleset) -> BTreeSet<String> {
    let chains = ruleset.tables.iter().flat_map(|table| table.chains.iter());
    let statements = chains.flat_map(|chain| &chain.rules).flat_map(|rule| &rule.statements);
    let prefix = |kind: &StatementKind| match kind {
        StatementKind::Log(log, _) => Prefix(&log.prefix).definition(),
        _ => None,
    };
    statements.filter_map(|statement| prefix(&statement.kind)).collect()
}

/// An expression as it is printed: two that mean the same look the same.
pub(crate) fn written(expression: &Expression) -> String {
    Shown(expression).to_string()
}

/// A name as nft reads it.
pub(crate) fn name(name: &str) -> String {
    name::Name(name).to_string()
}

/// A rule on one line.
pub(crate) fn rule(rule: &crate::ruleset::Rule) -> String {
    RuleLine(rule).to_string()
}

struct TableBlock<'a>(&'a Table);

impl Display for TableBlock<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let table = self.0;
        writeln!(f, "table {} {} {{", table.family, table.name)?;
        comment(f, 1, table.comment.as_deref())?;
        if table.dormant {
            writeln!(f, "\tflags dormant")?;
        }
        let mut first = table.comment.is_none() && !table.dormant;
        let mut gap = |f: &mut Formatter<'_>| match std::mem::replace(&mut first, false) {
            true => Ok(()),
            false => writeln!(f),
        };
        for named in table.counters.iter() {
            gap(f)?;
            counter(f, named)?;
        }
        for named in table.limits.iter() {
            gap(f)?;
            writeln!(f, "\tlimit {} {{", named.name)?;
            comment(f, 2, named.comment.as_deref())?;
            writeln!(f, "\t\t{}\n\t}}", LimitWords(&named.what))?;
        }
        for named in table.quotas.iter() {
            gap(f)?;
            writeln!(f, "\tquota {} {{", named.name)?;
            comment(f, 2, named.comment.as_deref())?;
            writeln!(f, "\t\t{}\n\t}}", QuotaWords(&named.what))?;
        }
        for named in table.helpers.iter() {
            gap(f)?;
            connection::helper(f, named)?;
        }
        for named in table.timeouts.iter() {
            gap(f)?;
            connection::timeouts(f, named)?;
        }
        for named in table.sets.iter() {
            gap(f)?;
            set(f, named)?;
        }
        for named in table.chains.iter() {
            gap(f)?;
            chain(f, named)?;
        }
        writeln!(f, "}}")
    }
}

fn comment(f: &mut Formatter<'_>, depth: usize, comment: Option<&str>) -> fmt::Result {
    match comment {
        Some(text) => writeln!(f, "{}comment {}", "\t".repeat(depth), Comment(text)),
        None => Ok(()),
    }
}

fn counter(f: &mut Formatter<'_>, counter: &Counter) -> fmt::Result {
    writeln!(f, "\tcounter {} {{", counter.name)?;
    comment(f, 2, counter.comment.as_deref())?;
    writeln!(f, "\t\tpackets {} bytes {}", counter.packets, counter.bytes)?;
    writeln!(f, "\t}}")
}

fn set(f: &mut Formatter<'_>, set: &Set) -> fmt::Result {
    let word = if set.data.is_some() { "map" } else { "set" };
    writeln!(f, "\t{word} {} {{", set.name)?;
    write!(f, "\t\t{}", Key(&set.key))?;
    match &set.data {
        Some(MapData::Verdict) => f.write_str(" : verdict")?,
        Some(MapData::Object(kind)) => write!(f, " : {}", object(*kind))?,
        Some(MapData::Value(data)) => write!(f, " : {}", Parts(data))?,
        None => {}
    }
    writeln!(f)?;
    if let Some(size) = &set.size {
        writeln!(f, "\t\tsize {}", size.node)?;
    }
    match set.policy {
        Some(SetPolicy::Memory) => writeln!(f, "\t\tpolicy memory")?,
        Some(SetPolicy::Performance) => writeln!(f, "\t\tpolicy performance")?,
        None => {}
    }
    let flags = [
        (set.flags.constant, "constant"),
        (set.flags.interval, "interval"),
        (set.flags.dynamic, "dynamic"),
        (set.flags.timeout, "timeout"),
    ];
    let flags: Vec<&str> = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
    if !flags.is_empty() {
        writeln!(f, "\t\tflags {}", flags.join(","))?;
    }
    if let Some(timeout) = set.timeout {
        writeln!(f, "\t\ttimeout {}", written_duration(timeout))?;
    }
    // In a map nft 1.0.6 has no word for it; it is a hint only.
    if let Some(interval) = set.collect.filter(|_| set.data.is_none()) {
        writeln!(f, "\t\tgc-interval {}", written_duration(interval))?;
    }
    for statement in &set.each {
        f.write_str("\t\t")?;
        write_statement(f, &statement.kind)?;
        writeln!(f)?;
    }
    if set.auto_merge {
        writeln!(f, "\t\tauto-merge")?;
    }
    comment(f, 2, set.comment.as_deref())?;
    if !set.elements.is_empty() {
        writeln!(f, "\t\telements = {}", Braces(&set.elements, ",\n\t\t\t     "))?;
    }
    writeln!(f, "\t}}")
}

struct Key<'a>(&'a KeyType);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if matches!(self.0, KeyType::Types(_)) { "type" } else { "typeof" };
        write!(f, "{word} {}", Parts(self.0))
    }
}

struct Parts<'a>(&'a KeyType);

impl Display for Parts<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let separator = |index: usize| if index > 0 { " . " } else { "" };
        match self.0 {
            KeyType::Types(types) => {
                for (index, kind) in types.iter().map(|kind: &Spanned<Type>| kind.node).enumerate() {
                    write!(f, "{}{}", separator(index), kind.name())?;
                }
            }
            KeyType::Typeof(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    write!(f, "{}{}", separator(index), Shown(part))?;
                }
            }
        }
        Ok(())
    }
}

fn chain(f: &mut Formatter<'_>, chain: &Chain) -> fmt::Result {
    writeln!(f, "\tchain {} {{", Name(&chain.name))?;
    let renamed = Name(&chain.name).is_changed();
    let was = || format!("was {}", chain.name);
    comment(f, 2, chain.comment.clone().or_else(|| renamed.then(was)).as_deref())?;
    if let Some(base) = &chain.base {
        attached(f, base)?;
    }
    for rule in &chain.rules {
        writeln!(f, "\t\t{}", RuleLine(rule))?;
    }
    writeln!(f, "\t}}")
}

fn attached(f: &mut Formatter<'_>, base: &Base) -> fmt::Result {
    write!(f, "\t\ttype {} hook {}", base.kind.node, base.hook.node)?;
    match &base.devices[..] {
        [] => {}
        [device] => write!(f, " device \"{}\"", device.node)?,
        devices => {
            let names: Vec<String> = devices.iter().map(|d| format!("\"{}\"", d.node)).collect();
            write!(f, " devices = {{ {} }}", names.join(", "))?;
        }
    }
    let priority = &base.priority.node;
    match (&priority.name, priority.offset) {
        (None, offset) => write!(f, " priority {offset};")?,
        (Some(name), 0) => write!(f, " priority {name};")?,
        (Some(name), offset) => {
            let sign = if offset < 0 { '-' } else { '+' };
            write!(f, " priority {name} {sign} {};", offset.unsigned_abs())?;
        }
    }
    match base.policy {
        Some(ChainPolicy::Accept) => writeln!(f, " policy accept;"),
        Some(ChainPolicy::Drop) => writeln!(f, " policy drop;"),
        None => writeln!(f),
    }
}
