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
use crate::policy::{EXTENSION_HEADERS, Extensions, Header, Sought};

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
            "--rt-len" => length("rt", given, built)?,
            _ => {}
        }
    }
    source_route(loaded, built)
}

/// What is asked of a routing header of type 0, which must be said to be one.
fn source_route(loaded: &Loaded, built: &mut Built) -> Done {
    let options = ["--rt-0-res", "--rt-0-addrs", "--rt-0-not-strict"];
    let Some(first) = options.iter().find_map(|option| loaded.get(option)) else {
        return Ok(());
    };
    let kind = loaded.get("--rt-type").filter(|given| !given.negated);
    if kind.and_then(|given| integer(&given.value().text)) != Some(0) {
        let message = format!("`{}` goes with `--rt-type 0`", first.option.name());
        return Err(Diagnostic::new(first.span, message));
    }
    if let Some(given) = loaded.get("--rt-0-res") {
        built.sought(Sought::RouteReserved, false, given.span);
    }
    let lenient = loaded.get("--rt-0-not-strict");
    let Some(given) = loaded.get("--rt-0-addrs") else {
        return match lenient {
            Some(lenient) => {
                Err(Diagnostic::new(lenient.span, "`--rt-0-not-strict` goes with `--rt-0-addrs`"))
            }
            None => Ok(()),
        };
    };
    let mut addresses = Vec::new();
    for token in given.value().split(',') {
        match token.text.parse::<std::net::Ipv6Addr>() {
            Ok(address) => addresses.push(u128::from(address)),
            Err(_) => {
                let message = format!("`{}` is not an IPv6 address", token.text);
                return Err(Diagnostic::new(token.span, message));
            }
        }
    }
    if addresses.len() > MOST_LISTED {
        return Err(Diagnostic::new(given.span, format!("at most {MOST_LISTED} can be listed")));
    }
    built.source_route(addresses, lenient.is_none(), given.span);
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
    for given in &loaded.given {
        match given.option.name() {
            "--hbh-opts" | "--dst-opts" => listed(given, number, built)?,
            _ => length(name, given, built)?,
        }
    }
    Ok(())
}

/// The first options of the header, in order, each by its type and its length if that is said.
fn listed(given: &Given, header: u8, built: &mut Built) -> Done {
    let tokens = given.value().split(',');
    if tokens.len() > MOST_LISTED {
        return Err(Diagnostic::new(given.span, format!("at most {MOST_LISTED} can be listed")));
    }
    for (index, token) in (0_u8..).zip(tokens) {
        let (kind, length) = token.split_once(':');
        let kind = low_byte(&kind, built)?;
        let length = length.map(|length| low_byte(&length, built)).transpose()?;
        if kind == 0 && length.is_some() {
            return Err(Diagnostic::new(token.span, "the option 0 is one byte: it has no length"));
        }
        let length = length.unwrap_or(ANY_LENGTH);
        built.sought(Sought::HeaderOption { header, index, kind, length }, false, given.span);
    }
    Ok(())
}

/// iptables takes any number here, and of it the last eight bits.
fn low_byte(token: &Token, built: &mut Built) -> Result<u8, Diagnostic> {
    let number = number(token, 0, u64::from(u32::MAX))?;
    let low = number.to_le_bytes()[0];
    if number > 255 {
        built.note(token.span, format!("an option has eight bits: the kernel is told {low}"));
    }
    Ok(low)
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

/// `-m ipv6header`: all of those listed are there; without `--soft`, and no others. Negated with `--soft`, none of those
/// listed is.
pub(in crate::iptables) fn ipv6header(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let Some(given) = loaded.get("--header") else {
        return Err(Diagnostic::new(loaded.span, "the match `ipv6header` needs `--header`"));
    };
    let mut named = 0;
    for token in given.value().split(',') {
        named |= 1 << header_number(&token)?;
    }
    let soft = loaded.get("--soft").is_some();
    let sought = Sought::Extensions(Extensions { named, soft, negated: given.negated });
    built.sought(sought, false, given.span);
    Ok(())
}

fn header_number(token: &Token) -> Result<usize, Diagnostic> {
    let said = token.text.to_ascii_lowercase();
    let number = integer(&token.text);
    let by_number = match number {
        Some(255) => Some(HEADERS.len() - 1),
        _ => EXTENSION_HEADERS.iter().position(|known| Some(u64::from(*known)) == number),
    };
    let named = || HEADERS.iter().position(|(name, short)| *name == said || *short == said);
    by_number.or_else(named).ok_or_else(|| {
        let names: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).collect();
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

/// Options or addresses that the kernel has room for.
const MOST_LISTED: usize = 16;
/// As the kernel says it.
const ANY_LENGTH: u8 = 255;

/// Name and short name, in the order of [`EXTENSION_HEADERS`]; the last is a transport header.
const HEADERS: [(&str, &str); 8] = [
    ("hop-by-hop", "hop"),
    ("ipv6-opts", "dst"),
    ("ipv6-route", "route"),
    ("ipv6-frag", "frag"),
    ("ah", "auth"),
    ("esp", "esp"),
    ("ipv6-nonxt", "none"),
    ("protocol", "prot"),
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
