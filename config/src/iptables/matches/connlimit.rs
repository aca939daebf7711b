//! What does `-m connlimit` ask? How many connections there are already of the same address or network.

use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::{Built, NewSet};
use crate::iptables::numbers::number;
use crate::iptables::options::Loaded;
use crate::iptables::rule::Facts;
use crate::ruleset::StatementKind;

/// `-m connlimit`
pub(in crate::iptables) fn translate(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    let (above, given) = match (loaded.get("--connlimit-upto"), loaded.get("--connlimit-above")) {
        (Some(given), None) => (given.negated, given),
        (None, Some(given)) => (!given.negated, given),
        (Some(_), Some(second)) => {
            let message = "`--connlimit-upto` and `--connlimit-above` exclude each other";
            return Err(Diagnostic::new(second.span, message));
        }
        (None, None) => {
            let message = "the match `connlimit` needs `--connlimit-upto` or `--connlimit-above`";
            return Err(Diagnostic::new(loaded.span, message));
        }
    };
    let count = number(given.value(), 0, u64::from(u32::MAX))?;
    if let (Some(_), Some(second)) = (loaded.get("--connlimit-saddr"), loaded.get("--connlimit-daddr")) {
        let message = "`--connlimit-saddr` and `--connlimit-daddr` exclude each other";
        return Err(Diagnostic::new(second.span, message));
    }
    let field = if loaded.get("--connlimit-daddr").is_some() { "daddr" } else { "saddr" };
    let (protocol, kind, width) = match facts.version {
        Version::V4 => ("ip", "ipv4_addr", 32),
        Version::V6 => ("ip6", "ipv6_addr", 128),
    };
    let bits = loaded.get("--connlimit-mask").map_or(Ok(width), |given| number(given.value(), 0, width))?;
    let over = if above { "over " } else { "" };
    built.remembers = Some(loaded.span);
    // one list for all has one element
    let size = if bits == 0 { 1 } else { super::rates::ROOM };
    // Every rule counts for itself.
    let fresh = facts.shared.fresh.get();
    facts.shared.fresh.set(fresh + 1);
    let set = format!("connlimit{fresh}");
    built.sets.push(NewSet {
        name: set.clone(),
        text: format!("set {set} {{ type {kind}; size {size}; flags dynamic; }}"),
        agree: String::new(),
        span: loaded.span,
        differs: "",
        first_counts: None,
    });
    let mask = mask(bits, facts.version);
    built.says(&format!("add @{set} {{ {protocol} {field}{mask} ct count {over}{count} }}"), loaded.span)?;
    if let Some(StatementKind::Update(update)) = built.statements.last_mut().map(|last| &mut last.kind) {
        update.drops_if_full = true;
    }
    Ok(())
}

/// ` & mask` where not all bits count.
pub(crate) fn mask(bits: u64, version: Version) -> String {
    let (width, bits) = (version.width(), u32::try_from(bits).unwrap_or(u32::MAX));
    if bits >= width {
        return String::new();
    }
    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0) >> (128 - width);
    format!(" & {}", version.address_text(mask))
}

/// A name nft takes for what the module `kind` calls `name`.
pub(crate) fn set_name(kind: &str, name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain = !name.is_empty() && name.chars().all(fits);
    if plain {
        return format!("{kind}-{name}");
    }
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}_{hex}")
}
