//! What do the matches of IPv6 extension headers ask: `frag`, `rt`, `hbh`, `dst`, `ipv6header`, `mh`? A packet without
//! the header meets none of them, negated or not. Lengths are in bytes, all of the header.

use super::connection::word;
use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::lexer::Token;
use crate::iptables::numbers::{self, Range, number};
use crate::iptables::options::{Given, Loaded};
use crate::iptables::ports::integer;
use crate::iptables::rule::Facts;
use crate::policy::Header;

type Done = Result<(), Diagnostic>;

/// `-m frag`
pub(in crate::iptables) fn frag(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    if let (Some(_), Some(second)) = (loaded.get("--fragmore"), loaded.get("--fraglast")) {
        return Err(Diagnostic::new(second.span, "`--fragmore` and `--fraglast` exclude each other"));
    }
    let most = u64::from(u32::MAX);
    built.whole(Header::Extension { number: 44, bytes: 8 }, None, loaded.span);
    built.says("exthdr frag exists", loaded.span)?;
    for given in &loaded.given {
        let text = match given.option.name() {
            "--fragid" => {
                let range = numbers::range(given.value(), most)?;
                match (range, given.negated) {
                    (Range { low: 0, high }, false) if high == most => continue,
                    (Range { low: 0, high }, true) if high == most => {
                        built.never(given.span);
                        continue;
                    }
                    (range, negated) => range.compare("frag id", negated, most),
                }
            }
            "--fraglen" => {
                number(given.value(), 0, most)?;
                built.note(
                    given.span,
                    "`--fraglen` has no effect, as in the kernel: a fragment header has one length",
                );
                continue;
            }
            "--fragres" => "frag reserved 0 frag reserved2 0".to_owned(),
            "--fragfirst" => "frag frag-off 0".to_owned(),
            "--fragmore" => "frag more-fragments 1".to_owned(),
            _ => "frag more-fragments 0".to_owned(),
        };
        built.says(&text, given.span)?;
    }
    Ok(())
}

/// `-m rt`
pub(in crate::iptables) fn rt(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    built.whole(Header::Extension { number: 43, bytes: 4 }, None, loaded.span);
    built.says("exthdr rt exists", loaded.span)?;
    for given in &loaded.given {
        let not = if given.negated { "!= " } else { "" };
        match given.option.name() {
            "--rt-type" => {
                let kind = number(given.value(), 0, 255)?;
                built.says(&format!("rt type {not}{kind}"), given.span)?;
            }
            "--rt-segsleft" => {
                // The kernel holds 32 bits, the header 8.
                let most = u64::from(u32::MAX);
                let range = numbers::range(given.value(), most)?;
                byte_range("rt seg-left", range, given, built)?;
            }
            _ => length("rt", given, built)?,
        }
    }
    Ok(())
}

fn byte_range(left: &str, range: Range, given: &Given, built: &mut Built) -> Done {
    let all = range.low == 0 && range.high >= 255;
    match (all || range.low > 255, all == given.negated) {
        (true, true) => {
            built.never(given.span);
            Ok(())
        }
        (true, false) => Ok(()),
        (false, _) => built.says(&range.compare(left, given.negated, 255), given.span),
    }
}

/// `-m hbh`
pub(in crate::iptables) fn hbh(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    options_header(loaded, "hbh", 0, built)
}

/// `-m dst`
pub(in crate::iptables) fn dst(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    options_header(loaded, "dst", 60, built)
}

fn options_header(loaded: &Loaded, name: &str, number: u8, built: &mut Built) -> Done {
    built.whole(Header::Extension { number, bytes: 2 }, None, loaded.span);
    built.says(&format!("exthdr {name} exists"), loaded.span)?;
    loaded.given.iter().try_for_each(|given| length(name, given, built))
}

/// The header counts what is behind its first eight bytes, in units of eight.
fn length(header: &str, given: &Given, built: &mut Built) -> Done {
    let bytes = number(given.value(), 0, u64::from(u32::MAX))?;
    let units = (bytes % 8 == 0).then_some(bytes / 8).and_then(|units| units.checked_sub(1));
    match (units.filter(|units| *units <= 255), given.negated) {
        (Some(units), false) => built.says(&format!("{header} hdrlength {units}"), given.span),
        (Some(units), true) => built.says(&format!("{header} hdrlength != {units}"), given.span),
        // No header has such a length.
        (None, false) => {
            built.never(given.span);
            Ok(())
        }
        (None, true) => Ok(()),
    }
}

/// `-m ipv6header`: all of those listed are there; without `--soft`, and no others.
pub(in crate::iptables) fn ipv6header(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let Some(given) = loaded.get("--header") else {
        return Err(Diagnostic::new(loaded.span, "the match `ipv6header` needs `--header`"));
    };
    let mut listed = [false; HEADERS.len()];
    for token in given.value().split(',') {
        listed[header_number(&token)?] = true;
    }
    let soft = loaded.get("--soft").is_some();
    let mut conditions: Vec<(&str, &str)> = Vec::new();
    for (at, (_, _, there, missing)) in HEADERS.iter().enumerate() {
        match (listed[at], soft) {
            (true, _) => conditions.push((there, missing)),
            (false, false) => conditions.push((missing, there)),
            (false, true) => {}
        }
    }
    if !given.negated {
        let all: Vec<&str> = conditions.iter().map(|(wanted, _)| *wanted).collect();
        return built.says(&all.join(" "), given.span);
    }
    // The first that does not hold differs.
    let mut before = String::new();
    let mut either = Vec::new();
    for (wanted, other) in conditions {
        either.push(format!("{before}{other}"));
        before = format!("{before}{wanted} ");
    }
    built.one_of(&either, given.span)
}

fn header_number(token: &Token) -> Result<usize, Diagnostic> {
    let said = token.text.to_ascii_lowercase();
    let by_number = integer(&token.text).and_then(|number| match number {
        0 => Some(0),
        43 => Some(2),
        44 => Some(3),
        50 => Some(5),
        51 => Some(4),
        59 => Some(6),
        60 => Some(1),
        255 => Some(7),
        _ => None,
    });
    let named = || HEADERS.iter().position(|(name, short, ..)| *name == said || *short == said);
    by_number.or_else(named).ok_or_else(|| {
        let names: Vec<&str> = HEADERS.iter().map(|(name, ..)| *name).collect();
        Diagnostic::new(token.span, format!("`{}` is not one of {}", token.text, names.join(", ")))
    })
}

/// `-m mh`
pub(in crate::iptables) fn mh(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    if !facts.only(135) {
        return Err(Diagnostic::new(loaded.span, "the match `mh` needs `-p mobility-header`"));
    }
    built.whole(Header::Mobility, None, loaded.span);
    let Some(given) = loaded.get("--mh-type") else {
        return Ok(());
    };
    let (low, high) = given.value().split_once(':');
    let end = |token: &Token, missing: u64| match token.text.is_empty() {
        true => Ok(missing),
        false => mh_type(token),
    };
    let range = match high {
        None => mh_type(&low).map(|kind| Range { low: kind, high: kind })?,
        Some(high) => Range { low: end(&low, 0)?, high: end(&high, 255)? },
    };
    if range.low > range.high {
        return Err(Diagnostic::new(given.value().span, "the range ends before it starts"));
    }
    byte_range("@th,16,8", range, given, built)
}

fn mh_type(token: &Token) -> Result<u64, Diagnostic> {
    if integer(&token.text).is_some() {
        return number(token, 0, 255);
    }
    let name = word(token, &MH_TYPES)?;
    let at = MH_TYPES.iter().position(|known| *known == name).unwrap_or_default();
    Ok(MH_NUMBERS[at])
}

/// Name, short name, how nft says it is there, and how that it is not.
const HEADERS: [(&str, &str, &str, &str); 8] = [
    ("hop-by-hop", "hop", "exthdr hbh exists", "exthdr hbh missing"),
    ("ipv6-opts", "dst", "exthdr dst exists", "exthdr dst missing"),
    ("ipv6-route", "route", "exthdr rt exists", "exthdr rt missing"),
    ("ipv6-frag", "frag", "exthdr frag exists", "exthdr frag missing"),
    ("ah", "auth", "exthdr ah6 exists", "exthdr ah6 missing"),
    ("esp", "esp", "meta l4proto esp", "meta l4proto != esp"),
    ("ipv6-nonxt", "none", "meta l4proto 59", "meta l4proto != 59"),
    ("protocol", "prot", "meta l4proto != { 50, 59 }", "meta l4proto { 50, 59 }"),
];

/// RFC 6275; long names and short ones.
const MH_TYPES: [&str; 16] = [
    "binding-refresh-request",
    "home-test-init",
    "careof-test-init",
    "home-test",
    "careof-test",
    "binding-update",
    "binding-acknowledgement",
    "binding-error",
    "brr",
    "hoti",
    "coti",
    "hot",
    "cot",
    "bu",
    "ba",
    "be",
];
const MH_NUMBERS: [u64; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7];
