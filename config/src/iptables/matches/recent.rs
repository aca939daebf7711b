//! What does `-m recent` ask? Whether an address is in a list that rules keep.
//!
//! A list is a dynamic set as long as its rules ask only whether an address was seen at all, or seen within one and the
//! same number of seconds. How often it was seen the kernel knows by a log of times; no set of nft holds one.

use std::collections::BTreeMap;

use super::connlimit::set_name;
use crate::diagnostic::{Diagnostic, Span};
use crate::iptables::Version;
use crate::iptables::address;
use crate::iptables::build::{Built, NewSet};
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;

/// What the checks of every list ask, by its name: how many seconds, if any, and whether they agree.
#[derive(Debug, Default)]
pub(in crate::iptables) struct Survey {
    lists: BTreeMap<String, List>,
}

#[derive(Debug, Clone, Default)]
struct List {
    /// What its checks ask for, if there are any.
    seconds: Option<Option<u64>>,
    disagree: bool,
    /// A rule puts addresses into it.
    fed: bool,
    /// The tables whose rules use it.
    tables: Vec<String>,
}

impl Survey {
    /// Looks at one use of a list, in `table`.
    pub(in crate::iptables) fn look(&mut self, loaded: &Loaded, table: &str) {
        let list = self.lists.entry(name(loaded)).or_default();
        list.fed |= loaded.get("--set").is_some();
        if !list.tables.iter().any(|known| known == table) {
            list.tables.push(table.to_owned());
        }
        if loaded.get("--rcheck").or(loaded.get("--update")).is_some() {
            let seconds = loaded.get("--seconds").and_then(|given| number(given.value(), 1, LONGEST).ok());
            list.disagree |= list.seconds.is_some_and(|known| known != seconds);
            list.seconds = Some(seconds);
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
    let action = action(loaded)?;
    let name = name(loaded);
    if let Some(given) = loaded.get("--name")
        && (name.is_empty() || name.len() > LONGEST_NAME || name.contains('/'))
    {
        return Err(Diagnostic::new(given.span, format!("`{name}` cannot be the name of a list")));
    }
    let checks = matches!(action.option.name(), "--rcheck" | "--update");
    if let Some(given) = loaded.get("--seconds") {
        number(given.value(), 1, LONGEST)?;
    }
    for option in ["--seconds", "--hitcount", "--reap", "--rttl"] {
        if let Some(given) = loaded.get(option).filter(|_| !checks && option != "--rttl") {
            let message = format!("`{option}` goes with `--rcheck` and `--update`");
            return Err(Diagnostic::new(given.span, message));
        }
    }
    if let Some(given) = loaded.get("--reap")
        && loaded.get("--seconds").is_none()
    {
        return Err(Diagnostic::new(given.span, "`--reap` goes with `--seconds`"));
    }
    let hits = loaded.get("--hitcount").map_or(Ok(0), |given| number(given.value(), 0, MOST_HITS))?;
    let list = facts.shared.recents.lists.get(&name).cloned().unwrap_or_default();
    if !list.fed {
        // An empty list: whatever is asked of it, no address is in it.
        let message = format!("no rule puts an address into list `{name}`: it is always empty");
        built.note(action.span, message);
        if !action.negated {
            built.never(action.span);
        }
        return Ok(());
    }
    if let [_, second, ..] = list.tables.as_slice() {
        let message =
            format!("list `{name}` is used in table {second} too: nft has no set that two tables share");
        return Err(Diagnostic::new(action.span, message));
    }
    if let Some(given) = loaded.get("--hitcount").filter(|_| hits > 1) {
        let message =
            "`--hitcount` is not supported: it needs the time of every packet, which no set of nft holds";
        let help = "`-m hashlimit --hashlimit-above` bounds how often an address may come";
        return Err(Diagnostic::new(given.span, message).help(help));
    }
    if let Some(given) = loaded.get("--rttl") {
        let message = "`--rttl` is not supported: no set of nft holds an address together with its last TTL";
        return Err(Diagnostic::new(given.span, message));
    }
    if list.disagree {
        let message = format!(
            "the rules ask of list `{name}` for different numbers of seconds: no set of nft holds one address for several lapses of time"
        );
        return Err(Diagnostic::new(action.span, message));
    }
    let seconds = list.seconds.flatten();
    let set = set_name("recent", &name);
    let key = key(loaded, facts)?;
    let kind = if facts.version == Version::V4 { "ipv4_addr" } else { "ipv6_addr" };
    let (flags, put) = match seconds {
        Some(seconds) => (format!("flags dynamic,timeout; timeout {seconds}s;"), "update"),
        None => ("flags dynamic;".to_owned(), "add"),
    };
    built.sets.push(NewSet {
        name: set.clone(),
        text: format!("set {set} {{ type {kind}; size {}; {flags} }}", super::rates::ROOM),
        agree: key.replace("daddr", "saddr"),
        span: action.span,
        differs: "the rules put addresses under different masks into this list",
    });
    note(built, &set, action.span);
    built.remembers = Some(loaded.span);
    let text = match (action.option.name(), action.negated) {
        ("--set", false) => format!("{put} @{set} {{ {key} }}"),
        ("--rcheck", false) => format!("{key} @{set}"),
        ("--rcheck", true) => format!("{key} != @{set}"),
        ("--update", false) if seconds.is_some() => format!("{key} @{set} update @{set} {{ {key} }}"),
        ("--update", false) => format!("{key} @{set}"),
        ("--remove", false) => format!("{key} @{set} delete @{set} {{ {key} }}"),
        (option, _) => {
            let message = format!("`! {option}` is not supported: it would act and yet not match");
            return Err(Diagnostic::new(action.span, message));
        }
    };
    built.says(&text, loaded.span)
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

/// The address the list is about.
fn key(loaded: &Loaded, facts: &Facts<'_>) -> Result<String, Diagnostic> {
    if let (Some(_), Some(second)) = (loaded.get("--rsource"), loaded.get("--rdest")) {
        return Err(Diagnostic::new(second.span, "`--rsource` and `--rdest` exclude each other"));
    }
    let field = if loaded.get("--rdest").is_some() { "daddr" } else { "saddr" };
    let protocol = if facts.version == Version::V4 { "ip" } else { "ip6" };
    let mask = match loaded.get("--mask") {
        Some(given) => read_mask(given.value(), facts.version)?,
        None => String::new(),
    };
    Ok(format!("{protocol} {field}{mask}"))
}

fn read_mask(token: &Token, version: Version) -> Result<String, Diagnostic> {
    let mask = address::parse(token, version)?;
    let all = u128::MAX >> (128 - version.width());
    Ok(if mask == all { String::new() } else { format!(" & {}", version.address_text(mask)) })
}

fn note(built: &mut Built, set: &str, span: Span) {
    let message = format!(
        "this list is the set `{set}` with room for {} addresses, and takes no more when it is full; \
         the kernel's holds 100 unless its `ip_list_tot` says otherwise, and forgets the oldest",
        super::rates::ROOM
    );
    built.note(span, message);
}

const ACTIONS: [&str; 4] = ["--set", "--rcheck", "--update", "--remove"];
const LONGEST: u64 = u32::MAX as u64;
const LONGEST_NAME: usize = 199;
const MOST_HITS: u64 = 65_535;
