//! What do the plain options and the small matches ask? Interfaces, fragments, length, addresses, TTL,
//! DSCP, MAC addresses.

use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::address;
use crate::iptables::build::{self, Built};
use crate::iptables::lexer::Token;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::ports::integer;
use crate::iptables::rule::Facts;
use crate::policy::Hook;
use crate::ruleset::{Expression, Literal, MetaKey, Relation, Type};

type Done = Result<(), Diagnostic>;

/// `-i`, `-o` and `-f`; addresses and the protocol are the rule's own business.
pub(in crate::iptables) fn basics(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    use Hook::{Input, Output, Postrouting, Prerouting};
    for (name, key, nowhere) in
        [("-i", MetaKey::IifName, [Output, Postrouting]), ("-o", MetaKey::OifName, [Input, Prerouting])]
    {
        let Some(given) = loaded.get(name) else { continue };
        if let Some(hook) = facts.hook.filter(|hook| nowhere.contains(hook)) {
            let message = format!("`{name}` does not go with {}", hook.to_string().to_uppercase());
            return Err(Diagnostic::new(given.span, message));
        }
        interface(given, key, built)?;
    }
    let Some(given) = loaded.get("-f") else {
        return Ok(());
    };
    if facts.version == Version::V6 {
        return Err(Diagnostic::new(given.span, "`-f` is for IPv4 only"));
    }
    let offset = build::header("ip", "frag-off", given.span);
    let left = build::and(offset, build::number(0x1fff_u16, given.span));
    let relation = if given.negated { Relation::Equal } else { Relation::NotEqual };
    built.compare(left, relation, build::number(0_u8, given.span), given.span);
    Ok(())
}

/// `eth0`, or `eth+` for every name that starts so.
fn interface(given: &Given, key: MetaKey, built: &mut Built) -> Done {
    let token = given.value();
    let name = token.text.as_str();
    let unfit = |c: char| c == '/' || c == '*' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > LONGEST_INTERFACE || name.contains(unfit) {
        let message = format!("`{name}` cannot be the name of an interface");
        return Err(Diagnostic::new(token.span, message));
    }
    let pattern = match name.strip_suffix('+') {
        Some("") if given.negated => {
            built.never(given.span);
            return Ok(());
        }
        Some("") => return Ok(()),
        Some(start) => format!("{start}*"),
        None => name.to_owned(),
    };
    let right = Expression::literal(Literal::Text(pattern.into()), token.span);
    built.equal(build::meta(key, given.span), given.negated, right, given.span);
    Ok(())
}

/// `-m comment`
pub(in crate::iptables) fn comment(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let mut text = given.value().text.as_str();
    if text.len() > LONGEST_COMMENT {
        text = build::start_of(text, LONGEST_COMMENT);
        let message = format!("a comment has at most {LONGEST_COMMENT} bytes: the rest is left out");
        built.note(given.value().span, message);
    }
    if !text.is_empty() {
        built.comment = Some(match built.comment.take() {
            Some(before) => format!("{before} {text}"),
            None => text.to_owned(),
        });
    }
    Ok(())
}

/// `-m length`: bytes from the network header on.
pub(in crate::iptables) fn length(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let (low, high) = given.value().split_once(':');
    let end = |token: &Token, missing: u16| match token.text.is_empty() {
        true => Ok(missing),
        false => small(token, u16::MAX),
    };
    let left = build::meta(MetaKey::Length, given.span);
    let right = match high {
        None => build::number(small(&low, u16::MAX)?, low.span),
        Some(high) => {
            let (low, high) = (end(&low, 0)?, end(&high, u16::MAX)?);
            if low > high {
                return Err(Diagnostic::new(given.value().span, "the range ends before it starts"));
            }
            build::range(build::number(low, given.span), build::number(high, given.span))
        }
    };
    built.equal(left, given.negated, right, given.span);
    Ok(())
}

/// `-m iprange`
pub(in crate::iptables) fn iprange(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    if loaded.given.is_empty() {
        let message = "the match `iprange` needs `--src-range` or `--dst-range`";
        return Err(Diagnostic::new(loaded.span, message));
    }
    let protocol = if facts.version == Version::V4 { "ip" } else { "ip6" };
    for (option, field) in [("--src-range", "saddr"), ("--dst-range", "daddr")] {
        let Some(given) = loaded.get(option) else { continue };
        let (first, last) = given.value().split_once('-');
        let low = address::parse(&first, facts.version)?;
        let mut right = address::literal(low, facts.version, first.span);
        if let Some(last) = last {
            let high = address::parse(&last, facts.version)?;
            if low > high {
                return Err(Diagnostic::new(given.value().span, "the range ends before it starts"));
            }
            if low < high {
                right = build::range(right, address::literal(high, facts.version, last.span));
            }
        }
        built.equal(build::header(protocol, field, given.span), given.negated, right, given.span);
    }
    Ok(())
}

/// `-m ttl` and `-m hl`
pub(in crate::iptables) fn ttl(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let left = match facts.version {
        Version::V4 => build::header("ip", "ttl", given.span),
        Version::V6 => build::header("ip6", "hoplimit", given.span),
    };
    let right = build::number(small(given.value(), u8::MAX)?, given.value().span);
    match given.option.name() {
        "--ttl-lt" | "--hl-lt" => built.compare(left, Relation::Less, right, given.span),
        "--ttl-gt" | "--hl-gt" => built.compare(left, Relation::Greater, right, given.span),
        _ => built.equal(left, given.negated, right, given.span),
    }
    Ok(())
}

/// `-m dscp`
pub(in crate::iptables) fn dscp(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let token = given.value();
    let value = match given.option.name() {
        "--dscp" => small(token, 63)?,
        _ => class(&token.text).ok_or_else(|| {
            Diagnostic::new(token.span, format!("`{}` is not a DiffServ class", token.text))
        })?,
    };
    let protocol = if facts.version == Version::V4 { "ip" } else { "ip6" };
    let left = build::header(protocol, "dscp", given.span);
    built.equal(left, given.negated, build::named(value, Type::Dscp, token.span), given.span);
    Ok(())
}

/// `BE`, `EF`, `CS0` to `CS7`, `AF11` to `AF43`: RFC 2474, 2597 and 3246.
fn class(text: &str) -> Option<u8> {
    let text = text.to_ascii_uppercase();
    match text.as_bytes() {
        b"BE" => Some(0),
        b"EF" => Some(46),
        [b'C', b'S', class @ b'0'..=b'7'] => Some((class - b'0') << 3),
        [b'A', b'F', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => {
            Some((class - b'0') << 3 | (drop - b'0') << 1)
        }
        _ => None,
    }
}

/// `-m mac`
pub(in crate::iptables) fn mac(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    if facts.hook == Some(Hook::Output) {
        return Err(Diagnostic::new(loaded.span, "the match `mac` does not go with OUTPUT"));
    }
    let token = given.value();
    let octets: Vec<Option<u8>> = token.text.split(':').map(octet).collect();
    let address =
        octets.into_iter().collect::<Option<Vec<u8>>>().and_then(|all| <[u8; 6]>::try_from(all).ok());
    let Some(address) = address else {
        return Err(Diagnostic::new(token.span, format!("`{}` is not a MAC address", token.text)));
    };
    let right = Expression::literal(Literal::Mac(address), token.span);
    built.equal(build::header("ether", "saddr", given.span), given.negated, right, given.span);
    Ok(())
}

fn octet(text: &str) -> Option<u8> {
    let hex = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { u8::from_str_radix(text, 16).ok() } else { None }
}

/// The one option of a match that needs exactly one.
pub(super) fn only(loaded: &Loaded) -> Result<&Given, Diagnostic> {
    match loaded.given.as_slice() {
        [given] => Ok(given),
        [] => {
            let names: Vec<_> =
                loaded.module.options.iter().map(|option| format!("`{}`", option.name())).collect();
            let message = format!("the match `{}` needs {}", loaded.module.name(), names.join(" or "));
            Err(Diagnostic::new(loaded.span, message))
        }
        [_, second, ..] => {
            let message = format!("the match `{}` takes one option", loaded.module.name());
            Err(Diagnostic::new(second.span, message))
        }
    }
}

/// A number of at most `most`.
fn small<T: TryFrom<u64> + Copy + Into<u64>>(token: &Token, most: T) -> Result<T, Diagnostic> {
    let number = integer(&token.text).filter(|number| *number <= most.into());
    let error =
        || Diagnostic::new(token.span, format!("`{}` is not a number from 0 to {}", token.text, most.into()));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(error)
}

/// In bytes.
const LONGEST_INTERFACE: usize = 15;
const LONGEST_COMMENT: usize = 255;
