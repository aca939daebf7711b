//! How is a ruleset written, so that nft reads it and it reads back the same?

mod expression;
mod statement;

use std::fmt::{self, Display, Formatter, Write};

use crate::policy::ChainPolicy;
use crate::ruleset::{Base, Chain, Counter, KeyType, MapData, Ruleset, Set, Spanned, Table, Type};
use expression::{Elements, Shown};
use statement::RuleLine;

/// Writes `ruleset` in nft's own language. Reading it back and writing it again gives the same text.
#[must_use]
pub fn print(ruleset: &Ruleset) -> String {
    let mut text = String::new();
    for (index, table) in ruleset.tables.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", TableBlock(table));
    }
    text
}

struct TableBlock<'a>(&'a Table);

impl Display for TableBlock<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let table = self.0;
        writeln!(f, "table {} {} {{", table.family, table.name)?;
        comment(f, 1, table.comment.as_deref())?;
        let mut first = table.comment.is_none();
        let mut gap = |f: &mut Formatter<'_>| match std::mem::replace(&mut first, false) {
            true => Ok(()),
            false => writeln!(f),
        };
        for named in table.counters.iter() {
            gap(f)?;
            counter(f, named)?;
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
        Some(text) => writeln!(f, "{}comment \"{text}\"", "\t".repeat(depth)),
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
    let (word, data) = match set.data {
        Some(MapData::Verdict) => ("map", " : verdict"),
        None => ("set", ""),
    };
    writeln!(f, "\t{word} {} {{", set.name)?;
    writeln!(f, "\t\t{}{data}", Key(&set.key))?;
    if let Some(size) = &set.size {
        writeln!(f, "\t\tsize {}", size.node)?;
    }
    match (set.flags.constant, set.flags.interval) {
        (true, true) => writeln!(f, "\t\tflags constant,interval")?,
        (true, false) => writeln!(f, "\t\tflags constant")?,
        (false, true) => writeln!(f, "\t\tflags interval")?,
        (false, false) => {}
    }
    if set.auto_merge {
        writeln!(f, "\t\tauto-merge")?;
    }
    comment(f, 2, set.comment.as_deref())?;
    if !set.elements.is_empty() {
        writeln!(f, "\t\telements = {}", Elements(&set.elements, ",\n\t\t\t     "))?;
    }
    writeln!(f, "\t}}")
}

struct Key<'a>(&'a KeyType);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let separator = |index: usize| if index > 0 { " . " } else { "" };
        match self.0 {
            KeyType::Types(types) => {
                f.write_str("type ")?;
                for (index, kind) in types.iter().map(|kind: &Spanned<Type>| kind.node).enumerate() {
                    write!(f, "{}{}", separator(index), kind.name())?;
                }
            }
            KeyType::Typeof(parts) => {
                f.write_str("typeof ")?;
                for (index, part) in parts.iter().enumerate() {
                    write!(f, "{}{}", separator(index), Shown(part))?;
                }
            }
        }
        Ok(())
    }
}

fn chain(f: &mut Formatter<'_>, chain: &Chain) -> fmt::Result {
    writeln!(f, "\tchain {} {{", chain.name)?;
    comment(f, 2, chain.comment.as_deref())?;
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
