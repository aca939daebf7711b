//! What does `-m recent` ask? Whether an address is in a list that rules keep, and how often it was seen lately.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::Built;
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;
use crate::policy::{RecentAction, Seen};
use crate::ruleset::{Recent, Statement, StatementKind};

/// The lists that rules put addresses into.
#[derive(Debug, Default)]
pub(in crate::iptables) struct Lists {
    fed: BTreeSet<String>,
}

impl Lists {
    /// Looks at one use of a list.
    pub(in crate::iptables) fn look(&mut self, loaded: &Loaded) {
        if loaded.get("--set").is_some() {
            self.fed.insert(name(loaded));
        }
    }
}

fn name(loaded: &Loaded) -> String {
    loaded.get("--name").map_or_else(|| "DEFAULT".to_owned(), |given| given.value().text.clone())
}

/// `-m recent`
pub(in crate::iptables) fn translate(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    let given = action(loaded)?;
    let list = name(loaded);
    if let Some(given) = loaded.get("--name")
        && (list.is_empty()
            || list.len() > LONGEST_NAME
            || list.contains('/')
            || [".", ".."].contains(&&*list))
    {
        return Err(Diagnostic::new(given.span, format!("`{list}` cannot be the name of a list")));
    }
    let seen = seen(loaded)?;
    let action = match given.option.name() {
        "--rcheck" => RecentAction::Check(seen),
        "--update" => RecentAction::Update(seen),
        other => {
            let of_checks = ["--seconds", "--hitcount", "--reap", "--rttl"];
            if let Some(given) = of_checks.iter().find_map(|option| loaded.get(option)) {
                let message = format!("`{}` goes with `--rcheck` and `--update`", given.option.name());
                return Err(Diagnostic::new(given.span, message));
            }
            if other == "--set" { RecentAction::Set } else { RecentAction::Remove }
        }
    };
    if !facts.shared.recents.fed.contains(&list) {
        built.note(given.span, format!("no rule puts an address into list `{list}`: it is always empty"));
    }
    let mut sides =
        loaded.given.iter().filter(|given| ["--rsource", "--rdest"].contains(&given.option.name()));
    let destination = sides.next_back().is_some_and(|given| given.option.name() == "--rdest");
    let mask = loaded.get("--mask").map_or(Ok(u128::MAX), |given| mask(given.value(), facts.version))?;
    built.remembers = Some(loaded.span);
    let recent = Recent { list, destination, mask, action, negated: given.negated };
    built.statements.push(Statement::new(StatementKind::Recent(Box::new(recent)), loaded.span));
    Ok(())
}

fn action(loaded: &Loaded) -> Result<&Given, Diagnostic> {
    let mut actions = loaded.given.iter().filter(|given| ACTIONS.contains(&given.option.name()));
    match (actions.next(), actions.next()) {
        (Some(action), None) => Ok(action),
        (_, Some(second)) => Err(Diagnostic::new(
            second.span,
            "`recent` takes one of `--set`, `--rcheck`, `--update`, `--remove`",
        )),
        (None, None) => {
            let message = "the match `recent` needs `--set`, `--rcheck`, `--update` or `--remove`";
            Err(Diagnostic::new(loaded.span, message))
        }
    }
}

fn seen(loaded: &Loaded) -> Result<Seen, Diagnostic> {
    let read = |option, least, most| {
        let given = loaded.get(option).map(|given| number(given.value(), least, most)).transpose();
        given.map(|found| found.and_then(|found| u32::try_from(found).ok()).unwrap_or_default())
    };
    let seen = Seen {
        seconds: read("--seconds", 1, u64::from(u32::MAX))?,
        times: read("--hitcount", 0, MOST_HITS)?.max(1),
        same_ttl: loaded.get("--rttl").is_some(),
        reap: loaded.get("--reap").is_some(),
    };
    match loaded.get("--reap").filter(|_| seen.seconds == 0) {
        Some(given) => Err(Diagnostic::new(given.span, "`--reap` goes with `--seconds`")),
        None => Ok(seen),
    }
}

/// Bits of an address that are kept. A mask of IPv4 keeps nothing behind 32 bits, as the kernel finds it when rules of IPv6
/// share the list.
fn mask(token: &Token, version: Version) -> Result<u128, Diagnostic> {
    let mask = match version {
        Version::V4 => {
            let mask = token.text.parse::<Ipv4Addr>();
            mask.ok().map(|mask| u128::from(mask.to_bits()) << 96)
        }
        Version::V6 => token.text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
    };
    mask.ok_or_else(|| Diagnostic::new(token.span, format!("`{}` is not a mask", token.text)))
}

const ACTIONS: [&str; 4] = ["--set", "--rcheck", "--update", "--remove"];
const LONGEST_NAME: usize = 199;
const MOST_HITS: u64 = 65_535;
