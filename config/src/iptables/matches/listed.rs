//! What does `-m set` ask? Whether a set that was saved beside the dump holds what a packet bears.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::{Built, NewSet};
use crate::iptables::ipset::{Part, Saved};
use crate::iptables::lexer::Token;
use crate::iptables::options::Loaded;
use crate::iptables::rule::{Facts, Shared};

/// `-m set`
pub(in crate::iptables) fn translate(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    let Some(given) = loaded.get("--match-set") else {
        return Err(Diagnostic::new(loaded.span, "the match `set` needs `--match-set`"));
    };
    let used = used(&given.values[0], &given.values[1], facts)?;
    let not = if given.negated { "!= " } else { "" };
    if !used.protocols.is_empty() && given.negated {
        let message = "`! --match-set` of a set with ports needs `-p` and a protocol that has them";
        return Err(Diagnostic::new(given.span, message));
    }
    built.sets.push(used.set);
    built.says(&format!("{}{} {not}@{}", used.protocols, used.key, used.name), given.span)
}

/// The sets that rules change, and the tables that use each.
#[derive(Debug, Default)]
pub(in crate::iptables) struct Changes {
    changed: BTreeSet<String>,
    tables: BTreeMap<String, BTreeSet<String>>,
}

impl Changes {
    /// Looks at the sets that a match or target of `table` names.
    pub(in crate::iptables) fn look(&mut self, loaded: &Loaded, table: &str) {
        for given in &loaded.given {
            let changes = matches!(given.option.name(), "--add-set" | "--del-set");
            if !changes && given.option.name() != "--match-set" {
                continue;
            }
            let name = given.value().text.clone();
            if changes {
                self.changed.insert(name.clone());
            }
            self.tables.entry(name).or_default().insert(table.to_owned());
        }
    }

    /// Whether rules change the set.
    pub(in crate::iptables) fn is_changed(&self, name: &str) -> bool {
        self.changed.contains(name)
    }

    /// Whether several tables use the set.
    fn is_shared(&self, name: &str) -> bool {
        self.tables.get(name).is_some_and(|tables| tables.len() > 1)
    }
}

impl Shared<'_> {
    /// Complains if rules cannot change the set, since each table has one of its own.
    pub(in crate::iptables) fn may_change(&self, name: &Token) -> Result<(), Diagnostic> {
        if let Some(list) = self.sets.list_of(&name.text) {
            let message =
                format!("rules cannot change the set `{}`: the list `{list}` has its elements", name.text);
            return Err(Diagnostic::new(name.span, message));
        }
        let of_both = self.sets.get(&name.text).is_some_and(|saved| saved.version.is_none());
        let why = match of_both {
            true => "it holds no addresses, and so is for IPv4 and IPv6",
            false if self.changes.is_shared(&name.text) => "two tables use it",
            false => return Ok(()),
        };
        let message =
            format!("rules cannot change the set `{}`: {why}, and tables of nft share no sets", name.text);
        Err(Diagnostic::new(name.span, message))
    }
}

/// A set and how a packet is looked up in it.
pub(in crate::iptables) struct Used {
    pub(in crate::iptables) name: String,
    pub(in crate::iptables) key: String,
    /// What must be said before, so that there are ports.
    pub(in crate::iptables) protocols: &'static str,
    /// In seconds, if its elements end by themselves; 0 for those that do not say.
    pub(in crate::iptables) lives: Option<u64>,
    pub(in crate::iptables) set: NewSet,
}

/// Finds the set called `name` and what of the packet `sides` (`src,dst`) look at.
pub(in crate::iptables) fn used(name: &Token, sides: &Token, facts: &Facts<'_>) -> Result<Used, Diagnostic> {
    let Some(saved) = facts.shared.sets.get(&name.text) else {
        let message = format!("there is no set `{}`", name.text);
        let help = "give the output of `ipset save` beside this dump";
        return Err(Diagnostic::new(name.span, message).help(help));
    };
    let Saved { parts, version, timeout, .. } = saved;
    if parts.is_empty() {
        let message = format!("the list `{}` holds no sets: no packet is ever in it", name.text);
        return Err(Diagnostic::new(name.span, message));
    }
    if version.is_some_and(|version| version != facts.version) {
        let message = format!("the set `{}` is of the other family: no packet is ever in it", name.text);
        return Err(Diagnostic::new(name.span, message));
    }
    let said = sides.split(',');
    if said.len() > 6 || said.len() < parts.len() {
        let message =
            format!("the set `{}` has {} parts: so many of src and dst are needed", name.text, parts.len());
        return Err(Diagnostic::new(sides.span, message));
    }
    let protocol = if facts.version == Version::V4 { "ip" } else { "ip6" };
    let mut protocols = "";
    let mut key = Vec::new();
    for (part, side) in parts.iter().zip(&said) {
        let source = match side.text.as_str() {
            "src" => true,
            "dst" => false,
            other => return Err(Diagnostic::new(side.span, format!("expected src or dst, found `{other}`"))),
        };
        match part {
            Part::Address => {
                let mask = &saved.mask;
                key.push(format!("{protocol} {}{mask}", if source { "saddr" } else { "daddr" }));
            }
            Part::Interface => key.push(if source { "iifname" } else { "oifname" }.to_owned()),
            Part::Mac if source => key.push("ether saddr".to_owned()),
            Part::Mac => key.push("ether daddr".to_owned()),
            Part::Mark => key.push("meta mark".to_owned()),
            Part::Port => {
                key.push("meta l4proto".to_owned());
                key.push(format!("th {}", if source { "sport" } else { "dport" }));
                if !matches!(facts.protocol, Some(6 | 17 | 132 | 136)) || facts.not_protocol {
                    protocols = "meta l4proto { 6, 17, 132, 136 } ";
                }
            }
            Part::BarePort => {
                key.push(format!("th {}", if source { "sport" } else { "dport" }));
                if !matches!(facts.protocol, Some(6 | 17 | 132 | 136)) || facts.not_protocol {
                    protocols = "meta l4proto { 6, 17, 132, 136 } ";
                }
            }
        }
    }
    let set = NewSet {
        name: name.text.clone(),
        text: String::new(),
        agree: String::new(),
        span: name.span,
        differs: "",
        first_counts: None,
    };
    Ok(Used { name: crate::print::name(&name.text), key: key.join(" . "), protocols, lives: *timeout, set })
}
