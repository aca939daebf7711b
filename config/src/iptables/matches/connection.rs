//! What do `-m connmark` and `-m connbytes`, and the options of `-m conntrack` besides the state, ask of a connection?
//! A packet without one meets none of them, negated or not.

use super::fields::only;
use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::address::Network;
use crate::iptables::build::Built;
use crate::iptables::lexer::Token;
use crate::iptables::numbers::{self, number};
use crate::iptables::options::{Given, Loaded};
use crate::iptables::protocol;
use crate::iptables::rule::Facts;
use crate::policy::HelperKind;
use crate::suggestion::did_you_mean;

type Done = Result<(), Diagnostic>;

/// The options of `-m conntrack` but `--ctstate` and `--ctdir`.
pub(in crate::iptables) fn conntrack(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    for given in &loaded.given {
        match given.option.name() {
            "--ctproto" => {
                let protocol = protocol::of(given)?;
                let not = if given.negated { "!= " } else { "" };
                built.says(&format!("ct original protocol {not}{protocol}"), given.span)?;
            }
            "--ctorigsrc" => address(given, "original", "saddr", facts, built)?,
            "--ctorigdst" => address(given, "original", "daddr", facts, built)?,
            "--ctreplsrc" => address(given, "reply", "saddr", facts, built)?,
            "--ctrepldst" => address(given, "reply", "daddr", facts, built)?,
            "--ctorigsrcport" => port(given, "original proto-src", built)?,
            "--ctorigdstport" => port(given, "original proto-dst", built)?,
            "--ctreplsrcport" => port(given, "reply proto-src", built)?,
            "--ctrepldstport" => port(given, "reply proto-dst", built)?,
            "--ctstatus" => status(given, built)?,
            "--ctexpire" => expires(given, built)?,
            _ => {}
        }
    }
    Ok(())
}

fn address(given: &Given, direction: &str, field: &str, facts: &Facts<'_>, built: &mut Built) -> Done {
    let network = Network::parse(given.value(), facts.version)?;
    let protocol = if facts.version == Version::V4 { "ip" } else { "ip6" };
    let left = format!("ct {direction} {protocol} {field}");
    match network.right(given.negated) {
        Some((mask, right)) => built.says(&format!("{left}{mask} {right}"), given.span),
        // Every address: the packet must have a connection, and a negated condition is met by none.
        None if given.negated => {
            built.never(given.span);
            Ok(())
        }
        None => tracked(given, built),
    }
}

/// The packet has a connection.
fn tracked(given: &Given, built: &mut Built) -> Done {
    built.says("ct direction { original, reply }", given.span)
}

fn port(given: &Given, field: &str, built: &mut Built) -> Done {
    let most = u64::from(u16::MAX);
    let ports = numbers::range(given.value(), most)?;
    if ports.low == 0 && ports.high == most {
        tracked(given, built)?;
        if given.negated {
            built.never(given.span);
        }
        return Ok(());
    }
    let not = if given.negated { "!= " } else { "" };
    built.says(&format!("ct {field} {not}{}", ports.text()), given.span)
}

fn status(given: &Given, built: &mut Built) -> Done {
    let mut names = Vec::new();
    for token in given.value().split(',') {
        let said = token.text.to_ascii_uppercase();
        match STATUSES.iter().find(|(name, _)| *name == said) {
            Some((_, "")) => {}
            Some((_, name)) => names.push(*name),
            None => {
                let error = Diagnostic::new(token.span, format!("unknown status `{}`", token.text));
                return Err(match did_you_mean(&said, STATUSES.iter().map(|(name, _)| *name)) {
                    Some(help) => error.help(help),
                    None => error,
                });
            }
        }
    }
    match (names.is_empty(), given.negated) {
        // NONE names no bit: no status has one of none. It is asked of connections nonetheless, which are tracked for it.
        (true, false) => {
            tracked(given, built)?;
            built.never(given.span);
            Ok(())
        }
        (true, true) => tracked(given, built),
        (false, negated) => {
            let not = if negated { "! " } else { "" };
            built.says(&format!("ct status {not}{}", names.join(",")), given.span)
        }
    }
}

/// Whole seconds, the rest cut off.
fn expires(given: &Given, built: &mut Built) -> Done {
    let most = u64::from(u32::MAX);
    let range = numbers::range(given.value(), most)?;
    let open = range.high >= LONGEST_SECONDS;
    let (low, high) = (range.low, range.high);
    let text = match given.negated {
        // No connection is kept for so long.
        true if low > LONGEST_SECONDS => return tracked(given, built),
        false if low > LONGEST_SECONDS => {
            tracked(given, built)?;
            built.never(given.span);
            return Ok(());
        }
        true if open && low == 0 => {
            tracked(given, built)?;
            built.never(given.span);
            return Ok(());
        }
        false if open => format!("ct expiration >= {low}s"),
        true if open => format!("ct expiration < {low}s"),
        false => format!("ct expiration >= {low}s ct expiration < {}s", high + 1),
        true => {
            let either = [format!("ct expiration < {low}s"), format!("ct expiration >= {}s", high + 1)];
            return built.one_of(&either, given.span);
        }
    };
    built.says(&text, given.span)
}

/// `-m connmark`
pub(in crate::iptables) fn connmark(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    mark(only(loaded)?, "ct mark", built)
}

/// `-m mark`
pub(in crate::iptables) fn packet_mark(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    mark(only(loaded)?, "meta mark", built)
}

fn mark(given: &Given, left: &str, built: &mut Built) -> Done {
    let (value, mask) = numbers::masked(given.value())?;
    let text = match (mask, given.negated) {
        (u32::MAX, false) => format!("{left} {value:#x}"),
        (u32::MAX, true) => format!("{left} != {value:#x}"),
        (_, false) => format!("{left} & {mask:#x} == {value:#x}"),
        (_, true) => format!("{left} & {mask:#x} != {value:#x}"),
    };
    built.says(&text, given.span)
}

/// `-m helper`: who expected the connection; no name, any helper. Unlike the other conditions on a connection, a
/// negated one is met by a packet without.
pub(in crate::iptables) fn helper(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let name = &given.value().text;
    let known = || HelperKind::ALL.into_iter().map(HelperKind::name);
    // The name of the helper may be followed by anything.
    let found = known().find(|known| name.starts_with(known));
    let condition = match found {
        _ if name.is_empty() => "ct status expected".to_owned(),
        Some(found) => format!("ct helper \"{found}\""),
        None if given.negated => return Ok(()),
        None => {
            built.never(given.span);
            return Ok(());
        }
    };
    if !given.negated {
        return built.says(&condition, given.span);
    }
    let mut either = vec!["ct status ! expected".to_owned(), "ct state { invalid, untracked }".to_owned()];
    either.extend(found.map(|found| format!("ct helper != \"{found}\"")));
    built.one_of(&either, given.span)
}

/// `-m connbytes`
pub(in crate::iptables) fn connbytes(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let needed = |name: &str| {
        let error = || Diagnostic::new(loaded.span, format!("the match `connbytes` needs `{name}`"));
        loaded.get(name).ok_or_else(error)
    };
    let given = needed("--connbytes")?;
    let direction = word(needed("--connbytes-dir")?.value(), &["original", "reply", "both"])?;
    let mode = word(needed("--connbytes-mode")?.value(), &["packets", "bytes", "avgpkt"])?;
    let (low, high) = given.value().split_once(':');
    let low = match &high {
        Some(_) if low.text.is_empty() => 0,
        _ => number(&low, 0, u64::MAX)?,
    };
    let high = match high {
        Some(high) if !high.text.is_empty() => number(&high, 0, u64::MAX)?,
        _ => u64::MAX,
    };
    if low > high {
        return Err(Diagnostic::new(given.value().span, "the range ends before it starts"));
    }
    let left = match direction {
        "both" => format!("ct {mode}"),
        _ => format!("ct {direction} {mode}"),
    };
    built.says(&numbers::Range { low, high }.compare(&left, given.negated, u64::MAX), given.span)
}

/// The one of `known` that `token` says, whatever the case.
pub(super) fn word(token: &Token, known: &[&'static str]) -> Result<&'static str, Diagnostic> {
    let said = token.text.to_ascii_lowercase();
    known.iter().find(|known| **known == said).copied().ok_or_else(|| {
        let message = format!("expected one of {}, found `{}`", known.join(", "), token.text);
        Diagnostic::new(token.span, message)
    })
}

/// What iptables and what nft calls them.
const STATUSES: [(&str, &str); 5] = [
    ("NONE", ""),
    ("EXPECTED", "expected"),
    ("SEEN_REPLY", "seen-reply"),
    ("ASSURED", "assured"),
    ("CONFIRMED", "confirmed"),
];

/// What fits into 32 bits of milliseconds.
const LONGEST_SECONDS: u64 = (u32::MAX / 1000) as u64;
