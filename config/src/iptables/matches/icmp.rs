//! What do `-m icmp` and `-m icmp6` ask? A type, and one of its codes or any.

use super::icmp_types::{self, Named};
use crate::diagnostic::Diagnostic;
use crate::iptables::build::{self, Built};
use crate::iptables::lexer::Token;
use crate::iptables::options::Loaded;
use crate::iptables::ports::integer;
use crate::iptables::rule::Facts;
use crate::policy::Header;
use crate::ruleset::{Protocol, Type};
use crate::suggestion::did_you_mean;

/// `-m icmp`
pub(in crate::iptables) fn v4(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    translate(loaded, facts, ("icmp", 1, icmp_types::V4), built)
}

/// `-m icmp6`
pub(in crate::iptables) fn v6(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    translate(loaded, facts, ("icmpv6", 58, icmp_types::V6), built)
}

fn translate(
    loaded: &Loaded,
    facts: &Facts<'_>,
    (protocol, number, names): (&str, u8, &[Named]),
    built: &mut Built,
) -> Result<(), Diagnostic> {
    if !facts.only(number) {
        let name = if number == 1 { "icmp" } else { "ipv6-icmp" };
        let message = format!("the match `{}` needs `-p {name}`", loaded.module.name());
        return Err(Diagnostic::new(loaded.span, message));
    }
    let option = loaded.module.options[0].name();
    let Some(given) = loaded.get(option) else {
        let message = format!("the match `{}` needs `{option}`", loaded.module.name());
        return Err(Diagnostic::new(loaded.span, message));
    };
    built.whole(Header::Transport(8), Protocol::named(protocol), loaded.span);
    let (kind, code) = match read(given.value(), names)? {
        // The kernel takes 255 of IPv4 for any type.
        (ANY, _) if number == 1 => {
            if given.negated {
                built.never(given.span);
            }
            return Ok(());
        }
        read => read,
    };
    let span = given.span;
    let field = |name| build::header(protocol, name, span);
    let named = if number == 1 { Type::IcmpType } else { Type::Icmpv6Type };
    let kind = build::named(kind, named, span);
    match code {
        None => built.equal(field("type"), given.negated, kind, span),
        Some(code) if given.negated => {
            built.protocol_said = true;
            let left = build::concat(vec![field("type"), field("code")], span);
            let right = build::concat(vec![kind, build::number(code, span)], span);
            built.equal(left, true, build::set(vec![right], span), span);
        }
        Some(code) => {
            built.equal(field("type"), false, kind, span);
            built.equal(field("code"), false, build::number(code, span), span);
        }
    }
    Ok(())
}

/// `TYPE`, `TYPE/CODE`, or a name, of which a beginning is enough.
fn read(token: &Token, names: &[Named]) -> Result<(u8, Option<u8>), Diagnostic> {
    let text = token.text.to_ascii_lowercase();
    let begun = names.iter().filter(|(name, ..)| !text.is_empty() && name.starts_with(&text));
    let begun: Vec<&Named> = begun.collect();
    let exact = begun.iter().find(|(name, ..)| *name == text);
    if let Some((_, kind, code)) = exact.or(begun.first().filter(|_| begun.len() == 1)) {
        return Ok((*kind, *code));
    }
    let (kind, code) = token.split_once('/');
    let byte = |token: &Token| {
        let number = integer(&token.text).and_then(|number| u8::try_from(number).ok());
        let error = || Diagnostic::new(token.span, format!("`{}` is not a number from 0 to 255", token.text));
        number.ok_or_else(error)
    };
    if code.is_none() && integer(&kind.text).is_none() {
        let error = Diagnostic::new(token.span, format!("unknown ICMP type `{}`", token.text));
        return Err(match did_you_mean(&text, names.iter().map(|(name, ..)| *name)) {
            Some(help) => error.help(help),
            None => error,
        });
    }
    Ok((byte(&kind)?, code.as_ref().map(byte).transpose()?))
}

const ANY: u8 = 255;
