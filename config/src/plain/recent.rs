//! How does nft say what a list of addresses seen lately is asked? By a set, where the rules ask only whether an
//! address was seen at all, or within one and the same number of seconds. How often it was seen no set of nft knows.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::diagnostic::{Diagnostic, Span};
use crate::iptables::set_name;
use crate::nft;
use crate::policy::{Family, RecentAction};
use crate::ruleset::{Recent, Ruleset, Set, Statement, StatementKind};

/// What the rules ask of every list, by its name.
#[derive(Debug, Default)]
pub(super) struct Lists {
    lists: BTreeMap<String, List>,
    /// The sets in place of lists, of the table at hand.
    pub(super) declared: Vec<Set>,
}

#[derive(Debug, Clone, Default)]
struct List {
    mask: u128,
    /// Within how many seconds an address must have been seen, if the rules agree.
    seconds: Option<u32>,
    /// Whether a rule has asked.
    checked: bool,
    /// Why no set can stand for it.
    unfit: Option<&'static str>,
    table: (Option<Family>, String),
    declared: bool,
}

impl Lists {
    /// Those of `ruleset`.
    pub(super) fn of(ruleset: &Ruleset) -> Self {
        let mut lists = BTreeMap::new();
        for table in ruleset.tables.iter() {
            let rules = table.chains.iter().flat_map(|chain| &chain.rules);
            for statement in rules.flat_map(|rule| &rule.statements) {
                if let StatementKind::Recent(recent) = &statement.kind {
                    let new = || List {
                        mask: recent.mask,
                        table: (Some(table.family), table.name.clone()),
                        ..List::default()
                    };
                    let list: &mut List = lists.entry(recent.list.clone()).or_insert_with(new);
                    list.look(recent, table.family, &table.name);
                }
            }
        }
        Self { lists, declared: Vec::new() }
    }

    /// The statements that say the same, and how they differ.
    pub(super) fn say(
        &mut self,
        recent: &Recent,
        family: Family,
        span: Span,
    ) -> Result<(Vec<Statement>, Diagnostic), Diagnostic> {
        let list = self.lists.entry(recent.list.clone()).or_default();
        let unsaid = |why: &str| {
            let help =
                "`-m hashlimit --hashlimit-above` bounds how often an address may come, and can be said";
            Err(Diagnostic::new(span, format!("nft has no words for list `{}`: {why}", recent.list))
                .help(help))
        };
        if let Some(why) = list.unfit {
            return unsaid(why);
        }
        let set = set_name("recent", &recent.list);
        let (protocol, kind) = match family {
            Family::Ip6 => ("ip6", "ipv6_addr"),
            _ => ("ip", "ipv4_addr"),
        };
        let side = if recent.destination { "daddr" } else { "saddr" };
        let key = format!("{protocol} {side}{}", mask_words(list.mask, family));
        let (flags, put) = match list.seconds {
            Some(seconds) => (format!("flags dynamic,timeout; timeout {seconds}s;"), "update"),
            None => ("flags dynamic;".to_owned(), "add"),
        };
        if !std::mem::replace(&mut list.declared, true) {
            let text = format!("set {set} {{ type {kind}; size {ROOM}; {flags} }}");
            self.declared.push(nft::set(&text, span)?);
        }
        let text = match (recent.action, recent.negated) {
            (RecentAction::Set, false) => format!("{put} @{set} {{ {key} }}"),
            (RecentAction::Check(_), false) => format!("{key} @{set}"),
            (RecentAction::Check(_), true) => format!("{key} != @{set}"),
            (RecentAction::Update(_), false) if list.seconds.is_some() => {
                format!("{key} @{set} update @{set} {{ {key} }}")
            }
            (RecentAction::Update(_), false) => format!("{key} @{set}"),
            (RecentAction::Remove, false) => format!("{key} @{set} delete @{set} {{ {key} }}"),
            (RecentAction::Set | RecentAction::Update(_) | RecentAction::Remove, true) => {
                return unsaid("a rule would change a set and yet not match");
            }
        };
        let message = format!(
            "what is printed is the set `{set}` with room for {ROOM} addresses, which takes no more when it is full; \
             a list holds 100, and forgets the oldest"
        );
        Ok((nft::statements(&text, span)?, Diagnostic::new(span, message)))
    }
}

impl List {
    fn look(&mut self, recent: &Recent, family: Family, table: &str) {
        if self.table.0 != Some(family) || self.table.1 != table {
            self.unfit = Some("two tables use it, and share no set");
        }
        let (RecentAction::Check(seen) | RecentAction::Update(seen)) = recent.action else { return };
        if seen.times > 1 {
            self.unfit = Some("no set counts how often an address was seen");
        } else if seen.same_ttl {
            self.unfit = Some("no set holds an address together with its last TTL");
        }
        let checked = std::mem::replace(&mut self.checked, true);
        if checked && self.seconds.unwrap_or(0) != seen.seconds {
            self.unfit =
                Some("the rules ask for different numbers of seconds, and a set holds an address for one");
        }
        self.seconds = Some(seen.seconds).filter(|seconds| *seconds > 0);
    }
}

/// The mask behind an address, if it is not all of it.
fn mask_words(mask: u128, family: Family) -> String {
    let v4 = u32::try_from(mask >> 96).unwrap_or(u32::MAX);
    match family {
        Family::Ip6 if mask != u128::MAX => format!(" & {}", Ipv6Addr::from_bits(mask)),
        Family::Ip if v4 != u32::MAX => format!(" & {}", Ipv4Addr::from_bits(v4)),
        _ => String::new(),
    }
}

/// Elements of a set in place of a list.
const ROOM: u32 = 65_535;
